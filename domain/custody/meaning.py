"""What the outcome of an operation means to its assignment, the item's book and the requisition.

One function for each thing that an assignment may wait for, for the proof and for the refusal.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from eventsourcing.domain import Aggregate

from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, State
from domain.assignments.events import EvidenceData as Proof
from domain.assignments.item_book import ItemBook
from domain.assignments.standing import Awaited, Drift
from domain.custody import asking
from domain.custody.errors import CustodianNotMapped
from domain.custody.keeping import book_of, requisition_of
from domain.ids import Id, id_of, successor_id
from domain.inventory.changes import InventoryChange, ThingCreated
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.queue import waiting
from domain.ports import Facts, Store
from domain.requisitions.requisition import Requisition


@dataclass(slots=True)
class Case:
    """An operation, its assignment if it has one, and what else is to be saved with them."""

    operation: InventoryOperation
    assignment: Assignment | None
    store: Store
    facts: Facts
    others: list[Aggregate] = field(default_factory=list)
    changes: list[InventoryChange] = field(default_factory=list)

    @classmethod
    async def of(cls, operation: InventoryOperation, store: Store, facts: Facts) -> Self:
        """The case of an operation, with its assignment loaded."""
        if operation.subject_kind != asking.SUBJECT:
            return cls(operation, None, store, facts)
        assignment = await store.load(Assignment, operation.subject_id)
        return cls(operation, assignment, store, facts, [assignment])

    @property
    def awaited(self) -> Awaited | None:
        """What the operation would mean; None where nobody waits for it."""
        if self.assignment is None:
            return None
        pending = self.assignment.standing.pending.get(id_of(self.operation.id))
        return None if pending is None else pending.awaited

    def add_operation(self, operation: InventoryOperation, at: datetime) -> None:
        """Ask the inventory for something more."""
        self.others.append(operation)
        self.changes.append(waiting(operation, at))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A case with what its functions need: the assignment that surely is there.

    ``shown`` is what the inventory shows where it refuses.
    """

    case: Case
    assignment: Assignment
    id: Id
    at: datetime
    shown: EvidenceData | None = None

    async def book(self) -> ItemBook:
        assignment = self.assignment
        book = await book_of(assignment.item, assignment.tenant_id, self.case.store, self.at)
        self.case.others.append(book)
        return book

    async def requisition(self) -> Requisition | None:
        requisition = await requisition_of(self.assignment, self.case.store)
        if requisition is not None:
            self.case.others.append(requisition)
        return requisition


async def proven(case: Case, evidence: Proof, at: datetime) -> None:
    """Let everybody concerned know that the operation is proven."""
    if case.operation.compensates is not None:
        await _undone(case, case.operation.compensates, at)
    _keep_id(case, evidence)
    if case.assignment is None or case.awaited is None:
        return
    turn = _Turn(case, case.assignment, id_of(case.operation.id), at)
    await _PROVEN[case.awaited](turn, evidence)


def _keep_id(case: Case, evidence: Proof) -> None:
    """Let what was created stand under the id that it was asked for under, once it is known."""
    item = case.operation.item
    external_id = evidence["external_id"] or case.operation.created_external_id
    if item["external_id"] is None and item["id"] is not None and external_id is not None:
        tenant_id = case.operation.tenant_id
        case.changes.append(ThingCreated(tenant_id, item["kind"], item["id"], external_id))


async def refused(
    case: Case, reason: str, *, gone: bool, shown: EvidenceData | None, at: datetime
) -> None:
    """Let everybody concerned know that the operation came to nothing.

    ``shown`` is what the inventory shows instead; None where nobody has looked.
    """
    if case.assignment is None or case.awaited is None:
        return
    turn = _Turn(case, case.assignment, id_of(case.operation.id), at, shown)
    await _REFUSED[case.awaited](turn, reason, gone)


def holder_of(evidence: EvidenceData) -> tuple[str, int] | None:
    """Who has it according to the inventory, by its own kind and number; None for nobody."""
    actual = evidence["assigned_to"]
    return None if actual is None else (actual[0], actual[1])


