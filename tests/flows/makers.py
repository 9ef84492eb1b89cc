"""Requests that must succeed, for the operations on people, projects and requisitions, and reads."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.flows.desk import LINE, Desk, Maker, Ready
from tests.flows.live import PASSWORD


def _signup(desk: Desk) -> Ready:
    return Ready(desk.admin, body={**desk.user(), "tenant_name": desk.name()})


def _signin(desk: Desk) -> Ready:
    return Ready(desk.admin, body={"username": desk.member.username, "password": PASSWORD})


def _set_roles(desk: Desk) -> Ready:
    user_id = str(desk.admin.post("/users", {**desk.user(), "roles": ["requester"]})["id"])
    return Ready(desk.admin, {"id": user_id}, {"roles": ["requester", "approver"]})


def _set_member(desk: Desk) -> Ready:
    project_id, _ = desk.project()
    return Ready(desk.admin, {"id": project_id}, {"user_id": desk.approver.id, "role": "lead"})


def _remove_member(desk: Desk) -> Ready:
    project_id, user_id = desk.project()
    return Ready(desk.admin, {"id": project_id, "user_id": user_id})


def _add_policy(desk: Desk) -> Ready:
    steps = [{"name": "Desk", "permission": "requisitions:approve"}]
    return Ready(desk.admin, body={"name": desk.name(), "steps": steps})


def _of_a_draft(body: Any, version: str | None = None) -> Maker:
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.draft()
        headers = {} if version is None else {"If-Match": version}
        return Ready(desk.member, {"id": requisition_id}, body, headers)

    return make


def _of_a_drafted_line(body: Any) -> Maker:
    def make(desk: Desk) -> Ready:
        requisition_id, line_id = desk.draft()
        path = {"id": requisition_id, "line_id": line_id}
        return Ready(desk.member, path, body, {"If-Match": '"2"'})

    return make


def _decision(body: Any) -> Maker:
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.submitted()
        return Ready(desk.approver, {"id": requisition_id}, body)

    return make


def _by_requester_when_submitted(body: Any) -> Maker:
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.submitted()
        return Ready(desk.member, {"id": requisition_id}, body)

    return make


def _delegate(desk: Desk) -> Ready:
    requisition_id, _ = desk.submitted()
    return Ready(desk.approver, {"id": requisition_id}, {"to_user_id": desk.admin.id})


def _of_an_approved_line(body: Any) -> Maker:
    def make(desk: Desk) -> Ready:
        requisition_id, line_id = desk.approved()
        return Ready(desk.approver, {"id": requisition_id, "line_id": line_id}, body)

    return make


def _shown(**path: Callable[[Desk], str]) -> Maker:
    return lambda desk: Ready(desk.admin, {name: find(desk) for name, find in path.items()})


def _asset(desk: Desk) -> str:
    return desk.lending.shelf.printer


def _assignment(desk: Desk) -> str:
    return desk.assignment_id


def _requisition(desk: Desk) -> str:
    return desk.requisition_id


def _project(desk: Desk) -> str:
    return desk.project_id


def _webhook(desk: Desk) -> str:
    return desk.webhook_id


MAKERS: Final[Mapping[str, Maker]] = {
    "sign_up": _signup,
    "sign_in": _signin,
    "sign_out": lambda desk: Ready(desk.stranger()),
    "add_user": lambda desk: Ready(desk.admin, body={**desk.user(), "roles": ["requester"]}),
    "set_roles": _set_roles,
    "add_role": lambda desk: Ready(
        desk.admin, body={"name": desk.name(), "permissions": ["budget:approve"]}
    ),
    "create_project": lambda desk: Ready(desk.admin, body={"name": desk.name()}),
    "set_project_member": _set_member,
    "remove_project_member": _remove_member,
    "add_approval_policy": _add_policy,
    "draft_requisition": lambda desk: Ready(desk.member, body=desk.asked()),
    "edit_requisition": _of_a_draft({"purpose": "Measure more"}, '"2"'),
    "add_line": _of_a_draft(LINE),
    "change_line": _of_a_drafted_line({"quantity": 5}),
    "remove_line": _of_a_drafted_line(None),
    "submit_requisition": _of_a_draft({}),
    "clone_requisition": _of_a_draft({}),
    "withdraw_requisition": _by_requester_when_submitted({"reason": "Not yet"}),
    "cancel_requisition": _by_requester_when_submitted({"reason": "No need"}),
    "approve_requisition": _decision({"note": "Fine"}),
    "request_changes": _decision({"reason": "Which one?"}),
    "reject_requisition": _decision({"reason": "Too dear"}),
    "delegate_step": _delegate,
    "fulfil_line": _of_an_approved_line({"quantity": 1}),
    "close_line_short": _of_an_approved_line({"quantity": 1, "reason": "Sold out"}),
    "read_user": _shown(user_id=lambda desk: desk.member.id),
    "read_project": _shown(project_id=_project),
    "list_project_members": _shown(project_id=_project),
    "read_project_report": _shown(project_id=_project),
    "read_approval_policy": _shown(policy_id=lambda desk: desk.policy_id),
    "read_requisition": _shown(requisition_id=_requisition),
    "list_requisition_lines": _shown(requisition_id=_requisition),
    "list_requisition_transitions": _shown(requisition_id=_requisition),
    "list_requisition_history": _shown(requisition_id=_requisition),
    "read_assignment": _shown(assignment_id=_assignment),
    "list_assignment_transitions": _shown(assignment_id=_assignment),
    "list_assignment_history": _shown(assignment_id=_assignment),
    "list_assignments_of_asset": _shown(asset_id=_asset),
    "list_assignments_of_project": _shown(project_id=_project),
    "read_asset_circulation": _shown(position=lambda desk: desk.step()),
    "read_inventory_operation": _shown(operation_id=lambda desk: desk.operation_id),
    "read_inventory_mapping": _shown(mapping_id=_asset),
    "read_availability": lambda desk: Ready(
        desk.admin, query={"item_kind": "asset", "item_id": desk.lending.shelf.printer}
    ),
    "read_asset": _shown(asset_id=_asset),
    "read_asset_model": _shown(model_id=lambda desk: desk.lending.shelf.model),
    "read_asset_category": _shown(category_id=lambda desk: desk.lending.shelf.category),
    "read_location": _shown(location_id=lambda desk: desk.lending.shelf.place),
    "read_status_label": _shown(status_label_id=lambda desk: desk.lending.shelf.label),
    "read_accessory": _shown(accessory_id=lambda desk: desk.lending.shelf.cables),
    "read_consumable": _shown(consumable_id=lambda desk: desk.lending.shelf.screws),
    "read_webhook": _shown(webhook_id=_webhook),
    "list_webhook_deliveries": _shown(webhook_id=_webhook),
}
