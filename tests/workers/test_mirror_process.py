"""The mirror's process: every tenant gets its mirror, whatever becomes of the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest
from pydantic import SecretStr

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.hand_edits import apply
from demo.snipe_it_simulator.serving import serve
from infrastructure.ids import derived_id
from infrastructure.settings import MirrorSettings
from tests.builders.inventory import TOKEN_SOURCE, InventoryTables
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from tests.workers.mirrors import mirror_of
from workers.mirror.main import run

WITHIN_S: Final = 30.0
OTHER: Final = derived_id("test", "other tenant")
NOWHERE: Final = "http://127.0.0.1:9"
OTHERS_SOURCE: Final = f"{TOKEN_SOURCE}_TOO"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in (TOKEN_SOURCE, OTHERS_SOURCE):
        monkeypatch.setenv(source.removeprefix("env:"), DEMO_TOKEN)


def settings(database: Database, *entries: str) -> MirrorSettings:
    return MirrorSettings(
        worker_database_url=SecretStr(database.url("worker")),
        snipe_it_allowed_urls=", ".join(entries),
        mirror_every_s=0.1,
        mirror_calls_per_minute=6000,
        snipe_it_calls_per_minute=6000,
    )


@asynccontextmanager
async def running(*several: MirrorSettings) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(run(one)) for one in several]
    try:
        yield
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(what: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not (found := what()):  # noqa: ASYNC110  the rows tell, and ring no bell
            await asyncio.sleep(0.05)
    return found


def swept(tables: InventoryTables) -> Any:
    state = tables.state()
    return state is not None and state["swept_at"] is not None and state["error"] is None


async def test_a_tenant_whose_server_is_away_holds_up_no_other(database: Database) -> None:
    server = worlds.simulator()
    here, there = InventoryTables(database), InventoryTables(database, OTHER)
    async with serve(server) as url:
        there.connect(NOWHERE, token_source=OTHERS_SOURCE)
        here.connect(url)
        away = f"{NOWHERE} {OTHERS_SOURCE} {OTHER}"
        async with running(settings(database, here.entry(url), away)):
            await until(lambda: swept(here))
            apply(server.inventory, {"do": "checkout", "id": 7, "to_type": "user", "to_id": 3})
            await until(lambda: here.row("assets", 7)["holder_external_id"] == 3)
            failed = await until(lambda: (there.state() or {}).get("message"))
    assert "could not connect" in failed
    assert (there.state() or {})["error"] == "unavailable"


async def test_its_calls_count_among_those_of_all_processes(database: Database) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)
    async with serve(server) as url:
        tables.connect(url)
        async with running(settings(database, tables.entry(url))):
            await until(lambda: swept(tables))
            seen = len(server.seen)
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute("SELECT calls FROM inventory.calls_granted").fetchone()
    assert row is not None
    assert sum(row[0]) >= seen > 0


async def test_an_outage_is_told_and_ends_by_itself(database: Database) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)
    async with serve(server) as url:
        tables.connect(url)
        async with running(settings(database, tables.entry(url))):
            await until(lambda: swept(tables))
            outage = Fault(Kind.DATABASE_DOWN, times=None)
            server.faults.ordered.append(outage)
            await until(lambda: (tables.state() or {}).get("error"))
            assert (tables.state() or {})["failing_since"] is not None
            server.faults.ordered.clear()
            await until(lambda: swept(tables))


async def test_a_sweep_that_a_wrong_clock_put_into_the_time_to_come_holds_up_no_other(
    database: Database,
) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)
    async with serve(server) as url:
        tables.connect(url)
        ahead = timedelta(hours=1)
        connection = replace(worlds.CONNECTION, base_url=url)
        async with (
            worlds.in_memory(server, connection) as snipe_it,
            mirror_of(tables, snipe_it, wrong_by=ahead) as mirror,
        ):
            await mirror.sweep()
        apply(server.inventory, {"do": "delete", "table": "locations", "id": 2})
        async with running(settings(database, tables.entry(url))):
            await until(lambda: tables.row("locations", 2)["deleted_at"])


@pytest.mark.parametrize("listed", ["another server", "another tenant", "another token"])
async def test_a_server_that_is_not_listed_for_the_tenant_is_not_asked(
    database: Database, listed: str
) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)
    async with serve(server) as url:
        tables.connect(url)
        entries = {
            "another server": tables.entry("https://another.example"),
            "another tenant": f"{url} {TOKEN_SOURCE} {OTHER}",
            "another token": f"{url} {OTHERS_SOURCE} {TENANT}",
        }
        async with running(settings(database, entries[listed])):
            failed = await until(lambda: (tables.state() or {}).get("message"))
    assert ("token" if listed == "another token" else "QM_SNIPE_IT_ALLOWED_URLS") in failed
    assert (tables.state() or {})["error"] == "address_not_allowed"
    assert server.seen == []


async def test_of_two_processes_one_reads(database: Database) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)
    async with serve(server) as url:
        tables.connect(url)
        both = settings(database, tables.entry(url))
        async with running(both, both):
            await until(lambda: swept(tables))
            first = (tables.state() or {})["as_of"]
            await until(lambda: (tables.state() or {})["as_of"] > first)
    lists = [call for call in server.seen if call.path == "/api/v1/models"]
    assert len(lists) == 1


async def test_a_restart_goes_on_where_it_was_and_a_changed_connection_is_read_anew(
    database: Database,
) -> None:
    server, tables = worlds.simulator(), InventoryTables(database)

    def readings() -> int:
        return sum(call.path == "/api/v1/models" for call in server.seen)

    async with serve(server) as url:
        tables.connect(url)
        async with running(settings(database, tables.entry(url))):
            await until(lambda: swept(tables))
        apply(server.inventory, {"do": "checkout", "id": 7, "to_type": "user", "to_id": 3})
        async with running(settings(database, tables.entry(url))):
            await until(lambda: tables.row("assets", 7)["holder_external_id"] == 3)
            assert readings() == 1
            tables.change_company(9)
            await until(lambda: readings() == 2)
