"""Requests that must succeed: for every operation of both APIs, objects made ready for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import httpx

from tests.builders.inventory_rows import stock_shelf
from tests.fixtures.postgres import Database
from tests.flows.live import PASSWORD, Live, Person, add_user, sign_up

_FIRST_DAY: Final = datetime(2040, 1, 1, 9, tzinfo=UTC)
_LINE: Final = {"item": {"kind": "purchase", "description": "Oscilloscope"}, "quantity": 3}


@dataclass(frozen=True)
class Ready:
    """A request that must succeed: what stands in for the generated parts, and who sends it."""

    by: Person
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class Desk:
    """One lab with a member who asks, somebody who approves, and its administrator."""

    def __init__(self, live: Live, database: Database) -> None:
        self._numbers = count(1)
        self._live = live
        self.admin = sign_up(live, "ada", "Lab")
        self.member = add_user(self.admin, "mia", "requester")
        self.approver = add_user(self.admin, "tom", "technician")
        self.policy_id = self._create(
            "/approval-policies",
            {"name": "One step", "steps": [{"name": "Desk", "permission": "requisitions:approve"}]},
        )
        self.project_id = self._create("/projects", {"name": "Robot arm"})
        self._join(self.project_id, self.member.id)
        self.requisition_id, _ = self.fulfilled()
        # What the inventory has, as its mirror would hold it: nobody asks it here.
        tenant_id = str(self.admin.get("/me")["tenant"]["id"])
        self.shelf = stock_shelf(database, tenant_id, self.member.id)
        self.assignment_id, self.operation_id = self._handed_over()

    def ready(self, operation_id: str) -> Ready:
        """A request for ``operation_id`` that must be answered with a 2xx."""
        make = _MAKERS.get(operation_id)
        return Ready(self.admin) if make is None else make(self)

    def asking(self, operation_id: str) -> Person:
        """Who sends what was generated: somebody whose token may end with it."""
        return self.stranger() if operation_id == "sign_out" else self.admin

    def name(self) -> str:
        """A name that nothing has yet."""
        return f"n{next(self._numbers)}"

    def user(self) -> dict[str, Any]:
        """A user who is not there yet."""
        name = self.name()
        return {"username": name, "email": f"{name}@lab.example", "password": PASSWORD}

    def stranger(self) -> Person:
        """Somebody who just signed up by themselves."""
        return sign_up(self._live, self.name(), "Elsewhere")

    def project(self) -> tuple[str, str]:
        """A project and one of its members."""
        project_id = self._create("/projects", {"name": self.name()})
        return project_id, self._join(project_id, self.member.id)

    def draft(self) -> tuple[str, str]:
        """A draft with two lines, and one of the two."""
        requisition_id = str(self.member.post("/requisitions", self.asked())["id"])
        added = self.member.post(f"/requisitions/{requisition_id}/lines", _LINE)
        return requisition_id, str(added["line_id"])

    def submitted(self) -> tuple[str, str]:
        """A submitted requisition and one of its lines."""
        requisition_id, line_id = self.draft()
        self.member.post(f"/requisitions/{requisition_id}/submit")
        return requisition_id, line_id

    def approved(self) -> tuple[str, str]:
        """An approved requisition and one of its lines."""
        requisition_id, line_id = self.submitted()
        self.approver.post(f"/requisitions/{requisition_id}/approve")
        return requisition_id, line_id

    def fulfilled(self) -> tuple[str, str]:
        """A requisition of which one line is met."""
        requisition_id, line_id = self.approved()
        self.approver.post(
            f"/requisitions/{requisition_id}/lines/{line_id}/fulfil", {"quantity": 3}
        )
        return requisition_id, line_id

    def asked(self) -> dict[str, Any]:
        """The body of a new requisition."""
        return {"project_id": self.project_id, "purpose": "Measure things", "lines": [_LINE]}

    def reservation(self) -> str:
        """Something kept for the member."""
        return str(self.approver.post("/assignments", self.to_lend())["id"])

    def to_lend(self) -> dict[str, Any]:
        """The body of a new assignment: a cable, on a day of its own so that none is ever short."""
        begins = _FIRST_DAY + next(self._numbers) * timedelta(days=1)
        return {
            "item": {"kind": "accessory", "id": self.shelf.cables},
            "custodian": {"kind": "user", "id": self.member.id},
            "begins": begins.isoformat(),
            "due": (begins + timedelta(hours=8)).isoformat(),
        }

    def _handed_over(self) -> tuple[str, str]:
        """An assignment that the inventory has yet to confirm, and the operation for that."""
        assignment_id = self.reservation()
        receipt = self.approver.post(f"/assignments/{assignment_id}/issue")
        path = f"/assignments/{assignment_id}"
        sync = self.admin.get(path, position=receipt["position"])["sync"]
        return assignment_id, str(sync["operation_id"])

    def _create(self, path: str, body: Mapping[str, Any]) -> str:
        return str(self.admin.post(path, body)["id"])

    def _join(self, project_id: str, user_id: str) -> str:
        body = {"user_id": user_id, "role": "member"}
        self.admin.post(f"/projects/{project_id}/members", body)
        return user_id


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


def _of_a_draft(body: Any, version: str | None = None) -> "Maker":
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.draft()
        headers = {} if version is None else {"If-Match": version}
        return Ready(desk.member, {"id": requisition_id}, body, headers)

    return make


def _of_a_drafted_line(body: Any) -> "Maker":
    def make(desk: Desk) -> Ready:
        requisition_id, line_id = desk.draft()
        path = {"id": requisition_id, "line_id": line_id}
        return Ready(desk.member, path, body, {"If-Match": '"2"'})

    return make


def _decision(body: Any) -> "Maker":
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.submitted()
        return Ready(desk.approver, {"id": requisition_id}, body)

    return make


def _by_requester_when_submitted(body: Any) -> "Maker":
    def make(desk: Desk) -> Ready:
        requisition_id, _ = desk.submitted()
        return Ready(desk.member, {"id": requisition_id}, body)

    return make


def _delegate(desk: Desk) -> Ready:
    requisition_id, _ = desk.submitted()
    return Ready(desk.approver, {"id": requisition_id}, {"to_user_id": desk.admin.id})


def _of_an_approved_line(body: Any) -> "Maker":
    def make(desk: Desk) -> Ready:
        requisition_id, line_id = desk.approved()
        return Ready(desk.approver, {"id": requisition_id, "line_id": line_id}, body)

    return make


def _shown(**path: Callable[[Desk], str]) -> "Maker":
    return lambda desk: Ready(desk.admin, {name: find(desk) for name, find in path.items()})


def _asset(desk: Desk) -> str:
    return desk.shelf.printer


def _assignment(desk: Desk) -> str:
    return desk.assignment_id


def _requisition(desk: Desk) -> str:
    return desk.requisition_id


def _project(desk: Desk) -> str:
    return desk.project_id


Maker = Callable[[Desk], Ready]

_MAKERS: Final[Mapping[str, Maker]] = {
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
    "create_assignment": lambda desk: Ready(desk.approver, body=desk.to_lend()),
    "draft_requisition": lambda desk: Ready(desk.member, body=desk.asked()),
    "edit_requisition": _of_a_draft({"purpose": "Measure more"}, '"2"'),
    "add_line": _of_a_draft(_LINE),
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
    "read_inventory_operation": _shown(operation_id=lambda desk: desk.operation_id),
    "read_inventory_mapping": _shown(mapping_id=_asset),
    "read_availability": lambda desk: Ready(
        desk.admin, query={"item_kind": "asset", "item_id": desk.shelf.printer}
    ),
    "read_asset": _shown(asset_id=_asset),
    "read_asset_model": _shown(model_id=lambda desk: desk.shelf.model),
    "read_asset_category": _shown(category_id=lambda desk: desk.shelf.category),
    "read_location": _shown(location_id=lambda desk: desk.shelf.place),
    "read_status_label": _shown(status_label_id=lambda desk: desk.shelf.label),
    "read_accessory": _shown(accessory_id=lambda desk: desk.shelf.cables),
    "read_consumable": _shown(consumable_id=lambda desk: desk.shelf.screws),
}


def wait_until_visible(desk: Desk) -> None:
    """Return once the queries show all that the desk has made so far."""
    receipt = desk.admin.post("/projects", {"name": desk.name()})
    desk.admin.get(f"/projects/{receipt['id']}", position=receipt["position"])
    desk.admin.get(f"/requisitions/{desk.requisition_id}", position=receipt["position"])


def sent_with(ready: Ready) -> dict[str, str]:
    """The headers of a ready request."""
    return {**ready.by.headers, **ready.headers}


def is_success(status: int) -> bool:
    """Whether a status is a 2xx."""
    return httpx.codes.is_success(status)
