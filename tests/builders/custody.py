"""Custody as it may go: assignments to which anything allowed has happened, books and operations."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from domain.assignments.assignment import Assignment
from domain.assignments.content import (
    Condition,
    Custodian,
    Item,
    Received,
    Terms,
    Units,
)
from domain.assignments.errors import NotAwaited
from domain.assignments.events import EvidenceData
from domain.assignments.item_book import Hold, ItemBook
from domain.assignments.rules import Asked
from domain.assignments.standing import Awaited, Drift, Pending
from domain.caller import Caller
from domain.errors import Refused
from domain.fields import time_text
from domain.ids import Id, uuid_of
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.ids import derived_id
from tests.builders import operations
from tests.builders.log import MemoryLog
from tests.builders.people import NOW, PROJECT, TENANT, with_roles

CUSTODIAN: Final = with_roles("custodian", "requester")
MANAGER: Final = with_roles("inventory manager", "inventory_manager")
ASSET: Final = Item("asset", derived_id("test", "asset"))
CABLES: Final = Item("accessory", derived_id("test", "cables"))
ROOM: Final = Custodian("location", derived_id("test", "room"))
BEN: Final = Custodian("user", CUSTODIAN.user_id)
DAY: Final = timedelta(days=1)


def evidence(read_at: str = "2026-11-21T09:00:00Z", **more: Any) -> EvidenceData:
    shown = EvidenceData(
        external_id=17,
        assigned_to=None,
        last_checkout=None,
        last_checkin=None,
        expected_checkin=None,
        status_id=None,
        rows=[],
        activity_id=None,
        read_at=read_at,
        attested_by=None,
    )
    return EvidenceData(**{**shown, **more})  # type: ignore[typeddict-item]  # the test's to get right


def reserved(
    name: str = "assignment",
    *,
    item: Item = ASSET,
    custodian: Custodian = BEN,
    quantity: int = 1,
    at: datetime = NOW,
    due: datetime | None = NOW + 7 * DAY,
    project_id: Id | None = PROJECT,
    tenant_id: Id = TENANT,
    by: Caller = MANAGER,
    line_id: Id | None = None,
) -> Assignment:
    """Something kept for a custodian."""
    terms = Terms(
        item=item,
        custodian=custodian,
        begins=at,
        due=due,
        quantity=quantity,
        project_id=project_id,
        requisition_id=None,
        line_id=line_id,
    )
    return Assignment.reserve(
        uuid_of(derived_id("test", name)),
        terms,
        tenant_id=tenant_id,
        verified=True,
        by=by.user_id,
        at=at,
    )


def issuing(assignment: Assignment, by: Caller = MANAGER, at: datetime = NOW) -> Id:
    """Have it handed over. Returns the operation that is asked for."""
    operation_id = assignment.next_operation("checkout")
    assignment.request_issue(operation_id, Asked(by, at))
    return operation_id


def issued(assignment: Assignment, at: datetime = NOW, **more: Any) -> Assignment:
    """The same, handed over and confirmed."""
    operation_id = issuing(assignment, at=at)
    assignment.issued(operation_id, evidence(assigned_to=("user", 5), **more), at)
    return assignment


def receiving(assignment: Assignment, quantity: int = 1, at: datetime = NOW) -> Id:
    """Take units back at the desk. Returns the operation that is asked for."""
    operation_id = assignment.next_operation("checkin")
    back = Received((Units(quantity, Condition.OK, None),), note="at the desk")
    assignment.receive(operation_id, back, Asked(MANAGER, at))
    return operation_id


class AnyAssignment:
    """An assignment, and whatever may happen to it, picked by chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.at = NOW
        item = chance.choice((ASSET, CABLES))
        units = 1 if item is ASSET else chance.randint(1, 5)
        name = f"assignment {chance.random()}"
        due = chance.choice((None, NOW + 10 * DAY))
        self.assignment = reserved(name, item=item, quantity=units, due=due)
        self.successor: Assignment | None = None

    @property
    def aggregates(self) -> list[Assignment]:
        """The assignment, and the one that it was handed on to."""
        return [one for one in (self.assignment, self.successor) if one is not None]

    def step(self) -> None:
        """Let something happen that is allowed; what is not, does not."""
        self.at += timedelta(hours=self._chance.randint(1, 30))
        try:
            self._chance.choice(self._acts())()
        except (Refused, NotAwaited):
            return

    def _acts(self) -> Sequence[Callable[[], None]]:
        assignment, chance, at = self.assignment, self._chance, self.at
        asked = Asked(chance.choice((MANAGER, MANAGER, CUSTODIAN)), at)

        def operation(kind: str) -> Id:
            return assignment.next_operation(kind)

        def receive() -> None:
            units = Units(chance.randint(1, 3), chance.choice(list(Condition)), "note")
            back = Received((units,), location_id=ROOM.id)
            if assignment.is_being_handed_over:
                assignment.note_return(back, asked)
            else:
                assignment.receive(operation("checkin"), back, asked)

        def unlisted() -> tuple[int, ...]:
            out = assignment.standing.rows[: assignment.standing.outstanding]
            return tuple(row for row in out if chance.random() < 0.5)

        later = at + timedelta(days=chance.randint(1, 20))
        acts: list[Callable[[], None]] = [
            *[lambda: assignment.request_issue(operation("checkout"), asked, offline=True)] * 3,
            lambda: assignment.accept("the terms", asked, witnessed=True),
            lambda: assignment.decline("broken", asked),
            lambda: assignment.request_extension(later, "not done", asked),
            lambda: _ignore(assignment.approve_extension(later, operation("set_due"), asked)),
            lambda: _ignore(assignment.approve_extension(None, None, asked)),
            lambda: assignment.refuse_extension("wanted", asked),
            lambda: assignment.tell_to_collect(at),
            lambda: assignment.mark_overdue(at),
            lambda: assignment.remind(chance.choice((-1, 0, 3)), at),
            receive,
            receive,
            lambda: assignment.report_loss(chance.choice(("lost", "stolen")), "gone", asked),
            lambda: assignment.confirm_loss(operation("set_status"), asked),
            lambda: assignment.recover(operation("checkin"), asked),
            lambda: assignment.transfer(
                operation("checkin"), ROOM, derived_id("test", f"after {assignment.id}"), asked
            ),
            lambda: assignment.detect_drift(chance.choice((None, ("user", 9))), at, at),
            lambda: assignment.detect_units_drift(unlisted(), at, at),
            lambda: assignment.drift_vanished(at),
            lambda: assignment.resolve_drift(
                chance.choice(("external_return", "reasserted", "relinked")),
                operation("checkout"),
                asked,
            ),
        ]
        if chance.random() < 0.03:
            acts = [
                lambda: assignment.cancel("not needed", asked),
                lambda: assignment.lapse("never collected", at),
            ]
        answers = [
            lambda pending=pending: self._answer(pending)
            for pending in assignment.standing.pending.values()
        ]
        return [*acts, *answers * 8]

    def _answer(self, pending: Pending) -> None:  # noqa: C901, PLR0912 - one case an answer
        assignment, id, at = self.assignment, pending.operation_id, self.at
        proof = evidence(rows=[3, 4, 5], attested_by=self._chance.choice((None, MANAGER.user_id)))
        if self._chance.random() < 0.15:
            assignment.raise_attention(id, "unauthorized", at)
            return
        if self._chance.random() < 0.25:
            self._refuse(pending)
            return
        match pending.awaited:
            case Awaited.ISSUE:
                assignment.issued(id, proof, at)
                self._return_noted()
            case Awaited.RETURN | Awaited.RECOVERY | Awaited.EXTERNAL_RETURN:
                assignment.returned(id, proof, at)
            case Awaited.WRITE_OFF:
                assignment.written_off(id, proof, at)
            case Awaited.TURNED_UP:
                assignment.asset_recovered(id, proof, at)
            case Awaited.DUE:
                assignment.due_changed(id, proof, at)
            case Awaited.LOSS:
                assignment.loss_confirmed(id, proof, at)
            case Awaited.TRANSFER_IN:
                assignment.transfer_checked_in(id, assignment.next_operation("out"), proof, at)
            case Awaited.TRANSFER_OUT:
                self.successor = assignment.transfer_completed(id, proof, at)
            case Awaited.TRANSFER_BACK:
                assignment.transfer_compensated(id, proof, at)
            case Awaited.REASSERT:
                assignment.reasserted(id, proof, at)
                self._return_noted()
            case Awaited.RELINK:
                after = derived_id("test", f"linked to {assignment.id}")
                self.successor = assignment.relinked(id, ROOM, after, proof, at)

    def _refuse(self, pending: Pending) -> None:
        assignment, id, at = self.assignment, pending.operation_id, self.at
        match pending.awaited:
            case Awaited.ISSUE:
                gone = self._chance.random() < 0.2
                assignment.issue_failed(id, "not_available", gone=gone, at=at)
            case Awaited.RETURN | Awaited.RECOVERY | Awaited.TURNED_UP | Awaited.WRITE_OFF:
                assignment.return_failed(id, "not_found", at)
            case Awaited.DUE:
                assignment.due_failed(id, "invalid", at)
            case Awaited.LOSS:
                assignment.loss_failed(id, "invalid", at)
            case Awaited.TRANSFER_OUT:
                back = assignment.next_operation("back")
                assignment.transfer_failed(id, back, "not_available", at)
            case Awaited.TRANSFER_IN | Awaited.TRANSFER_BACK:
                shown = self._chance.choice((None, Drift(("user", 9), time_text(at))))
                assignment.transfer_failed(id, None, "not_available", at, shown=shown)
            case Awaited.REASSERT | Awaited.EXTERNAL_RETURN | Awaited.RELINK:
                assignment.drift_resolution_failed(id, "not_available", at)
                self._return_noted()

    def _return_noted(self) -> None:
        while self.assignment.standing.noted:
            self.assignment.receive_noted(self.assignment.next_operation("checkin"), self.at)


