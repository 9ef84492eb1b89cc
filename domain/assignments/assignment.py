"""An assignment: something is lent to somebody, from the reservation until it is back.

Facts, then verbs. A verb checks and may refuse; what an event changes stands in ``folding``.
Verbs that claim something about the inventory take the evidence that it gave, and are asked for
only when the operation is proven: see ``domain.custody.outcomes``.
"""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.assignments import events, folding, rules
from domain.assignments.coming_back import ComingBack
from domain.assignments.content import (
    CONSUMABLE,
    RELINKED,
    Custodian,
    Item,
    State,
    Terms,
    is_to_be_collected,
)
from domain.assignments.drift import Drifting
from domain.assignments.due_date import DueDate
from domain.assignments.errors import NotAwaited, NotCustodian, NotDue, SameCustodian
from domain.assignments.events import CustodianData, EvidenceData, ItemData
from domain.assignments.rules import Asked, Command
from domain.assignments.standing import (
    ACCEPTED,
    DECLINED,
    TRANSFER,
    Awaited,
    Drift,
    Standing,
    Transfer,
)
from domain.fields import optional_time_text, time_of, time_text
from domain.ids import Id, id_of, operation_id, uuid_of

GONE_REASON: Final = "The item can no longer be handed out."


class Assignment(DueDate, ComingBack, Drifting, Aggregate):
    """Something lent to a member or kept at a location."""

    TOPIC = "assignment"

    # Facts

    Event = events.Event
    Created = events.Created
    Reserved = events.Reserved
    Cancelled = events.Cancelled
    CollectionFellDue = events.CollectionFellDue
    IssueRequested = events.IssueRequested
    Issued = events.Issued
    IssueFailed = events.IssueFailed
    SyncAttentionRaised = events.SyncAttentionRaised
    Accepted = events.Accepted
    Declined = events.Declined
    ExtensionRequested = events.ExtensionRequested
    ExtensionApproved = events.ExtensionApproved
    ExtensionRefused = events.ExtensionRefused
    DueDateChanged = events.DueDateChanged
    DueDateFailed = events.DueDateFailed
    BecameOverdue = events.BecameOverdue
    ReminderFell = events.ReminderFell
    ReturnNoted = events.ReturnNoted
    ReturnReceived = events.ReturnReceived
    Returned = events.Returned
    WrittenOff = events.WrittenOff
    ReturnFailed = events.ReturnFailed
    DamageRecorded = events.DamageRecorded
    LossReported = events.LossReported
    LossConfirmationRequested = events.LossConfirmationRequested
    LossConfirmed = events.LossConfirmed
    LossFailed = events.LossFailed
    Recovered = events.Recovered
    AssetRecovered = events.AssetRecovered
    TransferRequested = events.TransferRequested
    TransferCheckedIn = events.TransferCheckedIn
    TransferCompleted = events.TransferCompleted
    TransferFailed = events.TransferFailed
    TransferCompensated = events.TransferCompensated
    DriftDetected = events.DriftDetected
    UnitsDriftDetected = events.UnitsDriftDetected
    UnitsDriftReduced = events.UnitsDriftReduced
    DriftResolutionRequested = events.DriftResolutionRequested
    DriftResolutionFailed = events.DriftResolutionFailed
    UnitsReasserted = events.UnitsReasserted
    Relinked = events.Relinked
    DriftResolved = events.DriftResolved
    Closed = events.Closed

    # Verbs: keeping and handing over

    @classmethod
    def reserve(
        cls,
        id: UUID,
        terms: Terms,
        *,
        tenant_id: Id,
        verified: bool,
        by: Id | None,
        at: datetime,
        transferred_from: Id | None = None,
    ) -> Self:
        """Keep an item for somebody; who may, and whether it is free, is asked before."""
        return cls._create(
            cls.Reserved,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            item=terms.item.data,
            quantity=terms.quantity,
            custodian=terms.custodian.data,
            project_id=terms.project_id,
            requisition_id=terms.requisition_id,
            line_id=terms.line_id,
            begins=time_text(terms.begins),
            due=optional_time_text(terms.due),
            verified=verified,
            transferred_from=transferred_from,
            by=by,
        )

    def next_operation(self, kind: str) -> Id:
        """The id of the next operation that this assignment asks for."""
        return operation_id(id_of(self.id), kind, self.standing.operations + 1)

    def cancel(self, reason: str, asked: Asked) -> None:
        """Give up the reservation; a hand-over under way is called off before."""
        view = self.view()
        rules.check(Command.CANCEL, view, asked)
        rules.check_in_state(view, State.RESERVED)
        self._add(events.Cancelled, asked.at, reason=reason, by=asked.by.user_id)

    def lapse(self, reason: str, at: datetime) -> None:
        """Give up the reservation; the system asks for this. Raises ``WrongState``."""
        rules.check_in_state(self.view(), State.RESERVED)
        self._add(events.Cancelled, at, reason=reason, by=None)

    def tell_to_collect(self, at: datetime) -> None:
        """Say that its time is near, unless that was so from the beginning.

        Raises ``WrongState`` and ``NotDue``.
        """
        rules.check_in_state(self.view(), State.RESERVED)
        if not is_to_be_collected(self.begins, at):
            raise NotDue
        if not (self.standing.told_to_collect or is_to_be_collected(self.begins, self.created_on)):
            self._add(events.CollectionFellDue, at, begins=time_text(self.begins))

    def request_issue(self, operation_id: Id, asked: Asked, *, offline: bool = False) -> None:
        """Hand it over. Raises ``DuePassed``."""
        rules.check(Command.ISSUE, self.view(), asked)
        self._add(
            events.IssueRequested,
            asked.at,
            operation_id=operation_id,
            offline=offline,
            by=asked.by.user_id,
        )

    def issued(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows it with the custodian. A consumable is used up by that."""
        self._pending(operation_id, Awaited.ISSUE)
        self._add(events.Issued, at, operation_id=operation_id, evidence=evidence)
        if self.item.kind == CONSUMABLE:
            self._add(events.Closed, at, outcome="consumed")

    def issue_failed(self, operation_id: Id, reason: str, *, gone: bool, at: datetime) -> None:
        """The inventory refused the hand-over; an item that is gone is not kept any longer."""
        self._pending(operation_id, Awaited.ISSUE)
        self._add(events.IssueFailed, at, operation_id=operation_id, reason=reason, gone=gone)
        if gone:
            self._add(events.Cancelled, at, reason=GONE_REASON, by=None)

    def raise_attention(self, operation_id: Id, reason: str, at: datetime) -> None:
        """Say that a person has to look at an operation of this assignment."""
        self._add(events.SyncAttentionRaised, at, operation_id=operation_id, reason=reason)

    def accept(self, terms: str | None, asked: Asked, *, witnessed: bool) -> None:
        """The custodian agrees. Raises ``NotCustodian`` for others who have not witnessed it."""
        view = self.view()
        rules.check(Command.ACCEPT, view, asked)
        own = rules.is_custodian(view, asked.by)
        if not own and not witnessed:
            raise NotCustodian
        if self.standing.answer == ACCEPTED:
            return
        by = asked.by.user_id
        self._add(events.Accepted, asked.at, by=by, terms=terms, witness=None if own else by)

    def decline(self, reason: str, asked: Asked) -> None:
        """The custodian does not want it; they have it until it is returned."""
        rules.check(Command.DECLINE, self.view(), asked)
        if self.standing.answer != DECLINED:
            self._add(events.Declined, asked.at, by=asked.by.user_id, reason=reason)

    # Verbs: handing on

    def transfer(self, operation_id: Id, to: Custodian, successor_id: Id, asked: Asked) -> None:
        """Hand it on to somebody else, first half: it is checked in. Raises ``SameCustodian``."""
        rules.check(Command.TRANSFER, self.view(), asked)
        if to == self.custodian:
            raise SameCustodian
        self._add(
            events.TransferRequested,
            asked.at,
            operation_id=operation_id,
            to=to.data,
            successor_id=successor_id,
            by=asked.by.user_id,
        )

    @property
    def transfer_under_way(self) -> Transfer:
        """To whom it is being handed on. Raises ``NotAwaited``."""
        if self.standing.transfer is None:
            raise NotAwaited
        return self.standing.transfer

    def transfer_checked_in(
        self, operation_id: Id, next_operation_id: Id, evidence: EvidenceData, at: datetime
    ) -> None:
        """The first half is proven, the second is asked for."""
        self._pending(operation_id, Awaited.TRANSFER_IN)
        self._add(
            events.TransferCheckedIn,
            at,
            operation_id=operation_id,
            next_operation_id=next_operation_id,
            evidence=evidence,
        )

    def transfer_completed(
        self, operation_id: Id, evidence: EvidenceData, at: datetime
    ) -> "Assignment":
        """The second half is proven: this is over, and the successor, which is returned, has it."""
        self._pending(operation_id, Awaited.TRANSFER_OUT)
        transfer = self.transfer_under_way
        successor = self._successor(
            transfer.successor_id, transfer.to, transfer.by, operation_id, evidence, at
        )
        self._add(
            events.TransferCompleted,
            at,
            operation_id=operation_id,
            successor_id=id_of(successor.id),
            evidence=evidence,
        )
        self.drift_vanished(at)
        self._add(events.Closed, at, outcome="transferred")
        return successor

    def transfer_failed(
        self,
        operation_id: Id,
        next_operation_id: Id | None,
        reason: str,
        at: datetime,
        *,
        shown: Drift | None = None,
    ) -> None:
        """A half was refused; ``next_operation_id`` undoes the first one.

        Where that came to nothing, too, what the inventory has ``shown`` is drift: it was read
        before, when the first half was proven, and named somebody else then as well. Where nobody
        has looked, a person has to.
        """
        pending = self._pending(operation_id, *TRANSFER)
        self._add(
            events.TransferFailed,
            at,
            operation_id=operation_id,
            next_operation_id=next_operation_id,
            reason=reason,
        )
        if next_operation_id is not None or pending.awaited is Awaited.TRANSFER_IN:
            return
        if shown is None:
            self.raise_attention(operation_id, reason, at)
        else:
            self._add(events.DriftDetected, at, actual=shown.actual, read_at=shown.read_at)

    def transfer_compensated(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The first half is undone: the custodian has it as before."""
        self._pending(operation_id, Awaited.TRANSFER_BACK)
        self._add(events.TransferCompensated, at, operation_id=operation_id, evidence=evidence)
        self.drift_vanished(at)

    def relinked(
        self,
        operation_id: Id,
        to: Custodian,
        successor_id: Id,
        evidence: EvidenceData,
        at: datetime,
    ) -> "Assignment":
        """The inventory shows it with ``to``: this is over, and the successor, returned, has it."""
        pending = self._pending(operation_id, Awaited.RELINK)
        successor = self._successor(successor_id, to, pending.by, operation_id, evidence, at)
        self._add(
            events.Relinked,
            at,
            operation_id=operation_id,
            to=to.data,
            successor_id=successor_id,
            evidence=evidence,
        )
        self._add(events.DriftResolved, at, how=RELINKED, operation_id=operation_id, by=pending.by)
        self._add(events.Closed, at, outcome="transferred")
        return successor

    def _successor(
        self,
        id: Id,
        custodian: Custodian,
        by: Id | None,
        operation_id: Id,
        evidence: EvidenceData,
        at: datetime,
    ) -> "Assignment":
        successor = Assignment.reserve(
            uuid_of(id),
            Terms(
                item=self.item,
                custodian=custodian,
                begins=at,
                due=self.standing.due,
                quantity=self.standing.outstanding,
                project_id=self.project_id,
                requisition_id=self.requisition_id,
                line_id=self.line_id,
            ),
            tenant_id=self.tenant_id,
            verified=True,
            by=by,
            at=at,
            transferred_from=id_of(self.id),
        )
        successor._add(  # noqa: SLF001 - of the same class
            events.IssueRequested,
            at,
            operation_id=operation_id,
            offline=False,
            by=by,
        )
        successor.issued(operation_id, evidence, at)
        return successor

    # Appliers

    def __init__(
        self,
        tenant_id: Id,
        item: ItemData,
        quantity: int,
        custodian: CustodianData,
        project_id: Id | None,
        requisition_id: Id | None,
        line_id: Id | None,
        begins: str,
        due: str | None,
        verified: bool,
        transferred_from: Id | None,
        by: Id | None,
    ) -> None:
        self.tenant_id = tenant_id
        self.item = Item(**item)
        self.quantity = quantity
        self.custodian = Custodian(**custodian)
        self.project_id = project_id
        self.requisition_id = requisition_id
        self.line_id = line_id
        self.begins = datetime.fromisoformat(begins)
        self.verified = verified
        self.transferred_from = transferred_from
        self.reserved_by = by
        self.standing = Standing(outstanding=quantity, due=time_of(due))

    def follow(self, event: events.Event) -> None:
        """Be as ``event`` has left it."""
        self.standing = folding.after(self.standing, event)
