"""As for the other tests of the command API, but everything is the test's own."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from infrastructure.settings import CommandSettings
from tests.command_api.conftest import client_of, running, settings_over
from tests.fixtures.postgres import Database


@pytest.fixture
def database(unshared_database: Database) -> Database:
    return unshared_database


@pytest.fixture
def settings(database: Database) -> CommandSettings:
    return settings_over(database)


@pytest_asyncio.fixture(loop_scope="module")
async def app(settings: CommandSettings) -> AsyncIterator[FastAPI]:
    async with running(settings) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made
