"""GET /projects/{project_id}/report: what a project has, had, waits for and got."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Response

from domain.assignments.content import GONE
from domain.errors import PermissionMissing
from domain.ids import Id
from domain.projects.rules import LEAD
from domain.requisitions.content import PURCHASE
from domain.requisitions.rules import FULFIL
from query_api import answers, names
from query_api.assignments import shape, visibility
from query_api.inventory_names import Things, look_up_things
from query_api.names import Names
from query_api.project_report import selects
from query_api.project_report.models import ProjectReport
from query_api.project_report.selects import ENTERED, FIRST_UNITS, Reported
from query_api.project_role import project_with_role
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.requisitions import visibility as requisition_visibility
from query_api.routing import object_responses, router
from query_api.shapes import IdInPath, Time

project_report = router("projects")

PROJECTIONS: Final = ("custody", "requisitions", "history")
OWN_TURN: Final = frozenset({"draft", "changes_requested"})
"""The states in which the requester has to act."""
AS_LISTED: Final = (
    *("item", "custodian", "state", "due", "overdue"),
    *("drift", "attested", "sync"),
)
"""What is said of an assignment that is out as its own list says it."""


async def _wanted(
    project_id: IdInPath,
    since: Annotated[Time | None, Query(alias="from", description="RFC 3339, included.")] = None,
    until: Annotated[Time | None, Query(description="RFC 3339, not included.")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="The most rows of a section.")] = 100,
) -> Reported:
    return Reported(project_id, since, until, limit)


@project_report.get(
    "/projects/{project_id}/report",
    operation_id="read_project_report",
    response_model=ProjectReport,
    responses=object_responses(403, 404),
)
async def read_project_report(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=PROJECTIONS)],
    wanted: Annotated[Reported, Depends(_wanted)],
) -> Response:
    """What is out for the project, what ever was, what it waits for, and what it got.

    For the leads of the project, and for those who see every assignment and the project's
    requisitions: it is shown as a whole or not at all.
    """
    project = await project_with_role(reading, wanted.project_id)
    _check_sees_all(reading, project.role)
    body = {
        "project": {"id": project.id, "name": project.name},
        "equipment": await _equipment(reading, wanted),
        "used": await _used(reading, wanted),
        "open_requisitions": await _open(reading, wanted),
        "asked_for": await _asked_for(reading, wanted),
    }
    return answers.unversioned(reading, body)


def _check_sees_all(reading: Reading, role: str | None) -> None:
    """Raise ``PermissionMissing`` unless the caller may see all that the report is made of."""
    caller = reading.caller
    if not (visibility.sees_all(caller) or role == LEAD):
        raise PermissionMissing(visibility.READ)
    read = requisition_visibility.READ
    if not (requisition_visibility.sees_all(caller) or (role is not None and caller.may(read))):
        raise PermissionMissing(read)


async def _equipment(reading: Reading, wanted: Reported) -> dict[str, Any]:
    rows = await reading.rows(selects.out_now(reading.scope, wanted))
    known = await shape.look_up(reading, rows)
    return _section(rows, [_out(row, known) for row in rows])


def _out(row: Any, known: shape.Known) -> dict[str, Any]:
    listed = shape.assignment(row, known)
    return {
        "assignment_id": row.id,
        "quantity": row.outstanding,
        "since": row.issued_at,
        **{name: listed[name] for name in AS_LISTED},
    }


async def _used(reading: Reading, wanted: Reported) -> dict[str, Any]:
    rows = await reading.rows(selects.ever_used(reading.scope, wanted))
    known = await shape.look_up(reading, rows)
    return _section(rows, [_use(row, known) for row in rows])


def _use(row: Any, known: shape.Known) -> dict[str, Any]:
    confirmed = (one for one in row.returns if one["confirmed_at"] is not None)
    conditions: Counter[str] = Counter()
    for unit in chain.from_iterable(one["units"] for one in confirmed):
        conditions[unit["condition"]] += unit["quantity"]
    return {
        "assignment_id": row.id,
        "item": known.things.of(row.item_kind, row.item_id),
        "quantity": row.quantity,
        "custodian": known.custodians.of(row.custodian_kind, row.custodian_id),
        "since": row.issued_at,
        "until": row.closed_at,
        "outcome": row.outcome,
        "returned": row.returned,
        "conditions": _in_order(conditions, conditions.keys() - GONE),
        "gone": _in_order(conditions, conditions.keys() & GONE),
    }


def _in_order(conditions: Mapping[str, int], shown: Iterable[str]) -> list[dict[str, Any]]:
    return [{"condition": one, "quantity": conditions[one]} for one in sorted(shown)]


async def _open(reading: Reading, wanted: Reported) -> dict[str, Any]:
    rows = await reading.rows(selects.still_open(reading.scope, wanted))
    since = await _in_state_since(reading, rows)
    people = {row.requester_id for row in rows} | {row.delegate_id for row in rows}
    known = await names.look_up(reading.snapshot, reading.scope, people)
    items = [
        {
            "id": row.id,
            "purpose": row.purpose,
            "state": row.state,
            "since": since.get(row.id, row.updated_at),
            "requester": known.of(row.requester_id),
            "waiting_on": _waiting_on(row, known, reading.at),
        }
        for row in rows
    ]
    return _section(rows, items)


async def _in_state_since(reading: Reading, rows: Sequence[Any]) -> Mapping[Id, datetime]:
    """When each of these requisitions came into the state that it is in."""
    if not rows:
        return {}
    states = {row.id: row.state for row in rows}
    since: dict[Id, datetime] = {}
    fulfilled: set[Id] = set()
    for event in await reading.rows(selects.entries(reading.scope, states)):
        id, state = event.aggregate_id, states[event.aggregate_id]
        if event.type in ENTERED.get(state, ()):
            since[id] = event.at
        elif state == "fulfilling" and event.type in ENTERED["approved"]:
            fulfilled.discard(id)
        elif state == "fulfilling" and event.type in FIRST_UNITS and id not in fulfilled:
            fulfilled.add(id)
            since[id] = event.at
    return since


def _waiting_on(row: Any, known: Names, at: datetime) -> dict[str, Any]:
    if row.state in OWN_TURN:
        return {"user": known.of(row.requester_id), "permission": None, "step": None}
    if row.waiting_permission is None:
        return {"user": None, "permission": FULFIL, "step": None}
    step = row.approval["steps"][row.approval["step"] - 1]["name"]
    delegated = row.delegate_id is not None and (
        row.delegate_until is None or at < row.delegate_until
    )
    user = known.of(row.delegate_id) if delegated else None
    return {"user": user, "permission": row.waiting_permission, "step": step}


async def _asked_for(reading: Reading, wanted: Reported) -> dict[str, Any]:
    rows = await reading.rows(selects.asked_for(reading.scope, wanted))
    things = {(row.kind, row.item_id) for row in rows if row.kind != PURCHASE}
    known = await look_up_things(reading, things)
    return _section(rows, [_asked(row, known) for row in rows])


def _asked(row: Any, known: Things) -> dict[str, Any]:
    name = None if row.kind == PURCHASE else known.name_of(row.kind, row.item_id)
    return {
        "item": {
            "kind": row.kind,
            "id": row.item_id,
            "description": row.description,
            "name": name,
        },
        "requested": row.requested,
        "approved": row.approved,
        "issued": row.issued,
        "closed_short": row.closed_short,
        "fill_rate": row.issued / row.approved if row.approved else None,
    }


def _section(rows: Sequence[Any], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"total": rows[0].total if rows else 0, "items": items}
