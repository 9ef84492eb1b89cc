"""Whatever a doorbell does, the rows are those of the log, each event applied once."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from infrastructure.errors import TableUnavailable
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import derived_id
from infrastructure.projection_rows import Rows
from projectors.batches import AFTER_A_PARKED_ONE
from projectors.inbox import BATCH, Inbox, LogChanged, ProjectionOutdated
from projectors.projection import Projection
from projectors.subscriptions import HISTORY, PROJECTS, REQUISITIONS
from tests.builders import requisitions as build
from tests.builders.log import EPOCH, MemoryLog, busy_log
from tests.fixtures.postgres import Database
from tests.projectors.conftest import Table

Inboxes = Callable[..., Inbox]

POSITIONS = "SELECT projection, position FROM read.projection_positions ORDER BY 1"
ROWS = (
    "SELECT r.*, (SELECT jsonb_agg(l ORDER BY number) FROM read.requisition_lines l"
    " WHERE requisition_id = r.id), (SELECT jsonb_agg(word ORDER BY word)"
    " FROM read.requisition_words w WHERE requisition_id = r.id)"
    " FROM read.requisitions r ORDER BY id"
)


async def rows_in_order(log: MemoryLog, inbox: Inbox, table: Table) -> list[tuple[Any, ...]]:
    """What the tables hold after the log was followed from its beginning."""
    await inbox.open()
    while await inbox.catch_up(7) < len(log.events):
        pass
    rows = table(ROWS)
    table(
        "WITH a AS (DELETE FROM read.requisitions), b AS (DELETE FROM read.requisition_lines),"
        " c AS (DELETE FROM read.requisition_words) DELETE FROM read.projection_positions"
        " RETURNING 1"
    )
    return rows


@pytest.mark.parametrize("seed", range(5))
async def test_messages_may_come_twice_out_of_order_and_with_gaps(
    inbox_of: Inboxes, table: Table, seed: int
) -> None:
    log = busy_log(seed)
    expected = await rows_in_order(log, inbox_of(log), table)
    chance = random.Random(seed)
    messages = [event for event in log.events for _ in range(chance.choice((0, 1, 1, 2)))]
    messages.sort(key=lambda event: event.position + chance.uniform(-6, 6))
    inbox = inbox_of(log)

    await inbox.open()
    while messages:
        count = chance.randint(1, 9)
        await inbox.take(EPOCH, messages[:count])
        messages = messages[count:]
    while await inbox.catch_up() < len(log.events):
        pass

    assert table(ROWS) == expected
    assert table("SELECT position FROM read.projection_positions") == [(len(log.events),)]


async def test_messages_in_order_are_applied_without_asking_the_log(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    inbox = inbox_of(log)
    await inbox.open()

    position = await inbox.take(EPOCH, log.events)

    assert position == len(log.events)
    assert log.reads == []


async def test_a_gap_is_read_from_the_log(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    inbox = inbox_of(log)
    await inbox.open()
    await inbox.take(EPOCH, log.events[:2])

    position = await inbox.take(EPOCH, [log.events[9]])

    assert position == 10
    assert log.reads == [2]


async def test_the_position_moves_over_events_of_others(inbox_of: Inboxes, table: Table) -> None:
    log = busy_log(1)
    inbox = inbox_of(log, PROJECTS)
    await inbox.open()

    assert await inbox.take(EPOCH, log.events) == len(log.events)
    assert table("SELECT count(*) FROM read.projects") == [(0,)]


async def test_messages_of_another_log_are_dropped(inbox_of: Inboxes, table: Table) -> None:
    log = busy_log(1)
    inbox = inbox_of(log)
    await inbox.open()

    assert await inbox.take(derived_id("test", "older epoch"), log.events) == 0
    assert table(ROWS) == []


async def test_a_projection_of_another_log_stops_and_says_so(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    await inbox_of(log).open()
    restored = MemoryLog(epoch=derived_id("test", "epoch after a restore"))

    with pytest.raises(LogChanged, match="quartermaster rebuild"):
        await inbox_of(restored).open()


async def test_a_position_past_the_end_of_the_log_stops_and_says_so(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    inbox = inbox_of(log)
    await inbox.open()
    await inbox.catch_up()
    del log.events[5:]

    with pytest.raises(LogChanged, match="ends at 5"):
        await inbox.open()


async def test_rows_of_another_version_stop_and_say_so(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    await inbox_of(log).open()

    with pytest.raises(ProjectionOutdated, match="version 1"):
        await inbox_of(log, replace(REQUISITIONS, version=2)).open()


async def test_an_unknown_event_parks_its_aggregate_and_no_other(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    poisoned, sound = build.told(build.fulfilled()), build.told(build.approved())
    log.append(poisoned[:2] + sound[:2] + poisoned[2:] + sound[2:])
    log.spoil(5, topic="requisition.teleported.v1")
    inbox = inbox_of(log)
    await inbox.open()

    assert await inbox.take(EPOCH, log.events) == len(log.events)

    states = table("SELECT id, state FROM read.requisitions")
    assert dict(states) == {
        poisoned[0].originator_id: "submitted",
        sound[0].originator_id: "approved",
    }
    assert table("SELECT position, error, attempts FROM read.parked_events ORDER BY 1") == [
        (5, "UnknownEvent: requisition.teleported.v1", 3),
        *[(position, AFTER_A_PARKED_ONE, 0) for position in (6, 7, 8)],
    ]


async def test_an_event_that_cannot_be_read_parks_its_aggregate(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    log.append(build.told(build.submitted()))
    log.spoil(2, state=b"{")
    inbox = inbox_of(log)
    await inbox.open()

    assert await inbox.take(EPOCH, log.events) == 2
    assert table("SELECT position FROM read.parked_events") == [(2,)]


async def test_rows_that_the_database_refuses_park_their_aggregate_and_no_other(
    inbox_of: Inboxes, table: Table
) -> None:
    log = busy_log(3)
    victim = log.events[0].aggregate_id

    def draft_without_purpose(rows: Rows, recorded: RecordedEvent) -> Rows:
        folded = REQUISITIONS.fold(rows, recorded)
        if recorded.aggregate_id != victim:
            return folded
        (row,) = folded["requisitions"]
        return {**folded, "requisitions": [{**row, "purpose": None}]}

    faulty = Projection("requisitions", 1, REQUISITIONS.tables, every=draft_without_purpose)
    inbox = inbox_of(log, faulty)
    await inbox.open()

    assert await inbox.take(EPOCH, log.events) == len(log.events)

    parked = table("SELECT DISTINCT aggregate_id FROM read.parked_events")
    assert parked == [(log.events[0].originator_id,)]
    others = {event.aggregate_id for event in log.events} - {victim}
    assert table("SELECT count(*) FROM read.requisitions") == [(len(others),)]


async def test_later_events_of_a_parked_aggregate_are_parked_in_later_batches_too(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    log.append(build.told(build.fulfilled()))
    log.spoil(2, topic="requisition.teleported.v1")
    inbox = inbox_of(log)
    await inbox.open()
    await inbox.take(EPOCH, log.events[:3])

    await inbox.take(EPOCH, log.events[3:])

    parked = table("SELECT position FROM read.parked_events ORDER BY 1")
    assert [position for (position,) in parked] == list(range(2, len(log.events) + 1))


async def test_history_holds_every_event_with_its_own_fields(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    log.append(build.told(build.rejected()))
    inbox = inbox_of(log, HISTORY)
    await inbox.open()
    await inbox.take(EPOCH, log.events)

    rows = table("SELECT position, type, version, data FROM read.history ORDER BY position")
    assert [row[:3] for row in rows] == [
        (event.position, event.topic, event.version) for event in log.events
    ]
    assert rows[-1][3]["reason"] == "No money"
    assert set(rows[-1][3]) == {"by", "reason"}


async def test_the_position_is_announced_with_the_rows(
    inbox_of: Inboxes, announcements: Callable[[], list[str]]
) -> None:
    log = busy_log(1)
    inbox = inbox_of(log)
    await inbox.open()

    await inbox.take(EPOCH, log.events)

    assert announcements()[-1] == f"requisitions:{len(log.events)}"


async def test_projections_move_together_and_are_announced_together(
    inbox_of: Inboxes, table: Table, announcements: Callable[[], list[str]]
) -> None:
    log = busy_log(1)
    inbox = inbox_of(log, REQUISITIONS, PROJECTS, HISTORY)
    await inbox.open()

    await inbox.take(EPOCH, log.events)

    end = len(log.events)
    assert table(POSITIONS) == [("history", end), ("projects", end), ("requisitions", end)]
    (announced,) = announcements()
    assert sorted(announced.split()) == [f"{name}:{end}" for name, _ in table(POSITIONS)]
    assert table("SELECT count(*) FROM read.history") == [(end,)]
    assert len(table(ROWS)) == len({event.aggregate_id for event in log.events})


async def test_one_that_is_ahead_takes_only_what_is_new_to_it(
    inbox_of: Inboxes, table: Table
) -> None:
    log = busy_log(2)
    expected = await rows_in_order(log, inbox_of(log), table)
    for projection, end in ((REQUISITIONS, 20), (HISTORY, 10)):
        ahead = inbox_of(log, projection)
        await ahead.open()
        await ahead.take(EPOCH, log.events[:end])
    inbox = inbox_of(log, REQUISITIONS, HISTORY)

    assert await inbox.open() == 10
    await inbox.take(EPOCH, log.events[10:15])
    assert table(POSITIONS) == [("history", 15), ("requisitions", 20)]
    await inbox.take(EPOCH, log.events[15:])

    assert table(ROWS) == expected
    assert table("SELECT count(*) FROM read.history") == [(len(log.events),)]


async def test_one_that_is_far_behind_does_not_hold_up_the_others(
    inbox_of: Inboxes, table: Table
) -> None:
    log = busy_log(3, 200)
    ahead = inbox_of(log, REQUISITIONS)
    await ahead.open()
    await ahead.take(EPOCH, log.events[:BATCH])
    await ahead.take(EPOCH, log.events[BATCH : BATCH + 20])
    inbox = inbox_of(log, REQUISITIONS, HISTORY)
    await inbox.open()

    assert await inbox.catch_up() == BATCH

    end = min(len(log.events), 2 * BATCH + 20)
    assert table(POSITIONS) == [("history", BATCH), ("requisitions", end)]


async def test_rows_of_one_that_are_refused_do_not_hold_up_the_others(
    inbox_of: Inboxes, table: Table
) -> None:
    log = busy_log(3)
    faulty = Projection("requisitions", 1, REQUISITIONS.tables, every=_without_purpose)
    inbox = inbox_of(log, faulty, HISTORY)
    await inbox.open()

    assert await inbox.take(EPOCH, log.events) == len(log.events)

    assert table("SELECT projection, count(*) FROM read.parked_events GROUP BY 1") == [
        ("requisitions", len(log.events))
    ]
    assert table("SELECT count(*) FROM read.history") == [(len(log.events),)]


async def test_a_table_that_cannot_be_had_does_not_hold_up_the_others(
    inbox_of: Inboxes, database: Database, table: Table
) -> None:
    log = busy_log(3)
    inbox = inbox_of(log, REQUISITIONS, HISTORY, PROJECTS)
    await inbox.open()
    end = len(log.events)
    with psycopg.connect(database.superuser_url, connect_timeout=5) as other:
        other.execute("REVOKE SELECT ON read.requisitions FROM qm_projector")
        other.commit()
        with pytest.raises(TableUnavailable):
            await inbox.take(EPOCH, log.events)
        other.execute("GRANT SELECT ON read.requisitions TO qm_projector")
    assert table(POSITIONS) == [("history", end), ("projects", end), ("requisitions", 0)]
    assert await inbox.take(EPOCH, log.events) == end


async def test_an_event_parked_in_one_projection_is_applied_in_the_others(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    log.append(build.told(build.approved()))
    log.spoil(2, topic="requisition.teleported.v1")
    inbox = inbox_of(log, REQUISITIONS, HISTORY)
    await inbox.open()

    await inbox.take(EPOCH, log.events[:3])
    await inbox.take(EPOCH, log.events[3:])

    later = [("requisitions", position) for position in range(2, len(log.events) + 1)]
    assert table("SELECT projection, position FROM read.parked_events ORDER BY 2") == later
    assert table("SELECT count(*) FROM read.history") == [(len(log.events),)]


def _without_purpose(rows: Rows, recorded: RecordedEvent) -> Rows:
    folded = REQUISITIONS.fold(rows, recorded)
    return {**folded, "requisitions": [{**row, "purpose": None} for row in folded["requisitions"]]}
