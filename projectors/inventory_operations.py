"""Inventory operations as rows: one small function per event."""

from typing import Final

from domain.fields import time_of
from domain.inventory_operations import events
from domain.inventory_operations.kinds import State
from domain.inventory_operations.problems import CONFLICT
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows

WAITING: Final = "waiting"

NOT_APPLIED: Final = "not_applied"
LATE_EFFECT: Final = "late_effect"
ABANDONED: Final = "abandoned"
CANCELLED: Final = "cancelled"


def requested(rows: Rows, event: events.Requested, recorded: RecordedEvent) -> Rows:
    """Something is to be changed in the inventory."""
    operation: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "kind": event.kind,
        "purpose": event.purpose,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "item_kind": event.item["kind"],
        "item_id": event.item["id"],
        "item_external_id": event.item["external_id"],
        "target": None if event.target is None else dict(event.target),
        "wanted": dict(event.wanted),
        "state": State.PENDING.value,
        "step": WAITING,
        "since": recorded.recorded_at,
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": None,
        "last_message": None,
        "gone": False,
        "given_up": False,
        "resolving": False,
        "requested_by": event.requested_by,
        "requested_at": recorded.recorded_at,
        "synced_at": None,
        "evidence": None,
        "actual": None,
        "attestation": None,
        "created_external_id": None,
        "compensates": event.compensates,
        "compensated_by": None,
        "late_effect": None,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "inventory_operations": [operation]}


def attempt_started(rows: Rows, event: events.AttemptStarted, recorded: RecordedEvent) -> Rows:
    """A worker is sending it."""
    changes = {"attempts": event.attempt, "next_attempt_at": None}
    return _pending(rows, recorded, State.IN_FLIGHT.value, changes)


