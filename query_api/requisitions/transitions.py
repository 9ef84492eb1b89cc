"""What can be asked of a requisition now, by the very rules that the commands obey."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.fields import time_of
from domain.requisitions import rules
from domain.requisitions.content import PURCHASE
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.rules import Asked, Command, Delegation, RequisitionView, Step
from query_api.obstacles import forbidden, transition
from query_api.requisitions.found import FoundRequisition


async def transitions(found: FoundRequisition) -> dict[str, Any]:
    """Every command, with what stands in its way for this caller now."""
    view = view_of(found.row, found.lines)
    asked = Asked(by=found.reading.caller, at=found.reading.at, project_role=found.row.project_role)
    return {"items": [_transition(command, view, asked) for command in rules.OFFERED]}


def view_of(row: Any, lines: Sequence[Any]) -> RequisitionView:
    """What the rules look at, from rows."""
    approval: Mapping[str, Any] = row.approval or {"step": None, "steps": ()}
    return RequisitionView(
        state=State(row.state),
        requester_id=row.requester_id,
        step=approval["step"],
        steps=tuple(_step(step) for step in approval["steps"]),
        lines=tuple(_quantities(line) for line in lines),
        in_inventory=any(line.kind != PURCHASE for line in lines),
        project_archived=row.project_archived,
    )


def _transition(command: Command, view: RequisitionView, asked: Asked) -> dict[str, Any]:
    return transition(
        command.value,
        forbidden(lambda: rules.require(command, view, asked)),
        rules.obstacle(command, view),
    )


def _step(step: Mapping[str, Any]) -> Step:
    return Step(
        name=step["name"],
        permission=step["permission"],
        decision=step["decision"],
        decided_by=step["decided_by"],
        decided_at=time_of(step["decided_at"]),
        note=step["note"],
        delegations=tuple(
            Delegation(by=one["by"], to_user_id=one["to_user_id"], until=time_of(one["until"]))
            for one in step["delegated"]
        ),
    )


def _quantities(line: Any) -> Quantities:
    return Quantities(
        requested=line.requested,
        approved=line.approved,
        allocated=line.allocated,
        issuing=line.issuing,
        issued=line.issued,
        closed_short=line.closed_short,
    )
