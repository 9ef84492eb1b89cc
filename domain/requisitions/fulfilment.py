"""How the approved units of a line are met: kept by assignments, handed over, or given up.

Pure functions: the aggregate and the projector of the read tables share them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypedDict

from domain.ids import Id
from domain.requisitions import events
from domain.requisitions.content import PURCHASE, Line
from domain.requisitions.errors import (
    BeingIssued,
    MoreThanOpen,
    NotAllocated,
    NotAPurchase,
    NotInInventory,
    SubstitutionNeedsReason,
)
from domain.requisitions.quantities import Place, Quantities, moved

MOVES: Final[Mapping[type[events.UnitsMoved], tuple[Place | None, Place | None]]] = (
    MappingProxyType(
        {
            events.LineFulfilled: (None, Place.ISSUED),
            events.LineClosedShort: (None, Place.CLOSED_SHORT),
            events.LineAllocated: (None, Place.ALLOCATED),
            events.LineDeallocated: (Place.ALLOCATED, None),
            events.LineIssuing: (Place.ALLOCATED, Place.ISSUING),
            events.LineIssued: (Place.ISSUING, Place.ISSUED),
            events.LineIssueFailed: (Place.ISSUING, Place.ALLOCATED),
        }
    )
)
"""From where to where the units go; None stands for open."""


@dataclass(frozen=True, slots=True)
class AllocatedItem:
    """What is kept for a line, as the inventory knows it. ``model_id`` is that of an asset."""

    kind: str
    id: Id
    model_id: Id | None = None

    @property
    def data(self) -> events.AllocatedItemData:
        """Its form in an event."""
        return events.AllocatedItemData(kind=self.kind, id=self.id)


class AllocationData(TypedDict):
    """What an assignment (``id``) takes of a line, in plain values."""

    id: Id
    quantity: int
    place: str
    item: events.AllocatedItemData
    substitution_reason: str | None


@dataclass(frozen=True, slots=True)
class Allocation:
    """All units that one assignment takes of a line, where they are, and what they are.

    ``substitution_reason`` is None where that is what the line asks for.
    """

    line_id: Id
    quantity: int
    place: Place
    item: events.AllocatedItemData
    substitution_reason: str | None

    @classmethod
    def of(cls, line_id: Id, data: AllocationData) -> "Allocation":
        """The allocation of a line that ``data_for`` gave."""
        place, reason = Place(data["place"]), data["substitution_reason"]
        return cls(line_id, data["quantity"], place, data["item"], reason)

    def data_for(self, assignment_id: Id) -> AllocationData:
        """Its plain form."""
        return AllocationData(
            id=assignment_id,
            quantity=self.quantity,
            place=self.place.value,
            item=self.item,
            substitution_reason=self.substitution_reason,
        )


def line_after(line: Quantities, event: events.UnitsMoved) -> Quantities:
    """The quantities of the event's line after it."""
    return moved(line, event.quantity, *MOVES[type(event)])


def allocations_after(
    allocations: Mapping[Id, Allocation], event: events.UnitsMoved
) -> dict[Id, Allocation]:
    """What the assignments take after the event, by assignment."""
    if not isinstance(event, events.AssignmentMoved):
        return dict(allocations)
    if isinstance(event, events.LineAllocated):
        return {**allocations, event.assignment_id: _allocation(event)}
    _, place = MOVES[type(event)]
    if place is None:
        return {id: one for id, one in allocations.items() if id != event.assignment_id}
    elsewhere = replace(allocations[event.assignment_id], place=place)
    return {**allocations, event.assignment_id: elsewhere}


def check_fulfilled(line: Line, units: Quantities, quantity: int) -> None:
    """Raise what forbids to meet units by word: ``NotAPurchase`` and ``MoreThanOpen``."""
    if line.item.kind != PURCHASE:
        raise NotAPurchase
    check_open(units, quantity)


def check_closed_short(units: Quantities, quantity: int) -> None:
    """Raise what forbids to give up units: ``BeingIssued`` and ``MoreThanOpen``."""
    if units.issuing:
        raise BeingIssued
    check_open(units, quantity)


def check_allocated(
    line: Line, units: Quantities, item: AllocatedItem, quantity: int, reason: str | None
) -> str | None:
    """The reason of the substitution, None where ``item`` is what the line asks for.

    Raises ``NotInInventory``, ``SubstitutionNeedsReason`` and ``MoreThanOpen``.
    """
    if line.item.kind == PURCHASE:
        raise NotInInventory
    check_open(units, quantity)
    if _is_asked_for(line, item):
        return None
    if reason is None:
        raise SubstitutionNeedsReason
    return reason


def check_open(units: Quantities, quantity: int) -> None:
    """Raise ``MoreThanOpen`` where fewer than ``quantity`` units are open."""
    if quantity > units.open:
        raise MoreThanOpen


def allocation_in(
    allocations: Mapping[Id, Allocation], assignment_id: Id, place: Place
) -> Allocation:
    """What the assignment takes. Raises ``BeingIssued, NotAllocated`` where it is elsewhere."""
    found = allocations.get(assignment_id)
    if found is not None and found.place == place:
        return found
    if found is not None and found.place == Place.ISSUING:
        raise BeingIssued
    raise NotAllocated


def held(allocations: Mapping[Id, Allocation]) -> dict[Id, Allocation]:
    """The assignments that keep units which nobody has begun to hand over."""
    return {id: one for id, one in allocations.items() if one.place == Place.ALLOCATED}


def _allocation(event: events.LineAllocated) -> Allocation:
    return Allocation(
        event.line_id, event.quantity, Place.ALLOCATED, event.item, event.substitution_reason
    )


def _is_asked_for(line: Line, item: AllocatedItem) -> bool:
    if item.kind == "asset":
        return line.item.kind == "model" and line.item.id == item.model_id
    return (line.item.kind, line.item.id) == (item.kind, item.id)
