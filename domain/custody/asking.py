"""How an assignment asks the inventory: the operation that goes with a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.assignments.assignment import Assignment
from domain.assignments.content import (
    ASSET,
    CUSTODIAN_KINDS,
    GONE,
    LOCATION,
    NEEDS_REPAIR,
    Custodian,
    Received,
    Units,
)
from domain.assignments.errors import SameCustodian
from domain.caller import Caller
from domain.custody.errors import CustodianNotMapped, HolderUnknown, ItemNotMapped, NoInventory
from domain.errors import InventoryUnavailable, RuleBroken
from domain.ids import Id, id_of, uuid_of
from domain.inventory_operations.events import ItemData, TargetData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, InventoryStanding, Store

SUBJECT = "assignment"
REASSERT = "reassert"
LOSS = "loss"


async def reachable(by: Caller, offline: str, facts: Facts) -> InventoryStanding:
    """The inventory, for what must not be done without it.

    Raises ``NoInventory``, and ``InventoryUnavailable`` for those without the permission
    ``offline``.
    """
    standing = await facts.inventory()
    if not standing.connected:
        raise NoInventory
    if not standing.available and not by.may(offline):
        raise InventoryUnavailable(retry_after_s=standing.retry_after_s)
    return standing


async def item_of(assignment: Assignment, facts: Facts) -> ItemData:
    """What is lent, with its number over there. Raises ``ItemNotMapped``."""
    item = assignment.item
    mapping = await facts.mapping(item.id)
    if mapping is None or mapping.external_id is None:
        raise ItemNotMapped
    return ItemData(kind=item.kind, id=item.id, external_id=mapping.external_id)


async def target_of(custodian: Custodian, facts: Facts) -> TargetData:
    """A custodian, with their number over there. Raises ``CustodianNotMapped``."""
    mapping = await facts.mapping(custodian.id)
    if mapping is None or mapping.external_id is None:
        raise CustodianNotMapped
    return TargetData(kind=custodian.kind, id=custodian.id, external_id=mapping.external_id)


async def earlier_of(assignment: Assignment, store: Store) -> list[Id]:
    """Hand-overs that were sent and came to nothing, of which nothing is being undone."""
    if assignment.item.kind == ASSET:
        return []
    failed = [await store.load(InventoryOperation, id) for id in assignment.standing.failed_issues]
    return [id_of(one.id) for one in failed if one.attempts and one.compensated_by is None]


@dataclass(frozen=True, slots=True)
class Address:
    """What is lent and who has it, with their numbers over there.

    ``lacking`` is the refusal for what has none: an item without a number, or no target.
    """

    item: ItemData
    target: TargetData | None
    lacking: RuleBroken | None = None


async def address_of(assignment: Assignment, facts: Facts) -> Address:
    """The address of an assignment's operations, as far as there is one."""
    lacking: RuleBroken | None = None
    target: TargetData | None = None
    try:
        target = await target_of(assignment.custodian, facts)
    except CustodianNotMapped as unmapped:
        lacking = unmapped
    try:
        return Address(await item_of(assignment, facts), target, lacking)
    except ItemNotMapped as unmapped:
        item = assignment.item
        return Address(ItemData(kind=item.kind, id=item.id, external_id=None), target, unmapped)


async def whole_address_of(assignment: Assignment, facts: Facts) -> Address:
    """The address, for what can wait until there is one.

    Raises ``ItemNotMapped`` and ``CustodianNotMapped``.
    """
    address = await address_of(assignment, facts)
    if address.lacking is not None:
        raise address.lacking
    return address


def hold_back(
    operation: InventoryOperation, assignment: Assignment, address: Address, at: datetime
) -> None:
    """Let a person see to an operation that cannot be sent; after the verb that asks for it."""
    if address.lacking is not None:
        operation.hold_back(address.lacking.code, address.lacking.detail, at)
        assignment.raise_attention(id_of(operation.id), address.lacking.code, at)


async def target_found(assignment: Assignment, facts: Facts) -> TargetData:
    """Whom the inventory shows with the item, as a custodian of ours.

    Raises ``HeldByNobody``, ``HolderUnknown`` and ``SameCustodian``.
    """
    kind, external_id = assignment.found_with
    known = await facts.mirrored(kind, external_id) if kind in CUSTODIAN_KINDS else None
    if known is None or known.id is None or await facts.custodian(kind, known.id) is None:
        raise HolderUnknown
    if Custodian(kind, known.id) == assignment.custodian:
        raise SameCustodian
    return TargetData(kind=kind, id=known.id, external_id=external_id)


