"""Who takes how many units, and when."""

from datetime import datetime, timedelta
from typing import Final

import pytest

from domain.assignments.content import Item
from domain.assignments.errors import ItemHeld, ItemOut, NotEnoughUnits
from domain.assignments.item_book import Hold, ItemBook
from domain.errors import RuleBroken
from infrastructure.ids import derived_id
from tests.builders.assignments import CABLES, DRILL, book
from tests.builders.people import NOW

A: Final = derived_id("test", "a")
B: Final = derived_id("test", "b")
C: Final = derived_id("test", "c")


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def hold(id: str, begin: float, end: float | None, quantity: int = 1) -> Hold:
    return Hold(id, quantity, day(begin), None if end is None else day(end))


def kept(*holds: Hold, item: Item = DRILL, remaining: int | None = None) -> ItemBook:
    made = book(item)
    for one in holds:
        made.hold(one, remaining=remaining, at=NOW)
    return made


@pytest.mark.parametrize(
    ("present", "asked", "free"),
    [
        (hold(A, 2, 4), hold(B, 0, 2), True),
        (hold(A, 2, 4), hold(B, 4, 6), True),
        (hold(A, 2, 4), hold(B, 0, 2.5), False),
        (hold(A, 2, 4), hold(B, 3, 3.5), False),
        (hold(A, 2, 4), hold(B, 0, 9), False),
        (hold(A, 2, 4), hold(B, 2, 4), False),
        (hold(A, 2, None), hold(B, 0, 2), True),
        (hold(A, 2, None), hold(B, 1000, 1001), False),
        (hold(A, 2, 4), hold(B, 0, None), False),
    ],
)
def test_an_asset_is_kept_for_one_at_a_time(present: Hold, asked: Hold, free: bool) -> None:
    made = kept(present)
    if free:
        made.hold(asked, remaining=None, at=NOW)
        assert set(made.holds) == {A, B}
    else:
        with pytest.raises(ItemHeld):
            made.hold(asked, remaining=None, at=NOW)
        assert set(made.holds) == {A}


def test_what_is_late_is_taken_until_it_is_back() -> None:
    made = kept(hold(A, 0, 2))
    made.hand_out(A, at=NOW)
    with pytest.raises(ItemHeld):
        made.hold(hold(B, 3, 4), remaining=None, at=day(3))
    made.hold(hold(B, 4, 5), remaining=None, at=day(3))
    made.come_back(A, 0, day(3))
    made.hold(hold(C, 3, 4), remaining=None, at=day(3))


def test_what_was_never_collected_takes_nothing_after_its_time() -> None:
    made = kept(hold(A, 0, 2))
    made.hold(hold(B, 2, 4), remaining=None, at=day(2))


def test_only_one_is_handed_an_asset() -> None:
    made = kept(hold(A, 0, 2), hold(B, 4, 6))
    made.hand_out(A, at=NOW)
    with pytest.raises(ItemOut):
        made.hand_out(B, at=day(5))


def test_an_early_hand_over_must_fit_before_the_others() -> None:
    made = kept(hold(A, 1, 2), hold(B, 4, 6))
    with pytest.raises(ItemHeld):
        made.hand_out(B, at=NOW)
    made.hand_out(B, at=day(3))
    assert made.holds[B].begins == day(3)
    assert made.holds[B].out


def test_a_hand_over_that_failed_leaves_the_reservation_as_it_was() -> None:
    made = kept(hold(A, 2, 4))
    made.hand_out(A, at=NOW)
    made.not_handed_out(A, day(2), NOW)
    assert made.holds[A] == hold(A, 2, 4)


def test_an_extension_must_fit_before_the_next() -> None:
    made = kept(hold(A, 0, 2), hold(B, 4, 6))
    made.extend(A, day(4), remaining=None, at=NOW)
    with pytest.raises(ItemHeld):
        made.extend(A, day(5), remaining=None, at=NOW)
    made.not_extended(A, day(2), NOW)
    assert made.holds[A].until == day(2)


@pytest.mark.parametrize(
    ("holds", "asked", "remaining", "free"),
    [
        ((), hold(A, 0, 2, 5), 5, True),
        ((), hold(A, 0, 2, 6), 5, False),
        ((hold(A, 0, 2, 3),), hold(B, 1, 4, 2), 5, True),
        ((hold(A, 0, 2, 3),), hold(B, 1, 4, 3), 5, False),
        ((hold(A, 0, 2, 3),), hold(B, 2, 4, 5), 5, True),
        ((hold(A, 0, 2, 3), hold(B, 2, 4, 3)), hold(C, 0, 4, 2), 5, True),
        ((hold(A, 0, 3, 3), hold(B, 2, 4, 2)), hold(C, 0, 4, 1), 5, False),
        ((hold(A, 0, 2, 3),), hold(B, 1, 4, 300), None, True),
    ],
)
def test_units_are_counted_where_they_are_taken_at_once(
    holds: tuple[Hold, ...], asked: Hold, remaining: int | None, free: bool
) -> None:
    made = kept(*holds, item=CABLES, remaining=remaining)
    if free:
        made.hold(asked, remaining=remaining, at=NOW)
    else:
        with pytest.raises(NotEnoughUnits):
            made.hold(asked, remaining=remaining, at=NOW)


