"""Whatever is asked at the desk, and whatever the inventory answers, in whatever order.

The inventory here is one drill that one person can have, and that anybody edits by hand. What it
shows is read at the moment of the proof: the log must never claim anything else.
"""

import json
from collections.abc import Awaitable
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, Final, TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Custodian, Item, State, Units
from domain.assignments.errors import InventoryAsked
from domain.assignments.item_book import FOR_GOOD, Hold
from domain.assignments.standing import Awaited
from domain.custody.errors import EvidenceUnfit
from domain.errors import NotFound, Refused
from domain.ids import Id, id_of
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.problems import Blocked
from tests.builders import operations
from tests.builders.assignments import BEN, CABLES, CHI, CUSTODIAN, DRILL, MANAGER, WORKSHOP
from tests.builders.desk import DOWN, NUMBERS, Desk, fitting
from tests.builders.people import OTHER_MEMBER, TECHNICIAN
from tests.fixtures.exploring import examples

T = TypeVar("T")

DAY: Final = timedelta(days=1)

SETTLED: Final = (OperationState.SYNCED, OperationState.FAILED, OperationState.COMPENSATED)
LIVE: Final = tuple(state for state in State if state not in (State.CLOSED, State.CANCELLED))
ELSEWHERE: Final = ("transfer_completed", "relinked")
CLAIMS: Final = ("issued", "returned", "asset_recovered", *ELSEWHERE, "transfer_compensated")

picks = st.integers(min_value=0, max_value=3)
people = st.sampled_from((TECHNICIAN,) * 7 + (MANAGER, CUSTODIAN, OTHER_MEMBER))
custodians = st.sampled_from((BEN, CHI, WORKSHOP))
days = st.integers(min_value=0, max_value=6)
items = st.sampled_from((DRILL, DRILL, DRILL, CABLES))
conditions = st.sampled_from((Condition.OK, Condition.OK, Condition.DAMAGED))


def now(asked: Awaitable[T]) -> T:
    """The outcome of a coroutine that waits for nothing."""
    coroutine: Any = asked
    try:
        coroutine.send(None)
    except StopIteration as done:
        outcome: T = done.value
        return outcome
    raise AssertionError("This waits for something.")


