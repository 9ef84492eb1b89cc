"""What a requester writes: the header and the lines, their checks and their stored form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypedDict

from domain.errors import InvalidField
from domain.fields import (
    Path,
    amount_of,
    amount_text,
    check_amount,
    check_optional_text,
    check_period,
    check_text,
    optional_time_text,
    time_of,
)
from domain.ids import Id, uuid_of
from domain.requisitions.errors import KindNotAvailable

PURCHASE: Final = "purchase"
INVENTORY_KINDS: Final = frozenset({"model", "accessory", "consumable"})
KIT: Final = "kit"
LINE_LIMIT: Final = 200
QUANTITY_LIMIT: Final = 1_000_000


class ItemData(TypedDict):
    """An item as it stands in an event."""

    kind: str
    id: str | None
    description: str | None


class LineData(TypedDict):
    """A line as it stands in an event."""

    line_id: Id
    item: ItemData
    quantity: int
    note: str | None


class HeaderData(TypedDict):
    """A header as it stands in an event: times in RFC 3339, money as decimal text."""

    purpose: str
    needed_from: str | None
    needed_until: str | None
    beneficiary_id: Id | None
    amount: str | None
    policy_id: Id | None


@dataclass(frozen=True, slots=True)
class Header:
    """What a requisition is for. ``policy_id`` is the approval policy the requester names."""

    purpose: str
    needed_from: datetime | None = None
    needed_until: datetime | None = None
    beneficiary_id: Id | None = None
    amount: Decimal | None = None
    policy_id: Id | None = None

    @classmethod
    def of(cls, data: HeaderData) -> "Header":
        """The header that an event holds."""
        return cls(
            purpose=data["purpose"],
            needed_from=time_of(data["needed_from"]),
            needed_until=time_of(data["needed_until"]),
            beneficiary_id=data["beneficiary_id"],
            amount=amount_of(data["amount"]),
            policy_id=data["policy_id"],
        )

    @property
    def data(self) -> HeaderData:
        """Its form in an event."""
        return HeaderData(
            purpose=self.purpose,
            needed_from=optional_time_text(self.needed_from),
            needed_until=optional_time_text(self.needed_until),
            beneficiary_id=self.beneficiary_id,
            amount=amount_text(self.amount),
            policy_id=self.policy_id,
        )


class HeaderChanges(TypedDict, total=False):
    """The header fields that a change names; the others stay."""

    purpose: str
    needed_from: datetime | None
    needed_until: datetime | None
    beneficiary_id: Id | None
    amount: Decimal | None
    policy_id: Id | None


@dataclass(frozen=True, slots=True)
class Item:
    """What is asked for: a purchase by its description, anything else by its inventory id."""

    kind: str
    id: str | None = None
    description: str | None = None

    @property
    def data(self) -> ItemData:
        """Its form in an event."""
        return ItemData(kind=self.kind, id=self.id, description=self.description)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing asked for, ``quantity`` times. ``line_id`` is unique in its requisition."""

    line_id: Id
    item: Item
    quantity: int
    note: str | None = None

    @classmethod
    def of(cls, data: LineData) -> "Line":
        """The line that an event holds."""
        return cls(data["line_id"], Item(**data["item"]), data["quantity"], data["note"])

    @property
    def data(self) -> LineData:
        """Its form in an event."""
        return LineData(
            line_id=self.line_id, item=self.item.data, quantity=self.quantity, note=self.note
        )


class LineChanges(TypedDict, total=False):
    """The fields of a line that a change names; the others stay."""

    item: Item
    quantity: int
    note: str | None


def check_header(header: Header) -> None:
    """Raise ``InvalidField`` for a header that no requisition can have."""
    check_text(("purpose",), header.purpose)
    check_period(("needed_until",), header.needed_from, header.needed_until)
    check_amount(("amount",), header.amount)


def check_lines(lines: Sequence[Line]) -> None:
    """Raise ``InvalidField`` where there are too many lines or one of them is wrong."""
    if len(lines) > LINE_LIMIT:
        raise InvalidField(("lines",), f"A requisition has at most {LINE_LIMIT} lines.")
    for index, line in enumerate(lines):
        check_line(line, ("lines", index))


def check_line(line: Line, path: Path = ()) -> None:
    """Raise ``InvalidField`` for a line that no requisition can have, below ``path``."""
    _check_item(line.item, (*path, "item"))
    check_quantity(line.quantity, (*path, "quantity"))
    check_optional_text((*path, "note"), line.note)


def check_line_changes(changes: LineChanges) -> None:
    """Raise ``InvalidField`` for a changed field that no line can have."""
    if "item" in changes:
        _check_item(changes["item"], ("item",))
    if "quantity" in changes:
        check_quantity(changes["quantity"])
    check_optional_text(("note",), changes.get("note"))


def check_quantity(quantity: int, path: Path = ("quantity",)) -> None:
    """Raise ``InvalidField`` for a number of units that nobody can ask for."""
    if not 1 <= quantity <= QUANTITY_LIMIT:
        raise InvalidField(path, f"This must be from 1 to {QUANTITY_LIMIT}.")


def _check_item(item: Item, path: Path) -> None:
    if item.kind == PURCHASE:
        _check_purchase(item, path)
    elif item.kind in INVENTORY_KINDS:
        _check_inventory_item(item, path)
    elif item.kind == KIT:
        raise KindNotAvailable((*path, "kind"), "A kit cannot be asked for as one thing yet.")
    else:
        raise InvalidField((*path, "kind"), "There is no such kind of item.")


def _check_inventory_item(item: Item, path: Path) -> None:
    if item.id is None:
        raise InvalidField((*path, "id"), f"Name the {item.kind} of the inventory by its id.")
    try:
        uuid_of(item.id)
    except ValueError:
        raise InvalidField((*path, "id"), "This is not an id.") from None
    check_optional_text((*path, "description"), item.description)


def _check_purchase(item: Item, path: Path) -> None:
    if item.id is not None:
        raise InvalidField((*path, "id"), "A purchase has no id in the inventory.")
    if item.description is None:
        raise InvalidField((*path, "description"), "A purchase needs a description.")
    check_text((*path, "description"), item.description)
