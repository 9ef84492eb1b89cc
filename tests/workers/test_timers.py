"""What is due by the clock is done once, however many timers look and however often."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
import pytest

from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, Item, Terms
from domain.assignments.item_book import Hold, ItemBook
from domain.assignments.rules import Asked
from domain.ids import Id, book_id, id_of, uuid_of
from domain.requisitions.requisition import Requisition
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.postgres import pool_of
from tests.builders import custody
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, store
from tests.builders.people import APPROVER, NOW, PROJECT, REQUESTER, TECHNICIAN, TENANT
from tests.builders.projected import follow
from tests.fixtures.postgres import Database
from workers.due import Process
from workers.processes.cancel_reservations_nobody_collected import (
    GRACE,
    cancel_reservations_nobody_collected,
)
from workers.processes.expire_requisitions_past_their_date import (
    expire_requisitions_past_their_date,
)
from workers.processes.let_reminders_fall_due import let_reminders_fall_due
from workers.processes.mark_assignments_overdue import mark_assignments_overdue
from workers.processes.tell_who_is_to_collect import tell_who_is_to_collect

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
DUE: Final = NOW + 10 * DAY
LAPTOP: Final = build.asset(1)


class Timer:
    """One timer process."""

    def __init__(self, reader: AllTenantsReader, commands: Commands) -> None:
        self._reader = reader
        self._commands = commands

    async def look(self, process: Process, at: datetime) -> int:
        return await process.run(self._reader, self._commands, lambda: at)


@pytest.fixture
async def timers(database: Database) -> AsyncIterator[list[Timer]]:
    url = database.url("worker")
    async with (
        pool_of(url) as pool,
        Writer(url) as one,
        Writer(url) as two,
        AllTenantsReader(url) as reader,
    ):
        facts = FactSource(pool).of
        yield [Timer(reader, Commands(pool, writer, facts)) for writer in (one, two)]


@pytest.fixture
async def timer(timers: list[Timer]) -> Timer:
    return timers[0]


async def happened(database: Database, *told: Any) -> MemoryLog:
    """Let the log hold what these aggregates have to tell, and the read tables follow."""
    log = MemoryLog()
    for aggregate in told:
        log.append(list(aggregate.collect_events()))
    await asyncio.to_thread(store, database.superuser_url, log.events)
    await follow(database)
    return log


def asked_for(needed_until: datetime, *, fulfil: int = 0) -> Requisition:
    requisition = build.drafted(header=build.header(needed_from=None, needed_until=needed_until))
    requisition.submit((), build.asked(REQUESTER), project_archived=False)
    requisition.approve((), None, build.asked(APPROVER))
    if fulfil:
        requisition.fulfil(build.OSCILLOSCOPES, fulfil, None, build.asked(TECHNICIAN))
    return requisition


def kept(requisition: Requisition, needed_until: datetime) -> tuple[Assignment, ItemBook]:
    """What a requisition with an allocated laptop goes with: its assignment and the laptop's book."""
    item, id = Item(LAPTOP.kind, LAPTOP.id), build.assignment(1)
    terms = Terms(
        item=item,
        custodian=Custodian("user", REQUESTER.user_id),
        begins=NOW,
        due=needed_until,
        project_id=PROJECT,
        requisition_id=id_of(requisition.id),
        line_id=build.LAPTOPS.line_id,
    )
    by = TECHNICIAN.user_id
    assignment = Assignment.reserve(
        uuid_of(id), terms, tenant_id=TENANT, verified=True, by=by, at=NOW
    )
    book_uuid = uuid_of(book_id(TENANT, item.kind, item.id))
    book = ItemBook.open(book_uuid, tenant_id=TENANT, item=item, at=NOW)
    book.hold(Hold(id, 1, NOW, needed_until), remaining=None, at=NOW)
    return assignment, book


async def allocated(database: Database) -> None:
    requisition = build.allocated(header=build.header(needed_from=None, needed_until=DUE))
    await happened(database, requisition, *kept(requisition, DUE))


def topics(database: Database, kind: str = "") -> list[str]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        rows = connection.execute(
            "SELECT topic FROM log.stored_events WHERE topic LIKE %s ORDER BY notification_id",
            (f"{kind}%",),
        ).fetchall()
    return [topic for (topic,) in rows]


def reminded(database: Database) -> list[int]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        rows = connection.execute(
            "SELECT (convert_from(state, 'UTF8')::json ->> 'day')::int FROM log.stored_events"
            " WHERE topic = 'assignment.reminder_fell_due.v1' ORDER BY notification_id"
        ).fetchall()
    return [day for (day,) in rows]


