"""One entry for every route: how to reach it rightly, and who may not."""

from typing import Final

from domain.ids import Id
from infrastructure.ids import new_id
from tests.command_api.allocation_cases import ALLOCATION_CASES
from tests.command_api.asset_cases import ASSET_CASES
from tests.command_api.assignment_cases import ASSIGNMENT_CASES
from tests.command_api.case import Case, Ids
from tests.command_api.inventory_cases import INVENTORY_CASES
from tests.command_api.lab import PURCHASE, Tenant
from tests.command_api.operation_cases import OPERATION_CASES


async def nothing(_tenant: Tenant) -> Ids:
    return {}


async def a_member(tenant: Tenant) -> Ids:
    return {"id": tenant["nobody"].id}


async def a_project(tenant: Tenant) -> Ids:
    project_id = await tenant.project("requester")
    return {"id": project_id, "user_id": tenant["requester"].id, "new": tenant["nobody"].id}


async def a_draft(tenant: Tenant) -> Ids:
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id)
    added = await tenant.post("requester", f"/requisitions/{requisition_id}/lines", PURCHASE)
    return {"id": requisition_id, "line_id": added.json()["line_id"], "project": project_id}


async def submitted(tenant: Tenant) -> Ids:
    ids = await a_draft(tenant)
    answer = await tenant.post("requester", f"/requisitions/{ids['id']}/submit")
    assert answer.status_code == 200, answer.text
    return {**ids, "other": tenant["technician"].id}


async def approved(tenant: Tenant) -> Ids:
    ids = await submitted(tenant)
    answer = await tenant.post("approver", f"/requisitions/{ids['id']}/approve")
    assert answer.status_code == 200, answer.text
    return ids


async def a_webhook(tenant: Tenant) -> Ids:
    made = await tenant.post("admin", "/webhooks", _WEBHOOK)
    assert made.status_code == 201, made.text
    webhook_id: Id = made.json()["id"]
    # At version 2, as the other things are that need If-Match.
    tested = await tenant.post("admin", f"/webhooks/{webhook_id}/test")
    assert tested.status_code == 200, tested.text
    return {"id": webhook_id}


_WEBHOOK: Final = {"url": "https://hooks.example.org/lending", "events": ["requisition.*"]}


def _named(name: str) -> str:
    return f"{name}-{new_id()[-8:]}".lower()


