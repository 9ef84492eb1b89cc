"""Items of the inventory asked for, kept for a line, handed over and let go of, over HTTP."""

import asyncio
from typing import Any

import httpx
import orjson

from infrastructure.ids import new_id
from tests.builders.inventory_rows import break_circuit
from tests.command_api.allocation_cases import asked_for, kept, wanted
from tests.command_api.asset_cases import a_shelf
from tests.command_api.case import Ids
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.test_routes import check_problem


def line_path(ids: Ids, action: str) -> str:
    return f"/requisitions/{ids['id']}/lines/{ids['line_id']}/{action}"


async def allocate(tenant: Tenant, ids: Ids, **body: Any) -> httpx.Response:
    return await tenant.post("technician", line_path(ids, "allocate"), body)


async def test_an_asset_is_kept_for_a_line_in_one_step_of_the_log(tenant: Tenant, log: Log) -> None:
    ids = await wanted(tenant)

    answer = await allocate(tenant, ids, asset_id=ids["asset"])

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["id"], body["line_id"]) == (ids["id"], ids["line_id"])
    assert answer.headers["Location"].startswith("/api/v1/assignments/")
    assert log.topics()[-4:] == [
        "requisition.line_allocated.v1",
        "assignment.reserved.v1",
        "item_book.opened.v1",
        "item_book.held.v1",
    ]


async def test_a_repeated_request_keeps_it_once_and_names_the_same_assignment(
    tenant: Tenant, log: Log
) -> None:
    ids = await wanted(tenant)
    path, body = line_path(ids, "allocate"), {"asset_id": ids["asset"]}
    key = {"Idempotency-Key": "once"}

    first = await tenant.post("technician", path, body, headers=key)
    again = await tenant.post("technician", path, body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json() == first.json()
    assert log.topics().count("assignment.reserved.v1") == 1


async def test_of_two_technicians_at_once_one_gets_the_only_printer(
    tenant: Tenant, log: Log
) -> None:
    shelf = await a_shelf(tenant)
    one = await asked_for(tenant, shelf["model"])
    two = await asked_for(tenant, shelf["model"])

    answers = await asyncio.gather(
        *(allocate(tenant, ids, asset_id=shelf["id"]) for ids in (one, two) * 4)
    )

    won = [answer for answer in answers if answer.status_code == 201]
    assert len(won) == 1
    for lost in answers:
        if lost not in won:
            check_problem(lost, 409, "item_held")
    assert log.topics().count("assignment.reserved.v1") == 1


async def test_it_is_kept_unverified_while_the_inventory_cannot_be_asked(
    tenant: Tenant, log: Log
) -> None:
    ids = await wanted(tenant)
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)

    kept_anyway = await allocate(tenant, ids, asset_id=ids["asset"])
    handed_over = await tenant.post("technician", f"{_assignment(kept_anyway)}/issue")

    assert kept_anyway.status_code == 201
    check_problem(handed_over, 503, "inventory_unavailable")
    assert handed_over.headers["Retry-After"]
    assert log.topics()[-1] == "item_book.held.v1"


async def test_decisions_are_taken_while_the_inventory_cannot_be_asked(
    tenant: Tenant, log: Log
) -> None:
    shelf = await a_shelf(tenant)
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)

    await asked_for(tenant, shelf["model"])

    assert log.topics()[-5:] == [
        "requisition.submitted.v1",
        "requisition.availability_noted.v1",
        "requisition.step_approved.v1",
        "requisition.approved.v1",
        "requisition.availability_noted.v1",
    ]


async def test_what_is_let_go_of_can_be_kept_for_somebody_else(tenant: Tenant) -> None:
    ids = await kept(tenant)
    others = await asked_for(tenant, ids["model"])
    check_problem(await allocate(tenant, others, asset_id=ids["asset"]), 409, "item_held")

    body = {"assignment_id": ids["assignment"], "reason": "Given to another project"}
    released = await tenant.post("technician", line_path(ids, "deallocate"), body)

    assert released.status_code == 200, released.text
    assert (await allocate(tenant, others, asset_id=ids["asset"])).status_code == 201


async def test_a_cancelled_requisition_lets_go_of_what_is_kept_for_it(
    tenant: Tenant, log: Log
) -> None:
    ids = await kept(tenant)

    path = f"/requisitions/{ids['id']}/cancel"
    answer = await tenant.post("technician", path, {"reason": "Not needed"})

    assert answer.status_code == 200, answer.text
    assert log.topics()[-4:] == [
        "requisition.line_deallocated.v1",
        "requisition.cancelled.v1",
        "assignment.cancelled.v1",
        "item_book.released.v1",
    ]


