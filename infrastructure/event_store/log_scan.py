"""The whole log, aggregate by aggregate: for replays, which then hold one aggregate at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from psycopg import AsyncServerCursor
from psycopg.rows import TupleRow

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import from_uuid
from infrastructure.postgres import Connection, connect, severed_after

FETCH: Final = 2000
CONNECT_S: Final = 5.0
WHOLE_S: Final = 6 * 60 * 60.0
_TIMEOUTS: Final = {
    "statement_timeout": "30min",
    "transaction_timeout": "6h",
    "idle_in_transaction_session_timeout": "10min",
    "work_mem": "64MB",
    "jit": "off",
}
_SCAN: Final = (
    "SELECT notification_id, tenant_id, actor_id, correlation_id, causation_id, command_id,"
    " recorded_at, originator_id, originator_version, topic, state FROM log.stored_events"
    " WHERE notification_id <= %s ORDER BY originator_id, originator_version"
)
_HEAD: Final = "SELECT epoch, position FROM log.log_head"
_SOUND: Final = """
SELECT (SELECT count(*) = coalesce(max(notification_id), 0)
               AND count(*) = (SELECT position FROM log.log_head) FROM log.stored_events),
       NOT EXISTS (SELECT FROM log.stored_events GROUP BY originator_id
                   HAVING count(*) <> max(originator_version))
"""

_known = lru_cache(maxsize=10_000)(from_uuid)


@dataclass(frozen=True, slots=True)
class Soundness:
    """Whether positions run from 1 to the head, and versions from 1 in every stream."""

    positions: bool
    versions: bool


class LogScan:
    """One snapshot of the log, for a role that sees every tenant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def head(self) -> tuple[Id, int]:
        """The log's epoch and its last position."""
        cursor = await self._connection.execute(_HEAD)
        ((epoch, position),) = await cursor.fetchall()
        return from_uuid(epoch), position

    async def soundness(self) -> Soundness:
        """Look at every event's number."""
        cursor = await self._connection.execute(_SOUND)
        ((positions, versions),) = await cursor.fetchall()
        return Soundness(positions, versions)

    async def read(self, upto: int) -> AsyncIterator[list[RecordedEvent]]:
        """The events up to a position, in chunks; those of one aggregate together, in order."""
        async with AsyncServerCursor(self._connection, "scan") as cursor:
            await cursor.execute(_SCAN, (upto,), binary=True)
            while rows := await cursor.fetchmany(FETCH):
                yield [_recorded(row) for row in rows]


@asynccontextmanager
async def scanned(url: str) -> AsyncIterator[LogScan]:
    """A snapshot of the log as it is now."""
    async with (
        await connect(url, CONNECT_S, **_TIMEOUTS) as connection,
        severed_after(connection, WHOLE_S),
    ):
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield LogScan(connection)


def _recorded(row: TupleRow) -> RecordedEvent:
    (position, tenant, actor, correlation, causation, command, at, originator, *rest) = row
    return RecordedEvent(
        position,
        _known(tenant),
        None if actor is None else _known(actor),
        correlation,
        causation,
        from_uuid(command),
        at,
        _known(originator),
        rest[0],
        rest[1],
        rest[2],
        originator,
    )
