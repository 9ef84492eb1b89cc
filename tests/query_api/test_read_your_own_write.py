"""Min-Position: an answer waits for the tables, woken by the announcement of a projector."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from infrastructure.ids import from_uuid
from query_api.min_position import LONGEST_WAIT_S, min_position
from tests.query_api.conftest import LISTENING_WITHIN_S, Lab
from tests.query_api.world import World


async def test_a_request_is_woken_when_the_position_is_announced(
    client: httpx.AsyncClient, app: FastAPI, world: World, lab: Lab
) -> None:
    requisition = world.draft(lab.member, lab.project_id)
    events = world.store(requisition, lab.member, project=False)
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=30"}
    path = f"/requisitions/{from_uuid(requisition.id)}"
    waiting = asyncio.create_task(client.get(path, headers=headers))
    await _until_somebody_waits(app)

    await asyncio.to_thread(world.project_events, events)

    answer = await waiting
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Event-Position"] == str(world.position)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LISTENING_WITHIN_S):
        while not holds():  # noqa: ASYNC110 - what is watched belongs to the application
            await asyncio.sleep(0.01)


async def _until_somebody_waits(app: FastAPI) -> None:
    await until(lambda: app.state.sources.positions.waiting > 0)


async def test_nobody_asks_the_tables_again_while_waiting(
    client: httpx.AsyncClient, app: FastAPI, world: World, lab: Lab
) -> None:
    """Rows that come without an announcement wake nobody: there is no polling to find them."""
    events = world.store(world.draft(lab.member, lab.project_id), lab.member, project=False)
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=1"}
    waiting = asyncio.create_task(client.get("/requisitions", headers=headers))
    await _until_somebody_waits(app)

    await asyncio.to_thread(world.project_events, events, notify=False)

    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (503, "position_not_reached")


async def test_a_position_that_the_tables_have_seen_needs_no_wait(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=0"}

    answer = await client.get("/requisitions", headers=headers)

    assert answer.status_code == 200


async def test_a_position_that_is_not_written_is_not_waited_for(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    for path in ("/requisitions", "/me"):
        headers = {
            **lab.admin.headers,
            "Min-Position": str(world.position + 1),
            "Prefer": "wait=30",
        }
        began = time.monotonic()

        answer = await client.get(path, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (503, "position_not_written")
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["X-Event-Position"] == str(world.position)
        assert time.monotonic() - began < LONGEST_WAIT_S


async def test_identity_is_as_new_as_the_log(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    world.store(world.draft(lab.member, lab.project_id), lab.member, project=False)
    headers = {**lab.admin.headers, "Min-Position": str(world.position), "Prefer": "wait=0"}

    for path in ("/me", "/users", f"/users/{lab.member.id}", "/roles"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert answer.headers["X-Event-Position"] == str(world.position)


async def test_every_table_that_a_route_reads_must_have_come_so_far(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    requisition = world.draft(lab.member, lab.project_id)
    world.store(requisition, lab.member)
    path = f"/requisitions/{from_uuid(requisition.id)}"
    reached = world.position
    world.position += 1
    with world.engine.begin() as connection:
        world.move(connection, ["requisitions"])
    world.execute("UPDATE log.log_head SET position = :position", position=world.position)
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=0"}

    transitions = await client.get(f"{path}/transitions", headers=headers)
    with_assignments = await client.get(path, headers=headers)
    history = await client.get(f"{path}/history", headers=headers)

    assert transitions.status_code == 200
    for late in (with_assignments, history):
        assert (late.status_code, late.json()["code"]) == (503, "position_not_reached")
        assert late.headers["X-Event-Position"] == str(reached)


async def test_a_token_that_dies_during_the_wait_is_dead_after_it(
    client: httpx.AsyncClient, app: FastAPI, world: World, lab: Lab
) -> None:
    events = world.store(world.draft(lab.member, lab.project_id), lab.member, project=False)
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=30"}
    waiting = asyncio.create_task(client.get("/requisitions", headers=headers))
    await _until_somebody_waits(app)

    await asyncio.to_thread(world.execute, "UPDATE identity.sessions SET closed_at = now()")
    await asyncio.to_thread(world.project_events, events)

    assert (await waiting).status_code == 401


async def test_announcements_are_heard_again_after_the_connection_was_lost(
    client: httpx.AsyncClient, app: FastAPI, world: World, lab: Lab
) -> None:
    positions = app.state.sources.positions
    await asyncio.to_thread(
        world.execute,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'qm_query'",
    )
    events = world.store(world.draft(lab.member, lab.project_id), lab.member, project=False)
    await until(lambda: not positions.is_listening)
    await positions.wait_until_listening(LISTENING_WITHIN_S)
    headers = {**lab.member.headers, "Min-Position": str(world.position), "Prefer": "wait=30"}
    await _answered(client, lab)
    waiting = asyncio.create_task(client.get("/requisitions", headers=headers))
    await _until_somebody_waits(app)

    await asyncio.to_thread(world.project_events, events)

    assert (await waiting).status_code == 200


async def _answered(client: httpx.AsyncClient, lab: Lab) -> None:
    """Ask until the pool has replaced the connections that were cut."""
    async with asyncio.timeout(LISTENING_WITHIN_S):
        while (await client.get("/me", headers=lab.member.headers)).is_server_error:  # noqa: ASYNC110 - the pool says nothing
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "9223372036854775808", "1 2", ""])
async def test_a_position_that_is_none_is_refused(
    client: httpx.AsyncClient, lab: Lab, wrong: str
) -> None:
    answer = await client.get("/me", headers={**lab.member.headers, "Min-Position": wrong})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "header"


@pytest.mark.parametrize(
    ("prefer", "wait_s"),
    [
        (None, 2),
        ("wait=5", 5),
        ("respond-async, wait=7", 7),
        ("WAIT = 3; x=y", 3),
        ("wait=600", 30),
        ("wait=0", 0),
        ("wait=soon", 2),
        ("await=9", 2),
    ],
)
def test_the_wait_is_two_seconds_unless_told_otherwise_and_thirty_at_most(
    prefer: str | None, wait_s: float
) -> None:
    assert min_position("1", prefer).wait_s == wait_s
