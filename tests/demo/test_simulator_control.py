"""The control API, and what the simulator says about what it does not have."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.faults import Kind
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.serving import serve
from demo.snipe_it_simulator.simulator import Simulator
from tests.snipe_it_recordings import SEED

PROJECT = Path(__file__).parent.parent.parent
TO_BEN = {"checkout_to_type": "user", "assigned_user": 3}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A fresh simulator, called without a network."""
    transport = httpx.ASGITransport(SimulatorApp(Simulator(read_dump(SEED))))
    headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8091", headers=headers
    ) as client:
        yield client


async def edit(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post("/simulator/edit", json=fields)


async def asset(http: httpx.AsyncClient, asset_id: int) -> dict[str, Any]:
    body: dict[str, Any] = (await http.get(f"/api/v1/hardware/{asset_id}")).json()
    return body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/licenses"),
        ("GET", "/api/v1/hardware/selectlist"),
        ("POST", "/api/v1/hardware/1/audit"),
        ("DELETE", "/api/v1/models/1"),
        ("POST", "/api/v1/users"),
        ("POST", "/api/v1/hardware/bytag/LAP-0001/checkout"),
        ("GET", "/login"),
        ("GET", "/"),
    ],
)
async def test_an_endpoint_it_does_not_have_is_501(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == 501
    assert f"does not have {method} {path}" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/api/v1/hardware", b'{"asset_tag": "X", "model_id": 1}'),
        (
            "/api/v1/maintenances",
            (
                b'{"asset_id": 99, "supplier_id": 1, "asset_maintenance_type": "Repair",'
                b' "title": "abc", "start_date": "2026-11-20"}'
            ),
        ),
    ],
)
async def test_an_answer_that_was_never_recorded_is_501(
    http: httpx.AsyncClient, path: str, content: bytes
) -> None:
    answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 501
    assert "no recording of" in answer.json()["error"]


