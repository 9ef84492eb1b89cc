"""Whatever is asked of a requisition, by whomever, in whatever order."""

import copy
from collections.abc import Callable
from datetime import timedelta
from itertools import count
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
from domain.ids import Id
from domain.ports import PolicyFact
from domain.requisitions import rules
from domain.requisitions.approval import LineApproval
from domain.requisitions.availability import Availability
from domain.requisitions.content import PURCHASE, Header, Line
from domain.requisitions.quantities import Place, State, state_after_approval
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
from tests.builders.requisitions import (
    LAPTOPS,
    LIVE_TWO_STEPS,
    MODEL,
    TWO_STEPS,
    Event,
    asked,
    asset,
    assignment,
    line,
    operation,
    read_back,
    told,
)
from tests.fixtures.exploring import examples

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
LINES: Final = (line("a", 1), line("b", 2), LAPTOPS)
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
picks = st.integers(min_value=0, max_value=8)
"""Which line: one of those that are there, or seldom one that is not."""
models = st.sampled_from((MODEL, MODEL, MODEL, None))
units = st.integers(min_value=1, max_value=5)
texts = st.sampled_from(("because", "why not"))
seldom = st.sampled_from((False,) * 7 + (True,))
"""What ends a history is not asked for at every turn."""
policies = st.sampled_from(((), (TWO_STEPS,), (LIVE_TWO_STEPS,)))
KNOWN: Final = Availability(known=True, remaining={LAPTOPS.line_id: 4})
seen = st.sampled_from(
    (
        KNOWN,
        KNOWN,
        Availability(known=True, remaining={LAPTOPS.line_id: None}),
        Availability(known=False, remaining={LAPTOPS.line_id: None}, retry_after_s=45),
        None,
    )
)
"""What the inventory has, as somebody has just seen it."""


