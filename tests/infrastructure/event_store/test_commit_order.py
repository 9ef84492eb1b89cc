"""Positions are given in commit order: a reader that has passed one has passed all before it."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (  # noqa: TID251 - the mode that must fail the check
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from psycopg.conninfo import conninfo_to_dict

from infrastructure.event_store import binary
from infrastructure.event_store.append import APPEND, Batch
from infrastructure.event_store.writer import Writer
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import (
    append,
    positions,
    until_somebody_waits_for_the_head,
)

PROCESSES = 4
ROUNDS = 60


class Tail:
    """A reader that goes on from the last position it has seen, as every consumer does."""

    def __init__(self, connection: psycopg.AsyncConnection, table: str) -> None:
        self._connection = connection
        self._query = (
            f"SELECT notification_id FROM {table} WHERE notification_id > %s"  # noqa: S608
            " ORDER BY notification_id LIMIT 50"
        )
        self.seen: list[int] = []

    async def read(self) -> None:
        """All there is just now."""
        while True:
            last = self.seen[-1] if self.seen else 0
            cursor = await self._connection.execute(self._query, (last,))
            found = [position for (position,) in await cursor.fetchall()]
            if not found:
                return
            self.seen.extend(found)


async def test_sixteen_writers_in_four_processes_leave_no_gap_for_a_tailing_reader(
    database: Database,
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url("relay"), autocommit=True
    ) as connection:
        tail = Tail(connection, "log.stored_events")
        processes = [await _start(database, seed=1000 * n) for n in range(PROCESSES)]
        finished = asyncio.gather(*(process.communicate() for process in processes))
        while not finished.done():
            await tail.read()
            await asyncio.sleep(0)
        await tail.read()

    assert [process.returncode for process in processes] == [0] * PROCESSES
    stored = sum(int(output) for output, _ in await finished)
    assert stored > PROCESSES * ROUNDS
    assert tail.seen == list(range(1, stored + 1))
    assert await positions(database) == tail.seen


async def test_a_reader_cannot_pass_a_transaction_that_is_still_open(
    database: Database, writer: Writer
) -> None:
    url = database.url("command")
    async with (
        await psycopg.AsyncConnection.connect(url) as slow,
        await psycopg.AsyncConnection.connect(database.url("relay"), autocommit=True) as reading,
    ):
        tail = Tail(reading, "log.stored_events")
        binary.register(slow)
        await slow.execute(APPEND, Batch([append()]).append_arguments(5))
        quick = asyncio.create_task(writer.append(append(), 30))
        await until_somebody_waits_for_the_head(database)
        await tail.read()
        await slow.commit()
        await quick
        await tail.read()

    assert missed(tail, await positions(database)) == []


async def test_the_same_check_catches_a_log_that_numbers_before_it_commits(
    bare_database: Database,
) -> None:
    recorder = _library_with_database_functions(bare_database)
    with ThreadPoolExecutor(1) as thread:
        slow = psycopg.connect(bare_database.superuser_url)
        slow.execute(
            "SELECT es_insert_events_uuid(ARRAY[ROW(%s, 1, 'slow', '')]::stored_event_uuid[])",
            (uuid4(),),
        )
        thread.submit(recorder.insert_events, [StoredEvent(uuid4(), 1, "quick", b"")]).result()
    async with await psycopg.AsyncConnection.connect(
        bare_database.superuser_url, autocommit=True
    ) as reading:
        tail = Tail(reading, "stored_events")
        await tail.read()
        slow.commit()
        slow.close()
        await tail.read()
    recorder.datastore.close()

    assert tail.seen == [2]
    assert missed(tail, [1, 2]) == [1]


def missed(tail: Tail, stored: list[int]) -> list[int]:
    """The positions that are in the log, and that the reader has passed without seeing them."""
    return [position for position in stored if position not in tail.seen]


async def _start(database: Database, seed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.infrastructure.event_store.writing_process",
        database.url("command"),
        str(ROUNDS),
        str(seed),
        stdout=asyncio.subprocess.PIPE,
    )


def _library_with_database_functions(database: Database) -> PostgresApplicationRecorder:
    parts = conninfo_to_dict(database.superuser_url)
    datastore = PostgresDatastore(
        str(parts["dbname"]),
        str(parts["host"]),
        str(parts["port"]),
        str(parts["user"]),
        str(parts["password"]),
        enable_db_functions=True,
    )
    recorder = PostgresApplicationRecorder(datastore)
    recorder.create_table()
    return recorder
