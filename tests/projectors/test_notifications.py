"""The feed says what the log says, and a rebuild loses and repeats nothing of it."""

from typing import Any

import psycopg

from domain.notifications.kinds import Kind
from domain.requisitions import events
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import derived_id
from infrastructure.notifications.planning_store import PlanningStore
from infrastructure.postgres import pool_of
from infrastructure.projection_rows import Rows
from projectors.rebuild import rebuild
from projectors.subscriptions import NOTIFICATIONS
from projectors.verify import verify
from tests.builders import told
from tests.builders.log import MemoryLog, busy_log, store
from tests.builders.people import REQUESTER, TENANT
from tests.builders.projected import follow
from tests.builders.told import Stream
from tests.fixtures.postgres import Database
from workers.notifications.planning import Planner

ANN, BEN = derived_id("test", "ann"), derived_id("test", "ben")
FEED = "SELECT n::text FROM read.notifications n ORDER BY position, audience_id"
TOLD = (
    "SELECT id::text, state FROM notifications.deliveries ORDER BY 1",
    "SELECT m::text FROM notifications.read_marks m",
    "SELECT s::text FROM notifications.switched_off s",
    "SELECT p::text FROM notifications.positions p",
)
MARK = (
    "INSERT INTO notifications.read_marks VALUES (gen_random_uuid(), gen_random_uuid(), 7, now())"
)
OFF = (
    "INSERT INTO notifications.switched_off"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 'overdue', 'email')"
)
SUBSCRIBED = (
    "INSERT INTO identity.tenants SELECT DISTINCT tenant_id, 'Lab', now() FROM log.stored_events;"
    "INSERT INTO notifications.webhooks (id, tenant_id, url, description, events, enabled,"
    " secret_version, version, created_at) SELECT gen_random_uuid(), id,"
    " 'https://hooks.example.org', '', '{*}', true, 1, 1, '2020-01-01' FROM identity.tenants"
)


def recorded(*streams: Stream) -> list[RecordedEvent]:
    log = MemoryLog()
    for stream in streams:
        log.append(stream.collect_events())
    return log.events


def rows_of(events: list[RecordedEvent]) -> dict[str, Any]:
    rows: Rows = {table.name: [] for table in NOTIFICATIONS.tables}
    for event in events:
        rows = NOTIFICATIONS.fold(rows, event)
    return dict(rows)


def ask(database: Database, *queries: str) -> list[Any]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        return [connection.execute(query.encode()).fetchall() for query in queries]


def run(database: Database, statement: str) -> None:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        connection.execute(statement.encode())


def test_a_decision_is_a_row_for_each_whom_it_concerns() -> None:
    log = recorded(told.requisition(ANN, BEN).then(events.Approved))

    rows = rows_of(log)["notifications"]

    assert [row["audience_id"] for row in rows] == sorted([ANN, BEN])
    assert {(row["position"], row["kind"], row["tenant_id"]) for row in rows} == {
        (2, Kind.REQUISITION_DECIDED.value, TENANT)
    }
    assert rows[0]["at"] == log[1].recorded_at


def test_who_did_it_has_no_row() -> None:
    assert (
        rows_of(recorded(told.requisition(REQUESTER.user_id).then(events.Approved)))[
            "notifications"
        ]
        == []
    )


def test_what_nobody_is_told_of_leaves_the_rows_as_they_are() -> None:
    stream = told.requisition(ANN).then(events.Withdrawn, reason=None)
    before, after = recorded(stream)
    rows = rows_of([before])

    assert NOTIFICATIONS.fold(rows, after) is rows


async def test_a_rebuild_changes_neither_the_feed_nor_what_was_told(database: Database) -> None:
    log = busy_log(11, 30)
    log.append(told.requisition(ANN, BEN).then(events.Approved).collect_events())
    log.append(told.reminded(told.reserved(ANN), 7).collect_events())
    log.append(told.blocked(told.operation()).collect_events())
    store(database.superuser_url, log.events)
    run(database, SUBSCRIBED)
    for statement in (MARK, OFF):
        run(database, statement)
    await follow(database)
    await plan(database)
    before = ask(database, FEED, *TOLD)
    assert all(before)

    await rebuild(database.url("rebuild"))
    await plan(database)

    assert ask(database, FEED, *TOLD) == before
    assert (await verify(database.url("rebuild"))).is_sound


async def plan(database: Database) -> None:
    """Look at the whole log for whom to tell, from where it was looked at before."""
    async with pool_of(database.url("worker")) as pool:
        planning = PlanningStore(pool)
        reader = LogReader(pool)
        epoch, _ = await reader.head()
        await planning.begin(epoch, 0)
        planner = Planner(reader, planning, letters=False)
        while await planner.step():
            pass
