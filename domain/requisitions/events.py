"""Everything that can happen to a requisition, as it is stored for ever.

Names and fields are a contract with every event ever stored: a change of one is a new version.
Payloads hold plain values: ids as ULID text, times in RFC 3339, money as decimal text.
"""

from typing import Any, TypedDict

from eventsourcing.domain import Aggregate

from domain.ids import Id
from domain.requisitions.approval_plan import StepData
from domain.requisitions.content import ItemData, LineData


class LineApprovalData(TypedDict):
    """What a step approved of a line, as it stands in an event."""

    line_id: Id
    approved: int


class AllocatedItemData(TypedDict):
    """What is kept for a line: ``asset``, ``accessory`` or ``consumable``, by our id."""

    kind: str
    id: Id


class LineAvailabilityData(TypedDict):
    """How many units of a line's item the inventory had left; None where that is not known."""

    line_id: Id
    remaining: int | None


class Event(Aggregate.Event):
    """What happened to a requisition."""


class Created(Aggregate.Created):
    """Demanded by the library, never triggered."""

    TOPIC = "requisition.created.v1"


class Drafted(Event, Created):
    """A member of a project began to ask for something."""

    TOPIC = "requisition.drafted.v1"
    tenant_id: Id
    project_id: Id
    requester_id: Id
    purpose: str
    needed_from: str | None
    needed_until: str | None
    beneficiary_id: Id | None
    amount: str | None
    policy_id: Id | None
    lines: list[LineData]
    cloned_from: Id | None


class HeaderChanged(Event):
    """The header is this from now on."""

    TOPIC = "requisition.header_changed.v1"
    purpose: str
    needed_from: str | None
    needed_until: str | None
    beneficiary_id: Id | None
    amount: str | None
    policy_id: Id | None


class LineAdded(Event):
    """One more thing is asked for."""

    TOPIC = "requisition.line_added.v1"
    line_id: Id
    item: ItemData
    quantity: int
    note: str | None


class LineChanged(Event):
    """The line is this from now on."""

    TOPIC = "requisition.line_changed.v1"
    line_id: Id
    item: ItemData
    quantity: int
    note: str | None


class LineRemoved(Event):
    """One thing is no longer asked for."""

    TOPIC = "requisition.line_removed.v1"
    line_id: Id


class Submitted(Event):
    """The requester asks for approval; the steps are pinned. No policy: the default step."""

    TOPIC = "requisition.submitted.v1"
    policy_id: Id | None
    policy_name: str | None
    steps: list[StepData]


class LiveAvailabilityRequired(Event):
    """The policy that is pinned has a step approved only while it is known what is left."""

    TOPIC = "requisition.live_availability_required.v1"


class Withdrawn(Event):
    """The requester took it back; whatever was approved is void."""

    TOPIC = "requisition.withdrawn.v1"
    reason: str | None


class ChangesRequested(Event):
    """An approver sent it back; whatever was approved is void."""

    TOPIC = "requisition.changes_requested.v1"
    by: Id
    reason: str


class StepApproved(Event):
    """A step (from 1) was approved; ``lines`` names every line."""

    TOPIC = "requisition.step_approved.v1"
    step: int
    by: Id
    note: str | None
    lines: list[LineApprovalData]


class Approved(Event):
    """The last step was approved."""

    TOPIC = "requisition.approved.v1"


class Rejected(Event):
    """An approver said no."""

    TOPIC = "requisition.rejected.v1"
    by: Id
    reason: str


class Delegated(Event):
    """A step was handed to somebody else, until a time or for good."""

    TOPIC = "requisition.delegated.v1"
    step: int
    by: Id
    to_user_id: Id
    until: str | None


class Cancelled(Event):
    """It was called off."""

    TOPIC = "requisition.cancelled.v1"
    by: Id
    reason: str


class AvailabilityNoted(Event):
    """What the inventory had when somebody decided. ``decision``: ``submit`` or ``approve``.

    ``inventory`` is ``known`` or, where it could not be asked, ``unknown``; ``lines`` names those
    whose items are in it, ``as_of`` is the oldest of what was looked at.
    """

    TOPIC = "requisition.availability_noted.v1"
    decision: str
    inventory: str
    lines: list[LineAvailabilityData]
    as_of: str | None


class UnitsMoved(Event):
    """Units of a line changed places: ``domain.requisitions.fulfilment`` says from where to where.

    The base of the events below; never triggered.
    """

    line_id: Id
    quantity: int

    def apply(self, aggregate: Any) -> None:
        """Let the requisition take the new quantities."""
        aggregate.move_units(self)


class LineFulfilled(UnitsMoved):
    """A technician says that these units were handed over."""

    TOPIC = "requisition.line_fulfilled.v1"
    note: str | None
    by: Id


class LineClosedShort(UnitsMoved):
    """These units will not come. ``by`` is None where the system gave up."""

    TOPIC = "requisition.line_closed_short.v1"
    reason: str
    by: Id | None


class AssignmentMoved(UnitsMoved):
    """Units that an assignment takes changed places, all of them. A base, never triggered."""

    assignment_id: Id


class LineAllocated(AssignmentMoved):
    """An assignment keeps units of ``item``; ``substitution_reason`` says why not what was asked.

    It is None where the item is of the kind that the line asks for.
    """

    TOPIC = "requisition.line_allocated.v1"
    item: AllocatedItemData
    substitution_reason: str | None
    by: Id


class LineDeallocated(AssignmentMoved):
    """The assignment no longer keeps them. ``by`` is None where the system gave up."""

    TOPIC = "requisition.line_deallocated.v1"
    reason: str
    by: Id | None


class LineIssuing(AssignmentMoved):
    """They are being handed over; the inventory is being asked."""

    TOPIC = "requisition.line_issuing.v1"
    operation_id: Id
    by: Id


class LineIssued(AssignmentMoved):
    """The inventory has confirmed it; the assignment holds the evidence of the operation."""

    TOPIC = "requisition.line_issued.v1"
    operation_id: Id


class LineIssueFailed(AssignmentMoved):
    """The inventory refused it: they are kept as before."""

    TOPIC = "requisition.line_issue_failed.v1"
    operation_id: Id
    reason: str


class Expired(Event):
    """Nothing was handed over in time."""

    TOPIC = "requisition.expired.v1"
