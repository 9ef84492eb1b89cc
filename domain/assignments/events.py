"""Everything that can happen to an assignment, as it is stored for ever.

Names and fields are a contract with every event ever stored: a change of one is a new version.
Payloads hold plain values: ids as ULID text, times in RFC 3339. Events whose names claim
something about the inventory (``Issued, Returned, DueDateChanged, LossConfirmed, …``) carry the
evidence that it gave.
"""

from typing import Protocol, TypedDict, cast

from eventsourcing.domain import Aggregate

from domain.ids import Id


class ItemData(TypedDict):
    """What is lent: ``asset``, ``accessory`` or ``consumable``, by our id."""

    kind: str
    id: Id


class CustodianData(TypedDict):
    """Who has it: ``user`` (a member of the tenant) or ``location``, by our id."""

    kind: str
    id: Id


class EvidenceData(TypedDict):
    """What the inventory said when it was read back, at ``read_at``; as in the operation.

    ``attested_by`` is set where an inventory manager vouched for it instead.
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
    attested_by: Id | None


class UnitData(TypedDict):
    """Units that came back in one condition: ``ok, damaged, incomplete, missing, consumed``."""

    quantity: int
    condition: str
    note: str | None


class CheckData(TypedDict):
    """One point of the checklist."""

    name: str
    passed: bool


class Follows(Protocol):
    """What an event changes."""

    def follow(self, event: "Event") -> None:
        """Be as ``event`` has left it."""
        ...


class Event(Aggregate.Event):
    """What happened to an assignment."""

    def apply(self, aggregate: Aggregate) -> None:
        """Let the assignment be as this has left it."""
        cast("Follows", aggregate).follow(self)


class Created(Aggregate.Created):
    """Demanded by the library, never triggered."""

    TOPIC = "assignment.created.v1"


class Reserved(Event, Created):
    """The item is kept for somebody, from ``begins`` until it is due back.

    ``requisition_id`` and ``line_id`` name the line that it meets, if any;
    ``transferred_from`` the assignment that it follows.
    """

    TOPIC = "assignment.reserved.v1"
    tenant_id: Id
    item: ItemData
    quantity: int
    custodian: CustodianData
    project_id: Id | None
    requisition_id: Id | None
    line_id: Id | None
    begins: str
    due: str | None
    verified: bool
    transferred_from: Id | None
    by: Id | None


class Cancelled(Event):
    """It was given up before it was handed over. ``by`` is None where the system did it."""

    TOPIC = "assignment.cancelled.v1"
    reason: str
    by: Id | None


class CollectionFellDue(Event):
    """The time of a reservation that was made ahead is near: it can be collected."""

    TOPIC = "assignment.collection_fell_due.v1"
    begins: str


class IssueRequested(Event):
    """Somebody is handing it over; the inventory is being asked."""

    TOPIC = "assignment.issue_requested.v1"
    operation_id: Id
    offline: bool
    by: Id


class Issued(Event):
    """The inventory has confirmed that the custodian has it."""

    TOPIC = "assignment.issued.v1"
    operation_id: Id
    evidence: EvidenceData


class IssueFailed(Event):
    """The inventory refused it. ``gone`` where the item itself cannot be handed out."""

    TOPIC = "assignment.issue_failed.v1"
    operation_id: Id
    reason: str
    gone: bool


class SyncAttentionRaised(Event):
    """The inventory's answer needs a person. ``reason`` is the operation's class of it."""

    TOPIC = "assignment.sync_attention_raised.v1"
    operation_id: Id
    reason: str


class Accepted(Event):
    """The custodian agrees to have it; ``witness`` saw it in person where somebody else says so."""

    TOPIC = "assignment.accepted.v1"
    by: Id
    terms: str | None
    witness: Id | None


class Declined(Event):
    """The custodian does not want it; they have it until it is returned."""

    TOPIC = "assignment.declined.v1"
    by: Id
    reason: str


class ExtensionRequested(Event):
    """The custodian wants to keep it longer."""

    TOPIC = "assignment.extension_requested.v1"
    due: str
    by: Id
    reason: str | None


class ExtensionApproved(Event):
    """It may be kept longer; it is due as before until the inventory has confirmed.

    ``operation_id`` is None for accessories and consumables: the inventory keeps no date of them.
    """

    TOPIC = "assignment.extension_approved.v1"
    operation_id: Id | None
    due: str
    by: Id


class ExtensionRefused(Event):
    """It is due as before."""

    TOPIC = "assignment.extension_refused.v1"
    by: Id
    reason: str


class DueDateChanged(Event):
    """The inventory has confirmed the new due date.

    Without operation and evidence for accessories and consumables, whose date is ours alone.
    """

    TOPIC = "assignment.due_date_changed.v1"
    operation_id: Id | None
    due: str
    evidence: EvidenceData | None


class DueDateFailed(Event):
    """The inventory refused the new due date."""

    TOPIC = "assignment.due_date_failed.v1"
    operation_id: Id
    reason: str


class BecameOverdue(Event):
    """The time it was due has passed."""

    TOPIC = "assignment.became_overdue.v1"
    due: str


class ReminderFell(Event):
    """A reminder is to be given, ``day`` days after the due date (before it: negative)."""

    TOPIC = "assignment.reminder_fell_due.v1"
    day: int
    due: str


class ReturnNoted(Event):
    """The item is back at the desk before its hand-over is settled: it is returned after that."""

    TOPIC = "assignment.return_noted.v1"
    quantity: int
    units: list[UnitData]
    checklist: list[CheckData]
    location_id: Id | None
    note: str | None
    by: Id


class ReturnReceived(Event):
    """The item is back at the desk; the inventory is being asked.

    Units that are ``missing`` or ``consumed`` stand in an event of their own: they are not back.
    """

    TOPIC = "assignment.return_received.v1"
    operation_id: Id
    quantity: int
    units: list[UnitData]
    checklist: list[CheckData]
    location_id: Id | None
    note: str | None
    by: Id


class Returned(Event):
    """The inventory has confirmed that it is back. ``outstanding`` units are still out."""

    TOPIC = "assignment.returned.v1"
    operation_id: Id
    quantity: int
    outstanding: int
    evidence: EvidenceData


class ReturnFailed(Event):
    """The inventory refused the return: the custodian is on record as before."""

    TOPIC = "assignment.return_failed.v1"
    operation_id: Id
    reason: str


class WrittenOff(Event):
    """The inventory no longer shows units that did not come back with the custodian.

    ``outcome``: ``written_off`` (they are missing) or ``consumed``; ``outstanding`` units are
    still out.
    """

    TOPIC = "assignment.written_off.v1"
    operation_id: Id
    quantity: int
    outstanding: int
    outcome: str
    evidence: EvidenceData


class DamageRecorded(Event):
    """Units came back damaged, incomplete or not at all."""

    TOPIC = "assignment.damage_recorded.v1"
    units: list[UnitData]
    by: Id


class LossReported(Event):
    """The item is said to be ``lost`` or ``stolen``; while its hand-over is not settled, too."""

    TOPIC = "assignment.loss_reported.v1"
    kind: str
    note: str | None
    by: Id


class LossConfirmationRequested(Event):
    """An inventory manager agrees that it is gone; the inventory is being asked."""

    TOPIC = "assignment.loss_confirmation_requested.v1"
    operation_id: Id
    by: Id


class LossConfirmed(Event):
    """The inventory lists it as gone."""

    TOPIC = "assignment.loss_confirmed.v1"
    operation_id: Id
    kind: str
    evidence: EvidenceData


class LossFailed(Event):
    """The inventory refused to list it as gone."""

    TOPIC = "assignment.loss_failed.v1"
    operation_id: Id
    reason: str


class Recovered(Event):
    """What was said to be gone has turned up; the inventory is being asked."""

    TOPIC = "assignment.recovered.v1"
    operation_id: Id
    by: Id


class AssetRecovered(Event):
    """What was listed as gone is back in the inventory; the assignment is over as it was."""

    TOPIC = "assignment.asset_recovered.v1"
    operation_id: Id
    evidence: EvidenceData


class TransferRequested(Event):
    """Somebody else takes it over: first it is checked in, then out again."""

    TOPIC = "assignment.transfer_requested.v1"
    operation_id: Id
    to: CustodianData
    successor_id: Id
    by: Id


class TransferCheckedIn(Event):
    """The first half is confirmed; the second is being asked for."""

    TOPIC = "assignment.transfer_checked_in.v1"
    operation_id: Id
    next_operation_id: Id
    evidence: EvidenceData


class TransferCompleted(Event):
    """The successor has it."""

    TOPIC = "assignment.transfer_completed.v1"
    operation_id: Id
    successor_id: Id
    evidence: EvidenceData


class TransferFailed(Event):
    """It did not happen; where ``next_operation_id`` is given, the first half is being undone."""

    TOPIC = "assignment.transfer_failed.v1"
    operation_id: Id
    next_operation_id: Id | None
    reason: str


class TransferCompensated(Event):
    """The first half was undone: the custodian has it as before."""

    TOPIC = "assignment.transfer_compensated.v1"
    operation_id: Id
    evidence: EvidenceData


class DriftDetected(Event):
    """The inventory has said twice that somebody else has it, or nobody; ``actual`` is the last."""

    TOPIC = "assignment.inventory_drift_detected.v1"
    actual: tuple[str, int] | None
    read_at: str


class UnitsDriftDetected(Event):
    """The inventory has said twice that nobody has units of an accessory that we say are out.

    ``unlisted`` are the checkout rows under which they went out, which it does not list any more.
    """

    TOPIC = "assignment.inventory_units_drift_detected.v1"
    unlisted: list[int]
    read_at: str


class UnitsDriftReduced(Event):
    """Some of the units came back to the desk: ``unlisted`` is what is left, as it was read."""

    TOPIC = "assignment.inventory_units_drift_reduced.v1"
    unlisted: list[int]
    read_at: str


class DriftResolutionRequested(Event):
    """Somebody has decided about the drift; the inventory is being asked.

    ``how``: ``external_return`` (it is back, if the inventory shows it), ``reasserted`` (the
    custodian has it: the inventory is to say so again) or ``relinked`` (whom the inventory shows
    has it, and is to have it with us, too).
    """

    TOPIC = "assignment.inventory_drift_resolution_requested.v1"
    how: str
    operation_id: Id
    by: Id


class DriftResolutionFailed(Event):
    """The inventory refused it: the drift stands, unless a return has ended it meanwhile."""

    TOPIC = "assignment.inventory_drift_resolution_failed.v1"
    operation_id: Id
    reason: str


class UnitsReasserted(Event):
    """The inventory shows the units of a drift with the custodian again, under these rows."""

    TOPIC = "assignment.inventory_units_reasserted.v1"
    operation_id: Id
    evidence: EvidenceData


class Relinked(Event):
    """Whom the inventory shows with it, ``to``, has it under the successor."""

    TOPIC = "assignment.relinked.v1"
    operation_id: Id
    to: CustodianData
    successor_id: Id
    evidence: EvidenceData


class DriftResolved(Event):
    """How the drift was dealt with.

    ``how`` is ``external_return``, ``reasserted``, ``relinked`` or ``vanished`` (the inventory
    agrees again).
    """

    TOPIC = "assignment.inventory_drift_resolved.v1"
    how: str
    operation_id: Id | None
    by: Id | None


class Closed(Event):
    """It is over. ``outcome``: ``returned, lost, stolen, consumed, written_off, transferred``."""

    TOPIC = "assignment.closed.v1"
    outcome: str
