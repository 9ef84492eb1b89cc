"""What happens to an asset at a desk: the command of its assignment that this amounts to.

Which assignment that is stands in the asset's book, so it is the one that has it now.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, LOCATION, Custodian, Item, Terms
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import ISSUE, RETURN
from domain.caller import Caller
from domain.custody import handlers
from domain.custody.circulation_commands import Circulate, Circulation, one_custodian
from domain.custody.circulation_errors import AssetNotOut, NotTheCustodian
from domain.custody.keeping import book_of
from domain.errors import InvalidField, NotFound, PermissionMissing
from domain.ids import Id, id_of
from domain.ports import Facts, Receipt, Store

NEEDED: Final[Mapping[Circulation, str]] = MappingProxyType(
    {
        Circulation.ISSUE: ISSUE,
        Circulation.RETURN: RETURN,
        Circulation.MOVE: ISSUE,
        Circulation.RECEIVE: RETURN,
        Circulation.CONFIRM: ISSUE,
    }
)
"""The permission that each needs."""


def require_desk(by: Caller) -> None:
    """Raise ``PermissionMissing`` unless the caller may tell anything that happens to an asset."""
    if by.permissions.isdisjoint(NEEDED.values()):
        raise PermissionMissing(ISSUE)


async def assign(command: commands.ReserveItem, store: Store, facts: Facts) -> Receipt:
    """Reserve or hand over an asset that must be there. Raises ``NotFound``, and as a reserve."""
    if await facts.inventory_thing(ASSET, command.terms.item.id) is None:
        raise NotFound("There is no such asset.")
    return await handlers.reserve(command, store, facts)


async def circulate(command: Circulate, store: Store, facts: Facts) -> Receipt:
    """Let it happen; the receipt is the assignment's.

    Raises ``PermissionMissing``, ``InvalidField`` for an asset that neither the inventory nor
    anybody has, ``AssetNotOut``, ``NotTheCustodian`` and the refusals of the command that it amounts to.
    """
    command.by.require(NEEDED[command.type])
    item = Item(ASSET, command.asset_id)
    book = await book_of(item, command.by.tenant_id, store, command.at)
    known = await facts.inventory_item(ASSET, command.asset_id)
    if known is None and _out(book) is None:
        raise InvalidField(("asset_id",), "The inventory has no such asset.")
    match command.type:
        case Circulation.ISSUE:
            to = one_custodian(command.person_id, command.location_id)
            return await _issue(command, to, book, store, facts)
        case Circulation.MOVE:
            return await _move(command, book, store, facts)
        case Circulation.RETURN | Circulation.RECEIVE:
            return await _take_back(command, book, store, facts)
        case Circulation.CONFIRM:
            return await _confirm(command, book, store, facts)


async def _issue(
    command: Circulate, to: Custodian, book: ItemBook, store: Store, facts: Facts
) -> Receipt:
    """Hand over what is reserved for them, or the asset as it stands there."""
    reserved = await _reserved_for(to, book, store)
    if reserved is not None:
        hand_over = commands.IssueAssignment(assignment_id=reserved, by=command.by, at=command.at)
        return await handlers.issue(hand_over, store, facts)
    terms = Terms(item=book.item, custodian=to, begins=command.at, due=command.due, quantity=1)
    at_once = commands.ReserveItem(
        assignment_id=command.new_id, terms=terms, by=command.by, at=command.at, issue=True
    )
    return await handlers.reserve(at_once, store, facts)


async def _move(command: Circulate, book: ItemBook, store: Store, facts: Facts) -> Receipt:
    """The place has it: from whoever has it now, or from the store."""
    place = one_custodian(None, command.location_id)
    out = _out(book)
    if out is None:
        return await _issue(command, place, book, store, facts)
    hand_on = commands.TransferAssignment(
        assignment_id=out, successor_id=command.new_id, to=place, by=command.by, at=command.at
    )
    return await handlers.transfer(hand_on, store, facts)


async def _take_back(command: Circulate, book: ItemBook, store: Store, facts: Facts) -> Receipt:
    out = _out(book)
    if out is None:
        raise AssetNotOut
    back = commands.ReturnAssignment(
        assignment_id=out,
        location_id=command.location_id,
        note=command.notes,
        by=command.by,
        at=command.at,
    )
    return await handlers.receive(back, store, facts)


async def _confirm(command: Circulate, book: ItemBook, store: Store, facts: Facts) -> Receipt:
    """It was seen with its custodian: by them, or by whoever says so."""
    out = _out(book)
    if out is None:
        raise AssetNotOut
    custodian = (await store.load(Assignment, out)).custodian
    named = command.location_id if custodian.kind == LOCATION else command.person_id
    others = command.person_id if custodian.kind == LOCATION else command.location_id
    if others is not None or named not in (None, custodian.id):
        raise NotTheCustodian
    seen = commands.AcceptAssignment(
        assignment_id=out, witnessed=True, by=command.by, at=command.at
    )
    return await alone.accept(seen, store, facts)


def _out(book: ItemBook) -> Id | None:
    """The assignment under which the asset is out."""
    return next((hold.assignment_id for hold in book.holds.values() if hold.out), None)


async def _reserved_for(to: Custodian, book: ItemBook, store: Store) -> Id | None:
    """The first reservation of the asset that is for ``to``."""
    for hold in sorted(book.holds.values(), key=lambda hold: hold.begins):
        if not hold.out:
            assignment = await store.load(Assignment, hold.assignment_id)
            if assignment.custodian == to:
                return id_of(assignment.id)
    return None
