"""The query API as it runs, over a database of the test's own."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from domain.ids import Id
from infrastructure.settings import QuerySettings
from query_api.main import create_app
from tests.fixtures.postgres import Database
from tests.query_api.world import Person, World

LISTENING_WITHIN_S = 5.0


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    made = World(database.superuser_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> QuerySettings:
    monkeypatch.setenv("QM_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("QM_QUERY_DATABASE_URL", database.url("query"))
    return QuerySettings.from_environment()


@pytest_asyncio.fixture
async def app(settings: QuerySettings) -> AsyncIterator[FastAPI]:
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        await made.state.sources.positions.wait_until_listening(LISTENING_WITHIN_S)
        yield made


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://query/api/v1"
    ) as made:
        yield made


@dataclass(frozen=True)
class Lab:
    """A tenant with everybody in it, a project, and a neighbour who must see nothing of it."""

    tenant_id: Id
    admin: Person
    member: Person
    outsider: Person
    approver: Person
    technician: Person
    auditor: Person
    nobody: Person
    neighbour: Person
    project_id: Id


@pytest.fixture
def lab(world: World) -> Lab:
    tenant_id = world.tenant("Lab")
    admin = world.person(tenant_id, "admin", "tenant_admin")
    member = world.person(tenant_id, "member", "requester")
    neighbours = world.tenant("Neighbours")
    return Lab(
        tenant_id=tenant_id,
        admin=admin,
        member=member,
        outsider=world.person(tenant_id, "outsider", "requester"),
        approver=world.person(tenant_id, "approver", "approver"),
        technician=world.person(tenant_id, "technician", "technician"),
        auditor=world.person(tenant_id, "auditor", "auditor"),
        nobody=world.person(tenant_id, "nobody"),
        neighbour=world.person(neighbours, "neighbour", "tenant_admin"),
        project_id=world.project(admin, "Robot arm", member),
    )
