"""Reads of the query API: one snapshot a request, and a deadline on every part of it."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
import psycopg
from psycopg import AsyncCursor
from psycopg.rows import TupleRow
from sqlalchemy import Executable, Row, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.ids import Id
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import to_uuid
from infrastructure.postgres import Connection, parameters, severed_after
from infrastructure.prepared_selects import AnySelect, PreparedSelect, Question
from infrastructure.security import (
    PRINCIPAL_COLUMNS,
    Principal,
    digest,
    is_token,
    principal_of,
)

# Who asks, how far the log and the projections are, and the tenant for row-level security: all
# in one question, before any table of the tenant is read. A projection without a row has read
# nothing yet. Without projections the answer comes from tables that are written together with
# the events: it is as new as the log.
_OPEN: Final = f"""
SELECT (SELECT position FROM log.log_head),
    CASE WHEN %(count)s = 0 THEN (SELECT position FROM log.log_head)
    ELSE (SELECT CASE WHEN count(*) = %(count)s THEN min(position) ELSE 0 END
        FROM read.projection_positions WHERE projection = ANY(%(projections)s)) END,
    set_config('app.tenant', coalesce(tenant_id::text, ''), true), {PRINCIPAL_COLUMNS}
FROM identity.authenticate(ARRAY[%(token)b::bytea])
"""  # noqa: S608 - a constant of security
_ENTER: Final = "SELECT set_config('app.tenant', %s, true)"
_HEAD: Final = "SELECT position FROM log.log_head"

# A plan for any tenant and any word fits no large one: a list is planned each time. Only what is
# prepared on purpose, and reads by key, keeps its plan.
_ON_PURPOSE_ONLY: Final = sys.maxsize

STATEMENT_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Opening:
    """Who reads, and how far the log and the projections asked for are in this snapshot."""

    principal: Principal
    head: int
    position: int


class Snapshot:
    """One read-only transaction, in which everything is as it was at one moment."""

    def __init__(
        self,
        connection: AsyncConnection,
        driver: Connection,
        prepared: Callable[[Question], PreparedSelect],
    ) -> None:
        self._connection = connection
        self._driver = driver
        self._prepared = prepared

    async def open(self, token: str, projections: Sequence[str]) -> Opening | None:
        """Make the rows of the tenant of a live token visible; None for any other token.

        Without projections, ``position`` is the head of the log.
        """
        if not is_token(token):
            return None
        values = {
            "token": digest(token),
            "projections": list(projections),
            "count": len(projections),
        }
        async with self._driver.pipeline():
            cursor = await self._driver.execute(_OPEN, values, prepare=True)
        row = await cursor.fetchone()
        if row is None:
            return None
        head, position, _ = row[:3]
        return Opening(principal_of(row[3:]), head or 0, position or 0)

    async def enter(self, tenant_id: Id | None) -> None:
        """Make the rows of one tenant visible, on behalf of who has opened a snapshot before."""
        tenant = "" if tenant_id is None else str(to_uuid(tenant_id))
        await self._driver.execute(_ENTER, (tenant,))

    async def head(self) -> int:
        """The position of the newest event of the log."""
        cursor = await self._driver.execute(_HEAD)
        row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a select."""
        result = await self._connection.execute(statement)
        return result.all()

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a select, or None."""
        result = await self._connection.execute(statement)
        return result.first()

    async def answer(self, question: Question) -> Sequence[Any]:
        """The rows of one question."""
        select = self._prepared(question)
        cursor = await self._ask(select, question)
        return select.rows(await cursor.fetchall())

    async def answers(self, *questions: Question) -> list[Sequence[Any]]:
        """The rows of each question, in one round trip: all are there once the pipeline has ended."""
        selects = [self._prepared(question) for question in questions]
        asked = zip(selects, questions, strict=True)
        async with self._driver.pipeline():
            cursors = [await self._ask(select, question) for select, question in asked]
        answered = zip(selects, cursors, strict=True)
        return [select.rows(await cursor.fetchall()) for select, cursor in answered]

    async def _ask(self, select: PreparedSelect, question: Question) -> AsyncCursor[TupleRow]:
        values = select.bound(question.values)
        return await self._driver.execute(select.sql, values, prepare=True, binary=True)


class ReadEngine:
    """A pool of connections that can only read.

    A snapshot that cannot be had or held in time raises ``StoreUnavailable``: the wait for a
    connection, each statement and the snapshot as a whole have an end.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        acquire_timeout_s: float = 2,
        statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    ) -> None:
        self._deadline_s = _deadline_s(statement_timeout_s)
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=acquire_timeout_s,
            pool_use_lifo=True,
            isolation_level="REPEATABLE READ",
            json_deserializer=orjson.loads,
            connect_args={
                **reader_parameters(statement_timeout_s),
                "application_name": "quartermaster query",
                "prepare_threshold": _ON_PURPOSE_ONLY,
            },
        )
        self._prepared: dict[Callable[[], AnySelect], PreparedSelect] = {}

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A snapshot of this moment. Raises ``StoreUnavailable``."""
        try:
            connection = await self._engine.connect()
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise StoreUnavailable("The read tables could not be had in time.") from error
        raw = await connection.get_raw_connection()
        driver = cast("Connection", raw.driver_connection)
        try:
            async with severed_after(driver, self._deadline_s):
                yield Snapshot(connection, driver, self._prepare)
                # Nothing was written; but a rollback makes psycopg drop all that is prepared.
                await driver.commit()
        except (DBAPIError, psycopg.Error) as error:
            if not _is_unavailability(error):
                raise
            raise StoreUnavailable("The read tables could not be had in time.") from error
        finally:
            if driver.closed:
                await connection.invalidate()
            await connection.close()

    def _prepare(self, question: Question) -> PreparedSelect:
        if question.build not in self._prepared:
            self._prepared[question.build] = PreparedSelect(question.build())
        return self._prepared[question.build]


def reader_parameters(statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> dict[str, Any]:
    """Connection parameters of one who only reads, with an end to every statement."""
    deadline_s = _deadline_s(statement_timeout_s)
    return parameters(
        statement_timeout=f"{statement_timeout_s}s",
        transaction_timeout=f"{deadline_s}s",
        idle_in_transaction_session_timeout=f"{deadline_s}s",
        default_transaction_read_only="on",
        timezone="UTC",
        jit="off",
    )


def _deadline_s(statement_timeout_s: float) -> float:
    return statement_timeout_s + 1


def _is_unavailability(error: DBAPIError | psycopg.Error) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
