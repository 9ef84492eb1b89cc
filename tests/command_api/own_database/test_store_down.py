"""A database that is not to be had: 503 at once, nothing stored, and well again afterwards."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx
import psycopg
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.main import create_app
from infrastructure.embedded.postgres import EmbeddedPostgres
from infrastructure.identity.facts import FactSource
from infrastructure.ids import new_id
from infrastructure.migrate import migrate
from infrastructure.postgres import pool_of
from infrastructure.settings import CommandSettings
from tests.command_api.conftest import BASE, Log
from tests.command_api.lab import Tenant, sign_up
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import ROLES, Database
from tests.infrastructure.event_store.proxy import proxy_to

GIVEN_UP_WITHIN_S: Final = 20.0


def _settings(url: str) -> CommandSettings:
    return CommandSettings(command_database_url=SecretStr(url), secret_key=SecretStr("k" * 40))


@pytest_asyncio.fixture(loop_scope="module")
async def own_database(own_postgres: EmbeddedPostgres) -> Database:
    own_postgres.start()
    own_postgres.ensure_owner()
    own_postgres.ensure_database("own")
    database = Database("own", own_postgres, "password-of-roles")
    assert "command" in ROLES
    migrate(database.url("owner"), database.role_urls())
    return database


@pytest_asyncio.fixture(loop_scope="module")
async def own_tenant(own_database: Database) -> AsyncIterator[Tenant]:
    app: FastAPI = create_app(_settings(own_database.url("command")))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client,
    ):
        yield await sign_up(app, client, "Lab")


async def test_without_its_database_the_api_refuses_and_recovers(
    own_tenant: Tenant, own_database: Database
) -> None:
    tenant, client = own_tenant, own_tenant.client
    project_id = await tenant.project()
    server = own_database.server
    server.stop()
    body = {"project_id": project_id, "purpose": "Arm"}
    answers = await asyncio.gather(
        *(
            tenant.post("admin", "/requisitions", body, headers={"Idempotency-Key": f"k{n}"})
            for n in range(5)
        ),
        client.post("/me/signin", data={"username": "ann", "password": "kettle and spoon"}),
        client.post(
            "/me/signup",
            json={"username": "ann", "email": "a@b.example", "password": "kettle and spoon"},
        ),
    )
    for answer in answers:
        assert answer.json()["code"] in ("store_unavailable", "outcome_unknown"), answer.text
        check_problem(answer, 503, answer.json()["code"])
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("http://command/health/live")).status_code == 200
    ready = await client.get("http://command/health/ready")
    assert ready.status_code == 503
    assert ready.json()["status"] == "not_ready"
    assert ready.json()["parts"]["log"] != "ok"

    server.start()
    with psycopg.connect(own_database.superuser_url, autocommit=True) as connection:
        topics = Log(connection).topics(0)
        assert "requisition.drafted.v1" not in topics
        assert topics.count("user.registered.v1") == 1
    while (await client.get("http://command/health/ready")).status_code != 200:  # noqa: ASYNC110  only asking tells
        await asyncio.sleep(0.05)
    done = await tenant.post("admin", "/requisitions", body, headers={"Idempotency-Key": "k1"})
    assert done.status_code == 201, done.text
    assert "idempotency-replayed" not in done.headers


async def test_a_network_that_swallows_everything_stalls_nobody_for_long(
    database: Database,
) -> None:
    async with proxy_to(database.url("command")) as (proxy, url):
        app = create_app(_settings(url))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client,
        ):
            tenant = await sign_up(app, client, "Lab")
            project_id = await tenant.project()
            body = {"project_id": project_id, "purpose": "Arm"}
            proxy.swallow()
            async with asyncio.timeout(GIVEN_UP_WITHIN_S):
                answers = await asyncio.gather(
                    *(tenant.post("admin", "/requisitions", body) for _ in range(20)),
                    client.post("/me/signin", data={"username": "ann", "password": "kettle"}),
                )
            for answer in answers:
                check_problem(answer, 503, "store_unavailable")
            assert (await client.get("http://command/health/live")).status_code == 200
            proxy.heal()
            while (await client.get("http://command/health/ready")).status_code != 200:  # noqa: ASYNC110  only asking tells
                await asyncio.sleep(0.05)
            done = await tenant.post("admin", "/requisitions", body)
            assert done.status_code == 201, done.text


async def test_facts_that_do_not_come_leave_the_next_ones_unharmed(database: Database) -> None:
    async with (
        proxy_to(database.url("command")) as (proxy, url),
        pool_of(url, min_size=2) as pool,
    ):
        facts = FactSource(pool).of(new_id())
        assert await facts.approval_policies() == ()
        proxy.swallow()
        async with asyncio.timeout(GIVEN_UP_WITHIN_S):
            asked = [facts.project_standing(new_id(), new_id()) for _ in range(10)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, Exception) for answer in answers)
        proxy.heal()
        assert await facts.project_standing(new_id(), new_id()) is None


async def test_a_lock_that_is_not_to_be_had_refuses_and_stores_nothing(
    tenant: Tenant, database: Database, log: Log
) -> None:
    head = log.head
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        refused = await tenant.post("admin", "/projects", {"name": "P"})
        check_problem(refused, 503, refused.json()["code"])
        assert int(refused.headers["retry-after"]) >= 1
    assert log.head == head
    assert (await tenant.post("admin", "/projects", {"name": "P"})).status_code == 201
