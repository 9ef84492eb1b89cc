"""An inventory operation: one change that is wanted in the inventory, until it is proven there.

Facts, then verbs, then appliers. A worker acts on it under a lease of the thing concerned; each
lease has a higher ``fence`` than the one before, and what comes under an older one is refused.
"""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.fields import time_of, time_text
from domain.ids import Id, id_of
from domain.inventory_operations import events, problems, rules
from domain.inventory_operations.errors import (
    AlreadySent,
    Fenced,
    WrongState,
)
from domain.inventory_operations.events import EvidenceData, ItemData, TargetData
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.problems import Problem
from domain.inventory_operations.rules import Command


class InventoryOperation(Aggregate):
    """A change of the inventory, from the wish to the proof."""

    TOPIC = "inventory_operation"

    # Facts

    Event = events.Event
    Created = events.Created
    Requested = events.Requested
    AttemptStarted = events.AttemptStarted
    VerificationStarted = events.VerificationStarted
    AttemptAccepted = events.AttemptAccepted
    AlreadyApplied = events.AlreadyApplied
    OutcomeUnknown = events.OutcomeUnknown
    AttemptFailed = events.AttemptFailed
    VerifiedNotApplied = events.VerifiedNotApplied
    ConflictDetected = events.ConflictDetected
    Synced = events.Synced
    Failed = events.Failed
    Blocked = events.Blocked
    RetriesExhausted = events.RetriesExhausted
    RetryOrdered = events.RetryOrdered
    Addressed = events.Addressed
    ResolutionRequested = events.ResolutionRequested
    ManuallyResolved = events.ManuallyResolved
    Abandoned = events.Abandoned
    Cancelled = events.Cancelled
    LateEffectFound = events.LateEffectFound
    CompensationRequested = events.CompensationRequested
    Compensated = events.Compensated

    # Verbs

    @classmethod
    def request(
        cls,
        id: UUID,
        *,
        tenant_id: Id,
        kind: Kind,
        purpose: str,
        subject_kind: str,
        subject_id: Id,
        item: ItemData,
        target: TargetData | None,
        wanted: dict[str, Any],
        requested_by: Id | None,
        at: datetime,
        compensates: Id | None = None,
    ) -> Self:
        """Ask for a change. ``id`` comes from ``domain.ids.operation_id``."""
        return cls._create(
            cls.Requested,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            kind=kind.value,
            purpose=purpose,
            subject_kind=subject_kind,
            subject_id=subject_id,
            item=item,
            target=target,
            wanted=wanted,
            requested_by=requested_by,
            compensates=compensates,
        )

    def check_fence(self, fence: int) -> None:
        """Raise ``Fenced`` unless ``fence`` is that of the present attempt or verification."""
        if fence != self.fence:
            raise Fenced

    def start_attempt(self, fence: int, at: datetime) -> None:
        """Begin to do it. Raises ``Fenced`` and ``WrongState``."""
        self._check_newer(fence)
        self._check_state(State.PENDING)
        self._attempt_started(attempt=self.attempts + 1, fence=fence, timestamp=at)

    def start_verification(self, fence: int, at: datetime) -> None:
        """Begin to read back what became of it. Raises ``Fenced`` and ``WrongState``."""
        self._check_newer(fence)
        if not self.resolving:
            self._check_state(State.IN_FLIGHT, State.VERIFYING)
        self._verification_started(attempt=self.attempts, fence=fence, timestamp=at)

    def accept(self, created_external_id: int | None, at: datetime) -> None:
        """The inventory says that it was done. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT)
        self._attempt_accepted(
            attempt=self.attempts, created_external_id=created_external_id, timestamp=at
        )

    def already_applied(self, at: datetime) -> None:
        """The inventory is as wanted without anything being sent. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT)
        self._already_applied(attempt=self.attempts, timestamp=at)

    def outcome_unknown(self, reason: str, at: datetime) -> None:
        """It was sent and may have happened, or may still happen. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT)
        self._outcome_unknown(attempt=self.attempts, reason=reason, timestamp=at)

    def fail_attempt(self, reason: str, retry_at: datetime, at: datetime) -> None:
        """It certainly did not happen this time. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT)
        self._attempt_failed(
            attempt=self.attempts, reason=reason, retry_at=time_text(retry_at), timestamp=at
        )

    def not_applied(self, retry_at: datetime, at: datetime) -> None:
        """The read-back shows that it did not, and no longer can, happen. Raises ``WrongState``."""
        self._check_state(State.VERIFYING)
        if self.resolving:
            raise WrongState("Nobody has asked that it be tried again.")
        self._verified_not_applied(
            attempt=self.attempts, retry_at=time_text(retry_at), timestamp=at
        )

    def sync(self, evidence: EvidenceData, at: datetime) -> None:
        """The read-back proves it. Raises ``WrongState``."""
        self._check_state(State.VERIFYING)
        self._synced(evidence=evidence, timestamp=at)

    def fail(self, reason: str, message: str, gone: bool, at: datetime) -> None:
        """The inventory refuses it, for good. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT, State.VERIFYING)
        self._failed(reason=reason, message=message, gone=gone, timestamp=at)

    def raise_problem(self, problem: Problem, at: datetime) -> None:
        """It needs a person, for one of the three reasons. Raises ``WrongState``."""
        match problem:
            case problems.Blocked(reason, message):
                self.block(reason, message, at)
            case problems.Conflict(actual):
                self.detect_conflict(actual, at)
            case problems.Exhausted(reason):
                self.exhaust(reason, at)

    def block(self, reason: str, message: str, at: datetime) -> None:
        """Somebody has to mend something first. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT, State.VERIFYING)
        self._blocked(reason=reason, message=message, timestamp=at)

    def hold_back(self, reason: str, message: str, at: datetime) -> None:
        """It cannot even be sent: somebody has to mend something before the first attempt."""
        self._check_state(State.PENDING)
        self._blocked(reason=reason, message=message, timestamp=at)

    def address(self, item: ItemData, target: TargetData | None, at: datetime) -> None:
        """What it concerns, and whom, is known over there now. Raises ``WrongState``."""
        self._check_state(State.NEEDS_ATTENTION)
        self._addressed(item=item, target=target, timestamp=at)

    def detect_conflict(self, actual: EvidenceData, at: datetime) -> None:
        """The inventory shows something else than what was wanted. Raises ``WrongState``."""
        self._check_state(State.IN_FLIGHT, State.VERIFYING)
        self._conflict_detected(attempt=self.attempts, actual=actual, timestamp=at)

    def exhaust(self, reason: str, at: datetime) -> None:
        """It was tried often enough, or for long enough. Raises ``WrongState``."""
        self._check_state(State.PENDING, State.VERIFYING)
        self._retries_exhausted(reason=reason, timestamp=at)

    def order_retry(self, by: Id, reason: str, at: datetime) -> None:
        """Let it be tried again, as if it were new. Raises ``WrongState`` and ``GivenUp``."""
        self._check_command(Command.RETRY)
        self._retry_ordered(by=by, reason=reason, timestamp=at)

    def request_resolution(self, by: Id, reason: str, at: datetime) -> None:
        """Let the inventory be read for proof. Raises ``WrongState`` and ``GivenUp``."""
        self._check_command(Command.RESOLVE)
        self._resolution_requested(by=by, reason=reason, timestamp=at)

    def resolve(self, by: Id, reason: str, at: datetime) -> None:
        """Take somebody's word for it. Raises ``WrongState`` and ``GivenUp``."""
        self._check_command(Command.RESOLVE)
        self._manually_resolved(by=by, reason=reason, attested=True, at=time_text(at), timestamp=at)

    def abandon(self, by: Id, reason: str, at: datetime) -> None:
        """Give it up. Raises ``WrongState``."""
        self._check_command(Command.ABANDON)
        self._abandoned(by=by, reason=reason, timestamp=at)

    def cancel(self, reason: str, at: datetime) -> None:
        """Call it off before it was ever sent. Raises ``WrongState`` and ``AlreadySent``."""
        self._check_state(State.PENDING)
        if self.attempts:
            raise AlreadySent
        self._cancelled(reason=reason, timestamp=at)

    def find_late_effect(self, evidence: EvidenceData, at: datetime) -> None:
        """It happened after all. Raises ``WrongState``, the second time too."""
        self._check_state(State.FAILED, State.NEEDS_ATTENTION)
        if self.late:
            raise WrongState("This is known already.")
        self._late_effect_found(evidence=evidence, timestamp=at)

    def request_compensation(self, operation_id: Id, at: datetime) -> None:
        """Its effect is to be undone by another operation. Raises ``WrongState``."""
        self._check_effective()
        self._compensation_requested(operation_id=operation_id, timestamp=at)

    def compensate(self, operation_id: Id, at: datetime) -> None:
        """Its effect was undone by the operation that was asked to. Raises ``WrongState``."""
        self._check_effective()
        if operation_id != self.compensated_by:
            raise WrongState("Another operation was asked to undo it.")
        self._compensated(operation_id=operation_id, timestamp=at)

    @property
    def thing(self) -> str:
        """What is locked while a worker is at it."""
        external_id = self.item["external_id"]
        name = id_of(self.id) if external_id is None else external_id
        return f"{self.item['kind']}:{name}"

    def exhausted(self, at: datetime) -> bool:
        """Whether it has failed often enough, or for long enough."""
        return rules.exhausted(self.tries, self.since, at)

    def _check_newer(self, fence: int) -> None:
        if fence <= self.fence:
            raise Fenced

    def _check_state(self, *allowed: State) -> None:
        if self.state not in allowed:
            raise WrongState(f"The operation is {self.state.value}.")

    def _check_command(self, command: Command) -> None:
        rules.check(command, self.state, given_up=self.given_up)

    def _check_effective(self) -> None:
        if self.state is not State.SYNCED and not self.late:
            raise WrongState("It has had no effect that could be undone.")

    # Appliers

    def __init__(
        self,
        tenant_id: Id,
        kind: str,
        purpose: str,
        subject_kind: str,
        subject_id: Id,
        item: ItemData,
        target: TargetData | None,
        wanted: dict[str, Any],
        requested_by: Id | None,
        compensates: Id | None,
    ) -> None:
        self.tenant_id = tenant_id
        self.kind = Kind(kind)
        self.purpose = purpose
        self.subject_kind = subject_kind
        self.subject_id = subject_id
        self.item = item
        self.target = target
        self.wanted = wanted
        self.requested_by = requested_by
        self.compensates = compensates
        self.state = State.PENDING
        self.attempts = 0
        self.fence = 0
        self.tries = 0
        self.since = self.created_on
        self.retry_at: datetime | None = None
        self.unsettled_at: datetime | None = None
        self.created_external_id: int | None = None
        self.reason: str | None = None
        self.resolving = False
        self.given_up = False
        self.late = False
        self.compensated_by: Id | None = None

    @event(AttemptStarted)
    def _attempt_started(self, attempt: int, fence: int, timestamp: datetime) -> None:
        self.state = State.IN_FLIGHT
        self.attempts = attempt
        self.tries += 1
        self.fence = fence

    @event(VerificationStarted)
    def _verification_started(self, attempt: int, fence: int, timestamp: datetime) -> None:
        if self.state is State.IN_FLIGHT:
            self.unsettled_at = timestamp
        self.state = State.VERIFYING
        self.fence = fence

    @event(AttemptAccepted)
    def _attempt_accepted(
        self, attempt: int, created_external_id: int | None, timestamp: datetime
    ) -> None:
        self.state = State.VERIFYING
        self.unsettled_at = timestamp
        self.created_external_id = created_external_id

    @event(AlreadyApplied)
    def _already_applied(self, attempt: int, timestamp: datetime) -> None:
        self.state = State.VERIFYING
        self.unsettled_at = timestamp

    @event(OutcomeUnknown)
    def _outcome_unknown(self, attempt: int, reason: str, timestamp: datetime) -> None:
        self.state = State.VERIFYING
        self.unsettled_at = timestamp
        self.reason = reason

    @event(AttemptFailed)
    def _attempt_failed(
        self, attempt: int, reason: str, retry_at: str, timestamp: datetime
    ) -> None:
        self.state = State.PENDING
        self.reason = reason
        self.retry_at = time_of(retry_at)
        if reason == rules.THROTTLED:
            self.tries -= 1

    @event(VerifiedNotApplied)
    def _verified_not_applied(self, attempt: int, retry_at: str, timestamp: datetime) -> None:
        self.state = State.PENDING
        self.retry_at = time_of(retry_at)

    @event(ConflictDetected)
    def _conflict_detected(self, attempt: int, actual: EvidenceData, timestamp: datetime) -> None:
        self._needs_attention(problems.CONFLICT)

    @event(Synced)
    def _synced(self, evidence: EvidenceData, timestamp: datetime) -> None:
        self.state = State.SYNCED
        self.reason = None
        self.resolving = False

    @event(Failed)
    def _failed(self, reason: str, message: str, gone: bool, timestamp: datetime) -> None:
        self._give_up(reason)

    @event(Blocked)
    def _blocked(self, reason: str, message: str, timestamp: datetime) -> None:
        self._needs_attention(reason)

    @event(RetriesExhausted)
    def _retries_exhausted(self, reason: str, timestamp: datetime) -> None:
        self._needs_attention(reason)

    @event(RetryOrdered)
    def _retry_ordered(self, by: Id, reason: str, timestamp: datetime) -> None:
        self.state = State.PENDING
        self.tries = 0
        self.since = timestamp
        self.retry_at = None
        self.resolving = False

    @event(Addressed)
    def _addressed(self, item: ItemData, target: TargetData | None, timestamp: datetime) -> None:
        self.item = item
        self.target = target

    @event(ResolutionRequested)
    def _resolution_requested(self, by: Id, reason: str, timestamp: datetime) -> None:
        self.resolving = True
        self.since = timestamp

    @event(ManuallyResolved)
    def _manually_resolved(
        self,
        by: Id,
        reason: str,
        attested: bool,
        at: str,
        timestamp: datetime,
    ) -> None:
        self.state = State.SYNCED
        self.reason = None
        self.resolving = False

    @event(Abandoned)
    def _abandoned(self, by: Id, reason: str, timestamp: datetime) -> None:
        self._give_up("abandoned")

    @event(Cancelled)
    def _cancelled(self, reason: str, timestamp: datetime) -> None:
        self._give_up("cancelled")

    @event(LateEffectFound)
    def _late_effect_found(self, evidence: EvidenceData, timestamp: datetime) -> None:
        self.late = True
        self._needs_attention("late_effect")

    @event(CompensationRequested)
    def _compensation_requested(self, operation_id: Id, timestamp: datetime) -> None:
        self.compensated_by = operation_id

    @event(Compensated)
    def _compensated(self, operation_id: Id, timestamp: datetime) -> None:
        self.state = State.COMPENSATED
        self.reason = None
        self.resolving = False

    def _needs_attention(self, reason: str) -> None:
        self.state = State.NEEDS_ATTENTION
        self.reason = reason
        self.resolving = False

    def _give_up(self, reason: str) -> None:
        self.state = State.FAILED
        self.reason = reason
        self.given_up = True
        self.resolving = False
