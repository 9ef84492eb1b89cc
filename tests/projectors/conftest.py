"""An inbox on a database of its own, and what its tables hold."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest

from infrastructure.projection_store import ProjectionStore
from projectors.inbox import Inbox
from projectors.projection import Projection
from projectors.subscriptions import REQUISITIONS
from read_tables.positions import READ_CHANNEL
from tests.builders.log import MemoryLog
from tests.fixtures.postgres import Database

Table = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
async def store(database: Database) -> AsyncIterator[ProjectionStore]:
    async with ProjectionStore(database.url("projector"), READ_CHANNEL) as store:
        yield store


@pytest.fixture
def inbox_of(store: ProjectionStore) -> Callable[..., Inbox]:
    def inbox_of(log: MemoryLog, *projections: Projection) -> Inbox:
        return Inbox(projections or [REQUISITIONS], store, log)

    return inbox_of


@pytest.fixture
def table(database: Database) -> Table:
    """The rows of a query, asked as one who sees everything."""

    def table(query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
            return connection.execute(query.encode(), values).fetchall()

    return table


@pytest.fixture
def announcements(database: Database) -> Iterator[Callable[[], list[str]]]:
    """What was announced to readers since the test began."""
    with psycopg.connect(database.url("query"), autocommit=True, connect_timeout=5) as connection:
        connection.execute(f"LISTEN {READ_CHANNEL}")  # a constant

        def heard() -> list[str]:
            return [notice.payload for notice in connection.notifies(timeout=5, stop_after=1)]

        yield heard
