"""What an administrator is told about a connection."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from demo.snipe_it_simulator import endpoints
from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.simulator import Simulator
from infrastructure.snipe_it.check import (
    FOR_ASSET_ROUTES,
    READS,
    WRITES,
    Finding,
    Level,
    check,
)
from infrastructure.snipe_it.settings import Connection
from tests.infrastructure.snipe_it.worlds import CONNECTION, in_memory, simulator

ALL = {
    *(permission for permission, _ in READS),
    *(permission for permission, _ in WRITES),
}
OF_ASSET_ROUTES = {permission for permission, _, _ in FOR_ASSET_ROUTES}


async def findings(server: Simulator, connection: Connection = CONNECTION) -> list[Finding]:
    async with in_memory(server, connection) as snipe_it:
        return await check(snipe_it)


def lines(found: list[Finding], level: Level) -> list[str]:
    return [one.line for one in found if one.level is level]


async def test_nothing_is_missing_where_the_token_may_do_everything() -> None:
    found = await findings(simulator())
    assert {one.level for one in found} == {Level.OK}
    assert "it belongs to admin" in found[1].line


async def test_a_check_changes_nothing() -> None:
    server = simulator()
    rows, assets = len(server.inventory.activity), str(server.inventory.assets)
    await findings(server)
    assert len(server.inventory.activity) == rows
    assert str(server.inventory.assets) == assets
    assert server.inventory.maintenances == {}


@pytest.mark.parametrize("permission", sorted(ALL - {"accessories.view"}))
async def test_a_missing_permission_is_named(permission: str) -> None:
    server = simulator()
    server.access.permissions[1] = frozenset((ALL | OF_ASSET_ROUTES) - {permission})
    found = await findings(server)
    assert lines(found, Level.MISSING) == [f"Permission {permission} is missing."]


@pytest.mark.parametrize("permission", sorted(OF_ASSET_ROUTES))
async def test_what_only_the_asset_routes_need_is_a_warning(permission: str) -> None:
    server = simulator()
    server.access.permissions[1] = frozenset((ALL | OF_ASSET_ROUTES) - {permission})
    found = await findings(server)
    assert lines(found, Level.MISSING) == []
    (warning,) = lines(found, Level.WARNING)
    assert warning.startswith(f"Permission {permission} is missing: ")


async def test_what_cannot_be_tried_is_said() -> None:
    server = simulator()
    server.inventory.rows["users"][1]["permissions"] = {"assets.view": 1}
    server.access.permissions[1] = frozenset(ALL | OF_ASSET_ROUTES)
    (note,) = lines(await findings(server), Level.NOTE)
    assert "accessories.checkin and consumables.checkout" in note


async def test_a_token_that_is_not_accepted_ends_the_check() -> None:
    connection = replace(CONNECTION, token=SecretStr("wrong"))
    (only,) = await findings(simulator(), connection)
    assert only.level is Level.MISSING
    assert "not accepted" in only.line
    assert "wrong," in only.line, "the word, not the token"


@pytest.mark.parametrize("kind", [Kind.MAINTENANCE, Kind.DATABASE_DOWN])
async def test_a_server_that_is_down_ends_the_check(kind: Kind) -> None:
    server = simulator()
    server.faults.ordered.append(Fault(kind, times=None))
    (only,) = await findings(server)
    assert only.level is Level.MISSING
    assert "does not answer as a running Snipe-IT does" in only.line


async def test_another_version_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "VERSION", "v9.0.0")
    (warning,) = lines(await findings(simulator()), Level.WARNING)
    assert warning == "Snipe-IT v9.0.0 was not tested; v8.1.x was."


async def test_words_that_are_not_understood_are_a_warning() -> None:
    server = simulator()
    told = "Asset existiert nicht."
    fault = Fault(Kind.REFUSE, method="GET", path="/api/v1/hardware/0", times=None, message=told)
    server.faults.ordered.append(fault)
    (warning,) = lines(await findings(server), Level.WARNING)
    assert "is English the language of the token's owner?" in warning


async def test_a_company_is_named_or_missed() -> None:
    found = await findings(simulator(), replace(CONNECTION, company_id=1))
    assert found[-1].line == "Company 1 is Riverside Maker Lab."
    found = await findings(simulator(), replace(CONNECTION, company_id=7))
    assert lines(found, Level.MISSING) == ["There is no company 7."]


async def test_a_time_zone_that_puts_the_server_in_the_future_is_a_warning() -> None:
    server = simulator()
    now = datetime.now(UTC).replace(tzinfo=None)
    server.inventory.activity[26].created_at = now
    west = replace(CONNECTION, server_zone=ZoneInfo("America/New_York"))
    (warning,) = lines(await findings(server, west), Level.WARNING)
    assert "is America/New_York the server's APP_TIMEZONE?" in warning
    server.inventory.activity[26].created_at = now - timedelta(days=1)
    assert lines(await findings(server, west), Level.WARNING) == []


async def test_a_try_that_fails_otherwise_is_a_warning() -> None:
    server = simulator()
    fault = Fault(Kind.ERROR_BEFORE, method="GET", path="/api/v1/models", times=None)
    server.faults.ordered.append(fault)
    (warning,) = lines(await findings(server), Level.WARNING)
    assert warning.startswith("Permission models.view could not be tried")


@pytest.mark.parametrize(
    ("path", "level", "words"),
    [
        ("/api/v1/users/me", Level.MISSING, "The token could not be tried"),
        ("/api/v1/version", Level.WARNING, "The version could not be read"),
        ("/api/v1/companies/1", Level.WARNING, "Company 1 could not be read"),
    ],
)
async def test_an_answer_that_says_nothing_is_not_taken_for_a_missing_thing(
    path: str, level: Level, words: str
) -> None:
    server = simulator()
    server.faults.ordered.append(Fault(Kind.HTML, path=path, times=None))
    found = await findings(server, replace(CONNECTION, company_id=1))
    (line,) = lines(found, level)
    assert line.startswith(words)