class AnyHistory(RuleBasedStateMachine):
    """Drives one requisition with every command, and believes nothing."""

    requisition: Requisition

    @initialize(
        lines=st.sampled_from((LINES, LINES[:1], LINES[1:], LINES[2:], ())),
        known=policies,
        until=st.sampled_from((State.DRAFT, State.SUBMITTED, State.APPROVED, State.APPROVED)),
    )
    def draft(self, lines: tuple[Line, ...], known: tuple[PolicyFact, ...], until: State) -> None:
        """Begin, and go straight on to where the deeper states are near."""
        self.now = NOW
        self.again: Requisition | None = None
        self.numbers = count(1)
        self.requisition = Requisition.draft(
            uuid4(), PROJECT, HEADER, lines, asked(REQUESTER), project_archived=False
        )
        if lines and until != State.DRAFT:
            self.requisition.submit(known, asked(REQUESTER), project_archived=False)
        while lines and until == State.APPROVED != self.requisition.state:
            step = self.requisition.approval.present_step
            self.requisition.approve((), None, asked((APPROVER, BOSS)[step - 1]), KNOWN)
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

    @rule(hours=st.integers(min_value=1, max_value=15))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

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

    @rule(by=requesters, pick=picks, quantity=units)
    def change_line(self, by: Caller, pick: int, quantity: int) -> None:
        self.give(
            Command.CHANGE_LINE,
            self.asked(by),
            lambda given: self.requisition.change_line(
                self.line_id(pick), given, quantity=quantity
            ),
        )

    @rule(by=requesters, pick=picks)
    def remove_line(self, by: Caller, pick: int) -> None:
        self.give(
            Command.REMOVE_LINE,
            self.asked(by),
            lambda given: self.requisition.remove_line(self.line_id(pick), given),
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

    @rule(by=approvers, found=seen)
    def approve_all(self, by: Caller, found: Availability | None) -> None:
        self.approve((), by, found)

    @rule(by=approvers, pick=picks, approved=st.integers(min_value=0, max_value=6), found=seen)
    def approve_some(
        self, by: Caller, pick: int, approved: int, found: Availability | None
    ) -> None:
        self.approve((LineApproval(self.line_id(pick), approved),), by, found)

    def approve(
        self, approvals: tuple[LineApproval, ...], by: Caller, found: Availability | None
    ) -> None:
        """Nothing is decided blind where the policy that was pinned does not allow it."""
        is_blind = (
            LAPTOPS.line_id in self.requisition.lines
            and self.requisition.approval.policy_id == LIVE_TWO_STEPS.id
            and found is not KNOWN
        )
        before = len(self.events)
        self.give(
            Command.APPROVE,
            self.asked(by),
            lambda given: self.requisition.approve(approvals, "some", given, found),
        )
        assert not is_blind or len(self.events) == before

    @rule(by=approvers, reason=texts, seldom=seldom)
    def reject(self, by: Caller, reason: str, seldom: bool) -> None:
        if not seldom:
            return
        self.give(
            Command.REJECT,
            self.asked(by),
            lambda given: self.requisition.reject(reason, given),
        )

    @rule(
        by=approvers,
        to=mostly(OTHER_APPROVER),
        minutes=st.sampled_from((None, 60, 300, -5)),
    )
    def delegate(self, by: Caller, to: Caller, minutes: int | None) -> None:
        until = None if minutes is None else self.now + timedelta(minutes=minutes)
        self.give(
            Command.DELEGATE,
            self.asked(by),
            lambda given: self.requisition.delegate(as_member(to), until, given),
        )

    @rule(by=mostly(REQUESTER, TECHNICIAN), role=roles, reason=texts, seldom=seldom)
    def cancel(self, by: Caller, role: str | None, reason: str, seldom: bool) -> None:
        if not seldom:
            return
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

    @rule(by=technicians, pick=picks, quantity=units)
    def fulfil(self, by: Caller, pick: int, quantity: int) -> None:
        self.give(
            Command.FULFIL,
            self.asked(by),
            lambda given: self.requisition.fulfil(self.line_id(pick), quantity, None, given),
        )

    @rule(by=technicians)
    def fulfil_what_is_open(self, by: Caller) -> None:
        def verb(given: Asked) -> None:
            for line_id in open_lines:
                units = self.requisition.quantities[line_id].open
                self.requisition.fulfil(line_id, units, None, given)

        open_lines = [
            line_id
            for line_id, units in self.requisition.quantities.items()
            if units.open > 0 and self.requisition.lines[line_id].item.kind == PURCHASE
        ]
        if open_lines:
            self.give(Command.FULFIL, self.asked(by), verb)

    @rule(by=technicians, pick=picks, reason=st.sampled_from((None, "because")), model=models)
    def allocate(self, by: Caller, pick: int, reason: str | None, model: Id | None) -> None:
        number = next(self.numbers)
        self.give(
            Command.ALLOCATE,
            self.asked(by),
            lambda given: self.requisition.allocate(
                self.line_id(pick), assignment(number), asset(number, model), 1, reason, given
            ),
        )

    @rule(by=technicians, pick=picks)
    def deallocate(self, by: Caller, pick: int) -> None:
        self.give(
            Command.DEALLOCATE,
            self.asked(by),
            lambda given: self.requisition.deallocate(self.assignment_id(pick), "broken", given),
        )

    @rule(known=st.booleans())
    def what_the_inventory_has_is_noted(self, known: bool) -> None:
        found = Availability(known, dict.fromkeys(self.requisition.lines))
        self.react(lambda: self.requisition.note_availability(Command.APPROVE, found, self.now))

    @precondition(lambda self: self.requisition.allocations)
    @rule(pick=picks)
    def hand_over(self, pick: int) -> None:
        self.react(
            lambda: self.requisition.line_issuing(
                self.assignment_id(pick), operation(1), TECHNICIAN.user_id, self.now
            )
        )

    @precondition(lambda self: self.requisition.allocations)
    @rule(pick=picks, proven=st.booleans(), gone=st.booleans())
    def the_inventory_answers(self, pick: int, proven: bool, gone: bool) -> None:
        taken = self.assignment_id(pick)
        if proven:
            self.react(lambda: self.requisition.line_issued(taken, operation(1), self.now))
        else:
            self.react(
                lambda: self.requisition.line_issue_failed(
                    taken, operation(1), "no", self.now, gone=gone
                )
            )

    @rule(by=technicians, pick=picks, quantity=units, reason=texts)
    def close_short(self, by: Caller, pick: int, quantity: int, reason: str) -> None:
        self.give(
            Command.CLOSE_SHORT,
            self.asked(by),
            lambda given: self.requisition.close_short(self.line_id(pick), quantity, reason, given),
        )

    @precondition(lambda self: self.requisition.state in (State.APPROVED, State.FULFILLING))
    @rule()
    def expire(self) -> None:
        self.react(lambda: self.requisition.expire(self.now))

    def react(self, verb: Callable[[], object]) -> None:
        """Let the system tell it something, which it takes wholly or not at all."""
        before = _facts_of(self.requisition)
        refusal = _refusal(verb)
        new = told(self.requisition)
        assert (refusal is None) == bool(new)
        assert refusal is None or _facts_of(self.requisition) == before
        self.events += new

    def line_id(self, pick: int) -> Id:
        there = tuple(self.requisition.lines)
        return there[pick % len(there)] if there and pick else line("nowhere").line_id

    def assignment_id(self, pick: int) -> Id:
        there = tuple(self.requisition.allocations)
        return there[pick % len(there)] if there else assignment(0)

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
    def assignments_take_what_the_quantities_say(self) -> None:
        allocations = self.requisition.allocations.values()
        for line_id, units in self.requisition.quantities.items():
            own = [one for one in allocations if one.line_id == line_id]
            kept = sum(one.quantity for one in own if one.place == Place.ALLOCATED)
            leaving = sum(one.quantity for one in own if one.place == Place.ISSUING)
            out = sum(one.quantity for one in own if one.place == Place.ISSUED)
            assert (kept, leaving) == (units.allocated, units.issuing)
            assert out <= units.issued

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
        if state in TERMINAL:
            assert not any(line.allocated or line.issuing for line in lines)

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
        for event in self.events[self.again.version if self.again else 0 :]:
            self.again = read_back(event).mutate(self.again)
        assert self.again is not None
        assert _facts_of(self.again) == _facts_of(self.requisition)
        assert self.again.version == self.requisition.version == len(self.events)

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
    """What there is to know about it, apart from it: whatever can be changed in place is copied."""
    return {
        name: copy.copy(fact)
        for name, fact in vars(requisition).items()
        if name != "_pending_events"
    }


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=examples(300), stateful_step_count=40)
