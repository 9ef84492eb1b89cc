"""The tables of custody are what the log makes of them, followed or replayed."""

import psycopg
import pytest

from projectors.rebuild import rebuild
from projectors.verify import verify
from tests.builders.custody import busy_log
from tests.builders.log import store
from tests.builders.people import TENANT
from tests.builders.projected import follow
from tests.fixtures.postgres import Database
from tests.projectors.conftest import Table
from tests.projectors.test_access import ask
from tests.projectors.test_rebuild import ACCESS, INDEXES, SHAPE

TABLES = ("assignments", "item_books", "item_holds", "inventory_operations", "circulation")


@pytest.fixture
async def followed(database: Database) -> Database:
    store(database.superuser_url, busy_log(5, streams=24).events)
    await follow(database)
    return database


async def test_a_fresh_replay_equals_tables_that_followed_the_log(
    followed: Database, table: Table
) -> None:
    found = await verify(followed.url("rebuild"))

    assert (found.differences, found.is_complete) == ([], True)
    for name in TABLES:
        assert table(f"SELECT count(*) FROM read.{name}") != [(0,)], name  # noqa: S608 - one of TABLES
    assert table("SELECT count(*) FROM read.parked_events") == [(0,)]


async def test_a_rebuild_makes_the_same_tables_with_the_same_access(
    followed: Database, table: Table
) -> None:
    before = [table(query) for query in (ACCESS, SHAPE, INDEXES)]

    await rebuild(followed.url("rebuild"))

    assert [table(query) for query in (ACCESS, SHAPE, INDEXES)] == before
    assert (await verify(followed.url("rebuild"))).is_sound


@pytest.mark.parametrize("damaged", ["assignments", "item_holds", "inventory_operations"])
async def test_verify_finds_a_row_that_nothing_accounts_for(
    followed: Database, damaged: str
) -> None:
    with psycopg.connect(followed.superuser_url, connect_timeout=5) as connection:
        connection.execute(f"DELETE FROM read.{damaged}".encode())  # noqa: S608 - one of these

    assert not (await verify(followed.url("rebuild"))).is_sound


@pytest.mark.parametrize("table", TABLES)
async def test_a_reader_sees_the_rows_of_one_tenant_and_without_a_tenant_none(
    followed: Database, table: str
) -> None:
    count = f"SELECT count(*) FROM read.{table}"  # noqa: S608 - one of TABLES
    everything = ask(followed, "projector", count)

    assert everything != [(0,)]
    assert ask(followed, "query", count, TENANT) == everything
    assert ask(followed, "query", count) == [(0,)]
