"""What is free over a period, held against counting moment by moment, and against the book."""

import itertools
import random
from contextlib import suppress
from datetime import timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assignments.errors import ItemHeld, ItemOut, NotEnoughUnits
from domain.assignments.item_book import Hold, ItemBook
from domain.ids import book_id, uuid_of
from infrastructure.ids import derived_id
from query_api.availability.windows import Stock, Unit, overdue, windows
from tests.builders.custody import ASSET, CABLES
from tests.builders.people import NOW, TENANT
from tests.fixtures.exploring import examples

HOUR: Final = timedelta(hours=1)
CHANCE: Final = st.integers(min_value=0, max_value=2**32).map(random.Random)
PERIOD: Final = 48


def random_holds(chance: random.Random, most: int = 6) -> list[Hold]:
    """Holds on full hours, before, in and after the period that is asked about."""
    holds = []
    for number in range(chance.randint(0, most)):
        begins = NOW + chance.randint(-30, PERIOD + 10) * HOUR
        until = chance.choice((None, begins + chance.randint(1, 40) * HOUR))
        out = begins <= NOW and chance.random() < 0.5
        id = derived_id("test", f"hold {number}")
        holds.append(Hold(id, chance.randint(1, 3), begins, until, out))
    return holds


def is_taken(hold: Hold, hour: int) -> bool:
    """Whether a hold takes its units in the hour that begins ``hour`` hours from now."""
    begins = (hold.begins - NOW) / HOUR
    until = None if hold.until is None else (hold.until - NOW) / HOUR
    if hour < begins:
        return False
    return until is None or hour < until


def free_by_hand(holds: list[Hold], lendable: int, hour: int) -> int:
    return max(0, lendable - sum(hold.quantity for hold in holds if is_taken(hold, hour)))


@given(chance=CHANCE)
@settings(max_examples=examples(300))
def test_windows_say_what_counting_each_hour_says(chance: random.Random) -> None:
    holds = random_holds(chance)
    missing = sum(hold.quantity for hold in holds if hold.out and chance.random() < 0.8)
    stock = Stock(chance.randint(0, 8), 12, missing, holds)
    begins, until = NOW + HOUR, NOW + PERIOD * HOUR

    found = windows([stock], begins, until, NOW)

    assert (found[0].begins, found[-1].until) == (begins, until)
    assert all(one.until == after.begins for one, after in itertools.pairwise(found))
    assert all(one.available != after.available for one, after in itertools.pairwise(found))
    lendable = min(12, stock.in_store + missing)
    for hour in range(1, PERIOD):
        moment = NOW + hour * HOUR
        (window,) = [one for one in found if one.begins <= moment < (one.until or until)]
        assert window.available == free_by_hand(holds, lendable, hour), hour


@given(chance=CHANCE)
@settings(max_examples=examples(200))
def test_units_of_a_model_add_up(chance: random.Random) -> None:
    units = [
        Unit(chance.random() < 0.8, list(random_holds(chance, 3)))
        for _ in range(chance.randint(0, 5))
    ]
    begins, until = NOW + HOUR, NOW + PERIOD * HOUR

    found = windows(units, begins, until, NOW)

    for hour in range(1, PERIOD):
        moment = NOW + hour * HOUR
        (window,) = [one for one in found if one.begins <= moment < (one.until or until)]
        by_hand = sum(
            unit.lendable and not any(is_taken(hold, hour) for hold in unit.holds) for unit in units
        )
        assert window.available == by_hand, hour


@given(chance=CHANCE)
@settings(max_examples=examples(200))
def test_what_is_said_to_be_free_can_be_reserved_and_nothing_else(chance: random.Random) -> None:
    """The book decides; what is shown before asking it must not promise anything else."""
    item, units = chance.choice(((ASSET, 1), (CABLES, 5)))
    id = uuid_of(book_id(TENANT, item.kind, item.id))
    book = ItemBook.open(id, tenant_id=TENANT, item=item, at=NOW)
    for hold in random_holds(chance):
        wanted = Hold(
            hold.assignment_id, hold.quantity if units > 1 else 1, hold.begins, hold.until
        )
        try:
            book.hold(wanted, remaining=units - book.units_out, at=NOW)
        except (ItemHeld, NotEnoughUnits):
            continue
        if hold.out:
            book.handed_out(hold.assignment_id, NOW)
        elif hold.begins <= NOW and chance.random() < 0.5:
            _begin_hand_over(book, hold.assignment_id)
    holds = list(book.holds.values())
    supply = (
        Unit(lendable=True, holds=holds)
        if units == 1
        else Stock(units - book.units_out, units, book.units_out, holds)
    )
    begins = NOW + chance.randint(0, PERIOD) * HOUR
    until = begins + chance.randint(1, 30) * HOUR
    available = min(window.available for window in windows([supply], begins, until, NOW))
    quantity = chance.randint(1, units)

    try:
        remaining = units - book.units_out
        book.hold(Hold("new", quantity, begins, until), remaining=remaining, at=NOW)
        reserved = True
    except (ItemHeld, NotEnoughUnits):
        reserved = False

    assert reserved == (available >= quantity)


def _begin_hand_over(book: ItemBook, assignment_id: str) -> None:
    with suppress(ItemHeld, ItemOut):
        book.hand_out(assignment_id, at=NOW)


def test_a_moment_has_one_window() -> None:
    (window,) = windows([Unit(lendable=True, holds=[])], NOW, None, NOW)
    assert (window.begins, window.until, window.available) == (NOW, None, 1)


def test_what_is_late_is_taken_now_and_told() -> None:
    late = Hold("late", 1, NOW - 5 * HOUR, NOW - HOUR, out=True)
    unit = Unit(lendable=True, holds=[late], lent=[late])

    (now,) = windows([unit], NOW, None, NOW)
    (later,) = windows([unit], NOW + HOUR, None, NOW)

    assert (now.available, later.available) == (0, 1)
    assert overdue([unit], NOW) == 1


def test_what_is_being_handed_over_late_is_taken_now_and_not_overdue() -> None:
    late = Hold("late", 3, NOW - 5 * HOUR, NOW - HOUR, leaving=True)
    stock = Stock(in_store=5, total=5, missing=0, holds=[late])

    (now,) = windows([stock], NOW, None, NOW)
    (later,) = windows([stock], NOW + HOUR, None, NOW)

    assert (now.available, later.available) == (2, 5)
    assert overdue([stock], NOW) == 0


def test_nothing_is_free_of_nothing() -> None:
    (window,) = windows([], NOW, NOW + HOUR, NOW)
    assert window.available == 0
