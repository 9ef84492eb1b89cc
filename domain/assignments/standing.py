"""Where an assignment stands, folded from what happened to it.

Pure functions over plain facts: one for every event, in a table at the end. They only assign;
what may happen is decided in ``assignment`` and ``rules``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.assignments import events
from domain.assignments.content import REASSERTED, Custodian, State
from domain.fields import time_of
from domain.ids import Id

ACCEPTED: Final = "accepted"
DECLINED: Final = "declined"


class Awaited(StrEnum):
    """What an operation in the inventory would mean for the assignment."""

    ISSUE = "issue"
    RETURN = "return"
    DUE = "due"
    LOSS = "loss"
    RECOVERY = "recovery"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_BACK = "transfer_back"
    EXTERNAL_RETURN = "external_return"
    REASSERT = "reassert"


BACK: Final = frozenset({Awaited.RETURN, Awaited.RECOVERY, Awaited.EXTERNAL_RETURN})
"""What ends in a return."""

TRANSFER: Final = frozenset({Awaited.TRANSFER_IN, Awaited.TRANSFER_OUT, Awaited.TRANSFER_BACK})


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation that the inventory has not answered: ``quantity`` units, or a new ``due``.

    ``rows`` are the checkout rows of an accessory that it takes back.
    """

    operation_id: Id
    awaited: Awaited
    quantity: int = 0
    due: datetime | None = None
    by: Id | None = None
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer under way. ``check_in_id`` is the operation of its first half."""

    to: Custodian
    successor_id: Id
    check_in_id: Id
    by: Id


@dataclass(frozen=True, slots=True)
class Drift:
    """Who has the item according to the inventory (None: nobody), read at a time."""

    actual: tuple[str, int] | None
    read_at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an assignment stands.

    ``outstanding`` units are out or reserved; ``operations`` counts those ever asked for;
    ``rows`` are the inventory's checkout rows of an accessory; ``extension`` is the due date that
    the custodian asks for; ``reminded`` holds (day, due) of the reminders given.
    """

    outstanding: int
    due: datetime | None
    handed_over: bool = False
    cancelled: bool = False
    overdue: bool = False
    outcome: str | None = None
    pending: Mapping[Id, Pending] = field(default_factory=dict)
    operations: int = 0
    answer: str | None = None
    extension: datetime | None = None
    renewals: int = 0
    loss: str | None = None
    transfer: Transfer | None = None
    drift: Drift | None = None
    attention: str | None = None
    rows: tuple[int, ...] = ()
    reminded: frozenset[tuple[int, str]] = frozenset()

    @property
    def state(self) -> State:  # noqa: PLR0911 - one line a state
        """The state that this adds up to."""
        if self.outcome is not None:
            return State.CLOSED
        if self.cancelled:
            return State.CANCELLED
        if not self.handed_over:
            return State.ISSUING if self.awaits(Awaited.ISSUE) else State.RESERVED
        if self.transfer is not None:
            return State.TRANSFERRING
        if self.awaits(*BACK):
            return State.RETURNING
        if self.loss is not None:
            return State.LOSS_PENDING
        return State.OVERDUE if self.overdue else State.ACTIVE

    @property
    def unreturned(self) -> int:
        """Units that are out and not on their way back."""
        return self.outstanding - sum(
            pending.quantity for pending in self.pending.values() if pending.awaited in BACK
        )

    def next_rows(self, quantity: int) -> tuple[int, ...]:
        """The checkout rows that the next ``quantity`` units come back under."""
        claimed = {row for pending in self.pending.values() for row in pending.rows}
        return tuple(row for row in self.rows if row not in claimed)[:quantity]

    def awaits(self, *awaited: Awaited) -> bool:
        """Whether the inventory is being asked for one of these."""
        return any(pending.awaited in awaited for pending in self.pending.values())


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


def _issue_requested(now: Standing, told: events.IssueRequested) -> Standing:
    return _asks(now, Pending(told.operation_id, Awaited.ISSUE, by=told.by))


