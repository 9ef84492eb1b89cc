"""What a process of `up` could not use is told before anything starts."""

import os
from pathlib import Path

import pytest

from cli.settings_of_all import check_settings
from infrastructure.settings import SettingsUnusable, UpSettings
from tests.cli.running import quartermaster


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("QM_"):
            monkeypatch.delenv(name)


def test_nothing_has_to_be_set() -> None:
    check_settings(UpSettings.from_environment())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QM_POOL_SIZE", "1"),
        ("QM_QUERY_POOL_SIZE", "1"),
        ("QM_SNIPE_IT_ALLOWED_URLS", "foo"),
        ("QM_MIRROR_EVERY_S", "abc"),
        ("QM_SNIPE_IT_LATE_S", "abc"),
        ("QM_PUBLIC_URL", "foo"),
        ("QM_METRICS_PORT", "65535"),
    ],
)
def test_a_setting_of_any_process_is_named_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsUnusable) as refused:
        check_settings(UpSettings.from_environment())
    (line,) = refused.value.args
    assert name in line


def test_settings_of_the_relay_are_read_where_there_is_a_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QM_RELAY_LEASE_S", "0")
    check_settings(UpSettings.from_environment())
    monkeypatch.setenv("QM_BROKER", "private")
    with pytest.raises(SettingsUnusable, match="QM_RELAY_LEASE_S"):
        check_settings(UpSettings.from_environment())


def test_up_refuses_with_a_line_for_each_and_starts_nothing(
    tmp_path: Path,
) -> None:
    done = quartermaster(
        tmp_path / "data",
        8000,
        "up",
        QM_SMTP_URL="foo",
        QM_SMTP_FROM="quartermaster@example.org",
        QM_SNIPE_IT_LATE_S="abc",
    )
    assert done.returncode == 1
    late, mail = done.stderr.splitlines()
    assert "QM_SNIPE_IT_LATE_S" in late
    assert "QM_SMTP_URL" in mail
    assert not (tmp_path / "data").exists()
