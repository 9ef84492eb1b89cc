"""Policies that have things of the inventory approved only while it is known what is left."""

from typing import Final

import httpx

from domain.ids import Id
from tests.builders.inventory_rows import (
    RETRY_AFTER_S,
    break_circuit,
    forget_models,
    mend_circuit,
    stock_shelf,
)
from tests.command_api.conftest import Log
from tests.command_api.lab import PURCHASE, Tenant
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import Database

POLICY: Final = {
    "name": "Seen with our own eyes",
    "steps": [{"name": "Desk", "permission": "requisitions:approve"}],
    "require_live_availability": True,
}


async def submitted(tenant: Tenant, *kinds: str) -> Id:
    """A requisition for a model, or for a purchase, under the policy; its path."""
    assert tenant.database is not None
    shelf = stock_shelf(tenant.database, tenant.id)
    wanted = {
        "model": {"item": {"kind": "model", "id": shelf.model}, "quantity": 2},
        "purchase": PURCHASE,
    }
    added = await tenant.post("admin", "/approval-policies", POLICY)
    assert added.status_code == 201, added.text
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id, lines=[wanted[kind] for kind in kinds])
    path = f"/requisitions/{requisition_id}"
    answer = await tenant.post("requester", f"{path}/submit")
    assert answer.status_code == 200, answer.text
    return path


async def approve(tenant: Tenant, path: str) -> httpx.Response:
    return await tenant.post("approver", f"{path}/approve", headers={"Idempotency-Key": "once"})


async def test_the_policy_and_the_plan_say_so_in_the_log(tenant: Tenant, log: Log) -> None:
    await submitted(tenant, "model")

    topics = log.topics()
    at = topics.index("approval_policy.added.v1")
    assert topics[at + 1] == "approval_policy.live_availability_required.v1"
    assert topics[-3:] == [
        "requisition.submitted.v1",
        "requisition.live_availability_required.v1",
        "requisition.availability_noted.v1",
    ]


async def test_nothing_is_approved_while_the_circuit_is_open(
    tenant: Tenant, database: Database, log: Log
) -> None:
    path = await submitted(tenant, "purchase", "model")
    break_circuit(database, tenant.id)
    head = log.head

    refused = await approve(tenant, path)

    check_problem(refused, 503, "inventory_unavailable")
    assert RETRY_AFTER_S - 30 < int(refused.headers["Retry-After"]) <= RETRY_AFTER_S
    assert log.head == head
    mend_circuit(database, tenant.id)
    approved = await approve(tenant, path)
    assert approved.status_code == 200, approved.text
    assert "Idempotency-Replayed" not in approved.headers
    assert log.topics(head) == [
        "requisition.step_approved.v1",
        "requisition.approved.v1",
        "requisition.availability_noted.v1",
    ]


async def test_nothing_is_approved_that_the_mirror_does_not_know(
    tenant: Tenant, database: Database, log: Log
) -> None:
    path = await submitted(tenant, "model")
    forget_models(database, tenant.id)
    head = log.head

    refused = await approve(tenant, path)

    check_problem(refused, 503, "inventory_unavailable")
    assert refused.headers["Retry-After"] == "30"
    assert log.head == head


async def test_who_may_not_approve_is_told_that_first(tenant: Tenant, database: Database) -> None:
    path = await submitted(tenant, "model")
    break_circuit(database, tenant.id)
    check_problem(await tenant.post("auditor", f"{path}/approve"), 403, "not_approver")


async def test_purchases_are_approved_whatever_the_inventory_does(
    tenant: Tenant, database: Database
) -> None:
    path = await submitted(tenant, "purchase")
    break_circuit(database, tenant.id)
    assert (await approve(tenant, path)).status_code == 200


async def test_the_other_decisions_are_taken_all_the_same(
    tenant: Tenant, database: Database
) -> None:
    path = await submitted(tenant, "model")
    break_circuit(database, tenant.id)
    back = await tenant.post("approver", f"{path}/request-changes", {"reason": "Fewer"})
    again = await tenant.post("requester", f"{path}/submit")
    no = await tenant.post("approver", f"{path}/reject", {"reason": "No"})
    assert [answer.status_code for answer in (back, again, no)] == [200, 200, 200]


async def test_it_is_true_or_false(tenant: Tenant) -> None:
    body = {**POLICY, "require_live_availability": "yes"}
    refused = await tenant.post("admin", "/approval-policies", body)
    problem = check_problem(refused, 422, "invalid_fields")
    assert problem["errors"][0]["path"] == "require_live_availability"
