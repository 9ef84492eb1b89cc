"""Assignments as rows, from their own events: one small function per event.

*Issued* and *returned* are folded from the events of that name and from no other, so a row never
says more than the inventory has confirmed. What an open operation is doing stands in its own row.
"""

from datetime import datetime
from typing import Final

from domain.assignments import events
from domain.assignments.content import GONE, State, is_to_be_collected
from domain.assignments.standing import Awaited, outcome_of
from domain.fields import time_of, time_text
from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors import circulation
from projectors.assignment_rows import (
    after,
    asked_by,
    asking,
    assignment_in,
    confirming,
    custodian_of,
    is_noted,
    proven,
    refused,
    reporting,
)

REQUESTED: Final = "requested"
APPROVED: Final = "approved"
_NO_EXTENSION: Final[Row] = {"asked_due": None, "extension": None, "extension_reason": None}
_NO_ANSWER: Final[Row] = {
    "accepted_at": None,
    "accepted_by": None,
    "witness_id": None,
    "terms": None,
    "declined_at": None,
    "decline_reason": None,
}


def reserved(rows: Rows, event: events.Reserved, recorded: RecordedEvent) -> Rows:
    """The item is kept for somebody."""
    assignment: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "state": State.RESERVED.value,
        "outcome": None,
        "item_kind": event.item["kind"],
        "item_id": event.item["id"],
        "quantity": event.quantity,
        "outstanding": 0,
        "returned": 0,
        "custodian_kind": event.custodian["kind"],
        "custodian_id": event.custodian["id"],
        "project_id": event.project_id,
        "requisition_id": event.requisition_id,
        "line_id": event.line_id,
        "begins": time_of(event.begins),
        "due": time_of(event.due),
        "told_to_collect": is_to_be_collected(
            datetime.fromisoformat(event.begins), event.timestamp
        ),
        **_NO_EXTENSION,
        "renewals": 0,
        "overdue": False,
        "reminded_day": None,
        "verified": event.verified,
        "offline": False,
        "pending": [],
        "operation_id": None,
        "reserved_by": event.by,
        "issued_at": None,
        "returned_at": None,
        "evidence": None,
        "attested": False,
        **_NO_ANSWER,
        "returns": [],
        "loss": None,
        "transfer": None,
        "successor_id": None,
        "transferred_from": event.transferred_from,
        "drift": None,
        "reason": None,
        "closed_at": None,
        "created_at": recorded.recorded_at,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "assignments": [assignment]}


def cancelled(rows: Rows, event: events.Cancelled, recorded: RecordedEvent) -> Rows:
    """It was given up before it was handed over."""
    ended = {
        "state": State.CANCELLED.value,
        "operation_id": None,
        "reason": event.reason,
        "closed_at": recorded.recorded_at,
    }
    return after(rows, recorded, {**_NO_EXTENSION, **ended})


