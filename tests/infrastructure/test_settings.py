"""Settings come from QM_ variables or the files that they name, and are never shown."""

from pathlib import Path

import pytest

from infrastructure.settings import (
    CommandSettings,
    InventorySettings,
    QuerySettings,
    RelaySettings,
    SettingsUnusable,
    UpSettings,
    WorkerSettings,
)

URL = "postgresql://qm_command:canary@h/d"


def test_a_secret_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(f"{URL}\n", encoding="ascii")
    monkeypatch.setenv("QM_COMMAND_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("QM_SECRET_KEY", "k" * 32)
    settings = CommandSettings.from_environment()
    assert settings.command_database_url.get_secret_value() == URL
    assert "canary" not in repr(settings)


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QM_RELAY_DATABASE_URL_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsUnusable, match="QM_RELAY_DATABASE_URL_FILE"):
        RelaySettings.from_environment()


def test_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QM_RELAY_DATABASE_URL", "QM_AMQP_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsUnusable) as refused:
        RelaySettings.from_environment()
    assert "QM_RELAY_DATABASE_URL" in str(refused.value)
    assert "QM_AMQP_URL" in str(refused.value)


def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QM_COMMAND_DATABASE_URL", URL)
    monkeypatch.setenv("QM_SECRET_KEY", "canary-too-short")
    with pytest.raises(SettingsUnusable, match="QM_SECRET_KEY") as refused:
        CommandSettings.from_environment()
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("QM_PORT", "eighty"), ("QM_PORT", "70000"), ("QM_BROKER", "public")]
)
def test_a_wrong_setting_of_up_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsUnusable, match=name):
        UpSettings.from_environment()


@pytest.mark.parametrize("url", ["hello", "mysql://h/d"])
def test_what_is_no_address_of_postgres_is_named_with_its_form(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("QM_WORKER_DATABASE_URL", url)
    with pytest.raises(SettingsUnusable, match=r"^QM_WORKER_DATABASE_URL: looks like postgresql:"):
        WorkerSettings.from_environment()


@pytest.mark.parametrize("url", ["http://x", "amqp://u:canary\uff0f@h/", "amqp://u:[canary]@h/"])
def test_what_is_no_address_of_a_broker_is_named_with_its_form(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("QM_AMQP_URL", url)
    with pytest.raises(SettingsUnusable, match=r"^QM_AMQP_URL: looks like amqp:") as refused:
        UpSettings.from_environment()
    assert "canary" not in str(refused.value)


def test_a_missing_setting_is_named_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QM_WORKER_DATABASE_URL", raising=False)
    with pytest.raises(SettingsUnusable, match="QM_WORKER_DATABASE_URL_FILE"):
        WorkerSettings.from_environment()


@pytest.mark.parametrize(
    ("text", "proxies"),
    [
        ("10.0.0.1", ("10.0.0.1",)),
        ("10.0.0.1, 172.30.250.0/24", ("10.0.0.1", "172.30.250.0/24")),
        ('["172.30.250.0/24"]', ("172.30.250.0/24",)),
    ],
)
def test_trusted_proxies_are_a_list_in_either_form(
    monkeypatch: pytest.MonkeyPatch, text: str, proxies: tuple[str, ...]
) -> None:
    monkeypatch.setenv("QM_TRUSTED_PROXIES", text)
    settings = QuerySettings.from_environment(query_database_url=URL, secret_key="k" * 32)
    assert settings.trusted_proxies == proxies


@pytest.mark.parametrize("text", ["traefik", "[10.0.0.1]", '{"10.0.0.1": 1', "10.0.0.0/99"])
def test_a_proxy_that_is_no_address_is_told_by_the_setting(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("QM_TRUSTED_PROXIES", text)
    with pytest.raises(SettingsUnusable, match=r"^QM_TRUSTED_PROXIES: give addresses"):
        QuerySettings.from_environment(query_database_url=URL, secret_key="k" * 32)


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QM_AMQP_URL", "")
    monkeypatch.delenv("QM_PORT", raising=False)
    assert UpSettings.from_environment().amqp_url is None


def test_a_server_of_the_inventory_that_is_for_nobody_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QM_SNIPE_IT_ALLOWED_URLS", "https://a.example")
    with pytest.raises(SettingsUnusable) as refused:
        InventorySettings.from_environment()
    told = str(refused.value)
    assert told.startswith("QM_SNIPE_IT_ALLOWED_URLS: ")
    assert "https://a.example is for nobody" in told
    assert "\n" not in told
