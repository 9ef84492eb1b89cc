"""What can be asked of an assignment now, by the very rules that the commands obey."""

from typing import Any

from domain.assignments import rules
from domain.assignments.content import LOSS_KINDS, State
from domain.assignments.rules import AssignmentView, Command
from domain.assignments.standing import BACK, HANDING_OVER
from query_api.assignments.found import FoundAssignment
from query_api.obstacles import forbidden, transition
from query_api.reader import Reading


def transitions(found: FoundAssignment) -> dict[str, Any]:
    """Every command, with what stands in its way for this caller now."""
    view, reading = view_of(found.row), found.reading
    return {"items": [_transition(command, view, reading) for command in Command]}


def view_of(row: Any) -> AssignmentView:
    """What the rules look at, from a row."""
    not_here = row.quantity if row.issued_at is None else row.outstanding
    on_the_way = sum(waits["quantity"] for waits in row.pending if waits["awaited"] in BACK)
    noted = sum(
        one["quantity"]
        for one in row.returns
        if one["operation_id"] is None and one["failed"] is None
    )
    return AssignmentView(
        state=State(row.state),
        item_kind=row.item_kind,
        custodian_kind=row.custodian_kind,
        custodian_id=row.custodian_id,
        due=row.due,
        unreturned=not_here - on_the_way - noted,
        asked=bool(row.pending),
        extension=row.asked_due if row.extension == "requested" else None,
        renewals=row.renewals,
        drifted=row.drift is not None,
        held_by_another=row.drift is not None and row.drift["actual"] is not None,
        gone=row.outcome in LOSS_KINDS and row.loss.get("recovered_at") is None,
        being_handed_over=any(waits["awaited"] in HANDING_OVER for waits in row.pending),
    )


def _transition(command: Command, view: AssignmentView, reading: Reading) -> dict[str, Any]:
    return transition(
        command.value,
        forbidden(lambda: rules.require(command, view, reading.caller)),
        rules.obstacle(command, view, reading.at),
    )
