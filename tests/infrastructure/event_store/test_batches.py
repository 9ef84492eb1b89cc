"""Commands that travel together: each has an outcome of its own."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.append import (
    Append,
    KeyReused,
    Moved,
    Outcome,
    Replayed,
    Stored,
)
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.writer import Writer
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import append, positions


async def together(writer: Writer, *commands: Append) -> list[Outcome]:
    return list(await asyncio.gather(*(writer.append(command, 5) for command in commands)))


async def test_positions_are_counted_without_a_gap_in_the_order_of_the_batch(
    writer: Writer, log: LogReader
) -> None:
    outcomes = await together(writer, append(), append(events=3), append())

    assert outcomes == [Stored(1), Stored(4), Stored(5)]
    assert [event.position for event in await log.read_after(0, 10)] == [1, 2, 3, 4, 5]


async def test_commands_of_one_moment_are_stored_in_one_transaction(
    writer: Writer, database: Database
) -> None:
    await together(writer, *(append() for _ in range(20)))

    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        cursor = await connection.execute(
            "SELECT count(DISTINCT xmin::text) FROM log.stored_events"
        )
        assert await cursor.fetchone() == (1,)


async def test_a_conflict_fails_alone(writer: Writer, database: Database) -> None:
    taken = uuid4()
    await writer.append(append(taken), 5)

    outcomes = await together(writer, append(), append(taken), append())

    assert outcomes == [Stored(2), Moved(taken), Stored(3)]
    assert await positions(database) == [1, 2, 3]


async def test_a_version_that_is_too_high_is_a_conflict_too(writer: Writer) -> None:
    stream = uuid4()

    assert await writer.append(append(stream, version=2), 5) == Moved(stream)


async def test_a_command_that_the_database_cannot_take_fails_alone(
    writer: Writer, database: Database
) -> None:
    first, broken, last = await asyncio.gather(
        writer.append(append(), 5),
        writer.append(append(topic="no text has a NUL: \0"), 5),
        writer.append(append(), 5),
        return_exceptions=True,
    )

    assert [first, last] == [Stored(1), Stored(2)]
    assert isinstance(broken, psycopg.DataError)
    assert await positions(database) == [1, 2]


async def test_a_command_that_cannot_be_sent_fails_alone(
    writer: Writer, database: Database
) -> None:
    first, broken, last = await asyncio.gather(
        writer.append(append(), 5),
        writer.append(append(topic="half a character: \ud800"), 5),
        writer.append(append(), 5),
        return_exceptions=True,
    )

    assert [first, last] == [Stored(1), Stored(2)]
    assert isinstance(broken, UnicodeError)
    assert await positions(database) == [1, 2]


async def test_two_commands_on_one_stream_never_share_a_batch(writer: Writer) -> None:
    stream = uuid4()

    outcomes = await together(writer, append(stream), append(stream), append(stream, version=2))

    assert outcomes == [Stored(1), Moved(stream), Stored(2)]


async def test_a_stream_that_moves_in_a_batch_is_seen_to_have_moved(writer: Writer) -> None:
    rule = uuid4()

    outcomes = await together(
        writer, append(rule), append(checked=((rule, 0),)), append(checked=((rule, 1),))
    )

    assert outcomes == [Stored(1), Moved(rule), Stored(2)]


async def test_a_command_rests_on_streams_that_must_not_have_moved(writer: Writer) -> None:
    rule = uuid4()
    await writer.append(append(rule, events=2), 5)

    outcomes = await together(writer, append(checked=((rule, 2),)), append(checked=((rule, 1),)))

    assert outcomes == [Stored(3), Moved(rule)]


async def test_a_command_known_by_its_id_is_answered_as_before(writer: Writer) -> None:
    first = append(fingerprint=b"print")
    again = append(command_id=first.command_id, fingerprint=b"print")
    other = append(command_id=first.command_id, fingerprint=b"another")

    outcomes = await together(writer, first, again, other)

    assert outcomes == [Stored(1), Replayed(1, {"status": 200}), KeyReused()]


async def test_a_command_without_events_is_remembered_at_the_head(
    writer: Writer, database: Database
) -> None:
    await writer.append(append(events=2), 5)
    nothing = append(events=0, fingerprint=b"print")

    assert await writer.append(nothing, 5) == Stored(2)
    assert await writer.append(nothing, 5) == Replayed(2, {"status": 200})
    assert await positions(database) == [1, 2]


async def test_more_commands_than_a_batch_holds_are_all_stored(database: Database) -> None:
    async with Writer(database.url("command"), lanes=2, batch=3) as writer:
        outcomes = await together(writer, *(append() for _ in range(20)))

    assert sorted(o.position for o in outcomes if isinstance(o, Stored)) == list(range(1, 21))


async def test_a_command_that_nobody_waits_for_any_more_is_not_sent(
    writer: Writer, database: Database
) -> None:
    given_up = asyncio.create_task(writer.append(append(), 5))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await writer.append(append(), 5) == Stored(1)
    assert await positions(database) == [1]


async def test_what_waits_when_the_writer_is_closed_is_refused(database: Database) -> None:
    writer = Writer(database.url("command"))
    waiting = asyncio.create_task(writer.append(append(), 5))
    await asyncio.sleep(0)
    await writer.close()

    with pytest.raises(StoreUnavailable):
        await waiting
    assert await positions(database) == []


async def test_a_closed_writer_takes_no_more(database: Database) -> None:
    writer = Writer(database.url("command"))
    await writer.append(append(), 5)
    await writer.close()

    with pytest.raises(StoreUnavailable):
        await writer.append(append(), 5)
    assert await positions(database) == [1]