def test_units_that_are_out_are_no_longer_in_store() -> None:
    made = kept(hold(A, 0, 2, 3), item=CABLES, remaining=5)
    made.hand_out(A, at=NOW)
    assert made.units_out == 0
    made.handed_out(A, NOW)
    assert made.units_out == 3
    made.hold(hold(B, 0, 2, 2), remaining=2, at=NOW)
    with pytest.raises(NotEnoughUnits):
        made.hold(hold(C, 0, 2, 1), remaining=2, at=NOW)


def test_units_that_are_being_handed_over_are_taken_until_that_is_settled() -> None:
    made = kept(hold(A, 0, 2, 3), item=CABLES, remaining=5)
    made.hand_out(A, at=NOW)
    with pytest.raises(NotEnoughUnits):
        made.hold(hold(B, 3, 4, 3), remaining=5, at=day(3))
    made.hold(hold(B, 4, 5, 5), remaining=5, at=day(3))
    made.not_handed_out(A, day(0), day(3))
    assert made.holds[A] == hold(A, 0, 2, 3)
    made.hold(hold(C, 3, 4, 5), remaining=5, at=day(3))


def test_units_that_were_handed_over_late_are_out_once() -> None:
    made = kept(hold(A, 0, 2, 3), item=CABLES, remaining=5)
    made.hand_out(A, at=NOW)
    made.handed_out(A, day(3))
    assert made.units_out == 3
    made.hold(hold(B, 3, 4, 2), remaining=2, at=day(3))
    with pytest.raises(NotEnoughUnits):
        made.hold(hold(C, 3, 4, 1), remaining=2, at=day(3))


def test_units_whose_hand_over_is_late_are_kept_for_those_who_reserved_before() -> None:
    made = kept(hold(A, 0, 2, 3), hold(B, 2, 4, 2), hold(C, 2, 9, 2), item=CABLES)
    made.hand_out(A, at=NOW)
    assert made.kept_for_others(C, day(3)) == 5


def test_units_are_handed_out_whatever_is_said_to_be_left() -> None:
    made = kept(hold(A, 0, 2, 3), hold(B, 5, 7, 5), item=CABLES, remaining=5)
    made.hand_out(B, at=NOW)
    assert made.holds[B].begins == NOW


@pytest.mark.parametrize(
    ("first", "mine", "out", "others"),
    [
        ((), hold(C, 0, 4, 2), (), 0),
        ((hold(A, 0, 2, 3),), hold(C, 0, 4, 2), (), 3),
        ((hold(A, 2, 4, 3),), hold(C, 0, 2, 2), (), 0),
        ((hold(A, 2, 4, 3),), hold(C, 3, 5, 2), (), 3),
        ((hold(A, 0, 1, 3), hold(B, 1, 2, 4)), hold(C, 0, 4, 2), (), 4),
        ((hold(A, 0, 2, 3),), hold(C, 0, 4, 2), (A,), 0),
        ((hold(A, 0, 2, 3), hold(B, 1, 3, 2)), hold(C, 0, 4, 2), (A,), 2),
        ((hold(A, 0, 1, 3), hold(B, 2, 3, 5)), hold(C, 0, 4, 2), (A,), 2),
    ],
)
def test_units_are_kept_for_those_who_reserved_before(
    first: tuple[Hold, ...], mine: Hold, out: tuple[str, ...], others: int
) -> None:
    made = kept(*first, mine, hold("after", 0, 9, 90), item=CABLES)
    for assignment_id in out:
        made.handed_out(assignment_id, NOW)
    assert made.kept_for_others(C, NOW) == others


def test_the_last_unit_is_handed_to_one() -> None:
    made = book(CABLES)
    made.hold(hold(A, 0, 2), remaining=1, at=NOW)
    made.hand_out(A, at=NOW)
    with pytest.raises(NotEnoughUnits):
        made.hold(hold(B, 0, 2), remaining=1, at=NOW)


def test_units_come_back_in_parts() -> None:
    made = kept(hold(A, 0, 2, 3), item=CABLES, remaining=5)
    made.come_back(A, 1, NOW)
    assert made.holds[A].quantity == 1
    made.come_back(A, 0, NOW)
    assert made.holds == {}


def test_what_is_handed_on_stays_out() -> None:
    made = kept(hold(A, 0, 2))
    made.hand_out(A, at=NOW)
    made.hand_on(A, B, day(1))
    assert set(made.holds) == {B}
    assert made.holds[B].out
    with pytest.raises(RuleBroken):
        made.hold(hold(C, 1, 2), remaining=None, at=day(1))


def test_nothing_new_stores_nothing() -> None:
    made = kept(hold(A, 0, 2))
    list(made.collect_events())
    made.release(B, NOW)
    made.not_handed_out(A, day(0), NOW)
    assert list(made.collect_events()) == []
