"""Reads of the query API: one snapshot a request, and a deadline on every part of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import orjson
import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Executable, Row, bindparam, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.ids import Id
from infrastructure.deadlines import within
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import to_uuid
from infrastructure.security import Principal, authenticate_on

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 2

# The tenant stands in the transaction, for row-level security, before any table of it is read.
# A projection without a row has read nothing yet. Without projections the answer comes from
# tables that are written together with the events: it is as new as the log.
_ENTER: Final = text(
    "SELECT set_config('app.tenant', :tenant, true), CASE WHEN :count = 0"
    " THEN (SELECT position FROM log.log_head)"
    " ELSE (SELECT CASE WHEN count(*) = :count THEN min(position) ELSE 0 END"
    " FROM read.projection_positions WHERE projection = ANY(:projections)) END"
).bindparams(bindparam("projections"), bindparam("count"), bindparam("tenant"))
_HEAD: Final = text("SELECT position FROM log.log_head")


class Snapshot:
    """One read-only transaction, in which everything is as it was at one moment."""

    def __init__(self, connection: AsyncConnection, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    async def authenticate(self, token: str) -> Principal | None:
        """The principal behind a live token, else None."""
        raw = await self._connection.get_raw_connection()
        driver = cast("psycopg.AsyncConnection[TupleRow]", raw.driver_connection)
        return await self._within(authenticate_on(driver, token))

    async def enter(self, tenant_id: Id | None, projections: Sequence[str]) -> int:
        """Make the rows of one tenant visible. Returns how far these projections are.

        Without projections that is the head of the log.
        """
        tenant = "" if tenant_id is None else str(to_uuid(tenant_id))
        values = {"tenant": tenant, "count": len(projections), "projections": list(projections)}
        result = await self._within(self._connection.execute(_ENTER, values))
        return int(result.one()[1] or 0)

    async def head(self) -> int:
        """The position of the newest event of the log."""
        result = await self._within(self._connection.execute(_HEAD))
        return int(result.scalar_one_or_none() or 0)

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a select."""
        result = await self._within(self._connection.execute(statement))
        return result.all()

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a select, or None."""
        result = await self._within(self._connection.execute(statement))
        return result.first()

    async def _within(self, work: Coroutine[Any, Any, T]) -> T:
        return await within(self._deadline_s, work)


class ReadEngine:
    """A pool of connections that can only read. Every failure to get an answer in time raises
    ``StoreUnavailable``.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        acquire_timeout_s: float = 2,
        statement_timeout_s: float = 5,
    ) -> None:
        self._deadline_s = statement_timeout_s + 1
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=acquire_timeout_s,
            pool_use_lifo=True,
            isolation_level="REPEATABLE READ",
            json_deserializer=orjson.loads,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "quartermaster query",
                "options": (
                    f"-c statement_timeout={int(statement_timeout_s * 1000)}"
                    " -c default_transaction_read_only=on -c jit=off"
                    f" -c idle_in_transaction_session_timeout={int(self._deadline_s * 1000)}"
                ),
            },
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A snapshot of this moment. Raises ``StoreUnavailable``."""
        try:
            connection = await self._engine.connect()
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise StoreUnavailable from error
        try:
            yield Snapshot(connection, self._deadline_s)
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            await connection.invalidate()
            raise StoreUnavailable from error
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
                raise
            await connection.invalidate()
            raise StoreUnavailable from error
        finally:
            await self._release(connection.close)

    async def _release(self, close: Callable[[], Awaitable[None]]) -> None:
        async def closing() -> None:
            await close()

        await within(self._deadline_s, closing())