class AnyBook:
    """An item's book, and whatever may happen to it, picked by chance."""

    def __init__(
        self, chance: random.Random, item: Item = CABLES, units: int | None = None
    ) -> None:
        self._chance = chance
        self.at = NOW
        self.units = units
        id = uuid_of(derived_id("test", f"book {chance.random()}"))
        self.book = ItemBook.open(id, tenant_id=TENANT, item=item, at=NOW)

    @property
    def aggregates(self) -> list[ItemBook]:
        """The book."""
        return [self.book]

    def step(self) -> None:
        """Let something happen that is allowed; what is not, does not."""
        chance, book = self._chance, self.book
        self.at += timedelta(hours=chance.randint(0, 30))
        begins = self.at + timedelta(hours=chance.randint(0, 200))
        until = chance.choice((None, begins + timedelta(hours=chance.randint(1, 200))))
        remaining = None if self.units is None else self.units - book.units_out
        new = Hold(derived_id("test", str(chance.random())), chance.randint(1, 3), begins, until)
        acts: list[Callable[[], None]] = [lambda: book.hold(new, remaining=remaining, at=self.at)]
        if book.holds:
            one = chance.choice(sorted(book.holds))
            acts += [
                lambda: book.hand_out(one, at=self.at),
                lambda: book.handed_out(one, self.at),
                lambda: book.not_handed_out(one, begins, self.at),
                lambda: book.extend(one, begins, remaining=remaining, at=self.at),
                lambda: book.come_back(one, chance.randint(0, 2), self.at),
                lambda: book.release(one, self.at),
            ]
        try:
            chance.choice(acts)()
        except Refused:
            return