async def test_rows_and_fields_that_were_never_recorded_are_501(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/v1/accessories/99/checkedout")).status_code == 501
    new = {
        "asset_id": 6,
        "supplier_id": 1,
        "asset_maintenance_type": "Repair",
        "title": "abc",
        "start_date": "2026-11-20",
    }
    await http.post("/api/v1/maintenances", json=new)
    edited = await http.patch("/api/v1/maintenances/1", json={"supplier_id": 2})
    assert edited.status_code == 501


async def test_an_edit_whose_body_is_no_json_is_501(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.patch("/api/v1/hardware/1", content=b"{bad", headers=headers)
    assert answer.status_code == 501


async def test_a_refusal_without_json_asked_for_that_was_never_recorded_is_501(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/api/v1/hardware/12/checkout", json=TO_BEN, headers={"Accept": "*/*"})
    assert answer.status_code == 501


async def test_faults_are_given_listed_used_up_and_cleared(http: httpx.AsyncClient) -> None:
    fault = {"kind": "error_before", "method": "GET", "path": "/api/v1/hardware/.*", "skip": 1}
    given = await http.post("/simulator/faults", json=fault)
    assert [one["kind"] for one in given.json()["faults"]] == ["error_before"]
    assert (await http.get("/api/v1/models")).status_code == 200
    statuses = [(await http.get("/api/v1/hardware/1")).status_code for _ in range(3)]
    assert statuses == [200, 500, 200]
    assert (await http.get("/simulator/faults")).json() == {"faults": []}
    await http.post("/simulator/faults", json={"kind": "maintenance", "times": None})
    assert (await http.get("/health")).status_code == 503
    await http.delete("/simulator/faults")
    assert (await http.get("/health")).status_code == 200


@pytest.mark.parametrize("wrong", [{}, {"kind": "fire"}, {"kind": "slow", "minutes": 1}])
async def test_a_fault_there_is_not_is_refused_with_those_there_are(
    http: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    answer = await http.post("/simulator/faults", json=wrong)
    assert answer.status_code == 422
    assert all(kind in answer.json()["error"] for kind in Kind)


async def test_hand_edits_check_out_and_in(http: httpx.AsyncClient) -> None:
    await edit(http, do="checkout", id=1, to_type="user", to_id=4, note="at the desk")
    assert (await asset(http, 1))["assigned_to"]["id"] == 4
    await edit(http, do="checkin", id=1)
    assert (await asset(http, 1))["assigned_to"] is None
    query = {"item_type": "asset", "item_id": "1", "sort": "id", "order": "desc"}
    rows = (await http.get("/api/v1/reports/activity", params=query)).json()["rows"]
    assert [row["action_type"] for row in rows] == ["checkin from", "checkout", "create new"]
    assert rows[0]["action_source"] == "gui"


async def test_hand_edits_change_delete_and_restore(http: httpx.AsyncClient) -> None:
    await edit(http, do="set", table="hardware", id=1, fields={"status_id": 4})
    assert (await asset(http, 1))["status_label"]["name"] == "Broken"
    await edit(http, do="delete", table="hardware", id=1)
    assert (await asset(http, 1))["deleted_at"] is not None
    await edit(http, do="restore", id=1)
    assert (await asset(http, 1))["deleted_at"] is None
    await edit(http, do="set", table="locations", id=2, fields={"name": "Metal Shop"})
    await edit(http, do="checkout", id=2, to_type="location", to_id=2)
    assert (await asset(http, 2))["assigned_to"]["name"] == "Metal Shop"


async def test_hand_edits_add_people(http: httpx.AsyncClient) -> None:
    users = (await http.get("/api/v1/users?username=ben")).json()["rows"]
    row = {**users[0], "id": 77, "username": "gus", "email": "gus@lab.example"}
    await edit(http, do="add", table="users", row=row)
    found = (await http.get("/api/v1/users?email=gus@lab.example")).json()
    assert [one["id"] for one in found["rows"]] == [77]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"do": "repair"},
        {"do": "checkin", "id": 999},
        {"do": "checkout", "id": 1},
        {"do": "checkout", "id": 1, "to_type": "user", "to_id": 99},
        {"do": "set", "table": "hardware", "id": 1, "fields": {"colour": "red"}},
    ],
)
async def test_a_hand_edit_that_cannot_be_made_is_refused(
    http: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    assert (await edit(http, **wrong)).status_code == 422


async def test_settings_are_shown_and_changed(http: httpx.AsyncClient) -> None:
    changed = await http.patch("/simulator/settings", json={"calls_per_minute": 1})
    assert changed.json()["calls_per_minute"] == 1
    assert (await http.get("/api/v1/version")).status_code == 200
    assert (await http.get("/api/v1/version")).status_code == 429
    assert (await http.patch("/simulator/settings", json={"colour": "red"})).status_code == 422


async def test_tokens_are_given_and_revoked(http: httpx.AsyncClient) -> None:
    token = {"token": "narrow", "user_id": 2, "permissions": ["models.view"]}
    await http.post("/simulator/tokens", json=token)
    headers = {"Authorization": "Bearer narrow"}
    assert (await http.get("/api/v1/models", headers=headers)).status_code == 200
    assert (await http.get("/api/v1/users", headers=headers)).status_code == 403
    await http.post("/simulator/tokens", json={"token": "narrow", "user_id": None})
    assert (await http.get("/api/v1/models", headers=headers)).status_code == 401


async def test_calls_and_the_truth_can_be_looked_at(http: httpx.AsyncClient) -> None:
    await http.post("/api/v1/hardware/1/checkout", json=TO_BEN)
    calls = (await http.get("/simulator/calls")).json()["calls"]
    assert [(one["method"], one["path"], one["status"]) for one in calls] == [
        ("POST", "/api/v1/hardware/1/checkout", 200)
    ]
    truth = (await http.get("/simulator/assets")).json()
    assert truth["total"] == 16
    assert truth["rows"][0]["assigned_to"]["id"] == 3


async def test_reset_brings_everything_back(http: httpx.AsyncClient) -> None:
    before = await asset(http, 1)
    await http.post("/api/v1/hardware/1/checkout", json=TO_BEN)
    await http.post("/simulator/faults", json={"kind": "maintenance", "times": None})
    await http.patch("/simulator/settings", json={"calls_per_minute": 1})
    await http.post("/simulator/reset")
    assert await asset(http, 1) == before
    assert (await http.get("/simulator/calls")).json()["calls"] != []


async def test_it_serves_on_a_port_of_its_own() -> None:
    async with serve(Simulator(read_dump(SEED))) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
        first = (await http.get("/api/v1/hardware/1", headers=headers)).json()
    assert first["alt_barcode"].startswith(f"{url}/uploads/")


async def test_it_runs_as_a_program() -> None:
    command = ("-m", "demo.snipe_it_simulator", "--port", "0", "--calls-per-minute", "7")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        url = line.split()[3].rstrip(",")
        headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as http:
            answer = await http.get("/api/v1/hardware", params={"limit": "1"})
        assert answer.json()["total"] == 89
        assert answer.headers["x-ratelimit-limit"] == "7"
    finally:
        process.terminate()
        await process.wait()
