"""The production form is a valid compose file, and gives each process only what it needs.

No container is started here: the file is held against the compose specification's own schema.
"""

import json
import stat
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from cli.compose_secrets import SecretsIncomplete, write_secrets
from cli.main import app
from infrastructure import settings

ROOT: Final = Path(__file__).resolve().parents[2]
PROCESSES: Final[dict[str, type[settings.ProcessSettings]]] = {
    "migrate": settings.MigrateSettings,
    "command-api": settings.CommandSettings,
    "query-api": settings.QuerySettings,
    "relay": settings.RelaySettings,
    "projector": settings.ProjectorSettings,
    "timers": settings.WorkerSettings,
    "mirror": settings.MirrorSettings,
    "snipe-it-sync": settings.SnipeItSyncSettings,
    "notifications": settings.NotificationSettings,
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_it_fits_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(
        (Path(__file__).parent / "compose_spec" / "schema.json").read_text(encoding="utf-8")
    )
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(compose))
    assert [error.message for error in errors] == []
    broken = {**compose, "services": {"relay": {"imgae": "typo"}}}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(broken)) != []


@pytest.mark.parametrize("service", PROCESSES)
def test_a_process_is_given_the_settings_that_it_reads_and_no_more(
    compose: dict[str, Any], service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(tmp_path / "secrets")
    one = compose["services"][service]
    for name, value in one["environment"].items():
        monkeypatch.setenv(name, value.replace("/run", str(tmp_path)))
    given = {
        Path(value).name for name, value in one["environment"].items() if name.endswith("_FILE")
    }
    fields = PROCESSES[service].from_environment().model_fields_set
    assert given == set(one["secrets"])
    assert given <= fields | {"amqp_url"}


def test_every_command_is_one_of_ours(compose: dict[str, Any]) -> None:
    known = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    }
    assert {compose["services"][service]["command"][0] for service in PROCESSES} <= known


def test_its_secrets_are_those_that_are_made_up(compose: dict[str, Any], tmp_path: Path) -> None:
    written = {path.name for path in write_secrets(tmp_path / "secrets")}
    named = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert written == named
    assert write_secrets(tmp_path / "secrets") == []
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_half_a_set_of_secrets_is_refused(tmp_path: Path) -> None:
    write_secrets(tmp_path)
    (tmp_path / "owner_password").unlink()
    with pytest.raises(SecretsIncomplete, match="owner_password"):
        write_secrets(tmp_path)


def test_only_the_front_door_is_published_and_only_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert list(published) == ["traefik"]
    assert all(port.startswith("127.0.0.1:") for port in published["traefik"])
    assert compose["networks"]["back"] == {"internal": True}


def test_reads_go_to_the_query_api_and_the_rest_to_the_command_api() -> None:
    routes = yaml.safe_load((ROOT / "deploy" / "traefik-routes.yaml").read_text(encoding="utf-8"))
    routers = routes["http"]["routers"]
    assert routers["queries"]["rule"] == "Method(`GET`) || Method(`HEAD`)"
    assert routers["queries"]["priority"] > routers["commands"]["priority"]
    assert {one["service"] for one in routers.values()} == set(routes["http"]["services"])
