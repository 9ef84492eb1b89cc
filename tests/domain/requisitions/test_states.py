"""Every command in every state: carried out, or refused with which code."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from domain.caller import Caller
from domain.errors import Forbidden, RuleBroken
from domain.requisitions import rules
from domain.requisitions.quantities import State
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked, Command
from tests.builders.people import APPROVER, OTHER_APPROVER, REQUESTER, TECHNICIAN, as_member
from tests.builders.requisitions import (
    AFTER,
    CABLES,
    IN_STATE,
    OSCILLOSCOPES,
    asked,
    asset,
    assignment,
    line,
    told,
)

TABLE = """
                draft    submitted  changes_requested  approved  fulfilling      fulfilled  rejected  cancelled  expired
edit            +        state      +                  state     state           state      state     state      state
add-line        +        state      +                  state     state           state      state     state      state
change-line     +        state      +                  state     state           state      state     state      state
remove-line     +        state      +                  state     state           state      state     state      state
submit          +        state      +                  state     state           state      state     state      state
withdraw        state    +          +                  state     state           state      state     state      state
request-changes state    +          state              +         state           state      state     state      state
approve         state    +          state              state     state           state      state     state      state
reject          state    +          state              +         state           state      state     state      state
delegate        state    +          state              state     state           state      state     state      state
cancel          +        +          +                  +         already_issued  state      state     state      state
clone           +        +          +                  +         +               +          +         +          +
fulfil          state    state      state              +         +               state      state     state      state
close-short     state    state      state              +         +               state      state     state      state
allocate        state    state      state              not_in_inventory  not_in_inventory  state  state     state      state
deallocate      state    state      state              not_allocated  not_allocated  state      state     state      state
expire          state    state      state              +         +               state      state     state      state
"""

GIVEN: Final[Mapping[Command, Callable[[Requisition], object]]] = {
    Command.EDIT: lambda r: r.edit(asked(REQUESTER), purpose="Something else"),
    Command.ADD_LINE: lambda r: r.add_line(line("new"), asked(REQUESTER)),
    Command.CHANGE_LINE: lambda r: r.change_line(CABLES, asked(REQUESTER), quantity=2),
    Command.REMOVE_LINE: lambda r: r.remove_line(CABLES, asked(REQUESTER)),
    Command.SUBMIT: lambda r: r.submit((), asked(REQUESTER), project_archived=False),
    Command.WITHDRAW: lambda r: r.withdraw(None, asked(REQUESTER)),
    Command.REQUEST_CHANGES: lambda r: r.request_changes("Why?", asked(APPROVER)),
    Command.APPROVE: lambda r: r.approve((), None, asked(APPROVER)),
    Command.REJECT: lambda r: r.reject("No", asked(APPROVER)),
    Command.DELEGATE: lambda r: r.delegate(as_member(OTHER_APPROVER), None, asked(APPROVER)),
    Command.CANCEL: lambda r: r.cancel("Over", asked(_canceller(r))),
    Command.CLONE: lambda r: told(r.clone(r.id, asked(REQUESTER), project_archived=False)),
    Command.FULFIL: lambda r: r.fulfil(OSCILLOSCOPES, 1, None, asked(TECHNICIAN)),
    Command.CLOSE_SHORT: lambda r: r.close_short(CABLES, 1, "Gone", asked(TECHNICIAN)),
    Command.ALLOCATE: lambda r: r.allocate(
        CABLES, assignment(1), asset(1), 1, None, asked(TECHNICIAN)
    ),
    Command.DEALLOCATE: lambda r: r.deallocate(assignment(1), "Broken", asked(TECHNICIAN)),
    Command.EXPIRE: lambda r: r.expire(AFTER),
}


def _canceller(requisition: Requisition) -> Caller:
    in_fulfilment = requisition.state in (State.APPROVED, State.FULFILLING)
    return TECHNICIAN if in_fulfilment else REQUESTER


def _cells() -> list[tuple[Command, State, str]]:
    head, *rows = (row.split() for row in TABLE.strip().splitlines())
    return [
        (Command(command), State(state), "wrong_state" if cell == "state" else cell)
        for command, *cells in rows
        for state, cell in zip(head, cells, strict=True)
    ]


def test_the_table_names_every_command_and_every_state() -> None:
    cells = _cells()
    assert {command for command, _, _ in cells} == set(Command)
    assert {state for _, state, _ in cells} == set(State)
    assert len(cells) == len(Command) * len(State)


@pytest.mark.parametrize(("command", "state", "outcome"), _cells())
def test_a_command_is_carried_out_or_refused_by_the_state(
    command: Command, state: State, outcome: str
) -> None:
    requisition = IN_STATE[state]()
    assert requisition.state == state
    told(requisition)
    if outcome == "+":
        GIVEN[command](requisition)
        assert command is Command.CLONE or told(requisition)
        return
    with pytest.raises(RuleBroken) as refused:
        GIVEN[command](requisition)
    assert refused.value.code == outcome
    assert refused.value.help
    assert not told(requisition)
    assert requisition.state == state


@pytest.mark.parametrize(("command", "state", "outcome"), _cells())
def test_the_obstacle_that_a_query_shows_is_the_one_that_the_verb_raises(
    command: Command, state: State, outcome: str
) -> None:
    obstacle = rules.obstacle(command, IN_STATE[state]().view())
    assert (obstacle.code if obstacle else "+") == outcome


def test_nobody_is_offered_what_only_the_system_does() -> None:
    assert set(Command) - set(rules.OFFERED) == {Command.EXPIRE}
    with pytest.raises(Forbidden):
        rules.require(Command.EXPIRE, IN_STATE[State.APPROVED]().view(), Asked(TECHNICIAN, AFTER))
