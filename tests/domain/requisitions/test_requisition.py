"""What the verbs of a requisition do: given, when, then."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.errors import InvalidField, Refused, RuleBroken
from domain.requisitions.approval import LineApproval
from domain.requisitions.content import LINE_LIMIT, Item, Line
from domain.requisitions.errors import (
    BeingIssued,
    DelegateIsRequester,
    DelegateNotPermitted,
    DelegationLoop,
    LineNotFound,
    MoreThanAsked,
    MoreThanOpen,
    NoLines,
    NotAPurchase,
    NotDue,
    NothingApproved,
    ProjectArchived,
    TooManyLines,
)
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.requisition import EXPIRY_REASON, Requisition
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    BOSS,
    NOW,
    OTHER_APPROVER,
    REQUESTER,
    STRANGER,
    TECHNICIAN,
    TRUSTED_SELF_APPROVER,
    as_member,
)
from tests.builders.requisitions import (
    AFTER,
    CABLES,
    OSCILLOSCOPES,
    TWO_STEPS,
    approved,
    asked,
    changes_requested,
    drafted,
    fulfilling,
    header,
    line,
    line_id,
    names,
    submitted,
    told,
)


def _approved_units(requisition: Requisition) -> list[int]:
    return [line.approved for line in requisition.quantities.values()]


def test_a_draft_holds_what_was_written() -> None:
    (event,) = told(drafted())
    assert isinstance(event, Requisition.Drafted)
    assert event.needed_until == "2026-12-21T09:00:00Z"
    assert event.amount == "120.50"
    assert [line["quantity"] for line in event.lines] == [3, 10]
    assert event.timestamp == NOW


def test_an_archived_project_takes_no_draft_no_submission_and_no_clone() -> None:
    requisition = drafted()
    with pytest.raises(ProjectArchived):
        requisition.submit((), asked(REQUESTER), project_archived=True)
    with pytest.raises(ProjectArchived):
        requisition.clone(requisition.id, asked(REQUESTER), project_archived=True)
    with pytest.raises(ProjectArchived):
        Requisition.draft(requisition.id, "", header(), (), asked(REQUESTER), project_archived=True)


def test_an_edit_keeps_the_fields_that_it_does_not_name() -> None:
    requisition = drafted()
    requisition.edit(asked(REQUESTER), purpose="Other", needed_from=None)
    assert requisition.header == header(purpose="Other", needed_from=None)


def test_a_change_that_changes_nothing_makes_no_event() -> None:
    requisition = drafted()
    told(requisition)
    requisition.edit(asked(REQUESTER))
    requisition.edit(asked(REQUESTER), purpose=requisition.header.purpose)
    requisition.edit(asked(REQUESTER), amount=Decimal("120.5"))
    requisition.change_line(CABLES, asked(REQUESTER), quantity=10, note="red ones")
    assert names(requisition) == []


def test_a_header_is_checked_as_a_whole() -> None:
    requisition = drafted()
    with pytest.raises(InvalidField) as refused:
        requisition.edit(asked(REQUESTER), needed_from=AFTER)
    assert refused.value.path == ("needed_until",)


def test_lines_are_added_changed_and_removed() -> None:
    requisition = drafted()
    told(requisition)
    requisition.add_line(line("new", 2), asked(REQUESTER))
    requisition.change_line(CABLES, asked(REQUESTER), quantity=4, note=None)
    requisition.remove_line(OSCILLOSCOPES, asked(REQUESTER))
    assert names(requisition) == ["LineAdded", "LineChanged", "LineRemoved"]
    assert {id: line.requested for id, line in requisition.quantities.items()} == {
        CABLES: 4,
        line_id("new"): 2,
    }


def test_a_line_that_is_not_there_cannot_be_worked_on() -> None:
    nowhere = line_id("nowhere")
    with pytest.raises(LineNotFound):
        drafted().change_line(nowhere, asked(REQUESTER), quantity=1)
    with pytest.raises(LineNotFound):
        drafted().remove_line(nowhere, asked(REQUESTER))
    with pytest.raises(LineNotFound):
        approved().fulfil(nowhere, 1, None, asked(TECHNICIAN))
    with pytest.raises(LineNotFound):
        approved().close_short(nowhere, 1, "Gone", asked(TECHNICIAN))


def test_a_changed_line_is_checked_as_a_whole() -> None:
    with pytest.raises(InvalidField) as refused:
        drafted().change_line(CABLES, asked(REQUESTER), item=Item("purchase"))
    assert refused.value.path == ("item", "description")


def test_a_requisition_has_a_largest_number_of_lines() -> None:
    requisition = drafted(*(line(str(number)) for number in range(LINE_LIMIT)))
    with pytest.raises(TooManyLines):
        requisition.add_line(line("one more"), asked(REQUESTER))


def test_a_requisition_without_lines_is_not_submitted() -> None:
    requisition = drafted(line("only"))
    requisition.remove_line(line_id("only"), asked(REQUESTER))
    with pytest.raises(NoLines):
        requisition.submit((), asked(REQUESTER), project_archived=False)


def test_the_plan_is_pinned_into_the_submission() -> None:
    event = told(submitted(TWO_STEPS))[-1]
    assert isinstance(event, Requisition.Submitted)
    assert (event.policy_id, event.policy_name) == (TWO_STEPS.id, "Two steps")
    assert event.steps == [
        {"name": "Lab", "permission": "requisitions:approve"},
        {"name": "Budget", "permission": "budget:approve"},
    ]


def test_the_last_step_approves_the_requisition() -> None:
    requisition = approved(TWO_STEPS)
    assert names(requisition)[-3:] == ["StepApproved", "StepApproved", "Approved"]
    assert requisition.approval.step is None
    assert _approved_units(requisition) == [3, 10]


def test_a_step_approves_fewer_and_the_next_one_starts_from_there() -> None:
    requisition = submitted(TWO_STEPS)
    requisition.approve((LineApproval(CABLES, 4),), "Enough", asked(APPROVER))
    assert _approved_units(requisition) == [3, 4]
    with pytest.raises(MoreThanAsked):
        requisition.approve((LineApproval(CABLES, 5),), None, asked(BOSS))
    requisition.approve((LineApproval(OSCILLOSCOPES, 0),), None, asked(BOSS))
    assert _approved_units(requisition) == [0, 4]
    assert [step.note for step in requisition.approval.steps] == ["Enough", None]


def test_the_first_step_approves_no_more_than_was_asked() -> None:
    with pytest.raises(MoreThanAsked):
        submitted().approve((LineApproval(CABLES, 11),), None, asked(APPROVER))


def test_a_step_approves_something() -> None:
    nothing = (LineApproval(CABLES, 0), LineApproval(OSCILLOSCOPES, 0))
    with pytest.raises(NothingApproved):
        submitted().approve(nothing, None, asked(APPROVER))


def test_a_step_cannot_approve_a_line_that_is_not_there() -> None:
    with pytest.raises(InvalidField) as refused:
        submitted().approve((LineApproval(line_id("nowhere"), 1),), None, asked(APPROVER))
    assert refused.value.path == ("lines", 0, "line_id")


@pytest.mark.parametrize("send_back", ["withdraw", "request changes", "request changes late"])
def test_what_was_approved_is_void_when_it_goes_back(send_back: str) -> None:
    requisition = submitted(TWO_STEPS)
    requisition.approve((), None, asked(APPROVER))
    if send_back == "withdraw":
        requisition.withdraw("Forgot something", asked(REQUESTER))
    elif send_back == "request changes":
        requisition.request_changes("Too many", asked(BOSS))
    else:
        requisition.approve((), None, asked(BOSS))
        requisition.request_changes("Too many", asked(BOSS))
    assert _approved_units(requisition) == [0, 0]
    requisition.submit((TWO_STEPS,), asked(REQUESTER), project_archived=False)
    assert requisition.approval.step == 1
    assert [step.decision for step in requisition.approval.steps] == [None, None]


def test_changes_requested_can_be_withdrawn_into_a_draft() -> None:
    requisition = changes_requested()
    requisition.withdraw(None, asked(REQUESTER))
    assert requisition.state == State.DRAFT


@pytest.mark.parametrize("step", [1, 2])
def test_a_rejection_is_the_decision_of_the_step_it_was_at(step: int) -> None:
    requisition = submitted(TWO_STEPS)
    decider = APPROVER
    if step == 2:
        requisition.approve((), None, asked(APPROVER))
        decider = BOSS
    requisition.reject("No money", asked(decider))
    assert requisition.approval.steps[step - 1].decision == "rejected"
    assert requisition.approval.steps[step - 1].decided_by == decider.user_id
    assert requisition.reason == "No money"


def test_a_rejection_after_the_last_approval_leaves_the_decisions() -> None:
    requisition = approved()
    requisition.reject("No money after all", asked(APPROVER))
    assert requisition.state == State.REJECTED
    assert requisition.approval.steps[0].decision == "approved"


def test_a_step_goes_only_to_a_member_who_may_approve() -> None:
    with pytest.raises(InvalidField):
        submitted().delegate(None, None, asked(APPROVER))
    with pytest.raises(DelegateNotPermitted):
        submitted().delegate(as_member(STRANGER), None, asked(APPROVER))


def test_a_step_may_go_to_who_holds_its_own_permission() -> None:
    requisition = submitted(TWO_STEPS)
    with pytest.raises(DelegateNotPermitted):
        requisition.delegate(as_member(BOSS), None, asked(APPROVER))
    requisition.approve((), None, asked(APPROVER))
    requisition.delegate(as_member(ADMINISTRATOR), None, asked(BOSS))
    requisition.delegate(as_member(OTHER_APPROVER), None, asked(BOSS))


def test_a_step_does_not_go_to_the_requester_without_the_permission_for_their_own() -> None:
    approver_too = as_member(APPROVER)
    with pytest.raises(DelegateIsRequester):
        submitted(by=APPROVER).delegate(approver_too, None, asked(OTHER_APPROVER))
    submitted().delegate(as_member(TRUSTED_SELF_APPROVER), None, asked(APPROVER))


def test_a_step_does_not_come_back_to_somebody_it_was_with() -> None:
    requisition = submitted()
    requisition.delegate(as_member(OTHER_APPROVER), None, asked(APPROVER))
    with pytest.raises(DelegationLoop):
        requisition.delegate(as_member(APPROVER), None, asked(OTHER_APPROVER))
    with pytest.raises(DelegationLoop):
        requisition.delegate(as_member(OTHER_APPROVER), None, asked(TECHNICIAN))


def test_a_step_is_not_handed_to_oneself() -> None:
    with pytest.raises(DelegationLoop):
        submitted().delegate(as_member(APPROVER), None, asked(APPROVER))


def test_a_delegation_that_has_ended_may_be_renewed() -> None:
    requisition = submitted()
    until = NOW + timedelta(hours=1)
    requisition.delegate(as_member(OTHER_APPROVER), until, asked(APPROVER))
    requisition.delegate(as_member(OTHER_APPROVER), None, asked(APPROVER, at=until))
    assert len(requisition.approval.steps[0].delegations) == 2


def test_a_delegation_does_not_end_in_the_past() -> None:
    with pytest.raises(InvalidField) as refused:
        submitted().delegate(as_member(OTHER_APPROVER), NOW, asked(APPROVER))
    assert refused.value.path == ("until",)


def test_purchases_are_met_in_parts() -> None:
    requisition = approved()
    for quantity, state in ((2, State.FULFILLING), (1, State.FULFILLING)):
        requisition.fulfil(OSCILLOSCOPES, quantity, None, asked(TECHNICIAN))
        assert requisition.state == state
    requisition.fulfil(CABLES, 10, "Drawer 4", asked(TECHNICIAN))
    assert requisition.state == State.FULFILLED


def test_no_more_is_met_or_closed_than_is_open() -> None:
    requisition = fulfilling()
    told(requisition)
    with pytest.raises(MoreThanOpen):
        requisition.fulfil(OSCILLOSCOPES, 3, None, asked(TECHNICIAN))
    with pytest.raises(MoreThanOpen):
        requisition.close_short(OSCILLOSCOPES, 3, "Gone", asked(TECHNICIAN))
    assert told(requisition) == []


def test_what_comes_from_the_inventory_is_not_met_by_word() -> None:
    requisition = drafted(Line(CABLES, Item("model", id="42"), 1))
    requisition.submit((), asked(REQUESTER), project_archived=False)
    requisition.approve((), None, asked(APPROVER))
    with pytest.raises(NotAPurchase):
        requisition.fulfil(CABLES, 1, None, asked(TECHNICIAN))


def test_what_was_closed_short_after_something_was_issued_is_fulfilled() -> None:
    requisition = fulfilling()
    requisition.close_short(OSCILLOSCOPES, 2, "Out of stock", asked(TECHNICIAN))
    requisition.close_short(CABLES, 10, "Out of stock", asked(TECHNICIAN))
    assert requisition.state == State.FULFILLED


def test_what_was_closed_short_without_anything_issued_is_cancelled() -> None:
    requisition = approved()
    requisition.close_short(OSCILLOSCOPES, 3, "Out of stock", asked(TECHNICIAN))
    requisition.close_short(CABLES, 10, "Out of stock", asked(TECHNICIAN))
    assert requisition.state == State.CANCELLED


def test_a_requisition_expires_only_when_its_time_has_passed() -> None:
    assert header().needed_until is not None
    with pytest.raises(NotDue):
        approved().expire(header().needed_until or NOW)
    requisition = drafted(header=header(needed_until=None))
    requisition.submit((), asked(REQUESTER), project_archived=False)
    requisition.approve((), None, asked(APPROVER))
    with pytest.raises(NotDue):
        requisition.expire(AFTER)


def test_what_was_partly_issued_is_closed_short_when_its_time_has_passed() -> None:
    requisition = fulfilling()
    told(requisition)
    requisition.expire(AFTER)
    events = told(requisition)
    assert [
        (event.quantity, event.reason, event.by)
        for event in events
        if isinstance(event, Requisition.LineClosedShort)
    ] == [(2, EXPIRY_REASON, None), (10, EXPIRY_REASON, None)]
    assert requisition.state == State.FULFILLED


def test_units_on_their_way_out_are_waited_for() -> None:
    requisition = approved()
    requisition.quantities = {CABLES: Quantities(10, 10, issuing=1)}
    with pytest.raises(BeingIssued):
        requisition.cancel("Over", asked(TECHNICIAN))
    with pytest.raises(BeingIssued):
        requisition.expire(AFTER)


def test_a_clone_is_a_new_draft_of_the_same() -> None:
    original = approved()
    clone = original.clone(drafted().id, asked(REQUESTER), project_archived=False)
    assert clone.state == State.DRAFT
    assert clone.header == original.header
    assert clone.lines == original.lines
    assert _approved_units(clone) == [0, 0]
    assert clone.cloned_from is not None


def test_every_refusal_has_a_code_and_a_sentence() -> None:
    refusals = [kind for kind in _all(Refused) if kind.__module__.startswith("domain.")]
    assert len(refusals) > 20
    for refusal in refusals:
        assert refusal.code, refusal
        assert refusal.__doc__, refusal
    codes = [(refusal.__module__, refusal.code) for refusal in refusals]
    assert sorted(codes) == sorted(set(codes))


def test_every_broken_rule_says_what_would_help() -> None:
    for rule in _all(RuleBroken):
        assert rule.help or rule is RuleBroken or not rule.__module__.startswith("domain."), rule


def _all(kind: type[Refused]) -> list[type[Refused]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in _all(sub))]