def verification_started(
    rows: Rows,
    event: events.VerificationStarted,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """A worker is reading back what became of it."""
    return _pending(rows, recorded, State.VERIFYING.value, {})


def attempt_accepted(rows: Rows, event: events.AttemptAccepted, recorded: RecordedEvent) -> Rows:
    """The inventory says that it did it: that is read back."""
    changes = {"created_external_id": event.created_external_id}
    return _pending(rows, recorded, State.VERIFYING.value, changes)


def already_applied(rows: Rows, event: events.AlreadyApplied, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """The inventory is as wanted, it seems: that is read back."""
    return _pending(rows, recorded, State.VERIFYING.value, {})


def outcome_unknown(rows: Rows, event: events.OutcomeUnknown, recorded: RecordedEvent) -> Rows:
    """It may have happened: that is read back."""
    changes = {"last_error": event.reason, "last_message": None}
    return _pending(rows, recorded, State.VERIFYING.value, changes)


def attempt_failed(rows: Rows, event: events.AttemptFailed, recorded: RecordedEvent) -> Rows:
    """It will be tried again."""
    return _to_be_repeated(rows, recorded, event.reason, event.retry_at)


def verified_not_applied(
    rows: Rows, event: events.VerifiedNotApplied, recorded: RecordedEvent
) -> Rows:
    """It did not happen, and will be tried again."""
    return _to_be_repeated(rows, recorded, NOT_APPLIED, event.retry_at)


def conflict_detected(rows: Rows, event: events.ConflictDetected, recorded: RecordedEvent) -> Rows:
    """The inventory shows something else."""
    return _needs_attention(rows, recorded, CONFLICT, {"actual": dict(event.actual)})


def synced(rows: Rows, event: events.Synced, recorded: RecordedEvent) -> Rows:
    """The read-back proves it."""
    return _done(rows, recorded, {"evidence": dict(event.evidence)})


def failed(rows: Rows, event: events.Failed, recorded: RecordedEvent) -> Rows:
    """The inventory refuses it."""
    changes = {"gone": event.gone, "last_message": event.message}
    return _given_up(rows, recorded, event.reason, changes)


def blocked(rows: Rows, event: events.Blocked, recorded: RecordedEvent) -> Rows:
    """Somebody has to mend something first."""
    return _needs_attention(rows, recorded, event.reason, {"last_message": event.message})


def retries_exhausted(rows: Rows, event: events.RetriesExhausted, recorded: RecordedEvent) -> Rows:
    """It was tried often enough."""
    return _needs_attention(rows, recorded, event.reason, {})


def retry_ordered(rows: Rows, event: events.RetryOrdered, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """It is tried again."""
    changes = {"next_attempt_at": None, "actual": None, "resolving": False}
    return _pending(rows, recorded, WAITING, changes)


def addressed(rows: Rows, event: events.Addressed, recorded: RecordedEvent) -> Rows:
    """It can be sent from now on."""
    address = {
        "item_external_id": event.item["external_id"],
        "target": None if event.target is None else dict(event.target),
    }
    return _changed(rows, recorded, address)


def resolution_requested(
    rows: Rows,
    event: events.ResolutionRequested,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """The inventory is to be read for proof; until it is, nothing is known to have changed."""
    return _changed(rows, recorded, {"resolving": True})


def manually_resolved(rows: Rows, event: events.ManuallyResolved, recorded: RecordedEvent) -> Rows:
    """Somebody vouches for it."""
    attestation = {"by": event.by, "reason": event.reason, "at": event.at}
    return _done(rows, recorded, {"attestation": attestation if event.attested else None})


def abandoned(rows: Rows, event: events.Abandoned, recorded: RecordedEvent) -> Rows:
    """Somebody gives it up."""
    return _given_up(rows, recorded, ABANDONED, {"last_message": event.reason})


def cancelled(rows: Rows, event: events.Cancelled, recorded: RecordedEvent) -> Rows:
    """It was called off before it was sent."""
    return _given_up(rows, recorded, CANCELLED, {"last_message": event.reason})


def late_effect_found(rows: Rows, event: events.LateEffectFound, recorded: RecordedEvent) -> Rows:
    """It happened after all: somebody has to say what is to become of it."""
    return _needs_attention(rows, recorded, LATE_EFFECT, {"late_effect": dict(event.evidence)})


def compensation_requested(
    rows: Rows, event: events.CompensationRequested, recorded: RecordedEvent
) -> Rows:
    """Another operation undoes it."""
    return _changed(rows, recorded, {"compensated_by": event.operation_id})


def compensated(rows: Rows, event: events.Compensated, recorded: RecordedEvent) -> Rows:
    """It was undone."""
    undone = {"compensated_by": event.operation_id}
    return _stopped(rows, recorded, State.COMPENSATED, undone)


def _changed(rows: Rows, recorded: RecordedEvent, changes: Row) -> Rows:
    (operation,) = rows["inventory_operations"]
    changed = {
        **operation,
        **changes,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "inventory_operations": [changed]}


def _pending(rows: Rows, recorded: RecordedEvent, step: str, changes: Row) -> Rows:
    """All that a worker does is *pending* to everybody else, since the first of it."""
    (operation,) = rows["inventory_operations"]
    was_pending = operation["state"] == State.PENDING.value
    since = operation["since"] if was_pending else recorded.recorded_at
    state = {"state": State.PENDING.value, "step": step, "since": since}
    return _changed(rows, recorded, {**state, **changes})


def _to_be_repeated(rows: Rows, recorded: RecordedEvent, error: str, retry_at: str) -> Rows:
    changes = {
        "next_attempt_at": time_of(retry_at),
        "last_error": error,
        "last_message": None,
    }
    return _pending(rows, recorded, WAITING, changes)


def _needs_attention(rows: Rows, recorded: RecordedEvent, error: str, changes: Row) -> Rows:
    return _stopped(rows, recorded, State.NEEDS_ATTENTION, {"last_error": error, **changes})


def _given_up(rows: Rows, recorded: RecordedEvent, error: str, changes: Row) -> Rows:
    given_up = {"given_up": True, "last_error": error, **changes}
    return _stopped(rows, recorded, State.FAILED, given_up)


def _done(rows: Rows, recorded: RecordedEvent, proof: Row) -> Rows:
    return _stopped(rows, recorded, State.SYNCED, {"synced_at": recorded.recorded_at, **proof})


def _stopped(rows: Rows, recorded: RecordedEvent, state: State, changes: Row) -> Rows:
    """No worker has anything to do with it for now."""
    stopped = {
        "state": state.value,
        "step": None,
        "since": recorded.recorded_at,
        "next_attempt_at": None,
        "last_message": None,
        "resolving": False,
    }
    return _changed(rows, recorded, {**stopped, **changes})
