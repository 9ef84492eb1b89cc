"""A requisition: what a member asks for in the name of a project, and what became of it.

Facts, then verbs, then appliers. A verb checks and may refuse; an applier only assigns, because
it runs again whenever the past is read.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Self, Unpack
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import InvalidField
from domain.fields import optional_time_text, time_of
from domain.ids import Id, id_of
from domain.ports import MemberFact, PolicyFact
from domain.requisitions import events, quantities, rules
from domain.requisitions.approval import (
    NO_APPROVAL,
    Approval,
    LineApproval,
    approved_units,
    check_delegation,
)
from domain.requisitions.approval_plan import StepData, choose
from domain.requisitions.availability import Availability
from domain.requisitions.content import (
    LINE_LIMIT,
    PURCHASE,
    Header,
    HeaderChanges,
    HeaderData,
    ItemData,
    Line,
    LineChanges,
    LineData,
    check_header,
    check_line,
)
from domain.requisitions.errors import NotDue, TooManyLines
from domain.requisitions.events import LineApprovalData
from domain.requisitions.fulfilment import Allocation
from domain.requisitions.handover import Handover
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.rules import Asked, Command, Delegation, RequisitionView

EXPIRY_REASON: Final = "The time it was needed until has passed."


class Requisition(Handover, Aggregate):
    """A request for equipment, from draft to hand-over."""

    TOPIC = "requisition"

    # Facts

    Event = events.Event
    Created = events.Created
    Drafted = events.Drafted
    HeaderChanged = events.HeaderChanged
    LineAdded = events.LineAdded
    LineChanged = events.LineChanged
    LineRemoved = events.LineRemoved
    Submitted = events.Submitted
    LiveAvailabilityRequired = events.LiveAvailabilityRequired
    Withdrawn = events.Withdrawn
    ChangesRequested = events.ChangesRequested
    StepApproved = events.StepApproved
    Approved = events.Approved
    Rejected = events.Rejected
    Delegated = events.Delegated
    Cancelled = events.Cancelled
    LineFulfilled = events.LineFulfilled
    LineClosedShort = events.LineClosedShort
    AvailabilityNoted = events.AvailabilityNoted
    LineAllocated = events.LineAllocated
    LineDeallocated = events.LineDeallocated
    LineIssuing = events.LineIssuing
    LineIssued = events.LineIssued
    LineIssueFailed = events.LineIssueFailed
    Expired = events.Expired

    # Verbs

    @classmethod
    def draft(
        cls,
        id: UUID,
        project_id: Id,
        header: Header,
        lines: Sequence[Line],
        asked: Asked,
        *,
        project_archived: bool,
        cloned_from: Id | None = None,
    ) -> Self:
        """Begin a requisition. Raises ``Forbidden`` and ``ProjectArchived``."""
        rules.require_drafter(asked)
        rules.check_project_open(archived=project_archived)
        return cls._create(
            cls.Drafted,
            id=id,
            timestamp=asked.at,
            tenant_id=asked.by.tenant_id,
            project_id=project_id,
            requester_id=asked.by.user_id,
            **header.data,
            lines=[line.data for line in lines],
            cloned_from=cloned_from,
        )

    def clone(self, id: UUID, asked: Asked, *, project_archived: bool) -> Self:
        """The same again, as a new draft."""
        rules.check(Command.CLONE, self.view(project_archived=project_archived), asked)
        return self.draft(
            id,
            self.project_id,
            self.header,
            tuple(self.lines.values()),
            asked,
            project_archived=project_archived,
            cloned_from=id_of(self.id),
        )

    def edit(self, asked: Asked, **changes: Unpack[HeaderChanges]) -> None:
        """Change the named header fields. Raises ``InvalidField`` for what they add up to."""
        self._check(Command.EDIT, asked)
        header = replace(self.header, **changes)
        check_header(header)
        if header.data != self.header.data:
            self._header_changed(**header.data, timestamp=asked.at)

    def add_line(self, line: Line, asked: Asked) -> None:
        """Ask for one more thing. Raises ``TooManyLines``."""
        self._check(Command.ADD_LINE, asked)
        if len(self.lines) >= LINE_LIMIT:
            raise TooManyLines
        self._line_added(**line.data, timestamp=asked.at)

    def change_line(self, line_id: Id, asked: Asked, **changes: Unpack[LineChanges]) -> None:
        """Change the named fields of a line. Raises ``LineNotFound`` and ``InvalidField``."""
        present = self._line(line_id)
        self._check(Command.CHANGE_LINE, asked)
        line = replace(present, **changes)
        check_line(line)
        if line != present:
            self._line_changed(**line.data, timestamp=asked.at)

    def remove_line(self, line_id: Id, asked: Asked) -> None:
        """Ask for one thing less. Raises ``LineNotFound``."""
        self._line(line_id)
        self._check(Command.REMOVE_LINE, asked)
        self._line_removed(line_id=line_id, timestamp=asked.at)

    def submit(
        self, policies: Sequence[PolicyFact], asked: Asked, *, project_archived: bool
    ) -> None:
        """Ask for approval, step by step as the policy that applies says.

        ``policies`` are all of the tenant's, oldest first. Raises ``NoLines`` and the refusals of
        ``approval_plan.choose``.
        """
        rules.check(Command.SUBMIT, self.view(project_archived=project_archived), asked)
        plan = choose(policies, self.project_id, self.header.amount, self.header.policy_id)
        self._submitted(
            policy_id=plan.policy_id,
            policy_name=plan.policy_name,
            steps=list(plan.steps),
            timestamp=asked.at,
        )
        if plan.require_live_availability:
            self._live_availability_required(timestamp=asked.at)

    def withdraw(self, reason: str | None, asked: Asked) -> None:
        """Take it back into a draft."""
        self._check(Command.WITHDRAW, asked)
        self._withdrawn(reason=reason, timestamp=asked.at)

    def request_changes(self, reason: str, asked: Asked) -> None:
        """Send it back to the requester."""
        self._check(Command.REQUEST_CHANGES, asked)
        self._changes_requested(by=asked.by.user_id, reason=reason, timestamp=asked.at)

    def approve(
        self,
        approvals: Sequence[LineApproval],
        note: str | None,
        asked: Asked,
        availability: Availability | None = None,
    ) -> None:
        """Approve the present step, by what the inventory has of the lines' items.

        Raises ``AvailabilityUnknown`` and the refusals of ``approval.approved_units``.
        """
        rules.check(Command.APPROVE, self.view(availability=availability), asked)
        step = self.approval.present_step
        approved = approved_units(step, self.quantities, approvals)
        self._step_approved(
            step=step,
            by=asked.by.user_id,
            note=note,
            lines=[LineApprovalData(line_id=id, approved=units) for id, units in approved.items()],
            timestamp=asked.at,
        )
        if step == len(self.approval.steps):
            self._approved(timestamp=asked.at)

    def reject(self, reason: str, asked: Asked) -> None:
        """Say no, for good."""
        self._check(Command.REJECT, asked)
        self._rejected(by=asked.by.user_id, reason=reason, timestamp=asked.at)

    def delegate(self, target: MemberFact | None, until: datetime | None, asked: Asked) -> None:
        """Hand the present step to somebody else. Raises as ``approval.check_delegation`` does."""
        self._check(Command.DELEGATE, asked)
        if until is not None and until <= asked.at:
            raise InvalidField(("until",), "This lies in the past.")
        step = self.approval.present_step
        to_user_id = check_delegation(
            self.approval.steps[step - 1], self.requester_id, asked.by.user_id, target, asked.at
        )
        self._delegated(
            step=step,
            by=asked.by.user_id,
            to_user_id=to_user_id,
            until=optional_time_text(until),
            timestamp=asked.at,
        )

    def cancel(self, reason: str, asked: Asked) -> None:
        """Call it off, while nothing was issued; what is kept for it is released."""
        self._check(Command.CANCEL, asked)
        self._release_all(reason, asked.by.user_id, asked.at)
        self._cancelled(by=asked.by.user_id, reason=reason, timestamp=asked.at)

    def expire(self, at: datetime) -> None:
        """Give up what was not handed over in time. Raises ``NotDue, WrongState, BeingIssued``."""
        rules.check_state(Command.EXPIRE, self.view())
        if self.header.needed_until is None or at <= self.header.needed_until:
            raise NotDue
        self._release_all(EXPIRY_REASON, None, at)
        if not any(line.issued for line in self.quantities.values()):
            self._expired(timestamp=at)
            return
        for line_id, line in self.quantities.items():
            if line.open:
                self._close_short(line_id, line.open, EXPIRY_REASON, None, at)

    def view(
        self, *, project_archived: bool = False, availability: Availability | None = None
    ) -> RequisitionView:
        """What the rules look at."""
        return RequisitionView(
            state=self.state,
            requester_id=self.requester_id,
            step=self.approval.step,
            steps=self.approval.steps,
            lines=tuple(self.quantities.values()),
            in_inventory=any(line.item.kind != PURCHASE for line in self.lines.values()),
            project_archived=project_archived,
            require_live_availability=self.approval.require_live_availability,
            availability_known=availability is not None and availability.complete,
            retry_after_s=None if availability is None else availability.retry_after_s,
        )

    # Appliers

    def __init__(
        self,
        tenant_id: Id,
        project_id: Id,
        requester_id: Id,
        purpose: str,
        needed_from: str | None,
        needed_until: str | None,
        beneficiary_id: Id | None,
        amount: str | None,
        policy_id: Id | None,
        lines: list[LineData],
        cloned_from: Id | None,
    ) -> None:
        self.tenant_id = tenant_id
        self.project_id = project_id
        self.requester_id = requester_id
        self.header = Header.of(
            HeaderData(
                purpose=purpose,
                needed_from=needed_from,
                needed_until=needed_until,
                beneficiary_id=beneficiary_id,
                amount=amount,
                policy_id=policy_id,
            )
        )
        self.lines = {line["line_id"]: Line.of(line) for line in lines}
        self.quantities = {line["line_id"]: Quantities(line["quantity"]) for line in lines}
        self.allocations: dict[Id, Allocation] = {}
        self.cloned_from = cloned_from
        self.state = State.DRAFT
        self.approval = NO_APPROVAL
        self.reason: str | None = None

    @event(HeaderChanged)
    def _header_changed(
        self,
        purpose: str,
        needed_from: str | None,
        needed_until: str | None,
        beneficiary_id: Id | None,
        amount: str | None,
        policy_id: Id | None,
        timestamp: datetime,
    ) -> None:
        self.header = Header.of(
            HeaderData(
                purpose=purpose,
                needed_from=needed_from,
                needed_until=needed_until,
                beneficiary_id=beneficiary_id,
                amount=amount,
                policy_id=policy_id,
            )
        )

    @event(LineAdded)
    def _line_added(
        self, line_id: Id, item: ItemData, quantity: int, note: str | None, timestamp: datetime
    ) -> None:
        self._set_line(LineData(line_id=line_id, item=item, quantity=quantity, note=note))

    @event(LineChanged)
    def _line_changed(
        self, line_id: Id, item: ItemData, quantity: int, note: str | None, timestamp: datetime
    ) -> None:
        self._set_line(LineData(line_id=line_id, item=item, quantity=quantity, note=note))

    def _set_line(self, line: LineData) -> None:
        self.lines = {**self.lines, line["line_id"]: Line.of(line)}
        self.quantities = {**self.quantities, line["line_id"]: Quantities(line["quantity"])}

    @event(LineRemoved)
    def _line_removed(self, line_id: Id, timestamp: datetime) -> None:
        self.lines = {id: line for id, line in self.lines.items() if id != line_id}
        self.quantities = {id: line for id, line in self.quantities.items() if id != line_id}

    @event(Submitted)
    def _submitted(
        self,
        policy_id: Id | None,
        policy_name: str | None,
        steps: list[StepData],
        timestamp: datetime,
    ) -> None:
        self._begin_approval(Approval.of(policy_id, policy_name, steps))
        self.state = State.SUBMITTED
        self.reason = None

    @event(LiveAvailabilityRequired)
    def _live_availability_required(self, timestamp: datetime) -> None:
        self.approval = replace(self.approval, require_live_availability=True)

    @event(Withdrawn)
    def _withdrawn(self, reason: str | None, timestamp: datetime) -> None:
        self._begin_approval(NO_APPROVAL)
        self.state = State.DRAFT
        self.reason = reason

    @event(ChangesRequested)
    def _changes_requested(self, by: Id, reason: str, timestamp: datetime) -> None:
        self._begin_approval(NO_APPROVAL)
        self.state = State.CHANGES_REQUESTED
        self.reason = reason

    def _begin_approval(self, approval: Approval) -> None:
        self.approval = approval
        self.quantities = quantities.void_approval(self.quantities)

    @event(StepApproved)
    def _step_approved(
        self,
        step: int,
        by: Id,
        note: str | None,
        lines: list[LineApprovalData],
        timestamp: datetime,
    ) -> None:
        approved = {line["line_id"]: line["approved"] for line in lines}
        self.quantities = quantities.approve(self.quantities, approved)
        self.approval = self.approval.approved(step, by, timestamp, note)

    @event(Approved)
    def _approved(self, timestamp: datetime) -> None:
        self.state = State.APPROVED

    @event(Rejected)
    def _rejected(self, by: Id, reason: str, timestamp: datetime) -> None:
        self.approval = self.approval.rejected(by, timestamp)
        self.state = State.REJECTED
        self.reason = reason

    @event(Delegated)
    def _delegated(
        self, step: int, by: Id, to_user_id: Id, until: str | None, timestamp: datetime
    ) -> None:
        self.approval = self.approval.delegated(step, Delegation(by, to_user_id, time_of(until)))

    @event(Cancelled)
    def _cancelled(self, by: Id, reason: str, timestamp: datetime) -> None:
        self.state = State.CANCELLED
        self.approval = self.approval.closed()
        self.reason = reason

    @event(Expired)
    def _expired(self, timestamp: datetime) -> None:
        self.state = State.EXPIRED
