"""The load of the append benchmark, in a process of its own.

``python -m bench.append_load <who> <URL> <writers> <seconds>`` appends events of about 200 bytes,
one a command, each writer one after the other, and prints how many and how long it took as JSON.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, cast
from uuid import UUID, uuid4

import orjson
import uvloop
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (  # noqa: TID251 - the peer
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from psycopg.conninfo import conninfo_to_dict

from domain.identity.memberships import Membership
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.append import Append, NewEvent, Stored
from infrastructure.event_store.commands import Commands, Envelope
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id, to_uuid
from infrastructure.postgres import pool_of

STATE: Final = b'{"note":"' + b"x" * 189 + b'"}'
TOPIC: Final = "requisition.drafted.v1"
WARM_UP_S: Final = 0.5
DEADLINE_S: Final = 30.0


class _Stopwatch:
    """Counts what happens between the end of the warm-up and the end of the run."""

    def __init__(self, seconds: float) -> None:
        self._begin = time.monotonic() + WARM_UP_S
        self._end = self._begin + seconds
        self.count = 0

    @property
    def running(self) -> bool:
        return time.monotonic() < self._end

    def tick(self) -> None:
        if time.monotonic() >= self._begin:
            self.count += 1


async def ours(url: str, writers: int, seconds: float) -> int:
    """Our writer, as the command API uses it."""
    tenant, actor = uuid4(), uuid4()
    streams = (UUID(int=number) for number in count(to_uuid(new_id()).int))
    watch = _Stopwatch(seconds)

    async def write(writer: Writer) -> None:
        while watch.running:
            stream = next(streams)
            events = [NewEvent(stream, 1, TOPIC, STATE, tenant)]
            command = Append(uuid4(), tenant, actor, "bench", None, events, [(stream, 0)])
            match await writer.append(command, DEADLINE_S):
                case Stored():
                    watch.tick()
                case refusal:
                    raise RuntimeError(f"a new stream was refused: {refusal}")

    async with Writer(url) as writer:
        await asyncio.gather(*(write(writer) for _ in range(writers)))
    return watch.count


async def hot(url: str, writers: int, seconds: float) -> int:
    """Whole commands on one aggregate: load, decide, append."""
    tenant, id = new_id(), new_id()
    watch = _Stopwatch(seconds)
    envelope = Envelope(tenant, None, "bench", turn=id)
    async with Writer(url) as writer, pool_of(url) as pool:
        commands = Commands(pool, writer, lambda _: cast("Facts", None))

        async def join(store: Store, facts: Facts) -> Receipt:  # noqa: ARG001 - a handler
            now = datetime.now(UTC)
            return await store.save(
                Membership.join(to_uuid(id), tenant_id=tenant, user_id=id, roles=("a",), at=now)
            )

        async def turn(store: Store, facts: Facts) -> Receipt:  # noqa: ARG001 - a handler
            membership = await store.load(Membership, id)
            other = ("b",) if membership.roles == ("a",) else ("a",)
            membership.change_roles(other, datetime.now(UTC))
            return await store.save(membership)

        async def write() -> None:
            while watch.running:
                await commands.run(envelope, turn, DEADLINE_S)
                watch.tick()

        await commands.run(envelope, join)
        await asyncio.gather(*(write() for _ in range(writers)))
    return watch.count


def library(url: str, writers: int, seconds: float) -> int:
    """The library's recorder as it comes, in as many threads."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    datastore = PostgresDatastore(
        parts["dbname"],
        parts["host"],
        parts["port"],
        parts["user"],
        parts["password"],
        pool_size=writers,
    )
    recorder = PostgresApplicationRecorder(datastore)
    recorder.create_table()
    watches = [_Stopwatch(seconds) for _ in range(writers)]

    def write(watch: _Stopwatch) -> None:
        while watch.running:
            recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, STATE)])
            watch.tick()

    with ThreadPoolExecutor(writers) as threads:
        list(threads.map(write, watches))
    datastore.close()
    return sum(watch.count for watch in watches)


LOADS: Final[dict[str, Callable[[str, int, float], Any]]] = {
    "ours": ours,
    "hot": hot,
    "library": library,
}


def main(who: str, url: str, writers: int, seconds: float) -> None:
    """Run a load and print its result."""
    result = LOADS[who](url, writers, seconds)
    appended = uvloop.run(result) if asyncio.iscoroutine(result) else result
    sys.stdout.buffer.write(orjson.dumps({"count": appended, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