# Requisitions past their date


async def test_two_timers_at_once_expire_a_requisition_once(
    database: Database, timers: list[Timer]
) -> None:
    await happened(database, asked_for(DUE))

    process = expire_requisitions_past_their_date
    expired = await asyncio.gather(*(timer.look(process, DUE + HOUR) for timer in timers * 3))

    assert sum(expired) == 1
    assert topics(database).count("requisition.expired.v1") == 1


async def test_a_timer_that_reads_old_rows_does_no_harm(
    database: Database, timers: list[Timer]
) -> None:
    await happened(database, asked_for(DUE))
    await timers[0].look(expire_requisitions_past_their_date, DUE + HOUR)

    assert await timers[1].look(expire_requisitions_past_their_date, DUE + HOUR) == 0
    assert topics(database).count("requisition.expired.v1") == 1


async def test_what_is_not_due_stays(database: Database, timer: Timer) -> None:
    await happened(database, asked_for(DUE))

    assert await timer.look(expire_requisitions_past_their_date, DUE) == 0


async def test_the_rest_of_what_was_met_in_part_is_closed_short(
    database: Database, timer: Timer
) -> None:
    await happened(database, asked_for(DUE, fulfil=1))

    assert await timer.look(expire_requisitions_past_their_date, DUE + HOUR) == 1
    await follow(database)

    assert topics(database)[-2:] == ["requisition.line_closed_short.v1"] * 2
    assert await timer.look(expire_requisitions_past_their_date, DUE + HOUR) == 0


async def test_a_requisition_that_expires_lets_go_of_what_is_kept_for_it(
    database: Database, timer: Timer
) -> None:
    await allocated(database)

    assert await timer.look(expire_requisitions_past_their_date, DUE + HOUR) == 1

    assert topics(database)[-4:] == [
        "requisition.line_deallocated.v1",
        "requisition.expired.v1",
        "assignment.cancelled.v1",
        "item_book.released.v1",
    ]


