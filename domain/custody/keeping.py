"""Keeping an item for somebody: the assignment and the item's book, which change together."""

from datetime import datetime

from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, Item, State, Terms
from domain.assignments.item_book import Hold, ItemBook
from domain.custody.errors import CustodianNotMapped, UnknownItem
from domain.errors import InvalidField, NotFound
from domain.ids import Id, book_id, uuid_of
from domain.ports import Facts, ItemFact, Store
from domain.requisitions.requisition import Requisition


async def kept(
    assignment_id: Id,
    terms: Terms,
    *,
    tenant_id: Id,
    by: Id | None,
    at: datetime,
    store: Store,
    facts: Facts,
    issue: bool = False,
) -> tuple[Assignment, ItemBook]:
    """A new reservation and the book that has it, both to be saved.

    While the inventory cannot be asked, or does not say how much there is, the reservation is
    not verified. Where it is to be handed over at once (``issue``), the mirror's number of units
    refuses nothing: see ``docs/decisions/0017``. Raises ``UnknownItem``, ``InvalidField`` for an
    unknown custodian, ``CustodianNotMapped``, ``ItemHeld`` and ``NotEnoughUnits``.
    """
    item = await facts.inventory_item(terms.item.kind, terms.item.id)
    if item is None:
        raise UnknownItem
    await _check_custodian(terms, facts)
    standing = await facts.inventory()
    assignment = Assignment.reserve(
        uuid_of(assignment_id),
        terms,
        tenant_id=tenant_id,
        verified=standing.available and _is_known(item),
        by=by,
        at=at,
    )
    book = await book_of(terms.item, tenant_id, store, at)
    hold = Hold(assignment_id, terms.quantity, terms.begins, terms.due)
    book.hold(hold, remaining=None if issue else item.remaining, at=at)
    return assignment, book


async def book_of(item: Item, tenant_id: Id, store: Store, at: datetime) -> ItemBook:
    """The book of an item, which is opened for its first reservation."""
    id = book_id(tenant_id, item.kind, item.id)
    try:
        return await store.load(ItemBook, id)
    except NotFound:
        return ItemBook.open(uuid_of(id), tenant_id=tenant_id, item=item, at=at)


async def who_has(book: ItemBook, store: Store) -> list[Assignment]:
    """The assignments whose custodians have the item, or are being handed it.

    What was lost and has turned up is in the book until the inventory has it back: nobody has it.
    """
    found = [await store.load(Assignment, id) for id in book.out_with]
    return [one for one in found if one.state is not State.CLOSED]


async def requisition_of(assignment: Assignment, store: Store) -> Requisition | None:
    """The requisition whose line the assignment meets, if any."""
    if assignment.requisition_id is None:
        return None
    return await store.load(Requisition, assignment.requisition_id)


async def remaining(item: Item, facts: Facts) -> int | None:
    """Units in the inventory's store, as the mirror has it. An asset has its book alone."""
    if item.kind == ASSET:
        return None
    found = await facts.inventory_item(item.kind, item.id)
    return None if found is None else found.remaining


async def _check_custodian(terms: Terms, facts: Facts) -> None:
    found = await facts.custodian(terms.custodian.kind, terms.custodian.id)
    if found is None:
        raise InvalidField(("custodian", "id"), "There is no such member or location.")
    if found.external_id is None:
        raise CustodianNotMapped


def _is_known(item: ItemFact) -> bool:
    return item.deployable is True if item.kind == ASSET else item.remaining is not None