class AnyCustody(RuleBasedStateMachine):
    """Gives every command to a desk, and answers for the inventory."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.holder: tuple[str, int] | None = None
        self.status_id: int | None = None
        self.due: str | None = None
        self.happened: set[Id] = set()

    @initialize(item=items, proven=st.booleans(), transferred=st.booleans())
    def begin(self, item: Item, proven: bool, transferred: bool) -> None:
        """Go straight on to where the deeper states are near."""
        now(self.desk.reserve(item, issue=True))
        if proven:
            self.everything_is_done()
        if proven and transferred:
            now(self.desk.transfer(self.one(0)))

    # What people ask

    def ask(self, asked: Awaitable[object]) -> None:
        """Whatever is refused has stored nothing."""
        before = self.desk.count()
        try:
            now(asked)
        except Refused:
            assert self.desk.count() == before

    @rule(hours=st.integers(min_value=1, max_value=60))
    def time_passes(self, hours: int) -> None:
        self.desk.later(hours=hours)

    @rule(
        item=items,
        custodian=custodians,
        begin=days,
        length=st.integers(min_value=1, max_value=6),
        quantity=st.integers(min_value=1, max_value=4),
        by=people,
        issue=st.booleans(),
    )
    def reserve(
        self, item: Item, custodian: Custodian, begin: int, length: int, **more: Any
    ) -> None:
        begins = self.desk.at + begin * DAY
        if item == DRILL:
            more["quantity"] = 1
        due = begins + length * DAY
        self.ask(self.desk.reserve(item, custodian, begins=begins, due=due, **more))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, by=people, what=st.sampled_from(("issue", "cancel", "recover")))
    def simple(self, pick: int, by: Any, what: str) -> None:
        self.ask(getattr(self.desk, what)(self.one(pick), by))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, length=days, by=people)
    def extend(self, pick: int, length: int, by: Any) -> None:
        id = self.one(pick)
        due = self.desk.at + length * DAY
        self.ask(self.desk.request_extension(id, due, CUSTODIAN))
        self.ask(self.desk.approve_extension(id, due, by))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, condition=conditions, quantity=st.integers(1, 3), by=people)
    def receive(self, pick: int, condition: Condition, quantity: int, by: Any) -> None:
        self.ask(self.desk.receive(self.one(pick), Units(quantity, condition), by=by))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, kind=st.sampled_from(("lost", "stolen")))
    def lose(self, pick: int, kind: str) -> None:
        self.ask(self.desk.report_loss(self.one(pick), kind, TECHNICIAN))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks)
    def confirm_loss(self, pick: int) -> None:
        self.ask(self.desk.confirm_loss(self.one(pick)))

    @precondition(lambda self: self.gone())
    @rule(pick=picks)
    def turn_up(self, pick: int) -> None:
        """What is listed as gone is brought to the desk."""
        self.ask(self.desk.recover(self.gone()[pick % len(self.gone())]))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, to=custodians)
    def transfer(self, pick: int, to: Custodian) -> None:
        self.ask(self.desk.transfer(self.one(pick), to))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks)
    def look_at_the_clock(self, pick: int) -> None:
        id, at = self.one(pick), self.desk.at
        self.ask(self.desk.give(alone.mark_overdue, commands.MarkOverdue(assignment_id=id, at=at)))
        reminder = commands.RemindOfDue(assignment_id=id, day=-1, at=at)
        self.ask(self.desk.give(alone.remind, reminder))

    @precondition(lambda self: self.assignments())
    @rule(pick=picks, how=st.sampled_from(("external_return", "reasserted", "relinked")))
    def compare(self, pick: int, how: str) -> None:
        """The reconciler reads the drill, and a manager decides about what it finds."""
        id = self.one(pick)
        assignment = now(self.desk.assignment(id))
        if assignment.item == CABLES:
            return
        custodian = assignment.custodian
        if self.holder != (custodian.kind, NUMBERS[custodian]):
            self.ask(self.desk.drift(id, self.holder))
            self.ask(self.desk.resolve_drift(id, how))

    @rule(down=st.booleans())
    def the_line_breaks(self, down: bool) -> None:
        self.desk.facts.standing = DOWN if down else Desk().facts.standing

    # What the inventory does

    @rule(holder=st.sampled_from((None, None, ("user", 3), ("user", 99))))
    def somebody_edits_by_hand(self, holder: tuple[str, int] | None) -> None:
        self.holder = holder

    @precondition(lambda self: self.open())
    @rule(pick=picks, says=st.sampled_from(("done", "done", "done", "no", "gone", "late", "help")))
    def answer(self, pick: int, says: str) -> None:
        operation = self.open()[pick % len(self.open())]
        id = id_of(operation.id)
        if operation.state is OperationState.NEEDS_ATTENTION:
            self.ask(self.decide(says, id))
        elif says == "done":
            self.do(operation)
            self.prove(operation)
        elif says == "late":
            self.prove(operation)
        elif says == "help":
            now(self.desk.raise_attention(id, Blocked("unauthorized", "No.")))
        else:
            now(self.desk.refuse(id, gone=says == "gone"))

    def decide(self, says: str, id: Id) -> Awaitable[object]:
        """What becomes of an operation that needs a person."""
        if says == "done":
            return self.desk.attest(id)
        return self.late(id) if says == "late" else self.desk.abandon(id)

    @precondition(lambda self: self.given_up())
    @rule(pick=picks)
    def it_happens_after_all(self, pick: int) -> None:
        """The inventory applies what was given up, and the sweep finds it, if not at once."""
        operation = self.given_up()[pick % len(self.given_up())]
        id = id_of(operation.id)
        if id not in self.happened:
            before = self.holder
            self.do(operation)
            if self.holder == before:
                return
            self.happened.add(id)
        count, claims = self.desk.count(), self.claims()
        try:
            now(self.desk.find_late(id, self.shown(operation)))
        except InventoryAsked:
            assert self.desk.count() == count
        assert self.claims() == claims

    @precondition(lambda self: self.open())
    @rule()
    def everything_is_done(self) -> None:
        """The worker comes round to whatever waits for it."""
        for operation in self.open():
            if operation.state is OperationState.PENDING:
                self.do(operation)
                self.prove(operation)

    async def late(self, id: Id) -> None:
        operation = await self.desk.operation(id)
        self.do(operation)
        await self.desk.find_late(id, self.shown(operation))

    def do(self, operation: InventoryOperation) -> None:
        """Apply it, as far as the drill allows."""
        target = operation.target
        who = None if target is None else (target["kind"], target["external_id"])
        if operation.kind is Kind.CHECKOUT and self.holder is None:
            self.holder, self.due = who, operation.wanted["due"]
        elif operation.kind is Kind.CHECKIN and self.holder == who:
            self.holder = None
        elif operation.kind is Kind.SET_DUE:
            self.due = operation.wanted["due"]
        elif operation.kind is Kind.SET_STATUS:
            self.status_id = operation.wanted["status_id"]

    def shown(self, operation: InventoryOperation) -> EvidenceData:
        """What is read back, whether it is what was wanted or not."""
        if operation.item["kind"] != DRILL.kind:
            return fitting(operation)
        return operations.evidence(
            self.holder, expected_checkin=self.due, status_id=self.status_id, activity_id=1
        )

    def prove(self, operation: InventoryOperation) -> None:
        before = self.claims()
        sent = now(self.desk.send(id_of(operation.id)))
        try:
            now(self.desk.prove_sent(sent, self.shown(operation)))
        except EvidenceUnfit:
            assert self.claims() == before
            now(self.desk.raise_sent(sent, Blocked("not_proven", "It shows something else.")))

    # What must hold

    def assignments(self) -> list[Id]:
        return [id for id in self.desk.store.streams if self.kind_of(id) == "assignment"]

    def operations(self) -> list[InventoryOperation]:
        return [
            now(self.desk.operation(id))
            for id in self.desk.store.streams
            if self.kind_of(id) == "inventory_operation"
        ]

    def open(self) -> list[InventoryOperation]:
        return [one for one in self.operations() if one.state not in SETTLED]

    def given_up(self) -> list[InventoryOperation]:
        """Operations on the drill that came to nothing, as far as is known."""
        return [
            one
            for one in self.operations()
            if one.state is OperationState.FAILED
            and not one.late
            and one.item["kind"] == DRILL.kind
        ]

    def one(self, pick: int) -> Id:
        """One that lives, as long as there is one."""
        living = [id_of(one.id) for one in self.everyone() if one.state in LIVE]
        known = living or self.assignments()
        return known[pick % len(known)]

    def gone(self) -> list[Id]:
        """Those that ended with a loss."""
        return [id_of(one.id) for one in self.everyone() if one.standing.gone]

    def kind_of(self, id: Id) -> str:
        stream = self.desk.store.streams[id]
        return stream[0][0].split(".")[0] if stream else ""

    def claims(self) -> list[str]:
        """All that is claimed, stream by stream."""
        return [topic for topic in self.desk.store.topics if topic.split(".")[1] in CLAIMS]

    def everyone(self) -> list[Assignment]:
        return [now(self.desk.assignment(id)) for id in self.assignments()]

    @invariant()
    def nobody_is_promised_what_another_has(self) -> None:
        try:
            holds = list(now(self.desk.book()).holds.values())
        except NotFound:
            return
        assert sum(hold.out for hold in holds) <= 1
        lent = [hold for hold in holds if hold.assignment_id not in self.gone()]
        for one, other in combinations(lent, 2):
            assert not overlap(one, other), (one, other)

    @invariant()
    def units_are_never_negative(self) -> None:
        for assignment in self.everyone():
            standing = assignment.standing
            assert 0 <= standing.outstanding <= assignment.quantity
            assert standing.unreturned >= 0
            assert len(standing.rows) <= assignment.quantity

    @invariant()
    def what_lives_is_held_and_nothing_else(self) -> None:
        held: set[Id] = set()
        for item in (DRILL, CABLES):
            try:
                held |= set(now(self.desk.book(item)).holds)
            except NotFound:
                continue
        living = {id_of(one.id) for one in self.everyone() if one.state in LIVE}
        turned_up = {
            id_of(one.id) for one in self.everyone() if one.standing.awaits(Awaited.TURNED_UP)
        }
        assert held == living | turned_up

    @invariant()
    def what_is_awaited_is_open(self) -> None:
        waited = {id for one in self.everyone() for id in one.standing.pending}
        still = {id_of(operation.id) for operation in self.open() if not operation.given_up}
        undoing = {
            id_of(operation.id)
            for operation in self.open()
            if operation.compensates is not None and operation.kind is Kind.CHECKIN
        }
        assert waited == still - undoing

    @invariant()
    def every_claim_carries_what_shows_it(self) -> None:
        for assignment in self.everyone():
            for topic, state in self.desk.store.streams[id_of(assignment.id)]:
                fact = topic.split(".")[1]
                if fact in CLAIMS and assignment.item == DRILL:
                    assert shows(fact, assignment, json.loads(state)["evidence"])


def shows(fact: str, assignment: Assignment, evidence: EvidenceData) -> bool:
    """Whether the evidence of a claim is what it claims."""
    holder = evidence["assigned_to"]
    if fact in ("returned", "asset_recovered"):
        return holder is None
    custodian = assignment.custodian
    mine = [custodian.kind, NUMBERS[custodian]]
    return holder is not None and (list(holder) == mine) is (fact not in ELSEWHERE)


def overlap(one: Hold, other: Hold) -> bool:
    """Whether two holds promise the same time to two."""
    return one.begins < _end(other) and other.begins < _end(one)


def _end(hold: Hold) -> datetime:
    return FOR_GOOD if hold.until is None else hold.until


TestAnyCustody = AnyCustody.TestCase
TestAnyCustody.settings = settings(max_examples=examples(60), stateful_step_count=40)
