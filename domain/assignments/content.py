"""What an assignment is made of: item, custodian, period, and what comes back; with their checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from domain.assignments.events import (
    CheckData,
    CustodianData,
    ItemData,
    UnitData,
)
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, Path, check_optional_text, check_period, check_text
from domain.ids import Id

ASSET: Final = "asset"
ACCESSORY: Final = "accessory"
CONSUMABLE: Final = "consumable"
ITEM_KINDS: Final = frozenset({ASSET, ACCESSORY, CONSUMABLE})

USER: Final = "user"
LOCATION: Final = "location"
CUSTODIAN_KINDS: Final = frozenset({USER, LOCATION})

COLLECT_WITHIN: Final = timedelta(days=1)
"""How long before the time of a reservation its custodian is told to collect it."""

EXTERNAL_RETURN: Final = "external_return"
REASSERTED: Final = "reasserted"
RELINKED: Final = "relinked"
VANISHED: Final = "vanished"
RESOLUTIONS: Final = (EXTERNAL_RETURN, REASSERTED, RELINKED)
"""What somebody can decide about a drift; it may also vanish by itself."""

LOSS_KINDS: Final = frozenset({"lost", "stolen"})
UNITS_LIMIT: Final = 10_000
CHECKLIST_LIMIT: Final = 100


class State(StrEnum):
    """Where an assignment stands. ``overdue`` is ``active`` past its due date."""

    RESERVED = "reserved"
    ISSUING = "issuing"
    ACTIVE = "active"
    OVERDUE = "overdue"
    RETURNING = "returning"
    TRANSFERRING = "transferring"
    LOSS_PENDING = "loss_pending"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Condition(StrEnum):
    """How a unit came back. ``missing`` and ``consumed`` are for accessories only."""

    OK = "ok"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    CONSUMED = "consumed"


GONE: Final = frozenset({Condition.MISSING, Condition.CONSUMED})
"""Units that did not come back. An asset that did not is reported lost."""
NEEDS_REPAIR: Final = frozenset({Condition.DAMAGED, Condition.INCOMPLETE})
OF_AN_ASSET: Final = frozenset({Condition.OK, Condition.DAMAGED, Condition.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class Item:
    """What is lent, by our id."""

    kind: str
    id: Id

    @property
    def data(self) -> ItemData:
        """Its form in an event."""
        return ItemData(kind=self.kind, id=self.id)


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who has it: a member (``user``) or a ``location``, by our id."""

    kind: str
    id: Id

    @property
    def data(self) -> CustodianData:
        """Its form in an event."""
        return CustodianData(kind=self.kind, id=self.id)


@dataclass(frozen=True, slots=True)
class Units:
    """Units that came back in one condition."""

    quantity: int
    condition: Condition
    note: str | None = None

    @property
    def data(self) -> UnitData:
        """Their form in an event."""
        return UnitData(quantity=self.quantity, condition=self.condition.value, note=self.note)


@dataclass(frozen=True, slots=True)
class Check:
    """One point of the checklist."""

    name: str
    passed: bool

    @property
    def data(self) -> CheckData:
        """Its form in an event."""
        return CheckData(name=self.name, passed=self.passed)


@dataclass(frozen=True, slots=True)
class Received:
    """What a technician took back, and where it is now."""

    units: tuple[Units, ...]
    checklist: tuple[Check, ...] = ()
    location_id: Id | None = None
    note: str | None = None

    @property
    def quantity(self) -> int:
        """How many units there are."""
        return sum(group.quantity for group in self.units)

    @property
    def spoilt(self) -> tuple[Units, ...]:
        """Units that are not as they were."""
        return tuple(group for group in self.units if group.condition is not Condition.OK)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of an event that tells of it."""
        return {
            "quantity": self.quantity,
            "units": [group.data for group in self.units],
            "checklist": [point.data for point in self.checklist],
            "location_id": self.location_id,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is to be lent to whom, from when until when (``due`` None: for good), and what for.

    ``requisition_id`` and ``line_id`` name the line that it meets.
    """

    item: Item
    custodian: Custodian
    begins: datetime
    due: datetime | None
    quantity: int = 1
    project_id: Id | None = None
    requisition_id: Id | None = None
    line_id: Id | None = None


def check_terms(terms: Terms) -> None:
    """Raise ``InvalidField`` for terms that no assignment can have."""
    if terms.item.kind not in ITEM_KINDS:
        raise InvalidField(("item", "kind"), "This is asset, accessory or consumable.")
    check_custodian(terms.custodian)
    if terms.item.kind == CONSUMABLE and terms.custodian.kind != USER:
        raise InvalidField(
            ("custodian", "kind"), "A consumable is given to a user: the inventory knows no other."
        )
    check_units(terms.quantity)
    if terms.item.kind == ASSET and terms.quantity != 1:
        raise InvalidField(("quantity",), "An asset is one unit.")
    check_period(("due",), terms.begins, terms.due)


def check_custodian(custodian: Custodian, path: Path = ("custodian",)) -> None:
    """Raise ``InvalidField`` for a custodian of no known kind."""
    if custodian.kind not in CUSTODIAN_KINDS:
        raise InvalidField((*path, "kind"), "This is user or location.")


def check_units(quantity: int, path: Path = ("quantity",)) -> None:
    """Raise ``InvalidField`` for a number of units that cannot be lent or returned."""
    if not 1 <= quantity <= UNITS_LIMIT:
        raise InvalidField(path, f"This must be from 1 to {UNITS_LIMIT}.")


def check_returned(units: Sequence[Units], checklist: Sequence[Check]) -> None:
    """Raise ``InvalidField`` for what cannot be written down of a return."""
    if len(units) > len(Condition):
        raise InvalidField(("units",), "Name every condition once, with its number of units.")
    for index, group in enumerate(units):
        check_units(group.quantity, ("units", index, "quantity"))
        check_optional_text(("units", index, "note"), group.note)
    if len(checklist) > CHECKLIST_LIMIT:
        raise InvalidField(("checklist",), f"A checklist has at most {CHECKLIST_LIMIT} points.")
    for index, point in enumerate(checklist):
        check_text(("checklist", index, "name"), point.name, NAME_LIMIT)


def is_to_be_collected(begins: datetime, at: datetime) -> bool:
    """Whether the time of a reservation is near, or has come."""
    return begins - at <= COLLECT_WITHIN
