"""Reading the log: all of it in order, or one stream. Never past a hole."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.ids import Id
from infrastructure.errors import LogGap
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool

_COLUMNS: Final = (
    "notification_id, tenant_id, actor_id, correlation_id, causation_id, command_id, recorded_at,"
    " originator_id, originator_version, topic, state"
)
_AFTER: Final = (
    f"SELECT {_COLUMNS} FROM log.stored_events"  # noqa: S608 - a constant of this module
    " WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
)
_STREAM: Final = f"SELECT {_COLUMNS} FROM log.read_stream(%s, %s, 0)"  # noqa: S608 - likewise
_HEAD: Final = "SELECT epoch, position FROM log.log_head"


class LogShorter(Exception):
    """More was read than there is: the log was restored and has its old epoch."""

    def __init__(self, reader: str, position: int, head: int) -> None:
        super().__init__(
            f"{reader} at position {position}, but the log ends at {head}:"
            " give a restored log its new epoch (see docs/operations.md)"
        )


class LogReader:
    """Reads the log through a pool of autocommit connections.

    Every call raises ``StoreUnavailable`` where the database cannot be had, within seconds.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read_after(self, position: int, limit: int) -> list[RecordedEvent]:
        """The next events after ``position``, at most ``limit``, without a gap.

        For roles that see every tenant. Raises ``LogGap`` where the very next one is missing
        although later ones exist.
        """
        rows = await self._rows(_AFTER, position, limit)
        whole = [row for expected, row in enumerate(rows, position + 1) if row[0] == expected]
        if rows and not whole:
            raise LogGap(f"Position {position + 1} is missing, {rows[0][0]} exists.")
        return [_recorded(*row) for row in whole]

    async def read_stream(self, tenant_id: Id, aggregate_id: Id) -> list[RecordedEvent]:
        """All events of one aggregate of a tenant, oldest first; empty for another tenant's."""
        rows = await self._rows(_STREAM, to_uuid(tenant_id), to_uuid(aggregate_id))
        return [_recorded(*row) for row in rows]

    async def head(self) -> tuple[Id, int]:
        """The log's epoch, which changes when a restore has shortened it, and its last position."""
        ((epoch, position),) = await self._rows(_HEAD)
        return from_uuid(epoch), position

    async def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        async with pooled_call(self._pool) as connection:
            query = statement.encode()
            cursor = await connection.execute(query, values, prepare=True, binary=True)
            return await cursor.fetchall()


def _recorded(
    position: int,
    tenant: UUID,
    actor: UUID | None,
    correlation: str,
    causation: str | None,
    command: UUID,
    recorded_at: datetime,
    originator: UUID,
    version: int,
    topic: str,
    state: bytes,
) -> RecordedEvent:
    return RecordedEvent(
        position=position,
        tenant_id=from_uuid(tenant),
        actor_id=None if actor is None else from_uuid(actor),
        correlation_id=correlation,
        causation_id=causation,
        command_id=from_uuid(command),
        recorded_at=recorded_at,
        aggregate_id=from_uuid(originator),
        version=version,
        topic=topic,
        state=state,
        originator_id=originator,
    )
