"""Assignments that leave the straight path: lost, handed on, or not where the inventory says."""

from domain.assignments import events
from domain.fields import time_text
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors import circulation
from projectors.assignment_rows import (
    NOTHING_OPEN,
    after,
    custodian_of,
    proven,
    reporting,
    waiting_for,
)


def loss_reported(rows: Rows, event: events.LossReported, recorded: RecordedEvent) -> Rows:
    """Somebody says that it is gone."""
    loss = {
        "kind": event.kind,
        "note": event.note,
        "by": event.by,
        "at": time_text(recorded.recorded_at),
        "confirmed_at": None,
    }
    changed = after(rows, recorded, {"state": "loss_pending", "loss": loss})
    return reporting(changed, recorded, circulation.LOSS_REPORT, event.by, note=event.note)


def loss_confirmation_requested(
    rows: Rows, event: events.LossConfirmationRequested, recorded: RecordedEvent
) -> Rows:
    """An inventory manager agrees."""
    return after(rows, recorded, waiting_for(event.operation_id, event.by, recorded))


def loss_confirmed(rows: Rows, event: events.LossConfirmed, recorded: RecordedEvent) -> Rows:
    """The inventory lists it as gone."""
    before = rows["assignments"][0]
    at = time_text(recorded.recorded_at)
    loss = {**(before["loss"] or {}), "kind": event.kind, "confirmed_at": at}
    return circulation.told(
        proven(rows, recorded, event, {"loss": loss}),
        recorded,
        circulation.LOSS,
        before=custodian_of(before),
        after=None,
        by=before["operation_by"],
        note=event.kind,
        **circulation.confirmed_by(event),
    )


def loss_failed(rows: Rows, event: events.LossFailed, recorded: RecordedEvent) -> Rows:
    """It is said to be gone, and not listed so."""
    return after(rows, recorded, {"reason": event.reason})


def recovered(rows: Rows, event: events.Recovered, recorded: RecordedEvent) -> Rows:
    """It has turned up."""
    asked = waiting_for(event.operation_id, event.by, recorded)
    changed = after(rows, recorded, {**asked, "state": "returning"})
    operation = {"operation_id": event.operation_id}
    return reporting(changed, recorded, circulation.RECOVER, event.by, **operation)


def transfer_requested(
    rows: Rows, event: events.TransferRequested, recorded: RecordedEvent
) -> Rows:
    """Somebody else takes it over."""
    transfer = {
        "to": dict(event.to),
        "successor_id": event.successor_id,
        "by": event.by,
        "at": time_text(recorded.recorded_at),
    }
    asked = waiting_for(event.operation_id, event.by, recorded)
    return after(rows, recorded, {**asked, "state": "transferring", "transfer": transfer})


def transfer_checked_in(
    rows: Rows, event: events.TransferCheckedIn, recorded: RecordedEvent
) -> Rows:
    """The second half is being asked for."""
    by = rows["assignments"][0]["operation_by"]
    proved = proven(rows, recorded, event, {})
    return after(proved, recorded, waiting_for(event.next_operation_id, by, recorded))


def transfer_completed(
    rows: Rows, event: events.TransferCompleted, recorded: RecordedEvent
) -> Rows:
    """The successor has it."""
    before = rows["assignments"][0]
    return circulation.told(
        proven(rows, recorded, event, {}),
        recorded,
        circulation.MOVE,
        before=custodian_of(before),
        after=before["transfer"]["to"],
        by=before["operation_by"],
        **circulation.confirmed_by(event),
    )


def transfer_failed(rows: Rows, event: events.TransferFailed, recorded: RecordedEvent) -> Rows:
    """The custodian keeps it; where the first half was done, once that has been undone."""
    if event.next_operation_id is None:
        changes: Row = {"state": "active", "transfer": None}
    else:
        by = rows["assignments"][0]["operation_by"]
        changes = waiting_for(event.next_operation_id, by, recorded)
    return after(rows, recorded, {**changes, "reason": event.reason})


def transfer_compensated(
    rows: Rows, event: events.TransferCompensated, recorded: RecordedEvent
) -> Rows:
    """The custodian has it as before."""
    return proven(rows, recorded, event, {"state": "active", "transfer": None})


def drift_detected(rows: Rows, event: events.DriftDetected, recorded: RecordedEvent) -> Rows:
    """The inventory disagrees."""
    actual = None if event.actual is None else list(event.actual)
    drift = {
        "actual": actual,
        "read_at": event.read_at,
        "at": time_text(recorded.recorded_at),
        "resolution": None,
    }
    return after(rows, recorded, {"drift": drift})


def drift_resolution_requested(
    rows: Rows, event: events.DriftResolutionRequested, recorded: RecordedEvent
) -> Rows:
    """Somebody has decided what is to be done about it."""
    drift = {**rows["assignments"][0]["drift"], "resolution": event.how}
    asked = waiting_for(event.operation_id, event.by, recorded)
    return after(rows, recorded, {**asked, "drift": drift})


def drift_resolution_failed(
    rows: Rows, event: events.DriftResolutionFailed, recorded: RecordedEvent
) -> Rows:
    """The inventory disagrees as before."""
    drift = {**rows["assignments"][0]["drift"], "resolution": None}
    return after(rows, recorded, {"drift": drift, "reason": event.reason})


def drift_resolved(rows: Rows, event: events.DriftResolved, recorded: RecordedEvent) -> Rows:
    """The inventory agrees again."""
    (assignment,) = rows["assignments"]
    is_open = event.operation_id is not None and assignment["operation_id"] == event.operation_id
    settled = NOTHING_OPEN if is_open else {}
    return after(rows, recorded, {**settled, "drift": None})
