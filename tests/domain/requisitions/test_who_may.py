"""Who may give which command: carried out, or refused with which code."""

from typing import Final

import pytest

from domain.caller import Caller
from domain.errors import Forbidden
from domain.requisitions import rules
from domain.requisitions.quantities import State
from domain.requisitions.rules import Asked, Command
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    BOSS,
    NOW,
    OTHER_APPROVER,
    OTHER_MEMBER,
    REQUESTER,
    SELF_APPROVER,
    STRANGER,
    TECHNICIAN,
    TRUSTED_SELF_APPROVER,
    as_member,
)
from tests.builders.requisitions import (
    AFTER,
    IN_STATE,
    TWO_STEPS,
    approved,
    asked,
    drafted,
    names,
    submitted,
)

CALLERS: Final[dict[str, tuple[Caller, str | None]]] = {
    "requester": (REQUESTER, "member"),
    "other member": (OTHER_MEMBER, "member"),
    "lead": (OTHER_MEMBER, "lead"),
    "approver": (APPROVER, None),
    "technician": (TECHNICIAN, None),
    "administrator": (ADMINISTRATOR, None),
    "stranger": (STRANGER, None),
}

TABLE: Final = """
command          state      requester           other member        lead                approver            technician  administrator  stranger
edit             draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
add-line         draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
change-line      draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
remove-line      draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
submit           draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
withdraw         submitted  +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
clone            rejected   +                   not_requester       not_requester       not_requester       not_requester  not_requester  permission_missing
request-changes  submitted  not_approver        not_approver        not_approver        +                   +           +              not_approver
approve          submitted  not_approver        not_approver        not_approver        +                   +           +              not_approver
reject           submitted  not_approver        not_approver        not_approver        +                   +           +              not_approver
delegate         submitted  not_approver        not_approver        not_approver        +                   +           +              not_approver
reject           approved   not_approver        not_approver        not_approver        +                   +           +              not_approver
approve          draft      not_approver        not_approver        not_approver        +                   +           +              not_approver
cancel           draft      +                   not_requester       not_requester       not_requester       not_requester  not_requester  not_requester
cancel           submitted  +                   not_requester       not_requester       not_requester       not_requester  not_requester  not_requester
cancel           approved   permission_missing  permission_missing  +                   permission_missing  +           +              permission_missing
cancel           fulfilled  +                   permission_missing  +                   permission_missing  +           +              permission_missing
fulfil           approved   permission_missing  permission_missing  permission_missing  permission_missing  +           +              permission_missing
close-short      approved   permission_missing  permission_missing  permission_missing  permission_missing  +           +              permission_missing
allocate         approved   permission_missing  permission_missing  permission_missing  permission_missing  +           +              permission_missing
deallocate       approved   permission_missing  permission_missing  permission_missing  permission_missing  +           +              permission_missing
"""


def _cells() -> list[tuple[Command, State, str, str]]:
    _, *rows = TABLE.strip().splitlines()
    return [
        (Command(command), State(state), who, outcome)
        for command, state, *outcomes in (row.split() for row in rows)
        for who, outcome in zip(CALLERS, outcomes, strict=True)
    ]


def _code(command: Command, state: State, given: Asked) -> str:
    try:
        rules.require(command, IN_STATE[state]().view(), given)
    except Forbidden as refused:
        return refused.code
    return "+"


@pytest.mark.parametrize(("command", "state", "who", "outcome"), _cells())
def test_a_command_is_for_some_people(
    command: Command, state: State, who: str, outcome: str
) -> None:
    caller, role = CALLERS[who]
    assert _code(command, state, Asked(caller, NOW, role)) == outcome


def test_who_has_left_the_project_neither_submits_nor_clones() -> None:
    gone = Asked(REQUESTER, NOW, None)
    assert _code(Command.SUBMIT, State.DRAFT, gone) == "not_project_member"
    assert _code(Command.CLONE, State.DRAFT, gone) == "not_project_member"
    assert _code(Command.EDIT, State.DRAFT, gone) == "+"


