"""One call to Postgres over a pool, with a deadline and one error for all that can go wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from infrastructure.errors import StoreUnavailable
from infrastructure.postgres import Connection, Pool, severed_after

CALL_S: Final = 5.0
DATABASE_ERRORS: Final = (psycopg.Error, PoolTimeout, PoolClosed)
"""What a call can end in where the database cannot be had."""


@asynccontextmanager
async def pooled_call(pool: Pool, seconds: float = CALL_S) -> AsyncIterator[Connection]:
    """A connection for at most ``seconds``. Raises ``StoreUnavailable``."""
    try:
        async with pool.connection() as connection, severed_after(connection, seconds):
            yield connection
    except DATABASE_ERRORS as error:
        raise StoreUnavailable(str(error)) from error