async def test_more_than_a_page_of_them_is_dealt_with_at_one_look(
    database: Database, timer: Timer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.due.PAGE", 2)
    await happened(database, *(asked_for(DUE) for _ in range(5)))

    assert await timer.look(expire_requisitions_past_their_date, DUE + HOUR) == 5


# Reservations whose time is near


def reserved_ahead(ahead: timedelta) -> Assignment:
    terms = Terms(
        item=Item(LAPTOP.kind, LAPTOP.id),
        custodian=Custodian("user", REQUESTER.user_id),
        begins=NOW + ahead,
        due=None,
    )
    id = uuid_of(build.assignment(1))
    return Assignment.reserve(id, terms, tenant_id=TENANT, verified=True, by=None, at=NOW)


async def test_who_reserved_ahead_is_told_once_when_the_time_is_near(
    database: Database, timers: list[Timer]
) -> None:
    await happened(database, reserved_ahead(10 * DAY))
    process = tell_who_is_to_collect
    assert await timers[0].look(process, NOW + 9 * DAY - HOUR) == 0

    told = await asyncio.gather(*(timer.look(process, NOW + 9 * DAY) for timer in timers * 2))
    await follow(database)

    assert sum(told) == 1
    assert await timers[0].look(process, NOW + 10 * DAY) == 0
    assert topics(database).count("assignment.collection_fell_due.v1") == 1


async def test_who_was_told_when_it_was_reserved_is_not_told_again(
    database: Database, timer: Timer
) -> None:
    await happened(database, reserved_ahead(DAY))

    assert await timer.look(tell_who_is_to_collect, NOW + DAY) == 0


# Reservations that nobody collected


async def test_what_nobody_collected_is_free_again_after_a_grace(
    database: Database, timers: list[Timer]
) -> None:
    await allocated(database)
    process = cancel_reservations_nobody_collected
    assert await timers[0].look(process, NOW + GRACE) == 0

    late = NOW + GRACE + HOUR
    cancelled = await asyncio.gather(*(timer.look(process, late) for timer in timers * 2))

    assert sum(cancelled) == 1
    assert topics(database)[-3:] == [
        "assignment.cancelled.v1",
        "item_book.released.v1",
        "requisition.line_deallocated.v1",
    ]


async def test_what_was_collected_is_not_cancelled(database: Database, timer: Timer) -> None:
    assignment = custody.issued(custody.reserved(due=None))
    await happened(database, assignment)

    assert await timer.look(cancel_reservations_nobody_collected, NOW + 30 * DAY) == 0


# What is due back


def out(name: str = "assignment", due: datetime | None = DUE) -> Assignment:
    return custody.issued(custody.reserved(name, due=due))


async def test_what_is_late_becomes_overdue_once(database: Database, timers: list[Timer]) -> None:
    await happened(database, out(), out("for good", due=None))
    process = mark_assignments_overdue
    assert await timers[0].look(process, DUE) == 0

    marked = await asyncio.gather(*(timer.look(process, DUE + HOUR) for timer in timers * 2))
    await follow(database)

    assert sum(marked) == 1
    assert await timers[0].look(process, DUE + DAY) == 0
    assert topics(database).count("assignment.became_overdue.v1") == 1


async def test_what_was_returned_in_the_meantime_does_not_become_overdue(
    database: Database, timer: Timer
) -> None:
    assignment = out()
    log = await happened(database, assignment)
    operation_id = custody.receiving(assignment)
    assignment.returned(operation_id, custody.evidence(), NOW)
    recorded = log.append(list(assignment.collect_events()))
    await asyncio.to_thread(store, database.superuser_url, recorded)

    assert await timer.look(mark_assignments_overdue, DUE + HOUR) == 0
    assert "assignment.became_overdue.v1" not in topics(database)


async def look_on_every_day(database: Database, timers: list[Timer], days: range) -> None:
    for day in days:
        for timer in timers:
            await timer.look(let_reminders_fall_due, DUE + day * DAY + HOUR)
        await follow(database)


async def test_reminders_fall_due_on_their_days_each_once(
    database: Database, timers: list[Timer]
) -> None:
    await happened(database, out())

    await look_on_every_day(database, timers, range(-4, 12))

    assert reminded(database) == [-1, 0, 1, 3, 7]


async def test_who_looks_twice_before_the_rows_follow_reminds_once(
    database: Database, timers: list[Timer]
) -> None:
    await happened(database, out())

    given = await asyncio.gather(
        *(timer.look(let_reminders_fall_due, DUE + HOUR) for timer in timers * 3)
    )

    assert sum(given) == 1
    assert reminded(database) == [0]


async def test_reminders_that_were_missed_give_way_to_the_last_of_them(
    database: Database, timer: Timer
) -> None:
    await happened(database, out())

    await timer.look(let_reminders_fall_due, DUE + 4 * DAY)
    await follow(database)
    await timer.look(let_reminders_fall_due, DUE + 5 * DAY)

    assert reminded(database) == [3]


async def test_what_is_overdue_is_still_reminded_of(database: Database, timer: Timer) -> None:
    assignment = out()
    assignment.mark_overdue(DUE + HOUR)
    await happened(database, assignment)

    await timer.look(let_reminders_fall_due, DUE + DAY)

    assert reminded(database) == [1]


async def test_nobody_is_reminded_of_what_is_not_out_or_is_out_for_good(
    database: Database, timer: Timer
) -> None:
    await happened(database, custody.reserved("reserved", due=DUE), out("for good", due=None))

    assert await timer.look(let_reminders_fall_due, DUE + DAY) == 0


def cables_of_which(*unlisted: int) -> Assignment:
    name = f"cables without {unlisted}"
    kept = custody.reserved(name, item=custody.CABLES, quantity=2, due=DUE)
    cables = custody.issued(kept, rows=[71, 72])
    cables.detect_units_drift(unlisted, NOW, NOW)
    return cables


async def test_a_reminder_waits_while_the_inventory_lists_it_with_nobody(
    database: Database, timer: Timer, caplog: pytest.LogCaptureFixture
) -> None:
    with_nobody, elsewhere = out("with nobody"), out("elsewhere")
    with_nobody.detect_drift(None, NOW, NOW)
    elsewhere.detect_drift(("user", 9), NOW, NOW)
    in_part, wholly = cables_of_which(71), cables_of_which(71, 72)
    await happened(database, with_nobody, elsewhere, in_part, wholly)

    with caplog.at_level(logging.INFO, "workers.due"):
        assert await timer.look(let_reminders_fall_due, DUE + HOUR) == 2
    assert caplog.messages == []


async def test_a_new_due_date_has_reminders_of_its_own(database: Database, timer: Timer) -> None:
    assignment = out()
    assignment.remind(-1, DUE - HOUR)
    operation_id: Id = assignment.next_operation("set_due")
    assignment.approve_extension(DUE + 7 * DAY, operation_id, Asked(custody.MANAGER, DUE))
    assignment.due_changed(operation_id, custody.evidence(), DUE)
    await happened(database, assignment)

    assert await timer.look(let_reminders_fall_due, DUE + HOUR) == 0
    assert await timer.look(let_reminders_fall_due, DUE + 6 * DAY) == 1
    assert reminded(database) == [-1, -1]