CASES: Final = (
    Case(
        "add_user",
        "POST",
        "/users",
        nothing,
        "admin",
        "requester",
        lambda _: {
            "username": _named("new"),
            "email": f"{_named('new')}@lab.example",
            "password": "kettle and spoon",
            "roles": ["requester"],
        },
        {"roles": "requester"},
        "roles",
        status=201,
    ),
    Case(
        "set_roles",
        "PUT",
        "/users/{id}/roles",
        a_member,
        "admin",
        "requester",
        lambda _: {"roles": ["approver"]},
        {"roles": [1]},
        "roles.0",
    ),
    Case(
        "add_role",
        "POST",
        "/roles",
        nothing,
        "admin",
        "approver",
        lambda _: {"name": "buyer", "permissions": ["budget:approve"]},
        {"permissions": {"budget": "approve"}},
        "permissions",
        status=201,
    ),
    Case(
        "create_project",
        "POST",
        "/projects",
        nothing,
        "admin",
        "requester",
        lambda _: {"name": "Robot arm", "description": "It moves"},
        {"name": 7},
        "name",
        status=201,
    ),
    Case(
        "set_project_member",
        "POST",
        "/projects/{id}/members",
        a_project,
        "admin",
        "requester",
        lambda ids: {"user_id": ids["new"], "role": "member"},
        {"user_id": 5},
        "user_id",
    ),
    Case(
        "remove_project_member",
        "DELETE",
        "/projects/{id}/members/{user_id}",
        a_project,
        "admin",
        "requester",
    ),
    Case(
        "add_approval_policy",
        "POST",
        "/approval-policies",
        a_project,
        "admin",
        "approver",
        lambda ids: {
            "name": "Dear things",
            "steps": [{"name": "Budget", "permission": "budget:approve"}],
            "applies": {"min_amount": 100, "project_id": ids["id"]},
        },
        {"steps": [{"name": "Budget", "permission": True}]},
        "steps.0.permission",
        status=201,
    ),
    Case(
        "draft_requisition",
        "POST",
        "/requisitions",
        a_project,
        "requester",
        "auditor",
        lambda ids: {"project_id": ids["id"], "purpose": "Arm", "lines": [PURCHASE]},
        {"lines": [{**PURCHASE, "quantity": "3"}]},
        "lines.0.quantity",
        status=201,
    ),
    Case(
        "edit_requisition",
        "PATCH",
        "/requisitions/{id}",
        a_draft,
        "requester",
        "approver",
        lambda _: {"purpose": "Leg", "amount": 12.5, "needed_until": "2027-01-31"},
        {"amount": "12.50"},
        "amount",
        version_needed=True,
    ),
    Case(
        "add_line",
        "POST",
        "/requisitions/{id}/lines",
        a_draft,
        "requester",
        "approver",
        lambda _: PURCHASE,
        {"quantity": 1.5},
        "quantity",
    ),
    Case(
        "change_line",
        "PATCH",
        "/requisitions/{id}/lines/{line_id}",
        a_draft,
        "requester",
        "approver",
        lambda _: {"quantity": 5},
        {"quantity": True},
        "quantity",
        version_needed=True,
    ),
    Case(
        "remove_line",
        "DELETE",
        "/requisitions/{id}/lines/{line_id}",
        a_draft,
        "requester",
        "approver",
        version_needed=True,
    ),
    Case(
        "submit_requisition",
        "POST",
        "/requisitions/{id}/submit",
        a_draft,
        "requester",
        "approver",
        lambda _: {},
    ),
    Case(
        "withdraw_requisition",
        "POST",
        "/requisitions/{id}/withdraw",
        submitted,
        "requester",
        "approver",
        lambda _: {"reason": "Too early"},
        {"reason": ["Too early"]},
        "reason",
    ),
    Case(
        "request_changes",
        "POST",
        "/requisitions/{id}/request-changes",
        submitted,
        "approver",
        "auditor",
        lambda _: {"reason": "Which one?"},
        {"reason": 1},
        "reason",
    ),
    Case(
        "approve_requisition",
        "POST",
        "/requisitions/{id}/approve",
        submitted,
        "approver",
        "auditor",
        lambda ids: {"note": "Fine", "lines": [{"line_id": ids["line_id"], "approved": 2}]},
        {"lines": {}},
        "lines",
    ),
    Case(
        "reject_requisition",
        "POST",
        "/requisitions/{id}/reject",
        submitted,
        "approver",
        "auditor",
        lambda _: {"reason": "No money"},
        {"reason": False},
        "reason",
    ),
    Case(
        "delegate_step",
        "POST",
        "/requisitions/{id}/delegate",
        submitted,
        "approver",
        "auditor",
        lambda ids: {"to_user_id": ids["other"], "until": "2030-01-01T00:00:00Z"},
        {"until": 5},
        "until",
    ),
    Case(
        "cancel_requisition",
        "POST",
        "/requisitions/{id}/cancel",
        approved,
        "technician",
        "approver",
        lambda _: {"reason": "Not needed"},
        {"reason": {}},
        "reason",
    ),
    Case(
        "clone_requisition",
        "POST",
        "/requisitions/{id}/clone",
        approved,
        "requester",
        "approver",
        lambda _: {},
        status=201,
    ),
    Case(
        "fulfil_line",
        "POST",
        "/requisitions/{id}/lines/{line_id}/fulfil",
        approved,
        "technician",
        "approver",
        lambda _: {"quantity": 1, "note": "Shelf 3"},
        {"quantity": None},
        "quantity",
    ),
    Case(
        "close_line_short",
        "POST",
        "/requisitions/{id}/lines/{line_id}/close-short",
        approved,
        "technician",
        "approver",
        lambda _: {"quantity": 1, "reason": "Sold out"},
        {"quantity": "1"},
        "quantity",
    ),
    Case(
        "add_webhook",
        "POST",
        "/webhooks",
        nothing,
        "admin",
        "technician",
        lambda _: _WEBHOOK,
        {"events": "requisition.*"},
        "events",
        status=201,
    ),
    Case(
        "change_webhook",
        "PATCH",
        "/webhooks/{id}",
        a_webhook,
        "admin",
        "technician",
        lambda _: {"events": ["assignment.*"], "description": "Room display"},
        {"enabled": "yes"},
        "enabled",
        version_needed=True,
    ),
    Case(
        "remove_webhook",
        "DELETE",
        "/webhooks/{id}",
        a_webhook,
        "admin",
        "technician",
        version_needed=True,
    ),
    Case(
        "rotate_webhook_secret",
        "POST",
        "/webhooks/{id}/rotate-secret",
        a_webhook,
        "admin",
        "technician",
        lambda _: {"keep_previous_h": 1},
        {"keep_previous_h": "1"},
        "keep_previous_h",
    ),
    Case("test_webhook", "POST", "/webhooks/{id}/test", a_webhook, "admin", "technician"),
    *ALLOCATION_CASES,
    *ASSET_CASES,
    *ASSIGNMENT_CASES,
    *INVENTORY_CASES,
    *OPERATION_CASES,
)

OPEN: Final = ("sign_up", "sign_in")
"""The routes that need no token; ``own_database/test_me`` is about them and about signing out."""
SIGNED_IN: Final = (
    "sign_out",
    # ``test_notifications`` is about these: everybody may, of their own.
    "read_notification",
    "read_all_notifications",
    "choose_notifications",
)
