"""Streams of events that people are told of, as the aggregates write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from eventsourcing.utils import resolve_topic

from domain.assignments import events as assignments
from domain.ids import Id
from domain.inventory_operations import events as operations
from domain.requisitions import events as requisitions
from infrastructure.event_store.topics import AGGREGATES
from infrastructure.ids import derived_id
from tests.builders.people import NOW, PROJECT, TENANT

FOLLOWED: Final = frozenset({"requisition", "assignment", "inventory_operation"})
KNOWN: Final = [aggregate for aggregate in AGGREGATES if vars(aggregate)["TOPIC"] in FOLLOWED]
"""The aggregates that people are told of. Naming them here makes their events known."""

ASSET: Final = {"kind": "asset", "id": derived_id("test", "camera")}
EVIDENCE: Final[dict[str, Any]] = {
    "external_id": 17,
    "assigned_to": None,
    "last_checkout": None,
    "last_checkin": None,
    "expected_checkin": None,
    "status_id": None,
    "rows": [],
    "activity_id": None,
    "read_at": "2026-11-21T09:00:00Z",
    "attested_by": None,
}


@dataclass
class Stream:
    """The pending events of one aggregate. ``collect_events`` hands them out, as aggregates do."""

    tenant_id: Id
    id: UUID
    events: list[Any]
    at: datetime = NOW
    taken: int = 0

    def then(self, event_class: type[Any], /, **fields: Any) -> "Stream":
        """One more event."""
        # The class that the aggregate has made of it, if there is one: as the log would give it.
        stored_class = resolve_topic(event_class.TOPIC)
        if not self.events:
            fields["originator_topic"] = event_class.TOPIC.partition(".")[0]
        event = stored_class(
            originator_id=self.id,
            originator_version=len(self.events) + 1,
            timestamp=self.at,
            **fields,
        )
        self.events.append(event)
        return self

    def collect_events(self) -> Sequence[Any]:
        """The events that were not handed out before."""
        fresh = self.events[self.taken :]
        self.taken = len(self.events)
        return fresh


def requisition(
    requester: Id, beneficiary: Id | None = None, *, tenant: Id = TENANT, purpose: str = "Film day"
) -> Stream:
    """A draft."""
    return Stream(tenant, uuid4(), []).then(
        requisitions.Drafted,
        tenant_id=tenant,
        project_id=PROJECT,
        requester_id=requester,
        purpose=purpose,
        needed_from=None,
        needed_until=None,
        beneficiary_id=beneficiary,
        amount=None,
        policy_id=None,
        lines=[],
        cloned_from=None,
    )


def reserved(custodian_id: Id, *, tenant: Id = TENANT, **fields: Any) -> Stream:
    """An asset that is kept for somebody, for a line of a requisition."""
    return Stream(tenant, uuid4(), []).then(
        assignments.Reserved,
        **{
            "tenant_id": tenant,
            "item": ASSET,
            "quantity": 1,
            "custodian": {"kind": "user", "id": custodian_id},
            "project_id": PROJECT,
            "requisition_id": derived_id("test", "requisition"),
            "line_id": derived_id("test", "line"),
            "begins": "2026-11-21T09:00:00Z",
            "due": "2026-11-28T23:59:59Z",
            "verified": True,
            "transferred_from": None,
            "by": None,
            **fields,
        },
    )


def issued(stream: Stream) -> Stream:
    """The custodian has it, as the inventory has confirmed."""
    operation_id = derived_id("test", "operation")
    return stream.then(assignments.Issued, operation_id=operation_id, evidence=EVIDENCE)


def reminded(stream: Stream, day: int) -> Stream:
    """A reminder, ``day`` days after the due date."""
    return stream.then(assignments.ReminderFell, day=day, due="2026-11-28T23:59:59Z")


def returned(stream: Stream, quantity: int = 1, outstanding: int = 0) -> Stream:
    """Units are back, as the inventory has confirmed."""
    return stream.then(
        assignments.Returned,
        operation_id=derived_id("test", "operation"),
        quantity=quantity,
        outstanding=outstanding,
        evidence=EVIDENCE,
    )


def written_off(
    stream: Stream, quantity: int = 1, outstanding: int = 0, outcome: str = "written_off"
) -> Stream:
    """Units that did not come back are no longer on record, as the inventory has confirmed."""
    return stream.then(
        assignments.WrittenOff,
        operation_id=derived_id("test", "operation"),
        quantity=quantity,
        outstanding=outstanding,
        outcome=outcome,
        evidence=EVIDENCE,
    )


def unlisted(
    stream: Stream, *rows: int, event: type[Any] = assignments.UnitsDriftDetected
) -> Stream:
    """The inventory lists the units of these checkout rows with nobody."""
    return stream.then(event, unlisted=list(rows), read_at="2026-11-21T09:00:00Z")


def drift_vanished(stream: Stream) -> Stream:
    """The inventory agrees again."""
    return stream.then(assignments.DriftResolved, how="vanished", operation_id=None, by=None)


def operation(*, tenant: Id = TENANT) -> Stream:
    """A checkout that is asked of the inventory."""
    return Stream(tenant, uuid4(), []).then(
        operations.Requested,
        tenant_id=tenant,
        kind="checkout",
        purpose="issue",
        subject_kind="assignment",
        subject_id=derived_id("test", "assignment"),
        item={**ASSET, "external_id": 17},
        target=None,
        wanted={},
        requested_by=None,
        compensates=None,
    )


def blocked(stream: Stream, reason: str = "unauthorized") -> Stream:
    """Somebody has to mend something."""
    return stream.then(operations.Blocked, reason=reason, message="The token was refused.")
