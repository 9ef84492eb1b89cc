"""The report names every case that differs, and only those."""

import io
from collections import Counter
from dataclasses import replace

from rich.console import Console

from demo.replay.data_file import SUBMITTED
from demo.replay.driver import Difference, Outcome, case_of, purpose_of
from demo.replay.mapping import plan
from demo.replay.report import Found, differences, show
from tests.replay.sample import rows

ROWS = rows(SUBMITTED, "FINAL_APPROVED by SUPERVISOR", "Request Payment", "Payment Handled")
PLAN = plan(ROWS)
AS_IMPLIED = Found(states={"c1": ["fulfilled"]}, events={"c1": PLAN.events})
OUTCOME = Outcome(commands=4, seconds=2.0)


def printed(found: Found, outcome: Outcome = OUTCOME) -> tuple[bool, str]:
    text = io.StringIO()
    same = show(Console(file=text, width=200), {"c1": ROWS}, [PLAN], outcome, found)
    return same, text.getvalue()


def test_nothing_differs_where_the_query_api_shows_what_the_file_implies() -> None:
    assert differences([PLAN], OUTCOME, AS_IMPLIED) == []
    same, text = printed(AS_IMPLIED)
    assert same
    assert "1 cases: nothing differs" in text
    assert "2 commands/s" in text


def test_another_final_state_differs() -> None:
    found = replace(AS_IMPLIED, states={"c1": ["approved"]})
    assert differences([PLAN], OUTCOME, found) == [
        Difference("c1", "is approved, the file implies fulfilled")
    ]
    assert not printed(found)[0]


def test_a_case_that_was_created_twice_differs() -> None:
    found = replace(AS_IMPLIED, states={"c1": ["fulfilled", "fulfilled"]})
    assert [each.what for each in differences([PLAN], OUTCOME, found)] == [
        "is fulfilled and fulfilled, the file implies fulfilled"
    ]


def test_a_case_that_is_missing_differs() -> None:
    found = Found(states={}, events={})
    assert differences([PLAN], OUTCOME, found)[0].what == "is not there, the file implies fulfilled"


def test_an_event_too_many_differs() -> None:
    more = PLAN.events + Counter({"requisition.step_approved.v1": 1})
    found = replace(AS_IMPLIED, events={"c1": more})
    assert [each.what for each in differences([PLAN], OUTCOME, found)] == [
        "requisition.step_approved.v1: 2 stored, the file implies 1"
    ]
    assert "DIFFERS" in printed(found)[1]


def test_what_the_driver_could_not_do_differs() -> None:
    refused = Difference("c1", "row 2: approve was answered 403 not_approver")
    outcome = Outcome(differences=[refused])
    assert differences([PLAN], outcome, AS_IMPLIED) == [refused]
    same, text = printed(AS_IMPLIED, outcome)
    assert not same
    assert "not_approver" in text


def test_the_case_is_found_again_in_the_purpose() -> None:
    assert case_of(purpose_of("requestforpayment1")) == "requestforpayment1"
