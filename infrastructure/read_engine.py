"""Reads of the query API: one snapshot a request, and a deadline on every part of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import orjson
import psycopg
from sqlalchemy import Executable, Row, bindparam, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.ids import Id
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import to_uuid
from infrastructure.postgres import Connection, parameters, severed_after
from infrastructure.security import Principal, authenticate_on

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

    def __init__(self, connection: AsyncConnection, driver: Connection) -> None:
        self._connection = connection
        self._driver = driver

    async def authenticate(self, token: str) -> Principal | None:
        """The principal behind a live token, else None."""
        return await authenticate_on(self._driver, token)

    async def enter(self, tenant_id: Id | None, projections: Sequence[str]) -> int:
        """Make the rows of one tenant visible. Returns how far these projections are.

        Without projections that is the head of the log.
        """
        tenant = "" if tenant_id is None else str(to_uuid(tenant_id))
        values = {"tenant": tenant, "count": len(projections), "projections": list(projections)}
        result = await self._connection.execute(_ENTER, values)
        return int(result.one()[1] or 0)

    async def head(self) -> int:
        """The position of the newest event of the log."""
        result = await self._connection.execute(_HEAD)
        return int(result.scalar_one_or_none() or 0)

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a select."""
        result = await self._connection.execute(statement)
        return result.all()

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a select, or None."""
        result = await self._connection.execute(statement)
        return result.first()


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
        statement_timeout_s: float = 5,
    ) -> None:
        self._deadline_s = statement_timeout_s + 1
        timeouts = parameters(
            statement_timeout=f"{statement_timeout_s}s",
            transaction_timeout=f"{self._deadline_s}s",
            idle_in_transaction_session_timeout=f"{self._deadline_s}s",
            default_transaction_read_only="on",
            timezone="UTC",
            # A plan for any tenant and any word fits no large one: to plan costs less.
            plan_cache_mode="force_custom_plan",
            jit="off",
        )
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=acquire_timeout_s,
            pool_use_lifo=True,
            isolation_level="REPEATABLE READ",
            json_deserializer=orjson.loads,
            connect_args={**timeouts, "application_name": "quartermaster query"},
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
            raise StoreUnavailable("The read tables could not be had in time.") from error
        raw = await connection.get_raw_connection()
        driver = cast("Connection", raw.driver_connection)
        try:
            async with severed_after(driver, self._deadline_s):
                yield Snapshot(connection, driver)
                await connection.rollback()
        except (DBAPIError, psycopg.Error) as error:
            if not _is_unavailability(error):
                raise
            raise StoreUnavailable("The read tables could not be had in time.") from error
        finally:
            if driver.closed:
                await connection.invalidate()
            await connection.close()


def _is_unavailability(error: DBAPIError | psycopg.Error) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
