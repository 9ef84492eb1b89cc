"""What can be asked of a requisition now, by the very rules that the commands obey."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from domain.fields import time_of
from domain.requisitions import rules
from domain.requisitions.content import PURCHASE
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.rules import Asked, Command, Delegation, RequisitionView, Step
from query_api.inventory_names import look_up_things
from query_api.inventory_standing import read_standing
from query_api.obstacles import forbidden, transition
from query_api.reader import Reading
from query_api.requisitions.found import FoundRequisition


async def transitions(found: FoundRequisition) -> dict[str, Any]:
    """Every command, with what stands in its way for this caller now."""
    view = view_of(found.row, found.lines)
    if view.needs_availability:
        known = await _availability_known(found.reading, found.lines)
        view = replace(view, availability_known=known)
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
        require_live_availability=approval.get("require_live_availability", False),
    )


async def _availability_known(reading: Reading, lines: Sequence[Any]) -> bool:
    """As ``domain.requisitions.availability`` has it: the mirror counts whatever it knows."""
    if not (await read_standing(reading)).available:
        return False
    asked_for = {(line.kind, line.item_id) for line in lines if line.kind != PURCHASE}
    known = await look_up_things(reading, asked_for)
    return asked_for.issubset(known.by_id)


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
