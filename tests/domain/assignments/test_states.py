"""Every command in every state: carried out, or refused with which code."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import pytest

from domain.assignments import rules
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Received, State, Units
from domain.assignments.rules import Command
from domain.errors import RuleBroken
from infrastructure.ids import derived_id
from tests.builders.assignments import (
    CHI,
    CUSTODIAN,
    DUE,
    IN_STATE,
    LATER,
    MANAGER,
    PAST_DUE,
    active,
    asked,
    drifted,
    names,
)

TABLE = """
                   reserved  issuing  active  overdue  returning  transferring  loss_pending  closed  cancelled
issue              +         state    state   state    state      state         state         state   state
cancel             +         state    state   state    state      state         state         state   state
accept             state     +        +       +        state      state         state         state   state
decline            state     +        +       +        state      state         state         state   state
request-extension  state     state    +       +        state      state         state         state   state
approve-extension  state     state    +       +        state      state         state         state   state
refuse-extension   state     state    none    none     state      state         state         state   state
return             state     +        +       +        more       handed        state         state   state
close              state     +        +       +        more       handed        state         state   state
report-loss        state     +        +       +        state      handed        state         state   state
confirm-loss       state     state    state   state    state      state         +             state   state
recover            state     state    state   state    state      state         +             state   state
transfer           state     state    +       +        state      state         state         state   state
resolve-drift      state     state    drift   drift    state      state         state         state   state
"""

CODES: Final = {
    "+": None,
    "state": "wrong_state",
    "handed": "handed_on",
    "more": "more_than_outstanding",
    "none": "no_extension_requested",
    "drift": "no_drift",
}
NEXT: Final = derived_id("test", "next operation")
ALL_OK: Final = (Units(1, Condition.OK),)
NEW_DUE: Final = DUE + timedelta(days=9)


def _take_back(assignment: Assignment) -> None:
    if assignment.state is State.ISSUING:
        assignment.note_return(Received(ALL_OK), asked(at=LATER))
    else:
        assignment.receive(NEXT, Received(ALL_OK), asked(at=LATER))


GIVEN: Final[Mapping[Command, Callable[[Assignment], object]]] = {
    Command.ISSUE: lambda a: a.request_issue(NEXT, asked(at=LATER)),
    Command.CANCEL: lambda a: a.cancel("Not needed", asked(at=LATER)),
    Command.ACCEPT: lambda a: a.accept(None, asked(CUSTODIAN), witnessed=False),
    Command.DECLINE: lambda a: a.decline("Broken", asked(CUSTODIAN)),
    Command.REQUEST_EXTENSION: lambda a: a.request_extension(
        NEW_DUE, None, asked(CUSTODIAN, LATER)
    ),
    Command.APPROVE_EXTENSION: lambda a: a.approve_extension(NEW_DUE, NEXT, asked(at=LATER)),
    Command.REFUSE_EXTENSION: lambda a: a.refuse_extension("Wanted", asked(at=LATER)),
    Command.RETURN: _take_back,
    Command.CLOSE: _take_back,
    Command.REPORT_LOSS: lambda a: a.report_loss("lost", None, asked(CUSTODIAN, LATER)),
    Command.CONFIRM_LOSS: lambda a: a.confirm_loss(NEXT, asked(MANAGER, LATER)),
    Command.RECOVER: lambda a: a.recover(NEXT, asked(at=LATER)),
    Command.TRANSFER: lambda a: a.transfer(NEXT, CHI, derived_id("test", "next"), asked(at=LATER)),
    Command.RESOLVE_DRIFT: lambda a: a.resolve_drift("reasserted", NEXT, asked(MANAGER, LATER)),
}


def _cells() -> list[tuple[Command, State, str | None]]:
    head, *rows = (row.split() for row in TABLE.strip().splitlines())
    return [
        (Command(name), State(state), CODES[cell])
        for name, *cells in rows
        for state, cell in zip(head, cells, strict=True)
    ]


def test_the_table_names_every_command_in_every_state() -> None:
    assert {(command, state) for command, state, _ in _cells()} == {
        (command, state) for command in Command for state in State
    }


@pytest.mark.parametrize(
    ("command", "state", "code"), _cells(), ids=lambda part: str(part) if part else "+"
)
def test_a_command_is_carried_out_or_refused_with_its_code(
    command: Command, state: State, code: str | None
) -> None:
    assignment = IN_STATE[state]()
    assert assignment.state is state
    names(assignment)
    if code is None:
        assert rules.obstacle(command, assignment.view(), LATER) is None
        GIVEN[command](assignment)
        assert names(assignment)
        return
    with pytest.raises(RuleBroken) as refused:
        GIVEN[command](assignment)
    assert refused.value.code == code
    assert names(assignment) == []
    assert assignment.state is state


@pytest.mark.parametrize(("command", "state", "code"), _cells(), ids=str)
def test_the_rules_foresee_what_a_command_meets(
    command: Command, state: State, code: str | None
) -> None:
    if (command, state) == (Command.CANCEL, State.ISSUING):
        code = None  # The handler calls the hand-over off first, and then it is reserved.
    obstacle = rules.obstacle(command, IN_STATE[state]().view(), LATER)
    assert (None if obstacle is None else obstacle.code) == code


def test_each_state_is_reached_through_what_happens() -> None:
    assert {state: make().state for state, make in IN_STATE.items()} == {
        state: state for state in State
    }


def test_drift_is_resolved_where_there_is_some() -> None:
    assignment = drifted()
    names(assignment)
    GIVEN[Command.RESOLVE_DRIFT](assignment)
    assert names(assignment) == ["DriftResolutionRequested"]


@pytest.mark.parametrize(
    "command",
    [
        Command.REQUEST_EXTENSION,
        Command.APPROVE_EXTENSION,
        Command.TRANSFER,
    ],
)
def test_nothing_new_is_asked_of_the_inventory_before_it_has_answered(command: Command) -> None:
    assignment = active()
    assignment.approve_extension(NEW_DUE, NEXT, asked(at=LATER))
    with pytest.raises(RuleBroken) as refused:
        GIVEN[command](assignment)
    assert refused.value.code == "inventory_asked"


@pytest.mark.parametrize("command", [Command.RETURN, Command.REPORT_LOSS])
def test_what_is_back_or_gone_does_not_wait_for_the_inventory(command: Command) -> None:
    assignment = active()
    assignment.approve_extension(NEW_DUE, derived_id("test", "due"), asked(at=LATER))
    names(assignment)
    GIVEN[command](assignment)
    assert names(assignment)


def test_nothing_is_handed_over_that_is_due_back_already() -> None:
    assignment = IN_STATE[State.RESERVED]()
    with pytest.raises(RuleBroken) as refused:
        assignment.request_issue(NEXT, asked(at=PAST_DUE))
    assert refused.value.code == "due_passed"
