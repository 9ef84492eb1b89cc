"""Whatever is asked of a requisition, by whomever, in whatever order."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from domain.caller import Caller
from domain.errors import Forbidden, Refused
from domain.ports import PolicyFact
from domain.requisitions import rules
from domain.requisitions.approval import LineApproval
from domain.requisitions.content import Header, Line
from domain.requisitions.quantities import State, state_after_approval
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked, Command
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    BOSS,
    NOW,
    OTHER_APPROVER,
    OTHER_MEMBER,
    PROJECT,
    REQUESTER,
    STRANGER,
    TECHNICIAN,
    TRUSTED_SELF_APPROVER,
    as_member,
)
from tests.builders.requisitions import TWO_STEPS, Event, asked, line, replayed, told

PEOPLE: Final = (
    REQUESTER,
    OTHER_MEMBER,
    APPROVER,
    OTHER_APPROVER,
    BOSS,
    TECHNICIAN,
    ADMINISTRATOR,
    STRANGER,
    TRUSTED_SELF_APPROVER,
)
LINES: Final = tuple(line(name, quantity) for name, quantity in (("a", 1), ("b", 2), ("c", 5)))
HEADER: Final = Header(purpose="Anything", needed_until=NOW + timedelta(hours=20))
IN_APPROVAL: Final = (State.DRAFT, State.CHANGES_REQUESTED, State.SUBMITTED)
TERMINAL: Final = (State.FULFILLED, State.REJECTED, State.CANCELLED, State.EXPIRED)


def mostly(*apt: Caller) -> st.SearchStrategy[Caller]:
    """Somebody who may, more often than not."""
    return st.sampled_from((*apt * 6, *PEOPLE))


requesters = mostly(REQUESTER)
approvers = mostly(APPROVER, BOSS, TRUSTED_SELF_APPROVER)
technicians = mostly(TECHNICIAN)
roles = st.sampled_from((None, "member", "member", "member", "lead"))
line_ids = st.sampled_from([known.line_id for known in (*LINES, line("nowhere"))])
units = st.integers(min_value=1, max_value=6)
texts = st.sampled_from(("because", "why not"))
policies = st.sampled_from(((), (TWO_STEPS,)))


class AnyHistory(RuleBasedStateMachine):
    """Drives one requisition with every command, and believes nothing."""

    requisition: Requisition

    @initialize(lines=st.lists(st.sampled_from(LINES), max_size=3, unique=True))
    def draft(self, lines: list[Line]) -> None:
        self.now = NOW
        self.requisition = Requisition.draft(
            uuid4(), PROJECT, HEADER, lines, asked(REQUESTER), project_archived=False
        )
        self.events: list[Event] = told(self.requisition)

    def give(self, command: Command, given: Asked, verb: Callable[[Asked], object]) -> None:
        """Ask, and hold what comes of it against what the rules said before."""
        before = _facts_of(self.requisition)
        may = _may(command, self.requisition, given)
        refusal = _refusal(lambda: verb(given))
        new = told(self.requisition)
        if refusal is None:
            assert may
            self.events += new
        else:
            assert new == []
            assert _facts_of(self.requisition) == before
            assert not (may and isinstance(refusal, Forbidden))

    @rule(minutes=st.integers(min_value=1, max_value=300))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(by=requesters, purpose=texts)
    def edit(self, by: Caller, purpose: str) -> None:
        self.give(
            Command.EDIT,
            self.asked(by),
            lambda given: self.requisition.edit(given, purpose=purpose),
        )

    @rule(by=requesters, wanted=st.sampled_from(LINES))
    def add_line(self, by: Caller, wanted: Line) -> None:
        if wanted.line_id in self.requisition.lines:
            return
        self.give(
            Command.ADD_LINE,
            self.asked(by),
            lambda given: self.requisition.add_line(wanted, given),
        )

    @rule(by=requesters, line_id=line_ids, quantity=units)
    def change_line(self, by: Caller, line_id: str, quantity: int) -> None:
        self.give(
            Command.CHANGE_LINE,
            self.asked(by),
            lambda given: self.requisition.change_line(line_id, given, quantity=quantity),
        )

    @rule(by=requesters, line_id=line_ids)
    def remove_line(self, by: Caller, line_id: str) -> None:
        self.give(
            Command.REMOVE_LINE,
            self.asked(by),
            lambda given: self.requisition.remove_line(line_id, given),
        )

    @rule(
        by=requesters,
        role=roles,
        known=policies,
        archived=st.sampled_from((False, False, False, True)),
    )
    def submit(
        self, by: Caller, role: str | None, known: tuple[PolicyFact, ...], archived: bool
    ) -> None:
        self.give(
            Command.SUBMIT,
            self.asked(by, role),
            lambda given: self.requisition.submit(known, given, project_archived=archived),
        )

    @rule(by=requesters)
    def withdraw(self, by: Caller) -> None:
        self.give(
            Command.WITHDRAW,
            self.asked(by),
            lambda given: self.requisition.withdraw(None, given),
        )

    @rule(by=approvers, reason=texts)
    def request_changes(self, by: Caller, reason: str) -> None:
        self.give(
            Command.REQUEST_CHANGES,
            self.asked(by),
            lambda given: self.requisition.request_changes(reason, given),
        )

    @rule(by=approvers)
    def approve_all(self, by: Caller) -> None:
        self.give(
            Command.APPROVE,
            self.asked(by),
            lambda given: self.requisition.approve((), None, given),
        )

    @rule(by=approvers, line_id=line_ids, approved=st.integers(min_value=0, max_value=6))
    def approve_some(self, by: Caller, line_id: str, approved: int) -> None:
        some = (LineApproval(line_id, approved),)
        self.give(
            Command.APPROVE,
            self.asked(by),
            lambda given: self.requisition.approve(some, "some", given),
        )

    @rule(by=approvers, reason=texts)
    def reject(self, by: Caller, reason: str) -> None:
        self.give(
            Command.REJECT,
            self.asked(by),
            lambda given: self.requisition.reject(reason, given),
        )

    @rule(
        by=approvers,
        to=st.sampled_from(PEOPLE),
        minutes=st.none() | st.integers(min_value=-5, max_value=300),
    )
    def delegate(self, by: Caller, to: Caller, minutes: int | None) -> None:
        until = None if minutes is None else self.now + timedelta(minutes=minutes)
        self.give(
            Command.DELEGATE,
            self.asked(by),
            lambda given: self.requisition.delegate(as_member(to), until, given),
        )

    @rule(by=mostly(REQUESTER, TECHNICIAN), role=roles, reason=texts)
    def cancel(self, by: Caller, role: str | None, reason: str) -> None:
        self.give(
            Command.CANCEL,
            self.asked(by, role),
            lambda given: self.requisition.cancel(reason, given),
        )

    @rule(by=requesters, role=roles)
    def clone(self, by: Caller, role: str | None) -> None:
        def verb(given: Asked) -> None:
            clone = self.requisition.clone(uuid4(), given, project_archived=False)
            assert clone.state == State.DRAFT
            assert clone.lines == self.requisition.lines

        self.give(Command.CLONE, self.asked(by, role), verb)

    @rule(by=technicians, line_id=line_ids, quantity=units)
    def fulfil(self, by: Caller, line_id: str, quantity: int) -> None:
        self.give(
            Command.FULFIL,
            self.asked(by),
            lambda given: self.requisition.fulfil(line_id, quantity, None, given),
        )

    @rule(by=technicians, line_id=line_ids, quantity=units, reason=texts)
    def close_short(self, by: Caller, line_id: str, quantity: int, reason: str) -> None:
        self.give(
            Command.CLOSE_SHORT,
            self.asked(by),
            lambda given: self.requisition.close_short(line_id, quantity, reason, given),
        )

    @precondition(lambda self: self.requisition.state in (State.APPROVED, State.FULFILLING))
    @rule()
    def expire(self) -> None:
        before = _facts_of(self.requisition)
        refusal = _refusal(lambda: self.requisition.expire(self.now))
        new = told(self.requisition)
        assert (refusal is None) == bool(new)
        assert refusal is None or _facts_of(self.requisition) == before
        self.events += new

    def asked(self, by: Caller, role: str | None = "member") -> Asked:
        return asked(by, self.now, role)

    @invariant()
    def quantities_are_sound(self) -> None:
        lines = self.requisition.quantities.values()
        assert all(line.is_sound for line in lines)
        assert self.requisition.quantities.keys() == self.requisition.lines.keys()
        asked_for = {id: line.quantity for id, line in self.requisition.lines.items()}
        assert {id: q.requested for id, q in self.requisition.quantities.items()} == asked_for

    @invariant()
    def the_state_fits_the_quantities(self) -> None:
        lines = tuple(self.requisition.quantities.values())
        state = self.requisition.state
        if state in IN_APPROVAL:
            assert not any(line.taken for line in lines)
        if state in (State.APPROVED, State.FULFILLING, State.FULFILLED):
            assert any(line.approved for line in lines)
            assert state_after_approval(lines) == state
        if state in (State.REJECTED, State.EXPIRED, State.CANCELLED):
            assert not any(line.issued for line in lines)

    @invariant()
    def the_approval_fits_the_state(self) -> None:
        approval, state = self.requisition.approval, self.requisition.state
        assert (approval.step is not None) == (state == State.SUBMITTED)
        if state in (State.APPROVED, State.FULFILLING, State.FULFILLED):
            assert {step.decision for step in approval.steps} == {"approved"}
            for step in approval.steps:
                own = step.decided_by == self.requisition.requester_id
                assert not own or step.decided_by == TRUSTED_SELF_APPROVER.user_id

    @invariant()
    def the_events_replayed_through_their_stored_form_give_the_same(self) -> None:
        again = replayed(self.events)
        assert _facts_of(again) == _facts_of(self.requisition)
        assert again.version == self.requisition.version == len(self.events)

    @invariant()
    def who_is_at_the_end_stays_there(self) -> None:
        view = self.requisition.view()
        if view.state in TERMINAL:
            open_still = {c for c in rules.OFFERED if rules.obstacle(c, view) is None}
            assert open_still == {Command.CLONE}


def _refusal(verb: Callable[[], object]) -> Refused | None:
    try:
        verb()
    except Refused as refused:
        return refused
    return None


def _may(command: Command, requisition: Requisition, given: Asked) -> bool:
    try:
        rules.require(command, requisition.view(), given)
    except Forbidden:
        return False
    return True


def _facts_of(requisition: Requisition) -> dict[str, Any]:
    facts = vars(requisition)
    return copy.deepcopy({name: facts[name] for name in facts if name != "_pending_events"})


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
