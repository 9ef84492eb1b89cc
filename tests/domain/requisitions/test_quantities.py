"""The quantities of lines and the state that follows from them."""

import pytest

from domain.requisitions.quantities import (
    Place,
    Quantities,
    State,
    approve,
    moved,
    state_after_approval,
    void_approval,
)


def _line(
    approved: int,
    issued: int = 0,
    closed_short: int = 0,
    allocated: int = 0,
    issuing: int = 0,
) -> Quantities:
    return Quantities(
        requested=10,
        approved=approved,
        allocated=allocated,
        issuing=issuing,
        issued=issued,
        closed_short=closed_short,
    )


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([_line(3)], State.APPROVED),
        ([_line(3), _line(0)], State.APPROVED),
        ([_line(3, allocated=1)], State.FULFILLING),
        ([_line(3, issuing=3)], State.FULFILLING),
        ([_line(3, issued=1)], State.FULFILLING),
        ([_line(3, closed_short=1)], State.FULFILLING),
        ([_line(3, issued=3), _line(1)], State.FULFILLING),
        ([_line(3, issued=2, allocated=1)], State.FULFILLING),
        ([_line(3, issued=3)], State.FULFILLED),
        ([_line(3, issued=1, closed_short=2)], State.FULFILLED),
        ([_line(3, issued=3), _line(0)], State.FULFILLED),
        ([_line(3, issued=3), _line(2, closed_short=2)], State.FULFILLED),
        ([_line(3, closed_short=3)], State.CANCELLED),
        ([_line(3, closed_short=3), _line(1, closed_short=1)], State.CANCELLED),
    ],
)
def test_the_state_after_approval_follows_from_the_quantities(
    lines: list[Quantities], state: State
) -> None:
    assert state_after_approval(lines) == state


def test_a_step_approves_what_it_names_and_leaves_the_rest() -> None:
    lines = approve({"a": _line(10), "b": _line(4)}, {"a": 2})
    assert [line.approved for line in lines.values()] == [2, 4]


def test_a_void_approval_leaves_nothing_approved() -> None:
    assert void_approval({"a": _line(10)}) == {"a": _line(0)}


def test_units_are_open_until_they_are_met_or_given_up() -> None:
    line = moved(moved(_line(5), 2, None, Place.ISSUED), 1, None, Place.CLOSED_SHORT)
    assert (line.issued, line.closed_short, line.taken, line.open) == (2, 1, 3, 2)


def test_units_leave_one_place_for_another_and_may_be_open_again() -> None:
    line = moved(_line(5, allocated=3), 2, Place.ALLOCATED, Place.ISSUING)
    assert (line.allocated, line.issuing, line.open) == (1, 2, 2)
    assert moved(line, 1, Place.ALLOCATED, None).open == 3


@pytest.mark.parametrize(
    ("line", "sound"),
    [
        (_line(10, issued=4, closed_short=3, allocated=2, issuing=1), True),
        (_line(10, issued=4, closed_short=3, allocated=2, issuing=2), False),
        (_line(11), False),
        (_line(0), True),
        (_line(-1), False),
        (_line(3, issued=-1), False),
        (_line(3, closed_short=-1, issued=1), False),
    ],
)
def test_the_invariant_tells_sound_quantities_from_unsound_ones(
    line: Quantities,
    sound: bool,
) -> None:
    assert line.is_sound is sound
