"""A rebuild makes the same tables as following the log did, and nobody sees it half done."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from projectors.inbox import ProjectionOutdated
from projectors.rebuild import rebuild, unfit
from projectors.subscriptions import HISTORY, REQUISITIONS
from projectors.verify import verify
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, busy_log
from tests.builders.log import store as store_events
from tests.builders.projected import follow
from tests.fixtures.postgres import Database
from tests.projectors.conftest import Table

ACCESS = (
    "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner),"
    " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(c.relacl) a),"
    " (SELECT array_agg(ROW(p.policyname, p.cmd, p.roles, p.qual, p.with_check)::text ORDER BY"
    " p.policyname) FROM pg_policies p"
    " WHERE p.schemaname = 'read' AND p.tablename = c.relname)"
    " FROM pg_class c WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r' ORDER BY 1"
)
SHAPE = (
    "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, collation_name,"
    " numeric_precision, numeric_scale FROM information_schema.columns"
    " WHERE table_schema = 'read' ORDER BY 1, 3"
)
INDEXES = (
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'read' ORDER BY 2"
)


def put(database: Database, log: MemoryLog) -> None:
    store_events(database.superuser_url, log.events)


async def test_a_fresh_replay_equals_tables_that_followed_the_log(database: Database) -> None:
    put(database, busy_log(7, 60))
    await follow(database)

    found = await verify(database.url("rebuild"))

    assert (found.differences, found.is_complete) == ([], True)


async def test_nothing_differs_in_an_empty_log(database: Database) -> None:
    await follow(database)
    assert (await verify(database.url("rebuild"))).is_sound


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE read.requisitions SET purpose = 'x'",
        "DELETE FROM read.requisition_lines WHERE number = 2",
        "INSERT INTO read.requisition_words SELECT tenant_id, 'zzz', id FROM read.requisitions",
        "DELETE FROM read.history WHERE position = 3",
        "UPDATE read.projection_positions SET position = 5 WHERE projection = 'requisitions'",
        "INSERT INTO read.parked_events VALUES ('history', 1, uuidv7(), uuidv7(), '', '', 1, now())",
    ],
)
async def test_verify_finds_every_kind_of_damage(database: Database, damage: str) -> None:
    put(database, busy_log(7, 20))
    await follow(database)
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        connection.execute(damage.encode())

    assert not (await verify(database.url("rebuild"))).is_sound


async def test_verify_finds_a_hole_in_the_log(database: Database) -> None:
    put(database, busy_log(7, 20))
    await follow(database)
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        connection.execute("DELETE FROM log.stored_events WHERE notification_id = 4")

    assert not (await verify(database.url("rebuild"))).is_sound


async def test_a_rebuild_makes_the_same_tables_with_the_same_access(
    database: Database, table: Table
) -> None:
    put(database, busy_log(3, 60))
    await follow(database)
    before = [table(query) for query in (ACCESS, SHAPE, INDEXES)]

    watched: list[tuple[int, int]] = []
    rebuilt = await rebuild(
        database.url("rebuild"), watcher=lambda read, of: watched.append((read, of))
    )

    assert watched[-1] == (rebuilt.events, rebuilt.events)
    assert [table(query) for query in (ACCESS, SHAPE, INDEXES)] == before
    assert (await verify(database.url("rebuild"))).is_sound
    assert rebuilt.position == rebuilt.events
    leftovers = "SELECT 1 FROM pg_tables WHERE schemaname IN ('read_next', 'read_check')"
    assert table(leftovers) == []


async def test_what_happens_during_a_rebuild_is_in_the_new_tables(database: Database) -> None:
    log = busy_log(3, 30)
    half = len(log.events) // 2
    store_events(database.superuser_url, log.events[:half])
    await follow(database)

    rebuilt = await rebuild(
        database.url("rebuild"),
        before_switch=lambda: store_events(database.superuser_url, log.events[half:]),
    )

    found = await verify(database.url("rebuild"))
    assert rebuilt.position == len(log.events)
    assert (found.differences, found.is_complete) == ([], True)


async def test_readers_see_the_old_tables_until_the_switch(
    database: Database, table: Table
) -> None:
    put(database, busy_log(3, 30))
    await follow(database)
    seen: list[Any] = []
    count = "SELECT count(*) FROM read.requisitions"

    await rebuild(database.url("rebuild"), before_switch=lambda: seen.extend(table(count)))

    assert seen == table(count) == [(30,)]


async def test_a_new_version_is_rebuilt_and_then_followed(database: Database) -> None:
    put(database, busy_log(3, 30))
    await follow(database)
    newer = (replace(REQUISITIONS, version=2),)
    with pytest.raises(ProjectionOutdated):
        await follow(database, newer)
    assert await unfit(database.url("projector"), (*newer, HISTORY)) == [*newer]

    await rebuild(database.url("rebuild"), newer)

    assert await unfit(database.url("projector"), (*newer, HISTORY)) == []

    await follow(database, newer)
    assert (await verify(database.url("rebuild"), newer)).is_sound


async def test_a_rebuild_keeps_what_is_parked_and_what_was_skipped(
    database: Database, table: Table
) -> None:
    log = busy_log(3, 30)
    spoilt = next(event for event in log.events if event.topic == "requisition.submitted.v1")
    log.spoil(spoilt.position, topic="requisition.teleported.v1")
    put(database, log)
    await follow(database)
    parked = "SELECT projection, position, error FROM read.parked_events ORDER BY 1, 2"
    before = table(parked)

    await rebuild(database.url("rebuild"))

    assert table(parked) == before != []
    assert (await verify(database.url("rebuild"))).is_sound


async def test_rows_may_hold_every_character_that_text_can_hold(database: Database) -> None:
    log = MemoryLog()
    purpose = 'tab\t newline\n return\r back\\slash "quotes" {braces} \\N ünï 日本 🧪'
    log.append(build.told(build.drafted(header=build.header(purpose=purpose))))
    put(database, log)
    await follow(database)

    assert (await verify(database.url("rebuild"))).is_sound
