"""What a handler may ask of the inventory tables: the functions, and what their rows mean."""

from collections.abc import Sequence
from typing import Any, Final

from domain.ids import Id
from domain.ports import (
    CustodianFact,
    InventoryStanding,
    ItemFact,
    MappingFact,
    MirroredFact,
    ThingFact,
)
from infrastructure.ids import from_uuid

STANDING: Final = (
    "SELECT available, reason, retry_after_s, status_labels FROM inventory.standing_of(%s)"
)
ITEM: Final = (
    "SELECT external_id, model_id, deployable, remaining, holder_kind, holder_external_id, as_of"
    " FROM inventory.item_of(%s, %s, %s)"
)
MAPPING: Final = "SELECT kind, external_id FROM inventory.mapping_of(%s, %s)"
HAS_MAPPINGS: Final = "SELECT found FROM inventory.has_mappings(%s)"
MIRRORED: Final = "SELECT id FROM inventory.mirrored(%s, %s, %s)"
THING: Final = (
    "SELECT external_id, removed, type, holder_kind, holder_external_id"
    " FROM inventory.thing_of(%s, %s, %s)"
)
CUSTODIAN: Final = "SELECT external_id FROM inventory.custodian_of(%s, %s, %s)"

Rows = Sequence[Sequence[Any]]


def standing(rows: Rows) -> InventoryStanding:
    """The tenant's inventory; one without a connection has none that could be asked."""
    if not rows:
        return InventoryStanding(connected=False, available=False, reason="not_connected")
    available, reason, retry_after_s, status_labels = rows[0]
    return InventoryStanding(
        connected=True,
        available=available,
        reason=reason,
        retry_after_s=retry_after_s,
        status_labels=status_labels,
    )


def item(kind: str, id: Id, rows: Rows) -> ItemFact | None:
    """A thing of the inventory as the mirror last saw it."""
    if not rows:
        return None
    external_id, model_id, deployable, remaining, holder_kind, holder_id, as_of = rows[0]
    return ItemFact(
        kind=kind,
        id=id,
        external_id=external_id,
        model_id=None if model_id is None else from_uuid(model_id),
        deployable=deployable,
        remaining=remaining,
        holder=None if holder_kind is None else (holder_kind, holder_id),
        as_of=as_of,
    )


def thing(kind: str, id: Id, rows: Rows) -> ThingFact | None:
    """Anything of the inventory as the mirror last saw it, removed or not."""
    if not rows:
        return None
    external_id, removed, type_, holder_kind, holder_id = rows[0]
    holder = None if holder_kind is None else (holder_kind, holder_id)
    return ThingFact(kind, id, external_id, removed, type_, holder)


def custodian(kind: str, id: Id, rows: Rows) -> CustodianFact | None:
    """A member or a location, with its number over there where it has one."""
    return CustodianFact(kind, id, rows[0][0]) if rows else None


def mapping(id: Id, rows: Rows) -> MappingFact | None:
    """What our id stands for."""
    if not rows:
        return None
    kind, external_id = rows[0]
    return MappingFact(kind, id, external_id)


def mirrored(kind: str, external_id: int, rows: Rows) -> MirroredFact | None:
    """A thing that is in the inventory."""
    if not rows:
        return None
    id = rows[0][0]
    return MirroredFact(kind, external_id, None if id is None else from_uuid(id))
