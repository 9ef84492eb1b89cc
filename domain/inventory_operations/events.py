"""Everything that can happen to an inventory operation, as it is stored for ever.

Names and fields are a contract with every event ever stored: a change of one is a new version.
Payloads hold plain values: ids as ULID text, times in RFC 3339. A number called ``external_id``
is the inventory's own.
"""

from typing import Any, TypedDict

from eventsourcing.domain import Aggregate

from domain.ids import Id


class ItemData(TypedDict):
    """The thing concerned: ``asset``, ``accessory``, ``consumable`` or ``model``.

    While it is still to be created ``id`` is the one that it shall have with us, and
    ``external_id`` is None; so it is where nothing over there stands for it any more.
    """

    kind: str
    id: Id | None
    external_id: int | None


class TargetData(TypedDict):
    """Who gets it, or had it: ``user`` or ``location``."""

    kind: str
    id: Id
    external_id: int


class EvidenceData(TypedDict):
    """What the inventory said when it was read back, at ``read_at`` by our clock.

    ``assigned_to`` is (kind, external id) of the holder, None where nobody has it, or not all
    units the same; the other fields are None where the kind of operation does not read them. ``rows`` are the checkout rows
    of an accessory, ``activity_id`` is the row of the activity report that names the operation.
    """

    external_id: int
    assigned_to: tuple[str, int] | None
    last_checkout: str | None
    last_checkin: str | None
    expected_checkin: str | None
    status_id: int | None
    rows: list[int]
    activity_id: int | None
    read_at: str


class Event(Aggregate.Event):
    """What happened to an inventory operation."""


class Created(Aggregate.Created):
    """Demanded by the library, never triggered."""

    TOPIC = "inventory_operation.created.v1"


class Requested(Event, Created):
    """Something is to be changed in the inventory.

    ``subject_kind`` is ``assignment``, or ``asset`` for a thing of the inventory itself. ``purpose``
    is what the subject wants it for: ``issue, return, write_off, due, loss, recovery, transfer,
    reassert, relink``; of a thing itself ``create, edit, delete, restore, archive, retire, dispose,
    mark_lost, mark_stolen``. ``wanted`` holds what the kind needs: see
    ``domain.inventory_operations.kinds``.
    """

    TOPIC = "inventory_operation.requested.v1"
    tenant_id: Id
    kind: str
    purpose: str
    subject_kind: str
    subject_id: Id
    item: ItemData
    target: TargetData | None
    wanted: dict[str, Any]
    requested_by: Id | None
    compensates: Id | None


class AttemptStarted(Event):
    """A worker is about to send it, under the ``fence``-th lease of the thing concerned."""

    TOPIC = "inventory_operation.attempt_started.v1"
    attempt: int
    fence: int


class VerificationStarted(Event):
    """A worker is about to read back what became of an attempt, under the ``fence``-th lease.

    Where the attempt was still in flight, the worker that had sent it is gone: its outcome is
    unknown from now on.
    """

    TOPIC = "inventory_operation.verification_started.v1"
    attempt: int
    fence: int


class AttemptAccepted(Event):
    """The inventory answered that it did it; ``created_external_id`` where it made something."""

    TOPIC = "inventory_operation.attempt_accepted.v1"
    attempt: int
    created_external_id: int | None


class AlreadyApplied(Event):
    """The inventory is in the wanted state already."""

    TOPIC = "inventory_operation.already_applied.v1"
    attempt: int


class OutcomeUnknown(Event):
    """It was sent and may have happened: it is read back before anything else."""

    TOPIC = "inventory_operation.outcome_unknown.v1"
    attempt: int
    reason: str


class AttemptFailed(Event):
    """It did not happen this time, and will be tried again at ``retry_at``."""

    TOPIC = "inventory_operation.attempt_failed.v1"
    attempt: int
    reason: str
    retry_at: str


class VerifiedNotApplied(Event):
    """The read-back shows that it did not happen; it will be tried again at ``retry_at``."""

    TOPIC = "inventory_operation.verified_not_applied.v1"
    attempt: int
    retry_at: str


class ConflictDetected(Event):
    """The read-back shows something else than what was wanted."""

    TOPIC = "inventory_operation.conflict_detected.v1"
    attempt: int
    actual: EvidenceData


class Synced(Event):
    """The read-back proves it."""

    TOPIC = "inventory_operation.synced.v1"
    evidence: EvidenceData


class Failed(Event):
    """The inventory refuses it, for good. ``reason`` is a class: ``not_available, no_stock, …``.

    ``gone`` where the thing itself can no longer be handed out.
    """

    TOPIC = "inventory_operation.failed.v1"
    reason: str
    message: str
    gone: bool


class Blocked(Event):
    """Somebody has to mend something first. ``reason`` is a class: ``unauthorized, …``."""

    TOPIC = "inventory_operation.blocked.v1"
    reason: str
    message: str


class RetriesExhausted(Event):
    """It was tried often enough, or for long enough."""

    TOPIC = "inventory_operation.retries_exhausted.v1"
    reason: str


class RetryOrdered(Event):
    """An inventory manager lets it be tried again."""

    TOPIC = "inventory_operation.retry_ordered.v1"
    by: Id
    reason: str


class Addressed(Event):
    """What it concerns has a number over there now: it had none when it was asked for."""

    TOPIC = "inventory_operation.addressed.v1"
    item: ItemData
    target: TargetData | None


class ResolutionRequested(Event):
    """An inventory manager asks that the inventory be read for proof."""

    TOPIC = "inventory_operation.resolution_requested.v1"
    by: Id
    reason: str


class ManuallyResolved(Event):
    """An inventory manager vouches for it, without proof: the history shows it as attested."""

    TOPIC = "inventory_operation.manually_resolved.v1"
    by: Id
    reason: str
    attested: bool
    at: str


class Abandoned(Event):
    """An inventory manager gives it up."""

    TOPIC = "inventory_operation.abandoned.v1"
    by: Id
    reason: str


class Cancelled(Event):
    """It was called off before it was ever sent."""

    TOPIC = "inventory_operation.cancelled.v1"
    reason: str


class LateEffectFound(Event):
    """It happened after it had been given up."""

    TOPIC = "inventory_operation.late_effect_found.v1"
    evidence: EvidenceData


class CompensationRequested(Event):
    """Its effect is to be undone by another operation."""

    TOPIC = "inventory_operation.compensation_requested.v1"
    operation_id: Id


class Compensated(Event):
    """Its effect was undone."""

    TOPIC = "inventory_operation.compensated.v1"
    operation_id: Id
