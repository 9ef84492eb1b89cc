"""A key names one request of one user in one tenant."""

import asyncio

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from command_api.caller import ATTEMPTS
from infrastructure.event_store import commands as event_store_commands
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import Database

KEY = {"Idempotency-Key": "order 66"}


async def test_the_same_key_of_another_user_or_tenant_is_another_request(
    tenant: Tenant, neighbours: Tenant, log: Log
) -> None:
    await tenant.project("requester", "approver")
    head = log.head
    body = {"name": "Robot arm"}
    await tenant.add("second", "tenant_admin")
    answers = [
        await place.post(who, "/projects", body, headers=KEY)
        for place, who in ((tenant, "admin"), (tenant, "second"), (neighbours, "admin"))
    ]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert log.topics(head).count("project.created.v1") == 3


async def test_a_key_is_meant_for_one_path_and_one_method(tenant: Tenant) -> None:
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id)
    done = await tenant.post("requester", f"/requisitions/{requisition_id}/submit", {}, headers=KEY)
    assert done.status_code == 200
    other = await tenant.post(
        "requester", f"/requisitions/{requisition_id}/withdraw", {}, headers=KEY
    )
    check_problem(other, 422, "idempotency_key_reused")


async def test_simultaneous_repeats_have_one_effect_and_one_answer(
    tenant: Tenant, log: Log
) -> None:
    head = log.head
    answers = await asyncio.gather(
        *(tenant.post("admin", "/projects", {"name": "P"}, headers=KEY) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 9
    assert log.topics(head) == ["project.created.v1", "project.member_set.v1"]


async def test_a_repeat_of_one_that_does_not_end_is_told_to_come_back(
    tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr(event_store_commands, "IN_FLIGHT_S", 0.1)
    requisition_id = await tenant.draft(await tenant.project("requester"))
    head = log.head
    path = f"/requisitions/{requisition_id}/submit"
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        first = asyncio.ensure_future(tenant.post("requester", path, {}, headers=KEY))
        await _until_somebody_waits_for_a_lock(database, 1)
        second = await tenant.post("requester", path, {}, headers=KEY)
        check_problem(second, 409, "command_in_flight")
        assert int(second.headers["retry-after"]) >= 1
        assert log.head == head
        await holder.rollback()
    assert (await first).status_code == 200
    third = await tenant.post("requester", path, {}, headers=KEY)
    assert (third.status_code, third.json()) == (200, (await first).json())


async def test_a_refusal_is_not_remembered(tenant: Tenant) -> None:
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id, lines=[])
    path = f"/requisitions/{requisition_id}/submit"
    refused = await tenant.post("requester", path, {}, headers=KEY)
    check_problem(refused, 409, "no_lines")
    line = {"item": {"kind": "purchase", "description": "Bolt"}, "quantity": 1}
    await tenant.post("requester", f"/requisitions/{requisition_id}/lines", line)
    assert (await tenant.post("requester", path, {}, headers=KEY)).status_code == 200


async def test_a_replay_answers_what_was_then_whatever_has_happened_since(tenant: Tenant) -> None:
    requisition_id = await tenant.draft(await tenant.project("requester"))
    path = f"/requisitions/{requisition_id}"
    headers = {**KEY, "If-Match": '"1"'}
    edit = {"purpose": "Leg"}
    first = await tenant.post("requester", path, edit, method="PATCH", headers=headers)
    submitted = await tenant.post("requester", f"{path}/submit")
    assert submitted.status_code == 200
    again = await tenant.post("requester", path, edit, method="PATCH", headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == '"2"'


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve"])
async def test_a_key_that_cannot_be_kept_is_refused(tenant: Tenant, key: str) -> None:
    answer = await tenant.client.post(
        "/projects",
        json={"name": "P"},
        headers=[
            (b"Idempotency-Key", key.encode("latin-1")),
            *((name.encode(), value.encode()) for name, value in tenant["admin"].headers.items()),
        ],
    )
    check_problem(answer, 422, "invalid_fields")


async def test_nothing_that_hands_out_a_token_is_kept(
    client: httpx.AsyncClient, database: Database, app: FastAPI
) -> None:
    body = {"username": "ann", "email": "ann@x.example", "password": "kettle and spoon"}
    answer = await client.post("/me/signup", json=body, headers=KEY)
    assert answer.status_code == 201
    form = {"username": "ann", "password": "kettle and spoon"}
    one = await client.post("/me/signin", data=form, headers=KEY)
    two = await client.post("/me/signin", data=form, headers=KEY)
    assert one.json()["access_token"] != two.json()["access_token"]
    with psycopg.connect(database.superuser_url) as connection:
        assert connection.execute("SELECT count(*) FROM log.command_keys").fetchone() == (0,)
    assert app.state.services
    assert ATTEMPTS > 1


async def _until_somebody_waits_for_a_lock(database: Database, waiting: int) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.superuser_url, autocommit=True
    ) as watcher:
        while True:
            cursor = await watcher.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            row = await cursor.fetchone()
            assert row
            if row[0] >= waiting:
                return
            await asyncio.sleep(0.01)
