"""An assignment: something is lent to somebody, from the reservation until it is back.

Facts, then verbs. A verb checks and may refuse; what an event changes stands in ``standing``.
Verbs that claim something about the inventory take the evidence that it gave, and are asked for
only when the operation is proven: see ``domain.custody.outcomes``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.assignments import events, rules, standing
from domain.assignments.content import (
    ASSET,
    CONSUMABLE,
    OF_AN_ASSET,
    Check,
    Condition,
    Custodian,
    Item,
    State,
    Terms,
    Units,
)
from domain.assignments.errors import (
    ConditionUnfit,
    DueNotLater,
    HeldByAnother,
    MoreThanOutstanding,
    NoExtensionRequested,
    NotAwaited,
    NotCustodian,
    NotDue,
    SameCustodian,
)
from domain.assignments.events import CustodianData, EvidenceData, ItemData
from domain.assignments.rules import Asked, AssignmentView, Command
from domain.assignments.standing import ACCEPTED, BACK, DECLINED, Awaited, Pending, Standing
from domain.fields import optional_time_text, time_of, time_text
from domain.ids import Id, id_of, operation_id, uuid_of

GONE_REASON: Final = "The item can no longer be handed out."
EXTERNAL_RETURN: Final = "external_return"
REASSERTED: Final = "reasserted"
VANISHED: Final = "vanished"


class Assignment(Aggregate):
    """Something lent to a member or kept at a location."""

    TOPIC = "assignment"

    # Facts

    Event = events.Event
    Created = events.Created
    Reserved = events.Reserved
    Cancelled = events.Cancelled
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
    ReturnReceived = events.ReturnReceived
    Returned = events.Returned
    ReturnFailed = events.ReturnFailed
    DamageRecorded = events.DamageRecorded
    LossReported = events.LossReported
    LossConfirmationRequested = events.LossConfirmationRequested
    LossConfirmed = events.LossConfirmed
    LossFailed = events.LossFailed
    Recovered = events.Recovered
    TransferRequested = events.TransferRequested
    TransferCheckedIn = events.TransferCheckedIn
    TransferCompleted = events.TransferCompleted
    TransferFailed = events.TransferFailed
    TransferCompensated = events.TransferCompensated
    DriftDetected = events.DriftDetected
    DriftResolutionRequested = events.DriftResolutionRequested
    DriftResolutionFailed = events.DriftResolutionFailed
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
        """Give up the reservation."""
        rules.check(Command.CANCEL, self.view(), asked)
        self._add(events.Cancelled, asked.at, reason=reason, by=asked.by.user_id)

    def lapse(self, reason: str, at: datetime) -> None:
        """Give up the reservation; the system asks for this. Raises ``WrongState``."""
        rules.check_in_state(self.view(), State.RESERVED)
        self._add(events.Cancelled, at, reason=reason, by=None)

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
        self._add_issued(operation_id, evidence, at)

    def found_issued(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows it with the custodian after the hand-over was given up."""
        rules.check_in_state(self.view(), State.RESERVED)
        self._add_issued(operation_id, evidence, at)

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

    # Verbs: the due date

    def request_extension(self, due: datetime, reason: str | None, asked: Asked) -> None:
        """Ask to keep it longer. Raises ``DueNotLater`` and what the loan rules refuse."""
        rules.check(Command.REQUEST_EXTENSION, self.view(), asked)
        self._check_later(due, asked.at)
        self._add(
            events.ExtensionRequested,
            asked.at,
            due=time_text(due),
            by=asked.by.user_id,
            reason=reason,
        )

    def approve_extension(
        self, due: datetime | None, operation_id: Id | None, asked: Asked
    ) -> datetime:
        """Let it be kept until ``due`` (None: as asked for), which is returned.

        Without an operation the date is ours alone. Raises ``NoExtensionRequested, DueNotLater``.
        """
        rules.check(Command.APPROVE_EXTENSION, self.view(), asked)
        until = due or self.standing.extension
        if until is None:
            raise NoExtensionRequested
        self._check_later(until, asked.at)
        self._add(
            events.ExtensionApproved,
            asked.at,
            operation_id=operation_id,
            due=time_text(until),
            by=asked.by.user_id,
        )
        if operation_id is None:
            self._add_due(None, until, None, asked.at)
        return until

    def refuse_extension(self, reason: str, asked: Asked) -> None:
        """Leave it due as it is."""
        rules.check(Command.REFUSE_EXTENSION, self.view(), asked)
        self._add(events.ExtensionRefused, asked.at, by=asked.by.user_id, reason=reason)

    def due_changed(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows the new due date."""
        pending = self._pending(operation_id, Awaited.DUE)
        self._add_due(operation_id, pending.due, evidence, at)

    def due_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused the new due date."""
        self._pending(operation_id, Awaited.DUE)
        self._add(events.DueDateFailed, at, operation_id=operation_id, reason=reason)

    def mark_overdue(self, at: datetime) -> None:
        """Say that the time it was due has passed. Raises ``NotDue`` and ``WrongState``."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE)
        due = self.standing.due
        if due is None or at <= due:
            raise NotDue
        if not self.standing.overdue:
            self._add(events.BecameOverdue, at, due=time_text(due))

    def remind(self, day: int, at: datetime) -> None:
        """Remind of the due date, ``day`` days after it, once. Raises ``NotDue, WrongState``."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE)
        due = self.standing.due
        if due is None or at < due + timedelta(days=day):
            raise NotDue
        if (day, time_text(due)) not in self.standing.reminded:
            self._add(events.ReminderFell, at, day=day, due=time_text(due))

    # Verbs: coming back, or not

    def receive(
        self,
        operation_id: Id,
        units: Sequence[Units],
        asked: Asked,
        *,
        checklist: Sequence[Check] = (),
        location_id: Id | None = None,
        note: str | None = None,
    ) -> None:
        """Take units back at the desk. Raises ``MoreThanOutstanding`` and ``ConditionUnfit``."""
        rules.check(Command.RETURN, self.view(), asked)
        quantity = sum(group.quantity for group in units)
        if not 1 <= quantity <= self.standing.unreturned:
            raise MoreThanOutstanding
        if self.item.kind == ASSET and any(group.condition not in OF_AN_ASSET for group in units):
            raise ConditionUnfit
        self._add(
            events.ReturnReceived,
            asked.at,
            operation_id=operation_id,
            quantity=quantity,
            units=[group.data for group in units],
            checklist=[point.data for point in checklist],
            location_id=location_id,
            note=note,
            by=asked.by.user_id,
        )
        spoilt = [group.data for group in units if group.condition is not Condition.OK]
        if spoilt:
            self._add(events.DamageRecorded, asked.at, units=spoilt, by=asked.by.user_id)

    def returned(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows that these units are back."""
        pending = self._pending(operation_id, *BACK)
        if pending.awaited is Awaited.EXTERNAL_RETURN:
            self._add(
                events.DriftResolved,
                at,
                how=EXTERNAL_RETURN,
                operation_id=operation_id,
                by=pending.by,
            )
        outstanding = self.standing.outstanding - pending.quantity
        self._add(
            events.Returned,
            at,
            operation_id=operation_id,
            quantity=pending.quantity,
            outstanding=outstanding,
            evidence=evidence,
        )
        if outstanding == 0:
            self._add(events.Closed, at, outcome="returned")

    def return_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused the return: the custodian is on record as before."""
        self._pending(operation_id, Awaited.RETURN, Awaited.RECOVERY)
        self._add(events.ReturnFailed, at, operation_id=operation_id, reason=reason)

    def report_loss(self, kind: str, note: str | None, asked: Asked) -> None:
        """Say that it is ``lost`` or ``stolen``."""
        rules.check(Command.REPORT_LOSS, self.view(), asked)
        self._add(events.LossReported, asked.at, kind=kind, note=note, by=asked.by.user_id)

    def confirm_loss(self, operation_id: Id, asked: Asked) -> None:
        """Agree that it is gone, and have the inventory list it so."""
        rules.check(Command.CONFIRM_LOSS, self.view(), asked)
        self._add(
            events.LossConfirmationRequested,
            asked.at,
            operation_id=operation_id,
            by=asked.by.user_id,
        )

    def loss_confirmed(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory lists it as gone."""
        self._pending(operation_id, Awaited.LOSS)
        kind = self.standing.loss
        self._add(events.LossConfirmed, at, operation_id=operation_id, kind=kind, evidence=evidence)
        self._add(events.Closed, at, outcome=kind)

    def loss_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused to list it as gone."""
        self._pending(operation_id, Awaited.LOSS)
        self._add(events.LossFailed, at, operation_id=operation_id, reason=reason)

    def recover(self, operation_id: Id, asked: Asked) -> None:
        """Take back what was said to be gone."""
        rules.check(Command.RECOVER, self.view(), asked)
        self._add(events.Recovered, asked.at, operation_id=operation_id, by=asked.by.user_id)

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
        successor = self._successor(operation_id, evidence, at)
        self._add(
            events.TransferCompleted,
            at,
            operation_id=operation_id,
            successor_id=id_of(successor.id),
            evidence=evidence,
        )
        self._add(events.Closed, at, outcome="transferred")
        return successor

    def transfer_failed(
        self, operation_id: Id, next_operation_id: Id | None, reason: str, at: datetime
    ) -> None:
        """A half was refused; ``next_operation_id`` undoes the first one.

        Where that was refused, too, the inventory shows the item with nobody: that is drift.
        """
        pending = self._pending(operation_id, *standing.TRANSFER)
        self._add(
            events.TransferFailed,
            at,
            operation_id=operation_id,
            next_operation_id=next_operation_id,
            reason=reason,
        )
        if next_operation_id is None and pending.awaited is not Awaited.TRANSFER_IN:
            self._add(events.DriftDetected, at, actual=None, read_at=time_text(at))

    def transfer_compensated(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The first half is undone: the custodian has it as before."""
        self._pending(operation_id, Awaited.TRANSFER_BACK)
        self._add(events.TransferCompensated, at, operation_id=operation_id, evidence=evidence)

    # Verbs when the inventory says otherwise

    def detect_drift(self, actual: tuple[str, int] | None, read_at: datetime, at: datetime) -> None:
        """Note who has it according to the inventory. Says nothing new: nothing happens."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE, State.LOSS_PENDING)
        known = self.standing.drift
        if not self.standing.pending and (known is None or known.actual != actual):
            self._add(events.DriftDetected, at, actual=actual, read_at=time_text(read_at))

    def drift_vanished(self, at: datetime) -> None:
        """The inventory agrees again."""
        if self.standing.drift is not None and not self.standing.pending:
            self._add(events.DriftResolved, at, how=VANISHED, operation_id=None, by=None)

    def resolve_drift(self, how: str, operation_id: Id, asked: Asked) -> None:
        """Take it as returned, or have the inventory say again who has it.

        Raises ``HeldByAnother`` for the first where the inventory shows it with somebody else.
        """
        rules.check(Command.RESOLVE_DRIFT, self.view(), asked)
        drift = self.standing.drift
        if how == EXTERNAL_RETURN and drift is not None and drift.actual is not None:
            raise HeldByAnother
        self._add(
            events.DriftResolutionRequested,
            asked.at,
            how=how,
            operation_id=operation_id,
            by=asked.by.user_id,
        )

    def reasserted(self, operation_id: Id, at: datetime) -> None:
        """The inventory shows it with the custodian again."""
        pending = self._pending(operation_id, Awaited.REASSERT)
        self._add(
            events.DriftResolved, at, how=REASSERTED, operation_id=operation_id, by=pending.by
        )

    def drift_resolution_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused it: the drift stands."""
        self._pending(operation_id, Awaited.REASSERT, Awaited.EXTERNAL_RETURN)
        self._add(events.DriftResolutionFailed, at, operation_id=operation_id, reason=reason)

    # What others ask

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.standing.state

    def pending(self, operation_id: Id) -> Pending:
        """What an operation would mean. Raises ``NotAwaited``."""
        return self._pending(operation_id, *Awaited)

    def view(self) -> AssignmentView:
        """What the rules look at."""
        now = self.standing
        return AssignmentView(
            state=now.state,
            item_kind=self.item.kind,
            custodian_kind=self.custodian.kind,
            custodian_id=self.custodian.id,
            due=now.due,
            unreturned=now.unreturned,
            asked=bool(now.pending),
            extension=now.extension,
            renewals=now.renewals,
            drifted=now.drift is not None,
        )

    def _pending(self, operation_id: Id, *awaited: Awaited) -> Pending:
        pending = self.standing.pending.get(operation_id)
        if pending is None or pending.awaited not in awaited:
            raise NotAwaited
        return pending

    def _check_later(self, due: datetime, at: datetime) -> None:
        if due <= at or (self.standing.due is not None and due <= self.standing.due):
            raise DueNotLater

    def _add_issued(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        self._add(events.Issued, at, operation_id=operation_id, evidence=evidence)
        if self.item.kind == CONSUMABLE:
            self._add(events.Closed, at, outcome="consumed")

    def _add_due(
        self,
        operation_id: Id | None,
        due: datetime | None,
        evidence: EvidenceData | None,
        at: datetime,
    ) -> None:
        self._add(
            events.DueDateChanged,
            at,
            operation_id=operation_id,
            due=optional_time_text(due),
            evidence=evidence,
        )

    def _successor(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> "Assignment":
        transfer = self.standing.transfer
        if transfer is None:
            raise NotAwaited
        successor = Assignment.reserve(
            uuid_of(transfer.successor_id),
            Terms(
                item=self.item,
                custodian=transfer.to,
                begins=at,
                due=self.standing.due,
                quantity=self.standing.outstanding,
                project_id=self.project_id,
                requisition_id=self.requisition_id,
                line_id=self.line_id,
            ),
            tenant_id=self.tenant_id,
            verified=True,
            by=transfer.by,
            at=at,
            transferred_from=id_of(self.id),
        )
        successor._add(  # noqa: SLF001 - of the same class
            events.IssueRequested,
            at,
            operation_id=operation_id,
            offline=False,
            by=transfer.by,
        )
        successor.issued(operation_id, evidence, at)
        return successor

    def _add(self, event: type[events.Event], at: datetime, **fields: Any) -> None:
        self.trigger_event(event, timestamp=at, **fields)

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
        self.standing = standing.after(self.standing, event)
