"""The audit log: the tenant's own events, narrowed, by pages or as a whole."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from infrastructure.ids import from_uuid
from query_api import audit
from tests.query_api.conftest import Lab
from tests.query_api.world import World


@pytest.fixture
def busy(world: World, lab: Lab) -> str:
    """Some events of several people, one with a purpose that a spreadsheet would run."""
    requisition = world.draft(lab.member, lab.project_id, "=cmd|' /C calc'!A0")
    world.store(requisition, lab.member)
    requisition.submit((), world.asked(lab.member), project_archived=False)
    world.store(requisition, lab.member)
    neighbours_project = world.project(lab.neighbour, "Hidden")
    assert neighbours_project
    return from_uuid(requisition.id)


async def items(client: httpx.AsyncClient, lab: Lab, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = await client.get("/audit", params=query, headers=lab.auditor.headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        query["cursor"] = answer.json()["next"]


async def test_the_log_of_the_tenant_is_shown_in_order_and_no_other(
    client: httpx.AsyncClient, lab: Lab, busy: str
) -> None:
    found = await items(client, lab, limit=2)

    assert [item["type"] for item in found] == [
        "project.created.v1",
        "project.member_set.v1",
        "project.member_set.v1",
        "requisition.drafted.v1",
        "requisition.submitted.v1",
    ]
    assert [item["position"] for item in found] == sorted(item["position"] for item in found)
    assert found[-1]["aggregate_id"] == busy
    assert found[-1]["aggregate_kind"] == "requisition"
    assert found[-1]["correlation_id"] == "a-request"


async def test_filters_narrow_the_log(client: httpx.AsyncClient, lab: Lab, busy: str) -> None:
    everything = await items(client, lab)
    drafted_at = everything[3]["at"]

    assert len(await items(client, lab, aggregate_id=busy)) == 2
    assert len(await items(client, lab, actor_id=lab.member.id)) == 2
    assert len(await items(client, lab, type="requisition.submitted.v1")) == 1
    assert await items(client, lab, **{"from": drafted_at}) == everything[3:]
    assert await items(client, lab, until=drafted_at) == everything[:3]
    assert await items(client, lab, aggregate_id=lab.project_id, actor_id=lab.member.id) == []


@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_ndjson_and_csv_hold_everything(
    client: httpx.AsyncClient,
    lab: Lab,
    busy: str,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr(audit, "_BATCH", batch)
    everything = await items(client, lab)

    lines = await client.get(
        "/audit", headers={**lab.auditor.headers, "Accept": "application/x-ndjson"}
    )
    table = await client.get("/audit", headers={**lab.auditor.headers, "Accept": "text/csv"})

    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == everything
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [int(row["position"]) for row in rows] == [item["position"] for item in everything]
    assert [json.loads(row["data"]) for row in rows] == [item["data"] for item in everything]
    assert rows[0]["actor_name"] == "admin"


async def test_no_cell_of_the_csv_is_a_formula(
    client: httpx.AsyncClient, world: World, lab: Lab, busy: str
) -> None:
    for name in ("=1+1", "+1", "-1", "\tx", "\rx"):
        world.execute(
            "UPDATE read.history SET correlation_id = :name WHERE position = 1", name=name
        )
        answer = await client.get("/audit", headers={**lab.auditor.headers, "Accept": "text/csv"})
        (first, *_) = csv.DictReader(io.StringIO(answer.text, newline=""))
        assert first["correlation_id"] == f"'{name}"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/json;q=0.1, text/*", "text/csv"),
        ("application/*", "application/json"),
        ("application/json;q=0, application/x-ndjson;q=0.2", "application/x-ndjson"),
        ("text/csv;q=nonsense, */*;q=0.1", "application/json"),
    ],
)
async def test_the_client_gets_the_form_that_it_likes_best(
    client: httpx.AsyncClient, lab: Lab, accept: str, form: str
) -> None:
    answer = await client.get("/audit", headers={**lab.auditor.headers, "Accept": accept})

    assert answer.headers["Content-Type"].partition(";")[0] == form


async def test_a_form_that_is_not_offered_is_refused(client: httpx.AsyncClient, lab: Lab) -> None:
    answer = await client.get("/audit", headers={**lab.auditor.headers, "Accept": "text/html"})

    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
