"""Requisitions past their date expire once, however many timers look."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.postgres import pool_of
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, store
from tests.builders.people import APPROVER, REQUESTER, TECHNICIAN
from tests.builders.projected import follow
from tests.fixtures.postgres import Database
from workers.processes.expire_requisitions_past_their_date import (
    expire_requisitions_past_their_date,
)

PAST = datetime.now(UTC) - timedelta(days=1)
FUTURE = datetime.now(UTC) + timedelta(days=1)


class Timer:
    """One timer process."""

    def __init__(self, reader: AllTenantsReader, commands: Commands) -> None:
        self._reader = reader
        self._commands = commands

    async def look(self) -> int:
        return await expire_requisitions_past_their_date(
            self._reader, self._commands, lambda: datetime.now(UTC)
        )


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


def log_of_one(needed_until: datetime, *, fulfil: int = 0) -> MemoryLog:
    header = build.header(needed_from=None, needed_until=needed_until)
    requisition = build.drafted(header=header)
    requisition.submit((), build.asked(REQUESTER), project_archived=False)
    requisition.approve((), None, build.asked(APPROVER))
    if fulfil:
        requisition.fulfil(build.OSCILLOSCOPES, fulfil, None, build.asked(TECHNICIAN))
    log = MemoryLog()
    log.append(build.told(requisition))
    return log


def topics(database: Database) -> list[str]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        rows = connection.execute(
            "SELECT topic FROM log.stored_events ORDER BY notification_id"
        ).fetchall()
    return [topic for (topic,) in rows]


async def test_two_timers_at_once_expire_a_requisition_once(
    database: Database, timers: list[Timer]
) -> None:
    store(database.superuser_url, log_of_one(PAST).events)
    await follow(database)

    expired = await asyncio.gather(*(timer.look() for timer in timers * 3))

    assert sum(expired) == 1
    assert topics(database).count("requisition.expired.v1") == 1


async def test_a_timer_that_reads_old_rows_does_no_harm(
    database: Database, timers: list[Timer]
) -> None:
    store(database.superuser_url, log_of_one(PAST).events)
    await follow(database)
    await timers[0].look()

    assert await timers[1].look() == 0
    assert topics(database).count("requisition.expired.v1") == 1


async def test_what_is_not_due_stays(database: Database, timers: list[Timer]) -> None:
    store(database.superuser_url, log_of_one(FUTURE).events)
    await follow(database)

    assert await timers[0].look() == 0


async def test_the_rest_of_what_was_met_in_part_is_closed_short(
    database: Database, timers: list[Timer]
) -> None:
    store(database.superuser_url, log_of_one(PAST, fulfil=1).events)
    await follow(database)

    assert await timers[0].look() == 1
    await follow(database)

    assert topics(database)[-2:] == ["requisition.line_closed_short.v1"] * 2
    assert await timers[0].look() == 0
