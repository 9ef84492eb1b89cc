"""Keeping items for the lines of a requisition, and letting go of them again.

The requisition, the assignments that keep something for it and the books of the items change
together: each of these stores all of them at once, or nothing. All of them raise ``NotFound``,
``VersionMismatch`` and the refusals of the verbs that they ask.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from eventsourcing.domain import Aggregate

from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, USER, Custodian, Item, Terms, check_terms
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import Asked as AskedOfAssignment
from domain.custody.errors import CustodianLeft
from domain.custody.keeping import book_of, kept
from domain.errors import InvalidField
from domain.ids import Id
from domain.ports import Facts, ItemFact, Receipt, Store
from domain.requisitions import commands
from domain.requisitions.errors import NotAllocated
from domain.requisitions.fulfilment import AllocatedItem
from domain.requisitions.handlers import standing_of
from domain.requisitions.requisition import EXPIRY_REASON, Requisition
from domain.requisitions.rules import Asked

CANCELLED: Final = "Its requisition was cancelled."


async def allocate(command: commands.AllocateLine, store: Store, facts: Facts) -> Receipt:
    """Keep an item for a line, for whoever is to have it.

    Raises ``InvalidField`` for an item that the inventory does not have and for a named custodian
    whom it does not know, ``CustodianLeft``, and as ``kept`` does.
    """
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    asked = Asked(command.by, command.at)
    item = await _item(command, facts)
    requisition.allocate(
        command.line_id,
        command.assignment_id,
        AllocatedItem(item.kind, item.id, item.model_id),
        command.quantity,
        command.substitution_reason,
        asked,
    )
    terms = _terms(command, requisition)
    await _check_custodian(terms.custodian, facts, named=command.custodian is not None)
    assignment, book = await kept(
        command.assignment_id,
        terms,
        tenant_id=requisition.tenant_id,
        by=command.by.user_id,
        at=command.at,
        store=store,
        facts=facts,
    )
    return await store.save(requisition, assignment, book, line_id=command.line_id)


async def deallocate(command: commands.DeallocateLine, store: Store, facts: Facts) -> Receipt:
    """Give up what an assignment keeps for a line. Raises ``NotAllocated``."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    taken = requisition.allocations.get(command.assignment_id)
    requisition.deallocate(command.assignment_id, command.reason, Asked(command.by, command.at))
    if taken is None or taken.line_id != command.line_id:
        raise NotAllocated
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.cancel(command.reason, AskedOfAssignment(command.by, command.at))
    book = await book_of(assignment.item, assignment.tenant_id, store, command.at)
    book.release(command.assignment_id, command.at)
    return await store.save(requisition, assignment, book, line_id=command.line_id)


async def cancel(command: commands.CancelRequisition, store: Store, facts: Facts) -> Receipt:
    """Call a requisition off; what is kept for it is free again."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    standing = await standing_of(requisition.project_id, command.by, facts)
    held = requisition.held
    requisition.cancel(command.reason, Asked(command.by, command.at, standing.role))
    released = await _released(held, CANCELLED, store, command.at)
    unchanged = [(standing.project_id, standing.version)]
    return await store.save(requisition, *released, unchanged=unchanged)


async def expire(command: commands.ExpireRequisition, store: Store, facts: Facts) -> Receipt:
    """Give up what was not handed over in time; what is kept for it is free again."""
    requisition = await store.load(Requisition, command.requisition_id)
    held = requisition.held
    requisition.expire(command.at)
    released = await _released(held, EXPIRY_REASON, store, command.at)
    return await store.save(requisition, *released)


async def _released(held: Sequence[Id], reason: str, store: Store, at: datetime) -> list[Aggregate]:
    """These reservations, given up, and the books that are free of them."""
    assignments: list[Aggregate] = []
    books: dict[Item, ItemBook] = {}
    for assignment_id in held:
        assignment = await store.load(Assignment, assignment_id)
        assignment.lapse(reason, at)
        assignments.append(assignment)
        item = assignment.item
        if item not in books:
            books[item] = await book_of(item, assignment.tenant_id, store, at)
        books[item].release(assignment_id, at)
    return [*assignments, *books.values()]


async def _item(command: commands.AllocateLine, facts: Facts) -> ItemFact:
    item = await facts.inventory_item(command.item_kind, command.item_id)
    if item is None:
        field = "asset_id" if command.item_kind == ASSET else "item_id"
        raise InvalidField((field,), f"The inventory has no such {command.item_kind}.")
    return item


async def _check_custodian(custodian: Custodian, facts: Facts, *, named: bool) -> None:
    """What ``kept`` does not say as it should be said here: by the field, if there is one."""
    found = await facts.custodian(custodian.kind, custodian.id)
    if found is None and not named:
        raise CustodianLeft
    if found is not None and found.external_id is None and named:
        raise InvalidField(
            ("custodian", "id"),
            "Nothing in the inventory stands for this; ask an inventory manager to map it.",
        )


def _terms(command: commands.AllocateLine, requisition: Requisition) -> Terms:
    """What is lent, for when they need it: to whom the command names, or who asked for it."""
    header = requisition.header
    kind, id = command.custodian or (USER, header.beneficiary_id or requisition.requester_id)
    due = command.due or header.needed_until
    if due is not None and due <= command.at:
        raise InvalidField(("due",), "This lies in the past.")
    terms = Terms(
        item=Item(command.item_kind, command.item_id),
        custodian=Custodian(kind, id),
        begins=command.begins or max(header.needed_from or command.at, command.at),
        due=due,
        quantity=command.quantity,
        project_id=requisition.project_id,
        requisition_id=command.requisition_id,
        line_id=command.line_id,
    )
    check_terms(terms)
    return terms
