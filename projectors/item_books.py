"""What is held of each item as rows: one small function per event of its book."""

from domain.assignments import book_events as events
from domain.fields import time_of
from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows


def opened(rows: Rows, event: events.Opened, recorded: RecordedEvent) -> Rows:
    """The item's reservations are kept from now on."""
    book: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "item_kind": event.item["kind"],
        "item_id": event.item["id"],
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "item_books": [book], "item_holds": []}


def held(rows: Rows, event: events.Held, recorded: RecordedEvent) -> Rows:
    """An assignment takes units."""
    return _with_hold(rows, recorded, event, out=False)


def hand_over_begun(rows: Rows, event: events.HandOverBegun, recorded: RecordedEvent) -> Rows:
    """Units are taken until their hand-over is settled."""
    (hold,) = (one for one in rows["item_holds"] if one["assignment_id"] == event.assignment_id)
    leaving: Row = {**hold, "begins": time_of(event.begins), "leaving": True}
    others = _others(rows, event.assignment_id)
    return {**_changed(rows, recorded), "item_holds": [*others, leaving]}


def hold_changed(rows: Rows, event: events.HoldChanged, recorded: RecordedEvent) -> Rows:
    """The hold is this from now on."""
    return _with_hold(rows, recorded, event, out=event.out)


def released(rows: Rows, event: events.Released, recorded: RecordedEvent) -> Rows:
    """An assignment no longer takes any."""
    others = _others(rows, event.assignment_id)
    return {**_changed(rows, recorded), "item_holds": others}


def _with_hold(
    rows: Rows, recorded: RecordedEvent, event: events.Held | events.HoldChanged, *, out: bool
) -> Rows:
    (book,) = rows["item_books"]
    hold: Row = {
        "book_id": book["id"],
        "assignment_id": event.assignment_id,
        "tenant_id": book["tenant_id"],
        "item_kind": book["item_kind"],
        "item_id": book["item_id"],
        "quantity": event.quantity,
        "begins": time_of(event.begins),
        "until": time_of(event.until),
        "out": out,
        "leaving": False,
    }
    others = _others(rows, event.assignment_id)
    return {**_changed(rows, recorded), "item_holds": [*others, hold]}


def _others(rows: Rows, assignment_id: Id) -> list[Row]:
    return [hold for hold in rows["item_holds"] if hold["assignment_id"] != assignment_id]


def _changed(rows: Rows, recorded: RecordedEvent) -> Rows:
    (book,) = rows["item_books"]
    changed = {**book, "updated_at": recorded.recorded_at, "version": recorded.version}
    return {**rows, "item_books": [changed]}
