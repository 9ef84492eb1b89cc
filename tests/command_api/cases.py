"""One entry for every route: how to reach it rightly, and who may not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from domain.ids import Id
from infrastructure.ids import new_id
from tests.command_api.lab import PURCHASE, Tenant

Ids = dict[str, Id]
Arrange = Callable[[Tenant], Awaitable[Ids]]


@dataclass(frozen=True)
class Case:
    """A route that needs a token.

    ``arrange`` makes what the path names, and may add ids that ``body`` needs. ``wrong`` is a
    field of a wrong type. ``public_fields`` are those that another tenant could try to reach us by.
    """

    operation: str
    method: str
    path: str
    arrange: Arrange
    actor: str
    lacking: str
    body: Callable[[Ids], dict[str, Any]] | None = None
    wrong: dict[str, Any] = field(default_factory=dict)
    wrong_path: str = ""
    status: int = 200
    version_needed: bool = False

    @property
    def is_of_an_object(self) -> bool:
        return "{" in self.path

    def url(self, ids: Ids) -> str:
        return self.path.format(**ids)

    def sent(self, ids: Ids) -> dict[str, Any] | None:
        return None if self.body is None else self.body(ids)


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
)

OPEN: Final = ("sign_up", "sign_in")
"""The routes that need no token; ``test_me`` is about them and about signing out."""
SIGNED_IN: Final = ("sign_out",)
