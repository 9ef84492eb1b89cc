"""The command API as it runs, one for the tests of a module: each test has tenants of its own.

Tests that need a database of their own stand in ``own_database``.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr
from pytest_asyncio import is_async_test

from command_api.main import create_app
from infrastructure.ids import derived_id
from infrastructure.settings import CommandSettings
from tests.command_api.lab import Tenant, sign_up
from tests.fixtures.postgres import Database

BASE: Final = "http://command/api/v1"
ROLES: Final = {
    "requester": ("requester",),
    "approver": ("approver",),
    "technician": ("technician",),
    "auditor": ("auditor",),
    "nobody": (),
}


class Log:
    """What is stored from now on, seen from outside the application."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.begin = self.head

    @property
    def head(self) -> int:
        row = self.connection.execute("SELECT position FROM log.log_head").fetchone()
        return int(row[0]) if row else 0

    def topics(self, after: int | None = None) -> list[str]:
        rows = self.connection.execute(
            "SELECT topic FROM log.stored_events WHERE notification_id > %s"
            " ORDER BY notification_id",
            (self.begin if after is None else after,),
        )
        return [topic for (topic,) in rows]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a module share its event loop, as they share its application."""
    here = Path(__file__).parent
    in_one_loop = pytest.mark.asyncio(loop_scope="module")
    for item in items:
        if here in item.path.parents and is_async_test(item):
            item.add_marker(in_one_loop, append=False)


def settings_over(database: Database) -> CommandSettings:
    return CommandSettings(
        command_database_url=SecretStr(database.url("command")),
        secret_key=SecretStr("k" * 40),
        snipe_it_allowed_urls="https://snipe.school.example *,"
        " https://new.example env:QM_SNIPE_IT_TOKEN_NEW *, https://other.example"
        f" env:QM_SNIPE_IT_TOKEN_OF_ANOTHER {derived_id('test', 'another tenant')}",
    )


@asynccontextmanager
async def running(settings: CommandSettings) -> AsyncIterator[FastAPI]:
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)


@pytest.fixture(scope="module")
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.fixture(scope="module")
def settings(database: Database) -> CommandSettings:
    return settings_over(database)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(settings: CommandSettings) -> AsyncIterator[FastAPI]:
    async with running(settings) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as made:
        yield made


@pytest.fixture
def log(database: Database) -> Iterator[Log]:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        yield Log(connection)


@pytest.fixture(scope="module", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hashing is tested for itself; here it only has to be argon2id."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("infrastructure.passwords.MEMORY_KIB", 64)
        monkeypatch.setattr("infrastructure.passwords.PASSES", 1)
        yield


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Tenant:
    """A lab with everybody in it."""
    made = await sign_up(app, client, "Lab")
    made.database = database
    for username, roles in ROLES.items():
        await made.add(username, *roles)
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def neighbours(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Tenant:
    """Another tenant, who must see nothing of the lab."""
    made = await sign_up(app, client, "Neighbours")
    made.database = database
    for username, roles in ROLES.items():
        await made.add(username, *roles)
    return made
