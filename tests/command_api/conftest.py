"""The command API as it runs, over a database of the test's own."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import httpx
import psycopg
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.main import create_app
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


@dataclass
class Log:
    """What is stored, seen from outside the application."""

    connection: psycopg.Connection

    @property
    def head(self) -> int:
        row = self.connection.execute("SELECT position FROM log.log_head").fetchone()
        assert row
        return int(row[0])

    def topics(self, after: int = 0) -> list[str]:
        rows = self.connection.execute(
            "SELECT topic FROM log.stored_events WHERE notification_id > %s"
            " ORDER BY notification_id",
            (after,),
        )
        return [topic for (topic,) in rows]


@pytest.fixture
def settings(database: Database) -> CommandSettings:
    return CommandSettings(
        command_database_url=SecretStr(database.url("command")),
        secret_key=SecretStr("k" * 40),
        snipe_it_allowed_urls="https://snipe.school.example,"
        " https://other.example env:QM_SNIPE_IT_TOKEN_OF_ANOTHER",
    )


@pytest_asyncio.fixture
async def app(settings: CommandSettings) -> AsyncIterator[FastAPI]:
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as made:
        yield made


@pytest.fixture
def log(database: Database) -> Iterator[Log]:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        yield Log(connection)


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is tested for itself; here it only has to be argon2id."""
    monkeypatch.setattr("infrastructure.passwords.MEMORY_KIB", 64)
    monkeypatch.setattr("infrastructure.passwords.PASSES", 1)


@pytest_asyncio.fixture
async def tenant(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Tenant:
    """A lab with everybody in it."""
    made = await sign_up(app, client, "Lab")
    made.database = database
    for username, roles in ROLES.items():
        await made.add(username, *roles)
    return made


@pytest_asyncio.fixture
async def neighbours(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Tenant:
    """Another tenant, who must see nothing of the lab."""
    made = await sign_up(app, client, "Neighbours")
    made.database = database
    for username, roles in ROLES.items():
        await made.add(username, *roles)
    return made