class AnyOperation:
    """An inventory operation, and whatever may happen to it, picked by chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.at = NOW
        self.operation = operations.requested(chance.choice(list(Kind)))

    @property
    def aggregates(self) -> list[InventoryOperation]:
        """The operation."""
        return [self.operation]

    def step(self) -> None:
        """Let something happen that is allowed; what is not, does not."""
        self.at += timedelta(minutes=1)
        try:
            self._chance.choice(self._acts())()
        except Refused:
            return

    def _acts(self) -> Sequence[Callable[[], None]]:
        operation, at, by = self.operation, self.at, MANAGER.user_id
        fence, later = operation.fence + 1, self.at + DAY
        shown = operations.evidence(("user", 3))
        worker: list[Callable[[], None]] = [
            lambda: operation.start_attempt(fence, at),
            lambda: operation.start_verification(fence, at),
            lambda: operation.accept(self._chance.choice((None, 99)), at),
            lambda: operation.already_applied(at),
            lambda: operation.outcome_unknown("no answer", at),
            lambda: operation.fail_attempt("server_error", later, at),
            lambda: operation.not_applied(later, at),
            lambda: operation.block("unauthorized", "The token is not accepted.", at),
            lambda: operation.hold_back("item_not_mapped", "Nothing stands for it.", at),
            lambda: operation.address({**operation.item, "external_id": 99}, operation.target, at),
            lambda: operation.detect_conflict(shown, at),
            lambda: operation.exhaust("server_error", at),
            lambda: operation.order_retry(by, "mended", at),
            lambda: operation.request_resolution(by, "seen", at),
            lambda: operation.find_late_effect(shown, at),
            lambda: operation.request_compensation(TENANT, at),
            lambda: operation.compensate(TENANT, at),
        ]
        ends: list[Callable[[], None]] = [
            lambda: operation.sync(shown, at),
            lambda: operation.fail("not_available", "Not now.", gone=True, at=at),
            lambda: operation.resolve(by, "seen with my own eyes", at),
            lambda: operation.abandon(by, "never mind", at),
            lambda: operation.cancel("withdrawn", at),
        ]
        return worker * 4 + ends


def _ignore(_: object) -> None:
    """Take what a verb returns as read."""


Story = AnyAssignment | AnyOperation | AnyBook
STORIES: Final[tuple[Callable[[random.Random], Story], ...]] = (
    AnyAssignment,
    AnyOperation,
    AnyBook,
)


def busy_log(seed: int, streams: int = 12, steps: int = 40) -> MemoryLog:
    """The histories of assignments, books and operations, mixed as if all were at work at once."""
    chance = random.Random(seed)
    told: list[list[Any]] = []
    for number in range(streams):
        story: Story = STORIES[number % 3](chance)
        for _ in range(steps):
            story.step()
        told += [list(aggregate.pending_events) for aggregate in story.aggregates]
    log = MemoryLog()
    while told:
        stream = chance.choice(told)
        log.append([stream.pop(0)])
        told = [stream for stream in told if stream]
    return log