def ask(
    assignment: Assignment,
    kind: Kind,
    purpose: str,
    item: ItemData,
    target: TargetData | None,
    wanted: dict[str, Any],
    by: Id | None,
    at: datetime,
    *,
    compensates: Id | None = None,
) -> InventoryOperation:
    """The next operation of an assignment: to be asked for in the verb, then saved with it."""
    return InventoryOperation.request(
        uuid_of(assignment.next_operation(kind)),
        tenant_id=assignment.tenant_id,
        kind=kind,
        purpose=purpose,
        subject_kind=SUBJECT,
        subject_id=id_of(assignment.id),
        item=item,
        target=target,
        wanted=wanted,
        requested_by=by,
        compensates=compensates,
        at=at,
    )


def hand_over(
    assignment: Assignment,
    purpose: str,
    item: ItemData,
    target: TargetData,
    by: Id | None,
    at: datetime,
    *,
    earlier: Sequence[Id] = (),
    compensates: Id | None = None,
) -> InventoryOperation:
    """The operation that gives what is lent to ``target``.

    ``earlier`` ones wanted the same and were given up: units that went out under them count.
    """
    if item["kind"] == ASSET:
        due = assignment.standing.due
        wanted: dict[str, Any] = {"due": None if due is None else date_of(due)}
        kind = Kind.CHECKOUT
    else:
        wanted = {"quantity": assignment.standing.outstanding, "earlier": list(earlier)}
        kind = Kind.QUANTITY_CHECKOUT
    return ask(assignment, kind, purpose, item, target, wanted, by, at, compensates=compensates)


def hand_over_again(
    assignment: Assignment, item: ItemData, target: TargetData, by: Id, at: datetime
) -> InventoryOperation:
    """The operation that gives ``target`` what it no longer has: an asset, or the units missed.

    Units that are out under their rows all the same count: the list may have been read wrong.
    """
    if item["kind"] == ASSET:
        return hand_over(assignment, REASSERT, item, target, by, at)
    units = assignment.standing.drifted_units
    wanted = {
        "quantity": units,
        "earlier": [],
        "missed": list(assignment.standing.rows_back(units)),
    }
    return ask(assignment, Kind.QUANTITY_CHECKOUT, REASSERT, item, target, wanted, by, at)


def take_back(
    assignment: Assignment,
    purpose: str,
    address: Address,
    quantity: int,
    by: Id | None,
    at: datetime,
    *,
    status_id: int | None = None,
    location_id: int | None = None,
) -> InventoryOperation:
    """The operation that takes units back from whoever has them."""
    item, target = address.item, address.target
    if item["kind"] == ASSET:
        wanted: dict[str, Any] = {"status_id": status_id, "location_id": location_id}
        return ask(assignment, Kind.CHECKIN, purpose, item, target, wanted, by, at)
    wanted = {"quantity": quantity, "rows": list(assignment.standing.rows_back(quantity))}
    return ask(assignment, Kind.QUANTITY_CHECKIN, purpose, item, target, wanted, by, at)


def write_off(
    assignment: Assignment, address: Address, quantity: int, by: Id, at: datetime
) -> InventoryOperation:
    """The operation after which the custodian no longer has units that did not come back."""
    wanted = {"quantity": quantity, "rows": list(assignment.standing.rows_gone(quantity))}
    kind, purpose = Kind.QUANTITY_WRITE_OFF, "write_off"
    return ask(assignment, kind, purpose, address.item, address.target, wanted, by, at)


def parts_of(units: Sequence[Units], item_kind: str) -> list[tuple[Units, ...]]:
    """What came back, in one part, and what did not, in one for each condition."""
    gone = [] if item_kind == ASSET else [one for one in units if one.condition in GONE]
    back = tuple(one for one in units if one not in gone)
    return [*([back] if back else []), *((one,) for one in gone)]


async def bring_back(
    assignment: Assignment, back: Received, address: Address, by: Id, at: datetime, facts: Facts
) -> InventoryOperation:
    """The operation for one part of a return: ``back`` is all there, or all gone.

    What needs repair gets the connection's label for that, if it has one; a place that nothing
    stands for over there is left out.
    """
    if address.item["kind"] != ASSET and back.units[0].condition in GONE:
        return write_off(assignment, address, back.quantity, by, at)
    repair = (await facts.inventory()).status_labels.get("repair")
    return take_back(
        assignment,
        "return",
        address,
        back.quantity,
        by,
        at,
        status_id=repair if _needs_repair(back.units) else None,
        location_id=await _place(back.location_id, facts),
    )


async def _place(location_id: Id | None, facts: Facts) -> int | None:
    """A location's number over there, if it has one."""
    found = None if location_id is None else await facts.custodian(LOCATION, location_id)
    return None if found is None else found.external_id


def _needs_repair(units: tuple[Units, ...]) -> bool:
    """Whether something came back that is not to be lent as it is."""
    return any(group.condition in NEEDS_REPAIR for group in units)


def date_of(due: datetime) -> str:
    """A due date as the inventory keeps it."""
    return due.date().isoformat()