async def test_nothing_is_cancelled_while_it_is_handed_over(tenant: Tenant) -> None:
    ids = await kept(tenant)
    issued = await tenant.post("technician", f"/assignments/{ids['assignment']}/issue")
    assert issued.status_code == 202, issued.text

    path = f"/requisitions/{ids['id']}/cancel"
    refused = await tenant.post("technician", path, {"reason": "Not needed"})

    check_problem(refused, 409, "being_issued")


async def test_something_else_is_kept_only_with_a_reason(tenant: Tenant, log: Log) -> None:
    ids = await wanted(tenant)
    log.connection.execute("UPDATE inventory.assets SET model_external_id = 999")

    refused = await allocate(tenant, ids, asset_id=ids["asset"])
    answer = await allocate(
        tenant, ids, asset_id=ids["asset"], substitution_reason="The other one is broken"
    )

    check_problem(refused, 409, "substitution_needs_reason")
    assert answer.status_code == 201, answer.text


async def test_the_body_names_one_item(tenant: Tenant) -> None:
    ids = await wanted(tenant)
    asset, other = ids["asset"], new_id()
    for body, field in (
        ({}, "asset_id"),
        ({"asset_id": asset, "item_id": other}, "asset_id"),
        ({"asset_id": asset, "item_kind": "accessory"}, "asset_id"),
        ({"item_id": other}, "item_kind"),
        ({"item_kind": "kit", "item_id": other}, "item_kind"),
        ({"item_kind": "accessory", "item_id": other}, "item_id"),
        ({"asset_id": other}, "asset_id"),
        ({"asset_id": asset, "quantity": 2}, "quantity"),
        ({"asset_id": asset, "due": "2020-01-01"}, "due"),
        ({"asset_id": asset, "begins": "2030-02-01", "due": "2030-01-01"}, "due"),
        ({"asset_id": asset, "substitution_reason": ""}, "substitution_reason"),
    ):
        answer = await allocate(tenant, ids, **body)
        assert answer.status_code == 422, body
        assert [error["path"] for error in answer.json()["errors"]] == [field], body


async def test_a_technician_names_who_gets_it(tenant: Tenant, log: Log) -> None:
    ids = await wanted(tenant)
    for custodian in (
        {"kind": "user", "id": tenant["requester"].id},
        {"kind": "location", "id": ids["place"]},
    ):
        answer = await allocate(tenant, ids, asset_id=ids["asset"], custodian=custodian)
        assert answer.status_code == 201, answer.text
        assert _custodian(log) == custodian
        assignment_id = answer.headers["Location"].rpartition("/")[2]
        body = {"assignment_id": assignment_id, "reason": "Wrong one"}
        released = await tenant.post("technician", line_path(ids, "deallocate"), body)
        assert released.status_code == 200, released.text


async def test_a_custodian_whom_the_inventory_does_not_know_is_named_by_the_field(
    tenant: Tenant, neighbours: Tenant, log: Log
) -> None:
    ids = await wanted(tenant)
    head = log.head
    unmapped, elsewhere = tenant["auditor"].id, neighbours["requester"].id
    for custodian, field in (
        ({"kind": "user", "id": new_id()}, "custodian.id"),
        ({"kind": "user", "id": unmapped}, "custodian.id"),
        ({"kind": "user", "id": elsewhere}, "custodian.id"),
        ({"kind": "user", "id": ids["place"]}, "custodian.id"),
        ({"kind": "location", "id": new_id()}, "custodian.id"),
        ({"kind": "location", "id": "here"}, "custodian.id"),
        ({"kind": "project", "id": ids["project"]}, "custodian.kind"),
        ({"kind": "location"}, "custodian.id"),
        ({"id": ids["place"]}, "custodian.kind"),
        ("me", "custodian"),
    ):
        answer = await allocate(tenant, ids, asset_id=ids["asset"], custodian=custodian)
        assert answer.status_code == 422, custodian
        assert [error["path"] for error in answer.json()["errors"]] == [field], custodian
    assert log.head == head


def _custodian(log: Log) -> dict[str, str]:
    """Whom the last reservation is for."""
    row = log.connection.execute(
        "SELECT state FROM log.stored_events WHERE topic = 'assignment.reserved.v1'"
        " ORDER BY notification_id DESC LIMIT 1"
    ).fetchone()
    assert row
    custodian: dict[str, str] = orjson.loads(bytes(row[0]))["custodian"]
    return custodian


def _assignment(allocated: httpx.Response) -> str:
    return allocated.headers["Location"].removeprefix("/api/v1")
