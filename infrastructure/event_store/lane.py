"""A connection on which batches are stored, and the truth about one whose answer was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
from psycopg.pq import TransactionStatus
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception_type,
    stop_after_delay,
    wait_random,
)

from infrastructure import crash_points
from infrastructure.crash_points import CrashPoint
from infrastructure.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store import binary
from infrastructure.event_store.append import (
    APPEND,
    SETTLE,
    Batch,
    NotStored,
    Outcome,
    outcome_of,
    outcomes_of,
    settled,
)
from infrastructure.postgres import Connection, connect, severed_after

WriteRows = Callable[[Connection], Awaitable[None]]

LOCK_SHARE: Final = 0.8
"""Part of the time for a call that may be spent waiting for the lock: the server gives up first."""
STATEMENT_TIMEOUT: Final = "3500ms"

NOT_ALONE: Final = "QM002"
MAY_BE_REPEATED: Final = "40"
"""Class of SQLSTATE of a deadlock and its kind. Nothing was stored."""
UNAVAILABLE: Final = ("25", "53", "55", "57", "58")
"""Classes of SQLSTATE that say: not now. Nothing was stored."""


class Lane:
    """One connection to the log, made when it is needed, for one batch at a time.

    ``cut_at`` is the time of the event loop at which the connection is given up, ``deadline`` the
    one at which the answer is due.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self.when_lost: Callable[[], None] | None = None

    async def append(self, batch: Batch, cut_at: float, deadline: float) -> list[Outcome]:
        """Store a batch: an outcome for each of its commands.

        Raises ``StoreUnavailable`` (nothing stored), ``OutcomeUnknown``, and ``psycopg.Error``
        where the server refuses the batch as it is (nothing stored).
        """
        crash_points.reach(CrashPoint.COMMAND_BEFORE_APPEND)
        connection = await self._connected(cut_at)
        try:
            async with severed_after(connection, _left(cut_at)):
                outcomes = await _call(connection, batch, _left(cut_at))
        except psycopg.Error as error:
            return await self._after(error, batch, deadline)
        crash_points.reach(CrashPoint.COMMAND_AFTER_COMMIT)
        return outcomes

    async def append_with_rows(
        self, batch: Batch, write_rows: WriteRows, cut_at: float, deadline: float
    ) -> Outcome:
        """Store a batch of one command and, in the same transaction, what ``write_rows`` writes.

        The log's lock is taken last and never held across a round trip. Raises as ``append``
        does, and whatever ``write_rows`` raises (nothing stored then).
        """
        crash_points.reach(CrashPoint.COMMAND_BEFORE_APPEND)
        connection = await self._connected(cut_at)
        try:
            async with severed_after(connection, _left(cut_at)):
                outcome = await _transaction(connection, batch, write_rows, _left(cut_at))
        except psycopg.Error as error:
            outcome = _refusal(error) or (await self._after(error, batch, deadline))[0]
        finally:
            await self._leave_clean(deadline)
        crash_points.reach(CrashPoint.COMMAND_AFTER_COMMIT)
        return outcome

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connected(self, until: float) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = await connect(
                    self._url, _left(until), statement_timeout=STATEMENT_TIMEOUT
                )
            except (psycopg.Error, OSError, TimeoutError) as error:
                raise StoreUnavailable from error
            binary.register(self._connection)
        return self._connection

    async def _after(self, error: psycopg.Error, batch: Batch, deadline: float) -> list[Outcome]:
        if _is_certain(error, self._connection):
            if (error.sqlstate or "").startswith(MAY_BE_REPEATED):
                return [NotStored() for _ in batch.commands]
            if (error.sqlstate or "").startswith(UNAVAILABLE):
                raise StoreUnavailable from error
            raise error
        await self.close()
        if self.when_lost is not None:
            self.when_lost()
        return await self._settle(batch, deadline)

    async def _settle(self, batch: Batch, deadline: float) -> list[Outcome]:
        """Find out on a new connection what became of a batch whose answer was lost.

        Under the log's lock, which an orphaned transaction holds until it has ended; where the
        batch is not in the log by then, it is barred for good.
        """
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((psycopg.Error, StoreUnavailable)),
                wait=wait_random(0.02, 0.1),
                stop=stop_after_delay(_left(deadline)),
            ):
                with attempt:
                    return await self._ask(batch, deadline)
        except RetryError as error:
            raise OutcomeUnknown from error
        raise OutcomeUnknown

    async def _ask(self, batch: Batch, deadline: float) -> list[Outcome]:
        connection = await self._connected(deadline)
        async with severed_after(connection, _left(deadline)):
            arguments = batch.settle_arguments(_left(deadline) * LOCK_SHARE)
            cursor = await connection.execute(SETTLE, arguments)
            rows = await cursor.fetchall()
        return [settled(*pair) for pair in zip(batch.commands, rows, strict=True)]

    async def _leave_clean(self, deadline: float) -> None:
        """A transaction that was not committed must not be left open."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        match connection.info.transaction_status:
            case TransactionStatus.IDLE:
                return
            case TransactionStatus.INTRANS | TransactionStatus.INERROR:
                async with severed_after(connection, _left(deadline)):
                    await connection.rollback()
            case _:  # cancelled in the middle of something: nobody can say what comes next
                await self.close()


async def _call(connection: Connection, batch: Batch, time_s: float) -> list[Outcome]:
    arguments = batch.append_arguments(time_s * LOCK_SHARE)
    cursor = await connection.execute(APPEND, arguments, prepare=True)
    row: tuple[Any, ...] | None = await cursor.fetchone()
    return outcomes_of(row or ())


async def _transaction(
    connection: Connection, batch: Batch, write_rows: WriteRows, time_s: float
) -> Outcome:
    tenant = str(batch.commands[0].tenant)
    async with connection.pipeline():
        await connection.execute("BEGIN")
        await connection.execute("SELECT set_config('app.tenant', %s, true)", (tenant,))
    await write_rows(connection)
    crash_points.reach(CrashPoint.COMMAND_BEFORE_COMMIT)
    arguments = batch.append_arguments(time_s * LOCK_SHARE, alone=True)
    async with connection.pipeline():
        cursor = await connection.execute(APPEND, arguments)
        await connection.execute("COMMIT")
    row: tuple[Any, ...] | None = await cursor.fetchone()
    return outcomes_of(row or ())[0]


def _refusal(error: psycopg.Error) -> Outcome | None:
    """The outcome that kept a transaction of one command from committing."""
    if error.sqlstate != NOT_ALONE:
        return None
    detail = orjson.loads(error.diag.message_detail or "{}")
    moved = UUID(detail["moved"]) if detail["moved"] else None
    return outcome_of(error.diag.message_primary or "", detail["position"], detail["answer"], moved)


def _is_certain(error: psycopg.Error, connection: Connection | None) -> bool:
    """Whether the error proves that nothing was stored.

    The server's own word does, as long as it came over a living connection. A cancellation may
    strike in the moment after the commit: it proves nothing.
    """
    state = error.sqlstate or ""
    alive = connection is not None and not connection.closed
    return alive and state != "" and not state.startswith(("08", "57")) and state != "25P04"


def _left(until: float) -> float:
    return max(0.001, until - asyncio.get_running_loop().time())