async def _undone(case: Case, undone_id: Id, at: datetime) -> None:
    undone = await case.store.load(InventoryOperation, undone_id)
    undone.compensate(id_of(case.operation.id), at)
    case.others.append(undone)


async def _issued(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.issued(turn.id, evidence, turn.at)
    book = await turn.book()
    if turn.assignment.state is State.CLOSED:
        book.release(id_of(turn.assignment.id), turn.at)
    else:
        book.handed_out(id_of(turn.assignment.id), turn.at)
    requisition = await turn.requisition()
    if requisition is not None:
        requisition.line_issued(id_of(turn.assignment.id), turn.id, turn.at)
    await _return_noted(turn)


async def _return_noted(turn: _Turn) -> None:
    """What came back before the hand-over was settled is returned now."""
    assignment, case = turn.assignment, turn.case
    address = asking.Address(case.operation.item, case.operation.target)
    for noted in assignment.standing.noted:
        operation = await asking.bring_back(
            assignment, noted.back, address, noted.by, turn.at, case.facts
        )
        assignment.receive_noted(id_of(operation.id), turn.at)
        case.add_operation(operation, turn.at)


async def _issue_refused(turn: _Turn, reason: str, gone: bool) -> None:
    assignment_id = id_of(turn.assignment.id)
    turn.assignment.issue_failed(turn.id, reason, gone=gone, at=turn.at)
    book = await turn.book()
    if gone:
        book.release(assignment_id, turn.at)
    else:
        book.not_handed_out(assignment_id, turn.assignment.begins, turn.at)
    requisition = await turn.requisition()
    if requisition is not None:
        requisition.line_issue_failed(assignment_id, turn.id, reason, turn.at, gone=gone)


async def _returned(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.returned(turn.id, evidence, turn.at)
    await _fewer_out(turn)


async def _written_off(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.written_off(turn.id, evidence, turn.at)
    await _fewer_out(turn)


async def _fewer_out(turn: _Turn) -> None:
    book = await turn.book()
    book.come_back(id_of(turn.assignment.id), turn.assignment.standing.outstanding, turn.at)


async def _return_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.return_failed(turn.id, reason, turn.at)


async def _turned_up(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.asset_recovered(turn.id, evidence, turn.at)
    book = await turn.book()
    book.release(id_of(turn.assignment.id), turn.at)


async def _recovery_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.return_failed(turn.id, reason, turn.at)
    book = await turn.book()
    book.release(id_of(turn.assignment.id), turn.at)


async def _due_changed(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.due_changed(turn.id, evidence, turn.at)


async def _due_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.due_failed(turn.id, reason, turn.at)
    book = await turn.book()
    book.not_extended(id_of(turn.assignment.id), turn.assignment.standing.due, turn.at)


async def _lost(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.loss_confirmed(turn.id, evidence, turn.at)
    book = await turn.book()
    book.release(id_of(turn.assignment.id), turn.at)


async def _loss_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.loss_failed(turn.id, reason, turn.at)


async def _checked_in(turn: _Turn, evidence: Proof) -> None:
    """The first half of a transfer: the second is asked for."""
    assignment, case = turn.assignment, turn.case
    transfer = assignment.transfer_under_way
    try:
        to = await asking.target_of(transfer.to, case.facts)
    except CustodianNotMapped as unmapped:
        await _hand_back(turn, unmapped.code)
        return
    out = asking.hand_over(assignment, "transfer", case.operation.item, to, transfer.by, turn.at)
    assignment.transfer_checked_in(turn.id, id_of(out.id), evidence, turn.at)
    case.add_operation(out, turn.at)


async def _handed_on(turn: _Turn, evidence: Proof) -> None:
    """The second half of a transfer."""
    await _hand_on(turn, turn.assignment.transfer_completed(turn.id, evidence, turn.at))


async def _hand_on(turn: _Turn, successor: Assignment) -> None:
    """Keep what there is for the successor."""
    book = await turn.book()
    book.hand_on(id_of(turn.assignment.id), id_of(successor.id), turn.at)
    turn.case.others.append(successor)


async def _handed_back(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.transfer_compensated(turn.id, evidence, turn.at)


async def _check_in_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.transfer_failed(turn.id, None, reason, turn.at)


async def _hand_on_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    await _hand_back(turn, reason)


async def _hand_back(turn: _Turn, reason: str) -> None:
    """Undo the first half of a transfer: the old custodian gets it again."""
    case = turn.case
    check_in_id = turn.assignment.transfer_under_way.check_in_id
    check_in = await _operation(case, check_in_id)
    target = check_in.target
    if target is None:
        raise LookupError(f"a transfer that took {check_in_id} back from nobody")
    back = asking.hand_over(
        turn.assignment,
        "transfer",
        check_in.item,
        target,
        None,
        turn.at,
        compensates=check_in_id,
    )
    turn.assignment.transfer_failed(turn.id, id_of(back.id), reason, turn.at)
    check_in.request_compensation(id_of(back.id), turn.at)
    case.add_operation(back, turn.at)


async def _operation(case: Case, id: Id) -> InventoryOperation:
    if id == id_of(case.operation.id):
        return case.operation
    operation = await case.store.load(InventoryOperation, id)
    case.others.append(operation)
    return operation


async def _hand_back_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    shown = turn.shown
    drift = None if shown is None else Drift(holder_of(shown), shown["read_at"])
    turn.assignment.transfer_failed(turn.id, None, reason, turn.at, shown=drift)


async def _reasserted(turn: _Turn, evidence: Proof) -> None:
    turn.assignment.reasserted(turn.id, evidence, turn.at)
    await _return_noted(turn)


async def _relinked(turn: _Turn, evidence: Proof) -> None:
    target = turn.case.operation.target
    if target is None:
        raise LookupError(f"{turn.id} relinks to nobody")
    to, next_id = Custodian(target["kind"], target["id"]), successor_id(turn.id)
    successor = turn.assignment.relinked(turn.id, to, next_id, evidence, turn.at)
    await _hand_on(turn, successor)


async def _resolution_refused(turn: _Turn, reason: str, _gone: bool) -> None:
    turn.assignment.drift_resolution_failed(turn.id, reason, turn.at)
    await _return_noted(turn)


_Proven = Callable[[_Turn, Proof], Awaitable[None]]
_Refused = Callable[[_Turn, str, bool], Awaitable[None]]

_PROVEN: Final[Mapping[Awaited, _Proven]] = MappingProxyType(
    {
        Awaited.ISSUE: _issued,
        Awaited.RETURN: _returned,
        Awaited.RECOVERY: _returned,
        Awaited.TURNED_UP: _turned_up,
        Awaited.EXTERNAL_RETURN: _returned,
        Awaited.WRITE_OFF: _written_off,
        Awaited.DUE: _due_changed,
        Awaited.LOSS: _lost,
        Awaited.TRANSFER_IN: _checked_in,
        Awaited.TRANSFER_OUT: _handed_on,
        Awaited.TRANSFER_BACK: _handed_back,
        Awaited.REASSERT: _reasserted,
        Awaited.RELINK: _relinked,
    }
)

_REFUSED: Final[Mapping[Awaited, _Refused]] = MappingProxyType(
    {
        Awaited.ISSUE: _issue_refused,
        Awaited.RETURN: _return_refused,
        Awaited.RECOVERY: _return_refused,
        Awaited.TURNED_UP: _recovery_refused,
        Awaited.WRITE_OFF: _return_refused,
        Awaited.EXTERNAL_RETURN: _resolution_refused,
        Awaited.DUE: _due_refused,
        Awaited.LOSS: _loss_refused,
        Awaited.TRANSFER_IN: _check_in_refused,
        Awaited.TRANSFER_OUT: _hand_on_refused,
        Awaited.TRANSFER_BACK: _hand_back_refused,
        Awaited.REASSERT: _resolution_refused,
        Awaited.RELINK: _resolution_refused,
    }
)
