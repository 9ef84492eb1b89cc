"""Reading the log: in order, without passing a hole."""

import psycopg
import pytest

from infrastructure.errors import LogGap
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id
from infrastructure.postgres import pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import TENANT, add_role, append, envelope, join


async def test_a_reader_goes_on_from_its_position(writer: Writer, log: LogReader) -> None:
    await writer.append(append(events=5), 5)

    assert [event.position for event in await log.read_after(0, 2)] == [1, 2]
    assert [event.position for event in await log.read_after(2, 10)] == [3, 4, 5]
    assert await log.read_after(5, 10) == []


async def test_the_head_is_the_last_position(writer: Writer, log: LogReader) -> None:
    epoch, before = await log.head()
    await writer.append(append(events=3), 5)

    assert (before, await log.head()) == (0, (epoch, 3))


async def test_a_reader_stops_before_a_hole_and_says_so(
    writer: Writer, log: LogReader, database: Database
) -> None:
    await writer.append(append(events=5), 5)
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        await connection.execute("DELETE FROM log.stored_events WHERE notification_id = 3")

    assert [event.position for event in await log.read_after(0, 10)] == [1, 2]
    with pytest.raises(LogGap):
        await log.read_after(2, 10)


@pytest.mark.parametrize("role", ["command", "query", "worker"])
async def test_a_stream_is_read_from_its_beginning_by_its_own_tenant(
    role: str, commands: Commands, database: Database
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    await commands.run(envelope(), join(new_id()))
    await commands.run(envelope(), add_role(id, "approver"))

    async with pool_of(database.url(role)) as pool:
        events = await LogReader(pool).read_stream(TENANT, id)
        of_another = await LogReader(pool).read_stream(new_id(), id)

    assert [(event.version, event.position) for event in events] == [(1, 1), (2, 3)]
    assert of_another == []


async def test_each_append_rings_once_with_the_last_position(
    writer: Writer, database: Database
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url("relay"), autocommit=True
    ) as listening:
        await listening.execute("LISTEN qm_log")
        await writer.append(append(events=3), 5)
        rung = [notice.payload async for notice in listening.notifies(timeout=5, stop_after=1)]

    assert rung == ["3"]
