"""Reads of the workers, which act for every tenant."""

from collections.abc import Sequence
from typing import Any, Final, Self

from sqlalchemy import Executable, Row, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from infrastructure.deadlines import within
from infrastructure.errors import StoreUnavailable
from infrastructure.postgres import parameters

DEADLINE_S: Final = 10.0
POOL_TIMEOUT_S: Final = 2.0


class AllTenantsReader:
    """One connection that only reads."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=1,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
            connect_args=parameters(default_transaction_read_only="on"),
        )

    async def __aenter__(self) -> Self:
        """Ready; the connection is made when it is needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self._engine.dispose()

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a select. Raises ``StoreUnavailable``."""
        try:
            return await within(DEADLINE_S, self._rows(statement))
        except (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError) as error:
            raise StoreUnavailable(str(error)) from error

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            return (await connection.execute(statement)).all()