def test_only_members_of_a_project_draft_in_its_name() -> None:
    with pytest.raises(Forbidden, match="members of a project"):
        rules.require_drafter(Asked(REQUESTER, NOW, None))
    with pytest.raises(Forbidden, match="requisitions:create"):
        rules.require_drafter(Asked(STRANGER, NOW, "member"))
    rules.require_drafter(Asked(REQUESTER, NOW, "member"))


@pytest.mark.parametrize(
    "command", [Command.APPROVE, Command.REJECT, Command.REQUEST_CHANGES, Command.DELEGATE]
)
def test_nobody_decides_about_their_own_without_the_permission_for_it(command: Command) -> None:
    assert _code(command, State.SUBMITTED, asked(SELF_APPROVER)) == "own_requisition"
    assert _code(command, State.SUBMITTED, asked(TRUSTED_SELF_APPROVER)) == "+"


def test_nobody_rejects_their_own_after_its_approval_either() -> None:
    assert _code(Command.REJECT, State.APPROVED, asked(SELF_APPROVER)) == "own_requisition"


def test_each_step_is_for_those_who_hold_its_own_permission() -> None:
    requisition = submitted(TWO_STEPS)
    with pytest.raises(Forbidden) as refused:
        requisition.approve((), None, asked(BOSS))
    assert refused.value.code == "not_approver"
    requisition.approve((), None, asked(APPROVER))
    with pytest.raises(Forbidden) as refused:
        requisition.approve((), None, asked(APPROVER))
    assert refused.value.code == "not_approver"
    requisition.approve((), None, asked(BOSS))
    assert requisition.state == State.APPROVED


def test_after_approval_those_of_the_last_step_may_send_it_back() -> None:
    with pytest.raises(Forbidden):
        approved(TWO_STEPS).request_changes("Hm", asked(APPROVER))
    requisition = approved(TWO_STEPS)
    requisition.request_changes("Hm", asked(BOSS))
    assert requisition.state == State.CHANGES_REQUESTED


def _decides(delegate: Caller, *, until_passed: bool = False) -> str:
    requisition = submitted(TWO_STEPS)
    requisition.approve((), None, asked(APPROVER))
    requisition.delegate(as_member(APPROVER), AFTER, asked(BOSS))
    given = asked(delegate, AFTER if until_passed else NOW)
    try:
        rules.require(Command.APPROVE, requisition.view(), given)
    except Forbidden as refused:
        return refused.code
    return "+"


def test_a_delegate_decides_in_the_place_of_the_approver() -> None:
    assert _decides(APPROVER) == "+"
    assert _decides(OTHER_APPROVER) == "not_approver"
    assert _decides(BOSS) == "+"


def test_a_dated_delegation_ends_at_its_time() -> None:
    assert _decides(APPROVER, until_passed=True) == "not_approver"


def test_a_delegate_who_lost_the_permission_to_approve_no_longer_decides() -> None:
    demoted = Caller(APPROVER.user_id, APPROVER.tenant_id, REQUESTER.permissions)
    assert _decides(demoted) == "not_approver"


def test_a_further_delegation_takes_the_place_of_the_one_before() -> None:
    requisition = submitted(TWO_STEPS)
    requisition.approve((), None, asked(APPROVER))
    requisition.delegate(as_member(APPROVER), None, asked(BOSS))
    requisition.delegate(as_member(OTHER_APPROVER), None, asked(APPROVER))
    with pytest.raises(Forbidden):
        requisition.approve((), None, asked(APPROVER))
    requisition.approve((), None, asked(OTHER_APPROVER))
    assert requisition.approval.steps[1].decided_by == OTHER_APPROVER.user_id


def test_a_refused_caller_leaves_no_event() -> None:
    requisition = drafted()
    names(requisition)
    with pytest.raises(Forbidden):
        requisition.submit((), asked(OTHER_MEMBER), project_archived=False)
    assert names(requisition) == []