def _issued(now: Standing, told: events.Issued) -> Standing:
    return replace(
        _answered(now, told.operation_id),
        handed_over=True,
        rows=tuple(told.evidence["rows"]),
    )


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


def _return_received(now: Standing, told: events.ReturnReceived) -> Standing:
    return _back(now, told.operation_id, Awaited.RETURN, told.quantity, told.by)


def _back(
    now: Standing, operation_id: Id, awaited: Awaited, quantity: int, by: Id | None
) -> Standing:
    rows = now.next_rows(quantity)
    return _asks(now, Pending(operation_id, awaited, quantity, by=by, rows=rows))


def _returned(now: Standing, told: events.Returned) -> Standing:
    pending = now.pending.get(told.operation_id)
    gone = pending.rows if pending is not None else ()
    return replace(
        _answered(now, told.operation_id),
        outstanding=told.outstanding,
        rows=tuple(row for row in now.rows if row not in gone),
        drift=None,
    )


def _unchanged(now: Standing, _: Any) -> Standing:
    return now


def _loss_reported(now: Standing, told: events.LossReported) -> Standing:
    return replace(now, loss=told.kind)


def _loss_confirmation(now: Standing, told: events.LossConfirmationRequested) -> Standing:
    return _asks(now, Pending(told.operation_id, Awaited.LOSS, by=told.by))


def _loss_confirmed(now: Standing, told: events.LossConfirmed) -> Standing:
    return _answered(now, told.operation_id)


def _recovered(now: Standing, told: events.Recovered) -> Standing:
    found = replace(now, loss=None)
    return _back(found, told.operation_id, Awaited.RECOVERY, now.outstanding, told.by)


def _transfer_requested(now: Standing, told: events.TransferRequested) -> Standing:
    transfer = Transfer(Custodian(**told.to), told.successor_id, told.operation_id, told.by)
    handing_on = replace(now, transfer=transfer)
    return _back(handing_on, told.operation_id, Awaited.TRANSFER_IN, now.outstanding, told.by)


def _transfer_checked_in(now: Standing, told: events.TransferCheckedIn) -> Standing:
    pending = Pending(told.next_operation_id, Awaited.TRANSFER_OUT, now.outstanding)
    return _asks(replace(_answered(now, told.operation_id), rows=()), pending)


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


def _drift_resolution(now: Standing, told: events.DriftResolutionRequested) -> Standing:
    awaited = Awaited.REASSERT if told.how == REASSERTED else Awaited.EXTERNAL_RETURN
    return _back(now, told.operation_id, awaited, now.outstanding, told.by)


def _drift_resolved(now: Standing, told: events.DriftResolved) -> Standing:
    return replace(_answered(now, told.operation_id), drift=None)


def _closed(now: Standing, told: events.Closed) -> Standing:
    return replace(now, outcome=told.outcome)


_AFTER: Final[Mapping[type, Callable[[Standing, Any], Standing]]] = MappingProxyType(
    {
        events.Reserved: _unchanged,
        events.Cancelled: _cancelled,
        events.IssueRequested: _issue_requested,
        events.Issued: _issued,
        events.IssueFailed: _refused,
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
        events.ReturnReceived: _return_received,
        events.Returned: _returned,
        events.ReturnFailed: _refused,
        events.DamageRecorded: _unchanged,
        events.LossReported: _loss_reported,
        events.LossConfirmationRequested: _loss_confirmation,
        events.LossConfirmed: _loss_confirmed,
        events.LossFailed: _refused,
        events.Recovered: _recovered,
        events.TransferRequested: _transfer_requested,
        events.TransferCheckedIn: _transfer_checked_in,
        events.TransferCompleted: _transfer_completed,
        events.TransferFailed: _transfer_failed,
        events.TransferCompensated: _transfer_compensated,
        events.DriftDetected: _drifted,
        events.DriftResolutionRequested: _drift_resolution,
        events.DriftResolutionFailed: _refused,
        events.DriftResolved: _drift_resolved,
        events.Closed: _closed,
    }
)
