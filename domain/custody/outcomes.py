"""What becomes of inventory operations: each outcome is stored with what it means, at once.

An outcome and its meaning to the assignment, the item's book and the requisition go in one
transaction: *issued* stands in the log exactly where *synced* does. All of these raise
``NotFound`` and the refusals of the operation's verbs.
"""

from datetime import datetime

from domain.assignments.assignment import Assignment
from domain.custody import asking, commands, proof
from domain.custody.keeping import book_of, who_has
from domain.custody.late import found_late
from domain.custody.meaning import Case, proven, refused
from domain.fields import check_text
from domain.ids import Id, id_of
from domain.inventory_operations.commands import RequestResolution, RetryOperation
from domain.inventory_operations.errors import HandedOutSince
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.queue import settled, waiting
from domain.permissions import INVENTORY_MANAGE
from domain.ports import Facts, Receipt, Store

ABANDONED = "abandoned"


async def prove(command: commands.ProveOperation, store: Store, facts: Facts) -> Receipt:
    """The inventory shows it. Raises ``Fenced`` and ``EvidenceUnfit``."""
    case = await _fenced(command.operation_id, command.fence, store, facts)
    proof.check_evidence(case.operation, command.evidence)
    case.operation.sync(command.evidence, command.at)
    await proven(case, proof.proof_of(command.evidence), command.at)
    return await _save(case)


async def refuse(command: commands.RefuseOperation, store: Store, facts: Facts) -> Receipt:
    """The inventory refuses it. Raises ``Fenced``."""
    case = await _fenced(command.operation_id, command.fence, store, facts)
    case.operation.fail(command.reason, command.message, command.gone, command.at)
    await refused(case, command.reason, gone=command.gone, shown=command.evidence, at=command.at)
    return await _save(case)


async def raise_attention(command: commands.RaiseAttention, store: Store, facts: Facts) -> Receipt:
    """It needs a person. Raises ``Fenced``."""
    case = await _fenced(command.operation_id, command.fence, store, facts)
    case.operation.raise_problem(command.problem, command.at)
    if case.assignment is not None:
        case.assignment.raise_attention(command.operation_id, command.problem.reason, command.at)
    return await _save(case)


async def retry(command: RetryOperation, store: Store, facts: Facts) -> Receipt:
    """Let it be tried again.

    Raises ``PermissionMissing``, ``InvalidField``, ``HandedOutSince``, and ``ItemNotMapped`` or
    ``CustodianNotMapped`` where that is why it was never sent.
    """
    command.by.require(INVENTORY_MANAGE)
    check_text(("reason",), command.reason)
    operation = await store.load(InventoryOperation, command.operation_id, command.expected_version)
    await _address(operation, store, facts, command.at)
    operation.order_retry(command.by.user_id, command.reason, command.at)
    unchanged = await _still_unwanted(operation, store, command.at)
    return await store.save(
        operation, changes=[waiting(operation, command.at)], unchanged=unchanged
    )


async def request_resolution(command: RequestResolution, store: Store, facts: Facts) -> Receipt:
    """Let it be read back. Raises as ``retry`` does, without ``HandedOutSince``."""
    command.by.require(INVENTORY_MANAGE)
    check_text(("reason",), command.reason)
    operation = await store.load(InventoryOperation, command.operation_id, command.expected_version)
    await _address(operation, store, facts, command.at)
    operation.request_resolution(command.by.user_id, command.reason, command.at)
    return await store.save(operation, changes=[waiting(operation, command.at)])


async def abandon(command: commands.AbandonOperation, store: Store, facts: Facts) -> Receipt:
    """Give it up. Raises ``Forbidden`` and the operation's ``WrongState``."""
    command.by.require(INVENTORY_MANAGE)
    case = await _case(command.operation_id, store, facts, command.expected_version)
    case.operation.abandon(command.by.user_id, command.reason, command.at)
    await refused(case, ABANDONED, gone=False, shown=None, at=command.at)
    return await _save(case)


async def attest(command: commands.AttestOperation, store: Store, facts: Facts) -> Receipt:
    """Take an inventory manager's word for it. Raises ``Forbidden, WrongState, GivenUp``."""
    command.by.require(INVENTORY_MANAGE)
    case = await _case(command.operation_id, store, facts, command.expected_version)
    case.operation.resolve(command.by.user_id, command.reason, command.at)
    await proven(case, proof.word_for(case.operation, command.by.user_id, command.at), command.at)
    return await _save(case)


async def find_late_effect(command: commands.FindLateEffect, store: Store, facts: Facts) -> Receipt:
    """It happened after all: what the subject no longer wants is undone or shown as drift.

    Raises ``InventoryAsked`` while a worker is at another hand-over that may count it.
    """
    case = await _case(command.operation_id, store, facts)
    given_up = case.operation.given_up
    case.operation.find_late_effect(command.evidence, command.at)
    await found_late(case, command.evidence, given_up=given_up, at=command.at)
    return await _save(case)


async def _still_unwanted(
    operation: InventoryOperation, store: Store, at: datetime
) -> list[tuple[Id, int]]:
    """What shows that nobody has what the operation undoes, as streams that must not move.

    Raises ``HandedOutSince``. Only assets are looked at: units are taken back row by row, and no
    rows are counted twice.
    """
    if operation.kind is not Kind.CHECKIN or operation.compensates is None:
        return []
    assignment = await store.load(Assignment, operation.subject_id)
    book = await book_of(assignment.item, assignment.tenant_id, store, at)
    if await who_has(book, store):
        raise HandedOutSince
    return [(id_of(book.id), book.version)]


async def _address(operation: InventoryOperation, store: Store, facts: Facts, at: datetime) -> None:
    """Give an operation of an assignment the numbers that it lacks."""
    if operation.subject_kind != asking.SUBJECT:
        return
    if operation.item["external_id"] is not None and operation.target is not None:
        return
    assignment = await store.load(Assignment, operation.subject_id)
    address = await asking.whole_address_of(assignment, facts)
    operation.address(address.item, address.target, at)


async def _fenced(operation_id: Id, fence: int, store: Store, facts: Facts) -> Case:
    case = await _case(operation_id, store, facts)
    case.operation.check_fence(fence)
    return case


async def _case(
    operation_id: Id, store: Store, facts: Facts, expected_version: int | None = None
) -> Case:
    operation = await store.load(InventoryOperation, operation_id, expected_version)
    return await Case.of(operation, store, facts)


async def _save(case: Case) -> Receipt:
    changes = [settled(case.operation), *case.changes]
    return await case.store.save(case.operation, *case.others, changes=changes)