def collection_fell_due(
    rows: Rows,
    event: events.CollectionFellDue,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """Its custodian is told to collect it."""
    return after(rows, recorded, {"told_to_collect": True})


def issue_requested(rows: Rows, event: events.IssueRequested, recorded: RecordedEvent) -> Rows:
    """It is being handed over."""
    asked = asking(rows, event.operation_id, Awaited.ISSUE, event.by)
    return after(rows, recorded, {**asked, "offline": event.offline})


def issued(rows: Rows, event: events.Issued, recorded: RecordedEvent) -> Rows:
    """The custodian has it. A transferred one was told of as a move of the one before."""
    before = assignment_in(rows)
    changes = {"issued_at": recorded.recorded_at, "outstanding": before["quantity"]}
    changed = proven(rows, recorded, event, changes)
    if before["transferred_from"] is not None:
        return changed
    return circulation.told(
        changed,
        recorded,
        circulation.ISSUE,
        before=None,
        after=custodian_of(before),
        by=asked_by(before, event.operation_id),
        **circulation.confirmed_by(event),
    )


def issue_failed(rows: Rows, event: events.IssueFailed, recorded: RecordedEvent) -> Rows:
    """It is kept for them as before; what was said of it meanwhile is settled by that."""
    returns = [
        {**one, "failed": event.reason} if is_noted(one) else one
        for one in assignment_in(rows)["returns"]
    ]
    return refused(rows, recorded, event, {**_NO_ANSWER, "returns": returns, "loss": None})


def attention_raised(
    rows: Rows, event: events.SyncAttentionRaised, recorded: RecordedEvent
) -> Rows:
    """Nothing is known to have changed."""
    return after(rows, recorded, {"reason": event.reason})


def accepted(rows: Rows, event: events.Accepted, recorded: RecordedEvent) -> Rows:
    """The custodian agrees."""
    changes = {
        **_NO_ANSWER,
        "accepted_at": recorded.recorded_at,
        "accepted_by": event.by,
        "witness_id": event.witness,
        "terms": event.terms,
    }
    changed = after(rows, recorded, changes)
    return reporting(changed, recorded, circulation.CONFIRM, event.by)


def declined(rows: Rows, event: events.Declined, recorded: RecordedEvent) -> Rows:
    """The custodian does not want it."""
    changes = {
        **_NO_ANSWER,
        "declined_at": recorded.recorded_at,
        "decline_reason": event.reason,
    }
    changed = after(rows, recorded, changes)
    return reporting(changed, recorded, circulation.DECLINE, event.by, note=event.reason)


def extension_requested(
    rows: Rows, event: events.ExtensionRequested, recorded: RecordedEvent
) -> Rows:
    """It is due as before; another date is asked for."""
    asked = {
        "asked_due": time_of(event.due),
        "extension": REQUESTED,
        "extension_reason": event.reason,
    }
    return after(rows, recorded, asked)


def extension_approved(
    rows: Rows, event: events.ExtensionApproved, recorded: RecordedEvent
) -> Rows:
    """It is due as before until the inventory has confirmed, where that keeps the date."""
    granted: Row = {"asked_due": time_of(event.due), "extension": APPROVED}
    if event.operation_id is not None:
        granted.update(asking(rows, event.operation_id, Awaited.DUE, event.by))
    return after(rows, recorded, granted)


def extension_refused(rows: Rows, event: events.ExtensionRefused, recorded: RecordedEvent) -> Rows:
    """It is due as before."""
    return after(rows, recorded, {**_NO_EXTENSION, "reason": event.reason})


def due_date_changed(rows: Rows, event: events.DueDateChanged, recorded: RecordedEvent) -> Rows:
    """It is due then; the reminders begin again."""
    changes = {
        **_NO_EXTENSION,
        "due": time_of(event.due),
        "renewals": assignment_in(rows)["renewals"] + 1,
        "overdue": False,
        "reminded_day": None,
    }
    if event.evidence is None:
        return after(rows, recorded, changes)
    return proven(rows, recorded, event, changes)


def due_date_failed(rows: Rows, event: events.DueDateFailed, recorded: RecordedEvent) -> Rows:
    """It is due as before."""
    return refused(rows, recorded, event, _NO_EXTENSION)


def became_overdue(rows: Rows, event: events.BecameOverdue, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """The time it was due has passed."""
    return after(rows, recorded, {"overdue": True})


def reminder_fell_due(rows: Rows, event: events.ReminderFell, recorded: RecordedEvent) -> Rows:
    """A reminder is to be given."""
    return after(rows, recorded, {"reminded_day": event.day})


def return_noted(rows: Rows, event: events.ReturnNoted, recorded: RecordedEvent) -> Rows:
    """It is at the desk; whether it was handed over at all is not settled yet."""
    noted = _received(event, None, recorded)
    returns = [*assignment_in(rows)["returns"], noted]
    return after(rows, recorded, {"returns": returns, "loss": None})


def return_received(rows: Rows, event: events.ReturnReceived, recorded: RecordedEvent) -> Rows:
    """It is at the desk; the custodian is on record for it until the inventory has confirmed."""
    before = assignment_in(rows)["returns"]
    noted = next((one for one in before if is_noted(one)), None)
    received = _received(event, event.operation_id, recorded)
    if noted is not None:
        received["at"] = noted["at"]
    awaited = Awaited.RETURN if outcome_of(event.units) is None else Awaited.WRITE_OFF
    asked = asking(rows, event.operation_id, awaited, event.by, event.quantity)
    returns = [*(one for one in before if one is not noted), received]
    return reporting(
        after(rows, recorded, {**asked, "returns": returns}),
        recorded,
        circulation.RECEIVE,
        event.by,
        quantity=event.quantity,
        operation_id=event.operation_id,
        location_id=event.location_id,
        note=event.note,
    )


def returned(rows: Rows, event: events.Returned, recorded: RecordedEvent) -> Rows:
    """Units are back."""
    before = assignment_in(rows)
    confirmed = {"confirmed_at": time_text(recorded.recorded_at)}
    changes = {
        "outstanding": event.outstanding,
        "returned": before["returned"] + event.quantity - _gone(before, event.operation_id),
        "returned_at": recorded.recorded_at,
        "returns": _with_return(before, event.operation_id, confirmed),
        "drift": None,
    }
    return confirming(rows, recorded, event, changes, circulation.RETURN, quantity=event.quantity)


def written_off(rows: Rows, event: events.WrittenOff, recorded: RecordedEvent) -> Rows:
    """Units that did not come back are no longer on record for the custodian."""
    before = assignment_in(rows)
    confirmed = {"confirmed_at": time_text(recorded.recorded_at)}
    changes = {
        "outstanding": event.outstanding,
        "returns": _with_return(before, event.operation_id, confirmed),
        "drift": None,
    }
    return confirming(
        rows,
        recorded,
        event,
        changes,
        circulation.LOSS,
        quantity=event.quantity,
        note=event.outcome,
    )


def return_failed(rows: Rows, event: events.ReturnFailed, recorded: RecordedEvent) -> Rows:
    """The custodian is on record as before."""
    failed = {"failed": event.reason}
    returns = _with_return(assignment_in(rows), event.operation_id, failed)
    return refused(rows, recorded, event, {"returns": returns})


def damage_recorded(rows: Rows, event: events.DamageRecorded, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """The conditions stand with the return that they were found at."""
    return after(rows, recorded, {})


def closed(rows: Rows, event: events.Closed, recorded: RecordedEvent) -> Rows:
    """It is over."""
    changes = {
        **_NO_EXTENSION,
        "outcome": event.outcome,
        "operation_id": None,
        "outstanding": 0,
        "overdue": False,
        "closed_at": recorded.recorded_at,
    }
    return after(rows, recorded, changes)


def _received(
    event: events.ReturnNoted | events.ReturnReceived,
    operation_id: Id | None,
    recorded: RecordedEvent,
) -> Row:
    return {
        "operation_id": operation_id,
        "quantity": event.quantity,
        "units": [dict(unit) for unit in event.units],
        "checklist": [dict(check) for check in event.checklist],
        "location_id": event.location_id,
        "note": event.note,
        "by": event.by,
        "at": time_text(recorded.recorded_at),
        "confirmed_at": None,
        "failed": None,
    }


def _gone(assignment: Row, operation_id: Id) -> int:
    """Units of a return that are missing or used up: older events confirm them with the others."""
    return sum(
        unit["quantity"]
        for one in assignment["returns"]
        if one["operation_id"] == operation_id
        for unit in one["units"]
        if unit["condition"] in GONE
    )


def _with_return(assignment: Row, operation_id: Id, changes: Row) -> list[Row]:
    return [
        {**one, **changes} if one["operation_id"] == operation_id else one
        for one in assignment["returns"]
    ]
