"""Requisitions, their lines and their words as rows: one small function per event."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Protocol

from domain.fields import amount_of, time_of, time_text
from domain.ids import Id
from domain.requisitions import events
from domain.requisitions.content import ItemData
from domain.requisitions.fulfilment import Allocation, allocations_after, line_after
from domain.requisitions.quantities import Quantities, State, state_after_approval
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from read_tables.words import words_of

_NOBODY: Final[Row] = {
    "waiting_permission": None,
    "delegate_id": None,
    "delegate_until": None,
}


class _Header(Protocol):
    purpose: str
    needed_from: str | None
    needed_until: str | None
    beneficiary_id: Id | None
    amount: str | None
    policy_id: Id | None


def drafted(rows: Rows, event: events.Drafted, recorded: RecordedEvent) -> Rows:
    """Somebody began to ask for something."""
    requisition: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "project_id": event.project_id,
        "state": State.DRAFT.value,
        "requester_id": event.requester_id,
        **_header(event),
        **_NOBODY,
        "approval": None,
        "step_permissions": [],
        "reason": None,
        "cloned_from": event.cloned_from,
        "created_at": recorded.recorded_at,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    lines = [
        _line(requisition, line["line_id"], number, line["item"], line["quantity"], line["note"])
        for number, line in enumerate(event.lines, start=1)
    ]
    return _with_words({**rows, "requisitions": [requisition], "requisition_lines": lines})


def header_changed(rows: Rows, event: events.HeaderChanged, recorded: RecordedEvent) -> Rows:
    """The header is this from now on."""
    changed = _changed(rows, recorded, _header(event))
    if event.purpose == rows["requisitions"][0]["purpose"]:
        return changed
    return _with_words(changed)


def line_added(rows: Rows, event: events.LineAdded, recorded: RecordedEvent) -> Rows:
    """One more thing is asked for; it stands last."""
    changed = _changed(rows, recorded)
    lines = rows["requisition_lines"]
    number = max((line["number"] for line in lines), default=0) + 1
    line = _line(
        changed["requisitions"][0], event.line_id, number, event.item, event.quantity, event.note
    )
    return _with_words({**changed, "requisition_lines": [*lines, line]})


def line_changed(rows: Rows, event: events.LineChanged, recorded: RecordedEvent) -> Rows:
    """The line is this from now on; it keeps its place."""
    asked = {**_item(event.item), "requested": event.quantity, "note": event.note}
    lines = [
        {**line, **asked} if line["line_id"] == event.line_id else line
        for line in rows["requisition_lines"]
    ]
    return _with_words({**_changed(rows, recorded), "requisition_lines": lines})


def line_removed(rows: Rows, event: events.LineRemoved, recorded: RecordedEvent) -> Rows:
    """One thing is no longer asked for."""
    lines = [line for line in rows["requisition_lines"] if line["line_id"] != event.line_id]
    return _with_words({**_changed(rows, recorded), "requisition_lines": lines})


def submitted(rows: Rows, event: events.Submitted, recorded: RecordedEvent) -> Rows:
    """The first step of the plan is being waited for."""
    approval = {
        "policy_id": event.policy_id,
        "policy_name": event.policy_name,
        "step": 1,
        "steps": [_undecided(step["name"], step["permission"]) for step in event.steps],
    }
    changes = {
        **_waiting(approval),
        "state": State.SUBMITTED.value,
        "step_permissions": sorted({step["permission"] for step in event.steps}),
        "reason": None,
    }
    return _unapproved(_changed(rows, recorded, changes))


def live_availability_required(
    rows: Rows,
    event: events.LiveAvailabilityRequired,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """The steps of the plan are approved only while it is known what is left."""
    plan = {**rows["requisitions"][0]["approval"], "require_live_availability": True}
    return _changed(rows, recorded, {"approval": plan})


def withdrawn(rows: Rows, event: events.Withdrawn, recorded: RecordedEvent) -> Rows:
    """The requester took it back; the plan is void."""
    return _sent_back(rows, recorded, State.DRAFT, event.reason)


def changes_requested(rows: Rows, event: events.ChangesRequested, recorded: RecordedEvent) -> Rows:
    """An approver sent it back; the plan is void."""
    return _sent_back(rows, recorded, State.CHANGES_REQUESTED, event.reason)


def step_approved(rows: Rows, event: events.StepApproved, recorded: RecordedEvent) -> Rows:
    """The next step is being waited for; after the last one, nobody."""
    approval = rows["requisitions"][0]["approval"]
    decision = _decision("approved", event.by, event.note, event.timestamp)
    decided = _with_step(approval, event.step, decision)
    following = event.step + 1 if event.step < len(approval["steps"]) else None
    approved = {line["line_id"]: line["approved"] for line in event.lines}
    lines = [
        {**line, "approved": approved.get(line["line_id"], line["approved"])}
        for line in rows["requisition_lines"]
    ]
    changes = _waiting({**decided, "step": following})
    return {**_changed(rows, recorded, changes), "requisition_lines": lines}


def approved(rows: Rows, event: events.Approved, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """The last step was approved."""
    return _changed(rows, recorded, {"state": State.APPROVED.value})


def rejected(rows: Rows, event: events.Rejected, recorded: RecordedEvent) -> Rows:
    """An approver said no, to the present step or after the last one."""
    approval = rows["requisitions"][0]["approval"]
    if approval["step"] is not None:
        decision = _decision("rejected", event.by, None, event.timestamp)
        approval = _with_step(approval, approval["step"], decision)
    changes = {
        **_waiting({**approval, "step": None}),
        "state": State.REJECTED.value,
        "reason": event.reason,
    }
    return _changed(rows, recorded, changes)


def delegated(rows: Rows, event: events.Delegated, recorded: RecordedEvent) -> Rows:
    """The last delegation of a step counts, until it ends."""
    approval = rows["requisitions"][0]["approval"]
    delegation = {"to_user_id": event.to_user_id, "by": event.by, "until": event.until}
    before = approval["steps"][event.step - 1]["delegated"]
    handed = _with_step(approval, event.step, {"delegated": [*before, delegation]})
    return _changed(rows, recorded, _waiting(handed))


def cancelled(rows: Rows, event: events.Cancelled, recorded: RecordedEvent) -> Rows:
    """It was called off."""
    return _ended(rows, recorded, State.CANCELLED, event.reason)


def expired(rows: Rows, event: events.Expired, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """Nothing was handed over in time."""
    return _ended(rows, recorded, State.EXPIRED, None)


def availability_noted(
    rows: Rows,
    event: events.AvailabilityNoted,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """What the inventory had at a decision stands in the history."""
    return _changed(rows, recorded)


def units_moved(rows: Rows, event: events.UnitsMoved, recorded: RecordedEvent) -> Rows:
    """Units of a line are kept, handed over, given up or open again."""
    lines = [
        _line_after(line, event) if line["line_id"] == event.line_id else line
        for line in rows["requisition_lines"]
    ]
    state = state_after_approval([_quantities(line) for line in lines])
    changed = _changed(rows, recorded, {"state": state.value})
    return {**changed, "requisition_lines": lines}


def _line_after(line: Row, event: events.UnitsMoved) -> Row:
    before = {one["id"]: Allocation.of(line["line_id"], one) for one in line["assignments"]}
    taken = allocations_after(before, event)
    return {
        **line,
        **asdict(line_after(_quantities(line), event)),
        "assignments": [one.data_for(id) for id, one in taken.items()],
    }


def _header(event: _Header) -> Row:
    return {
        "purpose": event.purpose,
        "needed_from": time_of(event.needed_from),
        "needed_until": time_of(event.needed_until),
        "beneficiary_id": event.beneficiary_id,
        "amount": amount_of(event.amount),
        "policy_id": event.policy_id,
    }


def _line(
    requisition: Row, line_id: Id, number: int, item: ItemData, quantity: int, note: str | None
) -> Row:
    return {
        "requisition_id": requisition["id"],
        "line_id": line_id,
        "tenant_id": requisition["tenant_id"],
        "number": number,
        **_item(item),
        "requested": quantity,
        "approved": 0,
        "allocated": 0,
        "issuing": 0,
        "issued": 0,
        "closed_short": 0,
        "note": note,
        "assignments": [],
    }


def _item(item: ItemData) -> Row:
    return {"kind": item["kind"], "item_id": item["id"], "description": item["description"]}


def _changed(rows: Rows, recorded: RecordedEvent, changes: Row | None = None) -> Rows:
    (requisition,) = rows["requisitions"]
    changed = {
        **requisition,
        **(changes or {}),
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "requisitions": [changed]}


def _with_words(rows: Rows) -> Rows:
    (requisition,) = rows["requisitions"]
    texts = [requisition["purpose"], *(line["description"] for line in rows["requisition_lines"])]
    key = {"tenant_id": requisition["tenant_id"], "requisition_id": requisition["id"]}
    return {**rows, "requisition_words": [{**key, "word": word} for word in words_of(texts)]}


def _undecided(name: str, permission: str) -> Row:
    return {
        "name": name,
        "permission": permission,
        "decision": None,
        "decided_by": None,
        "decided_at": None,
        "note": None,
        "delegated": [],
    }


def _decision(decision: str, by: Id, note: str | None, at: datetime) -> Row:
    return {"decision": decision, "decided_by": by, "decided_at": time_text(at), "note": note}


def _with_step(approval: Row, number: int, changes: Row) -> Row:
    steps: Sequence[Row] = approval["steps"]
    step = {**steps[number - 1], **changes}
    return {**approval, "steps": [*steps[: number - 1], step, *steps[number:]]}


def _waiting(approval: Row) -> Row:
    """The columns that say who is being waited for."""
    if approval["step"] is None:
        return {**_NOBODY, "approval": approval}
    step = approval["steps"][approval["step"] - 1]
    last: dict[str, Any] = step["delegated"][-1] if step["delegated"] else {}
    return {
        "approval": approval,
        "waiting_permission": step["permission"],
        "delegate_id": last.get("to_user_id"),
        "delegate_until": time_of(last.get("until")),
    }


def _sent_back(rows: Rows, recorded: RecordedEvent, state: State, reason: str | None) -> Rows:
    changes = {
        **_NOBODY,
        "approval": None,
        "step_permissions": [],
        "state": state.value,
        "reason": reason,
    }
    return _unapproved(_changed(rows, recorded, changes))


def _unapproved(rows: Rows) -> Rows:
    if not any(line["approved"] for line in rows["requisition_lines"]):
        return rows
    lines = [{**line, "approved": 0} for line in rows["requisition_lines"]]
    return {**rows, "requisition_lines": lines}


def _ended(rows: Rows, recorded: RecordedEvent, state: State, reason: str | None) -> Rows:
    approval = rows["requisitions"][0]["approval"]
    plan = None if approval is None else {**approval, "step": None}
    changes = {**_NOBODY, "approval": plan, "state": state.value, "reason": reason}
    return _changed(rows, recorded, changes)


def _quantities(line: Row) -> Quantities:
    return Quantities(
        requested=line["requested"],
        approved=line["approved"],
        allocated=line["allocated"],
        issuing=line["issuing"],
        issued=line["issued"],
        closed_short=line["closed_short"],
    )
