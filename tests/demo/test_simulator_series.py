"""The simulator against the recorded series: what needs many calls, or several at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.hand_edits import apply
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Settings, Simulator
from tests.snipe_it_recordings import FOLDER, SEED

HEADERS = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
TO_BEN = {"checkout_to_type": "user", "assigned_user": 3}
PERMISSION_SETS = {
    "none": "",
    "assets.view": "assets.view",
    "assets.view+checkout+checkin": "assets.view assets.checkout assets.checkin",
    "assets.view+checkout+checkin+audit, reports.view, users.view, models.view, "
    "locations.view, statuslabels.view, categories.view": (
        "assets.view assets.checkout assets.checkin assets.audit reports.view users.view "
        "models.view locations.view statuslabels.view categories.view"
    ),
    "the same + assets.edit, consumables.view, accessories.view, licenses.view": (
        "assets.view assets.checkout assets.checkin assets.audit reports.view users.view "
        "models.view locations.view statuslabels.view categories.view assets.edit "
        "consumables.view accessories.view licenses.view"
    ),
}
CALLS: dict[str, tuple[str, str, Any]] = {
    "GET hardware": ("GET", "/hardware", None),
    "GET hardware/1": ("GET", "/hardware/1", None),
    "GET models": ("GET", "/models", None),
    "GET users": ("GET", "/users", None),
    "GET locations": ("GET", "/locations", None),
    "GET statuslabels": ("GET", "/statuslabels", None),
    "GET categories": ("GET", "/categories", None),
    "GET maintenances": ("GET", "/maintenances", None),
    "POST maintenances": ("POST", "/maintenances", {}),
    "GET activity": ("GET", "/reports/activity", None),
    "GET consumables": ("GET", "/consumables", None),
    "GET accessories": ("GET", "/accessories", None),
    "POST checkout": ("POST", "/hardware/1/checkout", TO_BEN),
    "POST checkin": ("POST", "/hardware/1/checkin", {}),
    "PATCH hardware": ("PATCH", "/hardware/1", {"name": "x"}),
}
"""The calls of the permission matrix that the simulator has."""
NOT_SIMULATED = {
    "GET models/selectlist",
    "GET users/selectlist",
    "GET locations/selectlist",
    "GET licenses",
    "POST audit",
}


class Clock:
    """A server's clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 1, 34, 51, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def series(name: str) -> Any:
    """A recorded series."""
    return json.loads((FOLDER / "series" / f"{name}.json").read_text(encoding="utf-8"))


def simulator(**settings: Any) -> Simulator:
    first = replace(Settings(), **settings)
    return Simulator(read_dump(SEED), clock=Clock(), first_settings=first)


