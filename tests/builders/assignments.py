"""Assignments and books in every situation a test may start from."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Custodian, Item, Received, State, Terms, Units
from domain.assignments.events import EvidenceData
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import Asked
from domain.caller import Caller
from domain.ids import Id, book_id, uuid_of
from infrastructure.ids import derived_id
from tests.builders.people import (
    NOW,
    OTHER_MEMBER,
    REQUESTER,
    TECHNICIAN,
    TENANT,
    with_roles,
)

MANAGER: Final = with_roles("inventory manager", "inventory_manager")
CUSTODIAN: Final = REQUESTER
DRILL: Final = Item("asset", derived_id("test", "drill"))
CABLES: Final = Item("accessory", derived_id("test", "cables"))
SCREWS: Final = Item("consumable", derived_id("test", "screws"))
BEN: Final = Custodian("user", CUSTODIAN.user_id)
CHI: Final = Custodian("user", OTHER_MEMBER.user_id)
WORKSHOP: Final = Custodian("location", derived_id("test", "workshop"))
DUE: Final = NOW + timedelta(days=7)
LATER: Final = NOW + timedelta(hours=1)
PAST_DUE: Final = DUE + timedelta(hours=1)


def asked(by: Caller = TECHNICIAN, at: datetime = NOW) -> Asked:
    return Asked(by, at)


def terms(item: Item = DRILL, custodian: Custodian = BEN, **more: Any) -> Terms:
    """A week from now on, if not told otherwise."""
    return Terms(**{"item": item, "custodian": custodian, "begins": NOW, "due": DUE, **more})


def evidence(holder: tuple[str, int] | None = None, **more: Any) -> EvidenceData:
    """What the inventory shows: ``holder`` has the thing."""
    shown = EvidenceData(
        external_id=17,
        assigned_to=holder,
        last_checkout=None,
        last_checkin=None,
        expected_checkin=None,
        status_id=None,
        rows=[],
        activity_id=None,
        read_at="2026-11-21T09:00:00Z",
        attested_by=None,
    )
    return EvidenceData(**{**shown, **more})  # type: ignore[typeddict-item]  # the test's to get right


FREE: Final = evidence(None)


def reserved(item: Item = DRILL, **more: Any) -> Assignment:
    return Assignment.reserve(
        uuid4(),
        terms(item, **more),
        tenant_id=TENANT,
        verified=True,
        by=TECHNICIAN.user_id,
        at=NOW,
    )


def issuing(item: Item = DRILL, **more: Any) -> Assignment:
    assignment = reserved(item, **more)
    assignment.request_issue(assignment.next_operation("checkout"), asked())
    return assignment


def active(item: Item = DRILL, **more: Any) -> Assignment:
    assignment = issuing(item, **more)
    assignment.issued(open_operation(assignment), evidence(("user", 3), rows=[7, 8, 9]), NOW)
    return assignment


def overdue() -> Assignment:
    assignment = active()
    assignment.mark_overdue(PAST_DUE)
    return assignment


def returning() -> Assignment:
    assignment = active()
    receive(assignment)
    return assignment


def transferring() -> Assignment:
    assignment = active()
    operation_id = assignment.next_operation("checkin")
    assignment.transfer(operation_id, CHI, derived_id("test", "successor"), asked(at=LATER))
    return assignment


def loss_pending() -> Assignment:
    assignment = active()
    assignment.report_loss("lost", "Left in the tram", asked(CUSTODIAN, LATER))
    return assignment


def drifted(actual: tuple[str, int] | None = None) -> Assignment:
    assignment = active()
    assignment.detect_drift(actual, LATER, LATER)
    return assignment


def closed() -> Assignment:
    assignment = returning()
    assignment.returned(open_operation(assignment), FREE, LATER)
    return assignment


def cancelled() -> Assignment:
    assignment = reserved()
    assignment.cancel("Not needed", asked())
    return assignment


IN_STATE: Final[Mapping[State, Callable[[], Assignment]]] = {
    State.RESERVED: reserved,
    State.ISSUING: issuing,
    State.ACTIVE: active,
    State.OVERDUE: overdue,
    State.RETURNING: returning,
    State.TRANSFERRING: transferring,
    State.LOSS_PENDING: loss_pending,
    State.CLOSED: closed,
    State.CANCELLED: cancelled,
}


def receive(assignment: Assignment, *units: Units, at: datetime = LATER) -> Id:
    """Take units back, all that are out if none are named; the operation that it takes."""
    operation_id = assignment.next_operation("checkin")
    back = units or (Units(assignment.standing.unreturned, Condition.OK),)
    assignment.receive(operation_id, Received(back), asked(at=at))
    return operation_id


def open_operation(assignment: Assignment) -> Id:
    """The one operation that the inventory has not answered."""
    (operation_id,) = assignment.standing.pending
    return operation_id


def book(item: Item = DRILL) -> ItemBook:
    id = uuid_of(book_id(TENANT, item.kind, item.id))
    return ItemBook.open(id, tenant_id=TENANT, item=item, at=NOW)


def names(assignment: Assignment) -> list[str]:
    """What has happened and is not stored, by class name."""
    return [type(event).__name__ for event in assignment.collect_events()]
