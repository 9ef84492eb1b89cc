"""Assignments that leave the straight path: lost, handed on, or not where the inventory says."""

from typing import Any

from domain.assignments import events
from domain.assignments.standing import RESOLVING, Awaited
from domain.fields import time_text
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Rows
from projectors import circulation
from projectors.assignment_rows import (
    after,
    asking,
    assignment_in,
    confirming,
    proven,
    refused,
    reporting,
    settled,
)


def loss_reported(rows: Rows, event: events.LossReported, recorded: RecordedEvent) -> Rows:
    """Somebody says that it is gone."""
    loss = {
        "kind": event.kind,
        "note": event.note,
        "by": event.by,
        "at": time_text(recorded.recorded_at),
        "confirmed_at": None,
        "recovered_at": None,
    }
    changed = after(rows, recorded, {"loss": loss})
    return reporting(changed, recorded, circulation.LOSS_REPORT, event.by, note=event.note)


def loss_confirmation_requested(
    rows: Rows, event: events.LossConfirmationRequested, recorded: RecordedEvent
) -> Rows:
    """An inventory manager agrees."""
    return after(rows, recorded, asking(rows, event.operation_id, Awaited.LOSS, event.by))


def loss_confirmed(rows: Rows, event: events.LossConfirmed, recorded: RecordedEvent) -> Rows:
    """The inventory lists it as gone."""
    before = assignment_in(rows)
    loss = {**before["loss"], "confirmed_at": time_text(recorded.recorded_at)}
    return confirming(rows, recorded, event, {"loss": loss}, circulation.LOSS, note=event.kind)


def loss_failed(rows: Rows, event: events.LossFailed, recorded: RecordedEvent) -> Rows:
    """It is said to be gone, and not listed so."""
    return refused(rows, recorded, event)


def recovered(rows: Rows, event: events.Recovered, recorded: RecordedEvent) -> Rows:
    """It has turned up, and is taken back; what is over stays so."""
    before = assignment_in(rows)
    if before["outcome"] is None:
        units = before["outstanding"]
        asked = asking(rows, event.operation_id, Awaited.RECOVERY, event.by, units)
        changed = after(rows, recorded, {**asked, "loss": None})
    else:
        asked = asking(rows, event.operation_id, Awaited.TURNED_UP, event.by)
        changed = after(rows, recorded, asked)
    operation = {"operation_id": event.operation_id}
    return reporting(changed, recorded, circulation.RECOVER, event.by, **operation)


def asset_recovered(rows: Rows, event: events.AssetRecovered, recorded: RecordedEvent) -> Rows:
    """The inventory has it back: it named the custodian until then."""
    before = assignment_in(rows)
    loss = {**before["loss"], "recovered_at": time_text(recorded.recorded_at)}
    return confirming(rows, recorded, event, {"loss": loss}, circulation.RETURN)


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
    units = assignment_in(rows)["outstanding"]
    asked = asking(rows, event.operation_id, Awaited.TRANSFER_IN, event.by, units)
    return after(rows, recorded, {**asked, "transfer": transfer})


def transfer_checked_in(
    rows: Rows, event: events.TransferCheckedIn, recorded: RecordedEvent
) -> Rows:
    """The second half is being asked for."""
    checked_in = proven(rows, recorded, event, {})
    return _go_on(checked_in, recorded, event.next_operation_id, Awaited.TRANSFER_OUT)


def transfer_completed(
    rows: Rows, event: events.TransferCompleted, recorded: RecordedEvent
) -> Rows:
    """The successor has it."""
    before = assignment_in(rows)
    changes = {"transfer": None, "successor_id": event.successor_id, "outstanding": 0}
    return confirming(
        rows,
        recorded,
        event,
        changes,
        circulation.MOVE,
        to=before["transfer"]["to"],
        quantity=before["outstanding"],
    )


def transfer_failed(rows: Rows, event: events.TransferFailed, recorded: RecordedEvent) -> Rows:
    """The custodian keeps it; where the first half was done, once that has been undone."""
    if event.next_operation_id is None:
        return refused(rows, recorded, event, {"transfer": None})
    going_on = _go_on(
        refused(rows, recorded, event), recorded, event.next_operation_id, Awaited.TRANSFER_BACK
    )
    return after(going_on, recorded, {"reason": event.reason})


def transfer_compensated(
    rows: Rows, event: events.TransferCompensated, recorded: RecordedEvent
) -> Rows:
    """The custodian has it as before."""
    return proven(rows, recorded, event, {"transfer": None})


def drift_detected(rows: Rows, event: events.DriftDetected, recorded: RecordedEvent) -> Rows:
    """The inventory disagrees."""
    actual = None if event.actual is None else list(event.actual)
    return _drift(rows, recorded, event.read_at, actual=actual)


def units_drift_detected(
    rows: Rows,
    event: events.UnitsDriftDetected | events.UnitsDriftReduced,
    recorded: RecordedEvent,
) -> Rows:
    """Nobody has some of the units, according to the inventory."""
    return _drift(rows, recorded, event.read_at, actual=None, units=len(event.unlisted))


def drift_resolution_requested(
    rows: Rows, event: events.DriftResolutionRequested, recorded: RecordedEvent
) -> Rows:
    """Somebody has decided what is to be done about it."""
    assignment = assignment_in(rows)
    drift = {**assignment["drift"], "resolution": event.how}
    awaited, units = RESOLVING[event.how], drift.get("units") or assignment["outstanding"]
    asked = asking(rows, event.operation_id, awaited, event.by, units)
    return after(rows, recorded, {**asked, "drift": drift})


def drift_resolution_failed(
    rows: Rows, event: events.DriftResolutionFailed, recorded: RecordedEvent
) -> Rows:
    """The inventory disagrees as before, unless a return of units has ended that meanwhile."""
    drift = assignment_in(rows)["drift"]
    left = None if drift is None else {**drift, "resolution": None}
    return refused(rows, recorded, event, {"drift": left})


def units_reasserted(rows: Rows, event: events.UnitsReasserted, recorded: RecordedEvent) -> Rows:
    """The custodian has them there again."""
    return proven(rows, recorded, event, {})


def relinked(rows: Rows, event: events.Relinked, recorded: RecordedEvent) -> Rows:
    """Whom the inventory shows has it, under the successor."""
    changes = {"successor_id": event.successor_id, "outstanding": 0}
    return confirming(rows, recorded, event, changes, circulation.MOVE, to=dict(event.to))


def drift_resolved(rows: Rows, event: events.DriftResolved, recorded: RecordedEvent) -> Rows:
    """The inventory agrees again."""
    return after(rows, recorded, {**settled(rows, event.operation_id), "drift": None})


def _drift(rows: Rows, recorded: RecordedEvent, read_at: str, **shown: Any) -> Rows:
    """The inventory was read, and shows something else."""
    asked = [waits["awaited"] for waits in assignment_in(rows)["pending"]]
    drift = {
        **shown,
        "read_at": read_at,
        "at": time_text(recorded.recorded_at),
        "resolution": next((how for how, awaited in RESOLVING.items() if awaited in asked), None),
    }
    return after(rows, recorded, {"drift": drift})


def _go_on(rows: Rows, recorded: RecordedEvent, operation_id: str, awaited: Awaited) -> Rows:
    """Another operation of the same transfer, asked for by whoever asked for the transfer."""
    assignment = assignment_in(rows)
    by = assignment["transfer"]["by"]
    asked = asking(rows, operation_id, awaited, by, assignment["outstanding"])
    return after(rows, recorded, asked)