@asynccontextmanager
async def calling(server: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(SimulatorApp(server))
    url = "http://127.0.0.1:8091/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=HEADERS) as http:
        yield http


@pytest.mark.parametrize(
    "row", series("accept-header.matrix")["rows"], ids=lambda row: row["Accept"]
)
async def test_what_accept_makes_of_an_error(row: dict[str, Any]) -> None:
    async with calling(simulator()) as http:
        answer = await http.post(
            "/hardware/99999/checkout", json=TO_BEN, headers={"Accept": row["Accept"]}
        )
    assert (answer.status_code, answer.headers["content-type"]) == (
        row["status"],
        row["content-type"],
    )


@pytest.mark.parametrize("row", series("pagination.matrix")["rows"], ids=lambda row: row["query"])
async def test_paging(row: dict[str, Any]) -> None:
    query = "" if row["query"] == "(none)" else row["query"].removeprefix("?") + "&"
    async with calling(simulator(max_results=5)) as http:
        answer = await http.get(f"/hardware?{query}sort=id&order=asc")
    body = answer.json()
    ids = [one["id"] for one in body["rows"]]
    assert (answer.status_code, body["total"], ids) == (row["status"], row["total"], row["ids"])


@pytest.mark.parametrize("name", PERMISSION_SETS)
async def test_permissions(name: str) -> None:
    recorded = series("permissions.matrix")["rows"][name]
    assert recorded.keys() - CALLS.keys() == NOT_SIMULATED
    server = simulator()
    server.access.tokens["ana"] = 2
    server.access.permissions[2] = frozenset(PERMISSION_SETS[name].split())
    async with calling(server) as http:
        for call, (method, path, body) in CALLS.items():
            headers = {"Authorization": "Bearer ana"}
            answer = await http.request(method, path, json=body, headers=headers)
            assert answer.status_code == recorded[call], call


async def test_the_calls_left_are_counted_down_and_then_refused() -> None:
    async with calling(simulator(calls_per_minute=5)) as http:
        for row in series("ratelimit.sequence")["sequence"]:
            answer = await http.get("/version")
            assert answer.status_code == row["status"]
            for name in ("x-ratelimit-limit", "x-ratelimit-remaining"):
                assert answer.headers.get(name) == row.get(name)


async def test_refused_calls_do_not_prolong_the_window() -> None:
    server = simulator(calls_per_minute=5)
    clock: Any = server.clock
    began = clock.now
    async with calling(server) as http:
        for seconds, status in series("ratelimit.window")["seconds_and_status"]:
            clock.now = began + timedelta(seconds=seconds)
            assert (await http.get("/version")).status_code == status, seconds


async def test_a_zone_change_does_not_convert_what_is_stored() -> None:
    rows = series("timezone.effect")["rows"]
    server = simulator()
    async with calling(server) as http:
        await http.post("/hardware/1/checkout", json=TO_BEN)
        found = [await _times(http, 1), await _times(http, 2)]
        server.settings.time_zone = "America/New_York"
        server.apply_settings()
        await http.post("/hardware/2/checkout", json=TO_BEN)
        found += [await _times(http, 1), await _times(http, 2)]
        clock: Any = server.clock
        clock.now += timedelta(seconds=1)
        patched = (await http.patch("/hardware/1", json={"notes": "x"})).json()
    names = ("last_checkout", "updated_at", "created_at")
    assert found == [{name: row[name] for name in names} for row in rows[:4]]
    assert patched["payload"]["updated_at"] == rows[4]["PATCH payload updated_at"]


async def test_a_checkout_goes_on_after_its_client_gave_up() -> None:
    """The recorded order: free, then the report row or the holder, in the end both."""
    recorded = series("ambiguous-timeout.sequence")["rows"]
    assert [row[1] for row in recorded][:2] == [False, False]
    assert recorded[-1][1:] == [True, 1]
    server = simulator(before_write_s=0.2)
    async with calling(server) as http:
        body = {**TO_BEN, "note": "op-timeout-0001"}
        pending = asyncio.create_task(http.post("/hardware/1/checkout", json=body))
        await asyncio.sleep(0.05)
        assert await _seen(http, "op-timeout-0001") == (None, 0, 0)
        await pending
        assert await _seen(http, "op-timeout-0001") == (3, 1, 1)


async def test_the_commits_of_a_checkout_can_be_seen_apart() -> None:
    recorded = series("partial-write.sequence")
    server = simulator(between_writes_s=0.2)
    async with calling(server) as http:
        body = {**TO_BEN, "note": "op-part"}
        pending = asyncio.create_task(http.post("/hardware/1/checkout", json=body))
        await asyncio.sleep(0.05)
        holder, counter, rows = await _seen(http, "op-part")
        assert holder == recorded["while_blocked"]["assets.assigned_to"]
        assert counter == recorded["while_blocked"]["assets.checkout_counter"]
        assert rows == recorded["while_blocked"]["activity entries"]
        await pending
        holder, counter, rows = await _seen(http, "op-part")
        assert holder == recorded["afterwards"]["assets.assigned_to"]
        assert counter == recorded["afterwards"]["assets.checkout_counter"]
        assert rows == recorded["afterwards"]["activity entries"]


async def test_of_two_double_checkouts_the_newest_report_row_may_name_the_loser() -> None:
    server = simulator(between_writes_s=0.1)
    second_is_done = asyncio.Event()
    pauses = 0

    async def sleep(seconds: float) -> None:
        nonlocal pauses
        if seconds == 0:
            await asyncio.sleep(0)
            return
        pauses += 1
        if pauses == 1:
            await second_is_done.wait()

    server.sleep = sleep
    async with calling(server) as http:
        first = asyncio.create_task(http.post("/hardware/1/checkout", json=TO_BEN))
        second = asyncio.create_task(
            http.post("/hardware/1/checkout", json={**TO_BEN, "assigned_user": 4})
        )
        assert (await second).json()["status"] == "success"
        second_is_done.set()
        assert (await first).json()["status"] == "success"
        asset = (await http.get("/hardware/1")).json()
        rows = (await http.get("/reports/activity?sort=id&order=desc&limit=1")).json()["rows"]
    assert asset["assigned_to"]["id"] == 4
    assert rows[0]["target"]["id"] == 3


async def test_jitter_varies_the_pauses_in_the_same_way_after_a_reset() -> None:
    taken: list[float] = []

    async def sleep(seconds: float) -> None:
        taken.append(seconds)

    server = simulator(answer_after_s=1.0, jitter=0.5)
    server.sleep = sleep
    for _ in range(3):
        await server.spend(1.0)
    server.reset()
    for _ in range(3):
        await server.spend(1.0)
    assert taken[:3] == taken[3:]
    assert len(set(taken)) == 3
    assert all(0.5 <= one <= 1.5 for one in taken)


WRITES: dict[str, tuple[str, str, Any]] = {
    "asset patch change": ("PATCH", "/hardware/1", {"notes": "changed"}),
    "asset patch no change": ("PATCH", "/hardware/1", {"name": "MK4 #1"}),
    "asset checkout": ("POST", "/hardware/1/checkout", TO_BEN),
    "asset checkin": ("POST", "/hardware/1/checkin", {}),
    "maintenance create": (
        "POST",
        "/maintenances",
        {
            "asset_id": 1,
            "supplier_id": 1,
            "asset_maintenance_type": "Repair",
            "title": "abc",
            "start_date": "2026-11-20",
        },
    ),
    "accessory checkout to asset": (
        "POST",
        "/accessories/1/checkout",
        {"assigned_asset": 1, "checkout_to_type": "asset"},
    ),
}
EDITS: dict[str, dict[str, Any]] = {
    "location update": {"do": "set", "table": "locations", "id": 1, "fields": {"city": "x"}},
    "model update": {"do": "set", "table": "models", "id": 1, "fields": {"notes": "x"}},
    "statuslabel update": {"do": "set", "table": "statuslabels", "id": 2, "fields": {"notes": "x"}},
    "user update": {"do": "set", "table": "users", "id": 3, "fields": {"phone": "1"}},
    "category update": {"do": "set", "table": "categories", "id": 2, "fields": {"notes": "x"}},
    "company update": {"do": "set", "table": "companies", "id": 1, "fields": {"notes": "x"}},
}


@pytest.mark.parametrize("name", [*WRITES, *EDITS])
async def test_what_a_write_leaves_for_change_detection(name: str) -> None:
    row = next(one for one in series("change-detection.matrix")["rows"] if one["write"] == name)
    server = simulator()
    clock: Any = server.clock
    async with calling(server) as http:
        if name == "asset checkin":
            await http.post("/hardware/1/checkout", json=TO_BEN)
        before, last = (await _times(http, 1))["updated_at"], max(server.inventory.activity)
        clock.now += timedelta(seconds=1)
        if name in EDITS:
            apply(server.inventory, EDITS[name])
        else:
            method, path, body = WRITES[name]
            assert (await http.request(method, path, json=body)).json()["status"] == "success"
        after = (await _times(http, 1))["updated_at"]
    new = [one for key, one in server.inventory.activity.items() if key > last]
    assert [[one.action_type, one.item_type] for one in new] == row["new_activity_rows"]
    assert (after != before) == row["asset_1_updated_at_changed"]


async def _times(http: httpx.AsyncClient, asset_id: int) -> dict[str, Any]:
    body = (await http.get(f"/hardware/{asset_id}")).json()
    return {name: body[name] for name in ("last_checkout", "updated_at", "created_at")}


async def _seen(http: httpx.AsyncClient, note: str) -> tuple[int | None, int, int]:
    asset = (await http.get("/hardware/1")).json()
    rows = (await http.get("/reports/activity", params={"search": note})).json()
    holder = (asset["assigned_to"] or {}).get("id")
    return holder, asset["checkout_counter"], rows["total"]
