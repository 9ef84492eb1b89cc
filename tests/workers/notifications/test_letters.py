"""What a letter says is what the inventory has confirmed, counted as it was told."""

from typing import Any

import pytest

from domain.assignments import events as assignments
from domain.notifications.notices import learnt, notice_of
from infrastructure.ids import derived_id
from tests.builders import told
from tests.builders.told import Stream
from workers.notifications.letters import Said, said_of

ANN = derived_id("test", "ann")
DUE_BACK = "2026-11-28 23:59 UTC"


def letter(stream: Stream) -> Said:
    """The letter of the last event of a stream."""
    subject: Any = {}
    for event in stream.events:
        subject = learnt(subject, event)
    notice = notice_of(subject, stream.events[-1], None)
    assert notice is not None
    said = said_of(notice.kind, notice.data, "cable")
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("quantity", "subject", "sentence"),
    [
        (1, "Ready to collect: cable", "Cable is reserved for you and can be collected from"),
        (3, "Ready to collect: 3 pieces of cable", "3 pieces of cable are reserved for you and"),
    ],
)
def test_more_than_one_is_spoken_of_as_more_than_one(
    quantity: int, subject: str, sentence: str
) -> None:
    said = letter(told.reserved(ANN, quantity=quantity))

    assert said.subject == subject
    assert said.lines[0].startswith(sentence)
    assert said.lines[1] == f"{'It is' if quantity == 1 else 'They are'} due back on {DUE_BACK}."


def test_who_brought_back_two_of_three_is_reminded_of_one() -> None:
    three = told.reserved(ANN, quantity=3)

    soon = letter(told.reminded(three, 0))
    late = letter(told.reminded(told.returned(three, 2, 1), 1))

    assert soon.lines == (
        "3 pieces of cable are due back today.",
        "Please bring them back, or ask for an extension.",
    )
    assert late.subject == "Overdue by 1 day: cable"
    assert late.lines == (
        f"Cable was due back on {DUE_BACK} and is overdue by 1 day.",
        "Please have it brought back to the desk at once.",
    )


def test_what_came_back_in_parts_is_counted_in_all() -> None:
    stream = told.reserved(ANN, quantity=4)

    part = letter(told.returned(stream, 1, 3))
    more = letter(told.returned(stream, 1, 2))
    rest = letter(told.returned(stream, 2, 0))

    still = "{} are still on record for you; please bring back the rest."
    assert part.lines == ("1 of 4 pieces of cable came back.", still.format(3))
    assert more.lines == ("2 of 4 pieces of cable came back.", still.format(2))
    assert rest.subject == "Returned: 4 pieces of cable"
    assert rest.lines == ("4 pieces of cable were returned.", "Nothing is left to do.")


def test_what_was_written_off_did_not_come_back() -> None:
    stream = told.written_off(told.reserved(ANN, quantity=3), 1, 2)

    said = letter(told.returned(stream, 2, 0))

    assert said.subject == "Returned in part: 3 pieces of cable"
    assert said.lines == (
        "2 of 3 pieces of cable came back.",
        "1 did not come back and is settled.",
        "Nothing is left to do.",
    )


def test_a_return_that_was_planned_before_units_were_counted_apart_can_be_written() -> None:
    said = said_of("returned", {"quantity": 3, "returned": 3, "outstanding": 0}, "cable")

    assert said is not None
    assert said.lines[0] == "3 pieces of cable were returned."


def test_the_last_word_on_what_is_missing_is_that_it_is_written_off() -> None:
    two = told.returned(told.reserved(ANN, quantity=3), 2, 1)

    said = letter(told.written_off(two, 1, 0))

    assert said.subject == "Written off: cable"
    assert said.lines == (
        "Cable did not come back and was written off.",
        "2 of 3 pieces of cable came back.",
        "Nothing is left to do.",
    )


def test_what_was_used_up_is_not_called_missing() -> None:
    said = letter(told.written_off(told.reserved(ANN, quantity=3), 2, 1, "consumed"))

    assert said.subject == "Used up: 2 pieces of cable"
    assert said.lines == (
        "2 pieces of cable did not come back and were recorded as used up.",
        "1 is still on record for you; please bring back the rest.",
    )


def test_a_letter_on_what_was_declined_says_nothing_of_who_has_it_before_that_is_confirmed() -> (
    None
):
    fields = {"by": ANN, "reason": "Broken"}

    early = letter(told.reserved(ANN).then(assignments.Declined, **fields))
    later = letter(told.issued(told.reserved(ANN)).then(assignments.Declined, **fields))

    assert early.lines == (
        "Whoever is being given cable does not want it: Broken",
        "The inventory had not confirmed the hand-over by then.",
        "Once it does, please take it back. If it refuses, there is nothing to do.",
    )
    assert later.lines == (
        "Whoever was given cable does not want it: Broken",
        "They have it until you take it back. Please see to that.",
    )
