"""A log of this test alone, and the parts that write and read it."""

from collections.abc import AsyncIterator

import pytest

from infrastructure.event_store.commands import Commands
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.writer import Writer
from infrastructure.postgres import Pool, pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import no_facts


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    async with Writer(database.url("command")) as writer:
        yield writer


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with pool_of(database.url("command")) as pool:
        yield pool


@pytest.fixture
async def log(database: Database) -> AsyncIterator[LogReader]:
    async with pool_of(database.url("relay")) as pool:
        yield LogReader(pool)


@pytest.fixture
async def commands(pool: Pool, writer: Writer) -> Commands:
    return Commands(pool, writer, no_facts)
