"""Requisitions in every situation a test may start from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Unpack
from uuid import UUID, uuid4

from eventsourcing.domain import CanMutateAggregate

from domain.caller import Caller
from domain.ids import Id, uuid_of
from domain.ports import PolicyFact
from domain.requisitions.content import Header, HeaderChanges, Item, Line
from domain.requisitions.fulfilment import AllocatedItem
from domain.requisitions.quantities import State
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked
from infrastructure.event_store.topics import decode, encode
from infrastructure.ids import derived_id
from tests.builders.people import (
    APPROVER,
    BOSS,
    NOW,
    PROJECT,
    REQUESTER,
    TECHNICIAN,
)

Event = CanMutateAggregate[UUID]

OSCILLOSCOPES: Final = derived_id("line", "oscilloscopes")
CABLES: Final = derived_id("line", "cables")
HEADER: Final = Header(
    purpose="Measure things",
    needed_from=NOW + timedelta(days=1),
    needed_until=NOW + timedelta(days=30),
    amount=Decimal("120.50"),
)
LINES: Final = (
    Line(OSCILLOSCOPES, Item("purchase", description="Oscilloscope"), 3),
    Line(CABLES, Item("purchase", description="Cable"), 10, "red ones"),
)
MODEL: Final = derived_id("model", "laptop")
LAPTOPS: Final = Line(derived_id("line", "laptops"), Item("model", MODEL), 3)
BATTERIES: Final = Line(
    derived_id("line", "batteries"), Item("consumable", derived_id("consumable", "battery")), 20
)
AFTER: Final = NOW + timedelta(days=31)
"""When what was asked for is no longer needed."""

TWO_STEPS: Final = PolicyFact(
    id=derived_id("policy", "two steps"),
    name="Two steps",
    steps=(("Lab", "requisitions:approve"), ("Budget", "budget:approve")),
    min_amount=None,
    project_id=None,
)
LIVE_TWO_STEPS: Final = replace(
    TWO_STEPS,
    id=derived_id("policy", "live two steps"),
    name="Live two steps",
    require_live_availability=True,
)
"""Approved only while it is known what the inventory has left."""


def asked(by: Caller, at: datetime = NOW, role: str | None = "member") -> Asked:
    """A command given by somebody who is a member of the project, if not told otherwise."""
    return Asked(by, at, role)


def drafted(
    *lines: Line, header: Header = HEADER, by: Caller = REQUESTER, id: Id | None = None
) -> Requisition:
    return Requisition.draft(
        uuid4() if id is None else uuid_of(id),
        PROJECT,
        header,
        lines or LINES,
        asked(by),
        project_archived=False,
    )


def submitted(*policies: PolicyFact, by: Caller = REQUESTER) -> Requisition:
    requisition = drafted(by=by)
    requisition.submit(policies, asked(by), project_archived=False)
    return requisition


def changes_requested() -> Requisition:
    requisition = submitted()
    requisition.request_changes("Too many", asked(APPROVER))
    return requisition


def approved(*policies: PolicyFact) -> Requisition:
    requisition = submitted(*policies)
    requisition.approve((), None, asked(APPROVER))
    if policies:
        requisition.approve((), None, asked(BOSS))
    return requisition


def fulfilling() -> Requisition:
    requisition = approved()
    requisition.fulfil(OSCILLOSCOPES, 1, None, asked(TECHNICIAN))
    return requisition


def fulfilled() -> Requisition:
    requisition = approved()
    requisition.fulfil(OSCILLOSCOPES, 3, None, asked(TECHNICIAN))
    requisition.fulfil(CABLES, 10, None, asked(TECHNICIAN))
    return requisition


def asset(number: int, model: Id | None = MODEL) -> AllocatedItem:
    """An asset of a model; the same number is the same asset."""
    return AllocatedItem("asset", derived_id("asset", str(number)), model)


def assignment(number: int) -> Id:
    """The id of an assignment."""
    return derived_id("assignment", str(number))


def operation(number: int) -> Id:
    """The id of an inventory operation."""
    return derived_id("operation", str(number))


def approved_for_inventory(
    *lines: Line, header: Header = HEADER, id: Id | None = None
) -> Requisition:
    """Approved, with lines that the inventory meets."""
    requisition = drafted(*(lines or (LAPTOPS, BATTERIES)), header=header, id=id)
    requisition.submit((), asked(REQUESTER), project_archived=False)
    requisition.approve((), None, asked(APPROVER))
    return requisition


def allocated(laptops: int = 1, header: Header = HEADER) -> Requisition:
    """Assignments 1, 2, … keep a laptop each."""
    requisition = approved_for_inventory(header=header)
    for number in range(1, laptops + 1):
        requisition.allocate(
            LAPTOPS.line_id, assignment(number), asset(number), 1, None, asked(TECHNICIAN)
        )
    return requisition


def issuing(laptops: int = 1) -> Requisition:
    """The first of the laptops that are kept is on its way out, by operation 1."""
    requisition = allocated(laptops)
    requisition.line_issuing(assignment(1), operation(1), TECHNICIAN.user_id, NOW)
    return requisition


def issued(laptops: int = 1) -> Requisition:
    """The first of the laptops that are kept was handed over."""
    requisition = issuing(laptops)
    requisition.line_issued(assignment(1), operation(1), NOW)
    return requisition


def rejected() -> Requisition:
    requisition = submitted()
    requisition.reject("No money", asked(APPROVER))
    return requisition


def cancelled() -> Requisition:
    requisition = drafted()
    requisition.cancel("Not needed", asked(REQUESTER))
    return requisition


def expired() -> Requisition:
    requisition = approved()
    requisition.expire(AFTER)
    return requisition


IN_STATE: Final[Mapping[State, Callable[[], Requisition]]] = {
    State.DRAFT: drafted,
    State.SUBMITTED: submitted,
    State.CHANGES_REQUESTED: changes_requested,
    State.APPROVED: approved,
    State.FULFILLING: fulfilling,
    State.FULFILLED: fulfilled,
    State.REJECTED: rejected,
    State.CANCELLED: cancelled,
    State.EXPIRED: expired,
}


def told(requisition: Requisition) -> list[Event]:
    """The events that are pending: given these…"""
    return list(requisition.collect_events())


def names(requisition: Requisition) -> list[str]:
    """…then these happened, by class name."""
    return [type(event).__name__ for event in told(requisition)]


def read_back(event: Event) -> Event:
    """The event after a way through its stored form."""
    topic, state = encode(event)
    return decode(event.originator_id, event.originator_version, topic, state)


def line(name: str, quantity: int = 1, description: str = "Something") -> Line:
    """A purchase line; the same name is the same line id."""
    return Line(line_id(name), Item("purchase", description=description), quantity)


def line_id(name: str) -> Id:
    return derived_id("line", name)


def header(**changes: Unpack[HeaderChanges]) -> Header:
    """The usual header but for these fields."""
    return replace(HEADER, **changes)
