"""What a process of `up` could not use is told before anything starts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from cli.errors import one_line
from cli.processes import Side, application, run_notifications
from cli.read_tables_tools import rebuild, verify
from cli.settings_of_all import check_settings
from infrastructure.embedded.errors import explained
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
        ("QM_METRICS_PORT", "7997"),
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


def test_both_apis_name_all_that_they_miss() -> None:
    with pytest.raises(SettingsUnusable) as refused:
        application(Side.BOTH)
    named = {line.partition(" ")[0] for line in refused.value.args}
    assert named == {"QM_SECRET_KEY", "QM_COMMAND_DATABASE_URL", "QM_QUERY_DATABASE_URL"}


def test_notifications_tell_in_one_line_what_their_mail_server_misses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.processes.configure_logging", lambda _name: None)
    monkeypatch.setenv("QM_WORKER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("QM_SECRET_KEY", "k" * 32)
    monkeypatch.setenv("QM_SMTP_HOST", "mail.example.org")
    with pytest.raises(typer.Exit), one_line():
        run_notifications()
    (line,) = capsys.readouterr().err.splitlines()
    assert "QM_SMTP_FROM is missing" in line


@pytest.mark.parametrize("tool", [rebuild, verify])
def test_a_database_that_is_away_is_told_in_one_line(
    tool: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QM_DATA", str(tmp_path))
    monkeypatch.setenv("QM_REBUILD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(typer.Exit):
        tool()
    assert "quartermaster: the database cannot be used: " in capsys.readouterr().err


def test_a_folder_that_is_read_only_is_told_as_that() -> None:
    error = explained("Postgres", "/data", "[Errno 30] Read-only file system: '/data'")
    assert "read-only" in str(error)
    assert "owner" not in str(error)


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
