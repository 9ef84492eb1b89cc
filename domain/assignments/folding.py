"""Where an assignment stands after each thing that can happen to it.

Pure functions: one for every event, in a table at the end. They only assign; what may happen is
decided in ``assignment`` and ``rules``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from domain.assignments import events
from domain.assignments.content import Check, Condition, Custodian, Received, Units
from domain.assignments.standing import (
    ACCEPTED,
    DECLINED,
    RESOLVING,
    WRITTEN_OFF,
    Awaited,
    Drift,
    Noted,
    Pending,
    Standing,
    Transfer,
    outcome_of,
)
from domain.fields import time_of
from domain.ids import Id


def after(standing: Standing, event: object) -> Standing:
    """Where the assignment stands once ``event`` has happened to it."""
    return _AFTER[type(event)](standing, event)


def _asks(standing: Standing, pending: Pending) -> Standing:
    return replace(
        standing,
        pending={**standing.pending, pending.operation_id: pending},
        operations=standing.operations + 1,
        attention=None,
    )


def _answered(standing: Standing, operation_id: Id | None) -> Standing:
    open = {id: pending for id, pending in standing.pending.items() if id != operation_id}
    return replace(standing, pending=open, attention=None)


def _cancelled(now: Standing, _: events.Cancelled) -> Standing:
    return replace(now, cancelled=True)


def _told_to_collect(now: Standing, _: events.CollectionFellDue) -> Standing:
    return replace(now, told_to_collect=True)


def _issue_requested(now: Standing, told: events.IssueRequested) -> Standing:
    return _asks(now, Pending(told.operation_id, Awaited.ISSUE, by=told.by))


def _issued(now: Standing, told: events.Issued) -> Standing:
    return replace(
        _answered(now, told.operation_id),
        handed_over=True,
        rows=tuple(told.evidence["rows"]),
    )


def _issue_failed(now: Standing, told: events.IssueFailed) -> Standing:
    """What was said of the item meanwhile was said of something that nobody had."""
    failed = (*now.failed_issues, told.operation_id)
    answered = _answered(now, told.operation_id)
    return replace(answered, failed_issues=failed, answer=None, noted=(), loss=None)


def _refused(now: Standing, told: Any) -> Standing:
    return _answered(now, told.operation_id)


def _attention(now: Standing, told: events.SyncAttentionRaised) -> Standing:
    return replace(now, attention=told.reason)


def _accepted(now: Standing, _: events.Accepted) -> Standing:
    return replace(now, answer=ACCEPTED)


def _declined(now: Standing, _: events.Declined) -> Standing:
    return replace(now, answer=DECLINED)


def _extension_requested(now: Standing, told: events.ExtensionRequested) -> Standing:
    return replace(now, extension=time_of(told.due))


def _extension_approved(now: Standing, told: events.ExtensionApproved) -> Standing:
    decided = replace(now, extension=None)
    if told.operation_id is None:
        return decided
    due = time_of(told.due)
    return _asks(decided, Pending(told.operation_id, Awaited.DUE, due=due, by=told.by))


def _extension_refused(now: Standing, _: events.ExtensionRefused) -> Standing:
    return replace(now, extension=None)


def _due_changed(now: Standing, told: events.DueDateChanged) -> Standing:
    return replace(
        _answered(now, told.operation_id),
        due=time_of(told.due),
        overdue=False,
        renewals=now.renewals + 1,
    )


def _overdue(now: Standing, _: events.BecameOverdue) -> Standing:
    return replace(now, overdue=True)


def _reminded(now: Standing, told: events.ReminderFell) -> Standing:
    return replace(now, reminded=now.reminded | {(told.day, told.due)})


def _return_noted(now: Standing, told: events.ReturnNoted) -> Standing:
    units = tuple(
        Units(group["quantity"], Condition(group["condition"]), group["note"])
        for group in told.units
    )
    checklist = tuple(Check(**point) for point in told.checklist)
    noted = Noted(Received(units, checklist, told.location_id, told.note), told.by)
    return replace(now, noted=(*now.noted, noted), loss=None)


def _return_received(now: Standing, told: events.ReturnReceived) -> Standing:
    rest = replace(now, noted=now.noted[1:])
    outcome = outcome_of(told.units)
    awaited = Awaited.RETURN if outcome is None else Awaited.WRITE_OFF
    return _back(rest, told.operation_id, awaited, told.quantity, told.by, outcome)


def _back(
    now: Standing,
    operation_id: Id,
    awaited: Awaited,
    quantity: int,
    by: Id | None,
    outcome: str | None = None,
) -> Standing:
    gone = awaited is Awaited.WRITE_OFF
    rows = now.rows_gone(quantity) if gone else now.rows_back(quantity)
    return _asks(now, Pending(operation_id, awaited, quantity, by=by, rows=rows, outcome=outcome))


def _written_off(now: Standing, told: events.WrittenOff) -> Standing:
    outcome = WRITTEN_OFF if now.written_off == WRITTEN_OFF else told.outcome
    return replace(_returned(now, told), written_off=outcome)


def _returned(now: Standing, told: events.Returned | events.WrittenOff) -> Standing:
    answered = _without_rows(now, told.operation_id)
    return replace(answered, outstanding=told.outstanding, drift=None)


def _without_rows(now: Standing, operation_id: Id | None) -> Standing:
    """An operation is answered, and what it was about is no longer out under the same rows."""
    pending = None if operation_id is None else now.pending.get(operation_id)
    gone = () if pending is None else pending.rows
    rows = tuple(row for row in now.rows if row not in gone)
    return replace(_answered(now, operation_id), rows=rows)


def _unchanged(now: Standing, _: Any) -> Standing:
    return now


def _loss_reported(now: Standing, told: events.LossReported) -> Standing:
    return replace(now, loss=told.kind)


def _loss_confirmation(now: Standing, told: events.LossConfirmationRequested) -> Standing:
    return _asks(now, Pending(told.operation_id, Awaited.LOSS, by=told.by))


def _loss_confirmed(now: Standing, told: events.LossConfirmed) -> Standing:
    return _answered(now, told.operation_id)


def _recovered(now: Standing, told: events.Recovered) -> Standing:
    if now.outcome is not None:
        return _asks(now, Pending(told.operation_id, Awaited.TURNED_UP, by=told.by))
    found = replace(now, loss=None)
    return _back(found, told.operation_id, Awaited.RECOVERY, now.outstanding, told.by)


def _asset_recovered(now: Standing, told: events.AssetRecovered) -> Standing:
    return replace(_answered(now, told.operation_id), recovered=True)


def _transfer_requested(now: Standing, told: events.TransferRequested) -> Standing:
    transfer = Transfer(Custodian(**told.to), told.successor_id, told.operation_id, told.by)
    handing_on = replace(now, transfer=transfer)
    return _back(handing_on, told.operation_id, Awaited.TRANSFER_IN, now.outstanding, told.by)


def _transfer_checked_in(now: Standing, told: events.TransferCheckedIn) -> Standing:
    pending = Pending(told.next_operation_id, Awaited.TRANSFER_OUT, now.outstanding)
    return _asks(_answered(now, told.operation_id), pending)


def _transfer_completed(now: Standing, told: events.TransferCompleted) -> Standing:
    return replace(_answered(now, told.operation_id), transfer=None, outstanding=0)


def _transfer_failed(now: Standing, told: events.TransferFailed) -> Standing:
    answered = _answered(now, told.operation_id)
    if told.next_operation_id is None:
        return replace(answered, transfer=None)
    return _asks(answered, Pending(told.next_operation_id, Awaited.TRANSFER_BACK, now.outstanding))


def _transfer_compensated(now: Standing, told: events.TransferCompensated) -> Standing:
    answered = _answered(now, told.operation_id)
    return replace(answered, transfer=None, rows=tuple(told.evidence["rows"]))


def _drifted(now: Standing, told: events.DriftDetected) -> Standing:
    actual = None if told.actual is None else (told.actual[0], told.actual[1])
    return replace(now, drift=Drift(actual, told.read_at))


def _units_drifted(
    now: Standing, told: events.UnitsDriftDetected | events.UnitsDriftReduced
) -> Standing:
    return replace(now, drift=Drift(None, told.read_at, tuple(told.unlisted)))


def _drift_resolution(now: Standing, told: events.DriftResolutionRequested) -> Standing:
    return _back(now, told.operation_id, RESOLVING[told.how], now.drifted_units, told.by)


def _units_reasserted(now: Standing, told: events.UnitsReasserted) -> Standing:
    others = _without_rows(now, told.operation_id)
    return replace(others, rows=(*others.rows, *told.evidence["rows"]), drift=None)


def _relinked(now: Standing, told: events.Relinked) -> Standing:
    return replace(_answered(now, told.operation_id), outstanding=0)


def _drift_resolved(now: Standing, told: events.DriftResolved) -> Standing:
    return replace(_without_rows(now, told.operation_id), drift=None)


def _closed(now: Standing, told: events.Closed) -> Standing:
    return replace(now, outcome=told.outcome, overdue=False)


_AFTER: Final[Mapping[type, Callable[[Standing, Any], Standing]]] = MappingProxyType(
    {
        events.Reserved: _unchanged,
        events.Cancelled: _cancelled,
        events.CollectionFellDue: _told_to_collect,
        events.IssueRequested: _issue_requested,
        events.Issued: _issued,
        events.IssueFailed: _issue_failed,
        events.SyncAttentionRaised: _attention,
        events.Accepted: _accepted,
        events.Declined: _declined,
        events.ExtensionRequested: _extension_requested,
        events.ExtensionApproved: _extension_approved,
        events.ExtensionRefused: _extension_refused,
        events.DueDateChanged: _due_changed,
        events.DueDateFailed: _refused,
        events.BecameOverdue: _overdue,
        events.ReminderFell: _reminded,
        events.ReturnNoted: _return_noted,
        events.ReturnReceived: _return_received,
        events.Returned: _returned,
        events.WrittenOff: _written_off,
        events.ReturnFailed: _refused,
        events.DamageRecorded: _unchanged,
        events.LossReported: _loss_reported,
        events.LossConfirmationRequested: _loss_confirmation,
        events.LossConfirmed: _loss_confirmed,
        events.LossFailed: _refused,
        events.Recovered: _recovered,
        events.AssetRecovered: _asset_recovered,
        events.TransferRequested: _transfer_requested,
        events.TransferCheckedIn: _transfer_checked_in,
        events.TransferCompleted: _transfer_completed,
        events.TransferFailed: _transfer_failed,
        events.TransferCompensated: _transfer_compensated,
        events.DriftDetected: _drifted,
        events.UnitsDriftDetected: _units_drifted,
        events.UnitsDriftReduced: _units_drifted,
        events.DriftResolutionRequested: _drift_resolution,
        events.DriftResolutionFailed: _refused,
        events.UnitsReasserted: _units_reasserted,
        events.Relinked: _relinked,
        events.DriftResolved: _drift_resolved,
        events.Closed: _closed,
    }
)
