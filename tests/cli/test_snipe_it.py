"""``quartermaster snipe-it``: what a person sees of a connection, and of one full reading."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from cli.main import app
from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.serving import serve
from demo.snipe_it_simulator.simulator import Simulator
from tests.builders.inventory import TOKEN_SOURCE, InventoryTables
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds


@pytest.fixture
def server() -> Simulator:
    return worlds.simulator()


@pytest_asyncio.fixture
async def url(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    async with serve(server) as address:
        monkeypatch.setenv("QM_SNIPE_IT_ALLOWED_URLS", f"{address} {TOKEN_SOURCE} {TENANT}")
        monkeypatch.setenv(TOKEN_SOURCE.removeprefix("env:"), DEMO_TOKEN)
        yield address


@pytest.fixture
def tables(database: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> InventoryTables:
    monkeypatch.setenv("QM_WORKER_DATABASE_URL", database.url("worker"))
    found = InventoryTables(database)
    found.connect(url)
    return found


async def quartermaster(*words: str) -> Result:
    """The command, beside the server's event loop."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["snipe-it", *words])


def give(server: Simulator, *permissions: str) -> None:
    server.access.tokens[DEMO_TOKEN] = 3
    server.access.permissions[3] = frozenset(permissions)


@pytest.mark.usefixtures("tables")
async def test_a_sound_connection_is_said_to_be_so() -> None:
    done = await quartermaster("check")
    assert done.exit_code == 0, done.output
    assert f"tenant {TENANT}" in done.stdout
    assert "ok      Permission assets.checkout is there." in done.stdout
    assert "missing" not in done.stdout
    assert DEMO_TOKEN not in done.output


@pytest.mark.usefixtures("tables")
async def test_what_is_missing_is_named_and_is_an_error(server: Simulator) -> None:
    give(server, "assets.view", "users.view")
    done = await quartermaster("check", TENANT)
    assert done.exit_code == 1
    assert "missing Permission assets.checkout is missing." in done.stdout
    assert "ok      Permission assets.view is there." in done.stdout


async def test_a_server_that_no_tenant_has_can_be_tried(url: str) -> None:
    done = await quartermaster("check", "--url", url, "--token-source", TOKEN_SOURCE)
    assert done.exit_code == 0, done.output
    wrong = await quartermaster("check", "--url", url, "--token-source", "env:QM_NOT_SET")
    assert wrong.exit_code == 1
    assert "env:QM_NOT_SET holds no usable token" in wrong.stderr


async def test_a_tenant_that_is_not_connected_is_named(tables: InventoryTables) -> None:
    for command in ("check", "sync"):
        done = await quartermaster(command, "NOBODY")
        assert done.exit_code == 1
        assert "there is no tenant NOBODY that is connected" in done.stderr


async def test_a_sync_reads_everything_and_says_what_did_not_match(
    tables: InventoryTables, server: Simulator
) -> None:
    tables.add_member("ana", "ana@x.example")
    tables.add_member("stranger", "stranger@x.example")
    done = await quartermaster("sync")
    assert done.exit_code == 0, done.output
    assert f"{len(server.inventory.assets)} asset" in done.stdout
    assert "1 members have no user in Snipe-IT:" in done.stdout
    assert "stranger" in done.stdout
    assert "4 users who are no members" in done.stdout
    assert len(tables.rows("assets")) == len(server.inventory.assets)


async def test_a_sync_of_a_server_that_is_away_says_so_in_one_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere, tables = "http://127.0.0.1:9", InventoryTables(database)
    monkeypatch.setenv("QM_SNIPE_IT_ALLOWED_URLS", tables.entry(nowhere))
    monkeypatch.setenv(TOKEN_SOURCE.removeprefix("env:"), DEMO_TOKEN)
    monkeypatch.setenv("QM_WORKER_DATABASE_URL", database.url("worker"))
    tables.connect(nowhere)
    done = await quartermaster("sync")
    assert done.exit_code == 1
    assert "could not connect" in done.stderr
    assert done.stderr.count("\n") == 1
