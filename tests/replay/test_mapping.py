"""Rows of a case become commands, and the plan says what each must lead to."""

from collections import Counter

import pytest
from hypothesis import given

from demo.replay.data_file import SAVED, SUBMITTED, Row, read_cases
from demo.replay.mapping import Action, plan, plan_all, policies_of
from tests.replay.sample import SAMPLE, histories, rows

ADMINISTRATION = "APPROVED by ADMINISTRATION"
SUPERVISOR = "FINAL_APPROVED by SUPERVISOR"
PAID = ("Request Payment", "Payment Handled")
TURNED_DOWN = "REJECTED by ADMINISTRATION"
TAKEN_BACK = "REJECTED by EMPLOYEE"
VOIDED = "REJECTED by MISSING"


def actions(*activities: str) -> list[tuple[str, str]]:
    return [(command.action.value, command.actor) for command in plan(rows(*activities)).commands]


def test_a_case_that_is_paid_is_drafted_submitted_approved_and_fulfilled() -> None:
    assert actions(SUBMITTED, ADMINISTRATION, SUPERVISOR, *PAID) == [
        ("create", "employee"),
        ("submit", "employee"),
        ("approve", "administration"),
        ("approve", "supervisor"),
        ("fulfil", "technician"),
    ]


@pytest.mark.parametrize(
    ("activities", "final_state"),
    [
        ([SAVED], "draft"),
        ([SUBMITTED, SUPERVISOR], "approved"),
        ([SUBMITTED, SUPERVISOR, *PAID], "fulfilled"),
        ([SUBMITTED, TURNED_DOWN], "rejected"),
        ([SUBMITTED, SUPERVISOR, VOIDED], "rejected"),
        ([SUBMITTED, TURNED_DOWN, TAKEN_BACK], "cancelled"),
        ([SUBMITTED, TURNED_DOWN, TAKEN_BACK, SUBMITTED, SUPERVISOR, *PAID], "fulfilled"),
        ([SUBMITTED, ADMINISTRATION], "submitted"),
    ],
)
def test_the_last_word_decides_the_final_state(activities: list[str], final_state: str) -> None:
    assert plan(rows(*activities)).final_state == final_state


def test_a_refusal_is_final_only_as_the_last_word() -> None:
    assert actions(SUBMITTED, TURNED_DOWN)[-1] == ("reject", "administration")
    assert actions(SUBMITTED, TURNED_DOWN, TAKEN_BACK)[-2:] == [
        ("request-changes", "administration"),
        ("cancel", "employee"),
    ]
    assert actions(SUBMITTED, TURNED_DOWN, TAKEN_BACK, SUBMITTED)[-3:] == [
        ("withdraw", "employee"),
        ("edit", "employee"),
        ("submit", "employee"),
    ]


def test_what_comes_after_the_last_approval_is_done_by_a_technician() -> None:
    assert actions(SUBMITTED, SUPERVISOR, VOIDED)[-1] == ("reject", "technician")
    assert actions(SUBMITTED, SUPERVISOR, VOIDED, SUBMITTED)[2:4] == [
        ("approve", "supervisor"),
        ("request-changes", "technician"),
    ]
    assert actions(SUBMITTED, SUPERVISOR, TAKEN_BACK)[-1] == ("cancel", "technician")


def test_each_round_names_the_policy_of_its_own_steps() -> None:
    case = plan(
        rows(SUBMITTED, TURNED_DOWN, TAKEN_BACK, SUBMITTED, ADMINISTRATION, SUPERVISOR, *PAID)
    )
    assert [c.steps for c in case.commands if c.steps] == [
        ("ADMINISTRATION",),
        ("ADMINISTRATION", "SUPERVISOR"),
    ]


def test_an_edit_that_changes_nothing_stores_nothing() -> None:
    again = plan(rows(SUBMITTED, SUPERVISOR, VOIDED, SUBMITTED, SUPERVISOR, *PAID))
    assert [c.events for c in again.commands if c.action is Action.EDIT] == [()]


def test_an_approval_after_the_last_one_is_refused() -> None:
    late = plan(rows(SUBMITTED, "FINAL_APPROVED by DIRECTOR", "APPROVED by SUPERVISOR", *PAID))
    assert [c.row for c in late.commands if c.refused] == [3]
    assert late.final_state == "fulfilled"


def test_a_second_submission_is_refused_and_the_round_goes_on() -> None:
    twice = plan(rows(SUBMITTED, ADMINISTRATION, SUBMITTED, ADMINISTRATION, SUPERVISOR, *PAID))
    assert [(c.row, c.action.value) for c in twice.commands if c.refused] == [(3, "submit")]
    assert twice.policies == {("ADMINISTRATION", "ADMINISTRATION", "SUPERVISOR")}
    assert twice.final_state == "fulfilled"


def test_the_sample_of_real_cases_comes_out_as_its_source_says() -> None:
    plans = plan_all(read_cases(SAMPLE))
    assert Counter(each.final_state for each in plans) == {
        "fulfilled": 28,
        "cancelled": 8,
        "rejected": 3,
        "draft": 1,
        "approved": 1,
    }
    assert [(p.case, c.row) for p in plans for c in p.commands if c.refused] == [
        ("requestforpayment151297", 4),
        ("requestforpayment173579", 9),
    ]
    assert len(policies_of(plans)) == 12


@given(histories)
def test_any_history_gives_one_draft_and_a_command_or_none_for_each_row(history: list[Row]) -> None:
    case = plan(history)
    assert case.commands[0].action is Action.CREATE
    assert case.events["requisition.drafted.v1"] == 1
    assert all(1 <= command.row <= len(history) for command in case.commands)
    assert [c.row for c in case.commands] == sorted(c.row for c in case.commands)


@given(histories)
def test_a_refused_command_stores_nothing_and_any_other_does_unless_it_changes_nothing(
    history: list[Row],
) -> None:
    for command in plan(history).commands:
        stores = bool(command.events)
        assert stores != command.refused or command.action is Action.EDIT


@given(histories)
def test_no_round_is_approved_more_often_than_it_was_submitted(history: list[Row]) -> None:
    events = plan(history).events
    assert events["requisition.approved.v1"] <= events["requisition.submitted.v1"]
    assert events["requisition.line_fulfilled.v1"] <= events["requisition.approved.v1"]
