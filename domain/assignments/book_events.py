"""Everything that can happen to an item's book, as it is stored for ever; see ``events``."""

from eventsourcing.domain import Aggregate

from domain.assignments.events import ItemData
from domain.ids import Id


class Event(Aggregate.Event):
    """What happened to an item's book."""


class Created(Aggregate.Created):
    """Demanded by the library, never triggered."""

    TOPIC = "item_book.created.v1"


class Opened(Event, Created):
    """An item's reservations are kept from now on."""

    TOPIC = "item_book.opened.v1"
    tenant_id: Id
    item: ItemData


class Held(Event):
    """An assignment takes units for a time (``until`` None: for good)."""

    TOPIC = "item_book.held.v1"
    assignment_id: Id
    quantity: int
    begins: str
    until: str | None


class HandOverBegun(Event):
    """Units are being handed over, from ``begins`` on: they are taken until that is settled."""

    TOPIC = "item_book.hand_over_begun.v1"
    assignment_id: Id
    begins: str


class HoldChanged(Event):
    """An assignment's hold is this from now on; ``out`` once it is handed over.

    An asset is ``out`` as soon as it is being handed over.
    """

    TOPIC = "item_book.hold_changed.v1"
    assignment_id: Id
    quantity: int
    begins: str
    until: str | None
    out: bool


class Released(Event):
    """An assignment no longer takes any."""

    TOPIC = "item_book.released.v1"
    assignment_id: Id
