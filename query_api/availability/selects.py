"""What is needed to say what is free: the mirror's picture of the item, and its holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, func, or_

from domain.assignments.item_book import Hold
from domain.ids import Id
from infrastructure.inventory import tables as inventory
from query_api.availability.windows import Stock, Supply, Unit
from query_api.names import any_of
from query_api.reader import Reading
from read_tables.assignments import assignments, item_holds

ASSET: Final = "asset"
MODEL: Final = "model"
CONSUMABLE: Final = "consumable"
DEPLOYABLE: Final = "deployable"
_STOCKS: Final = {"accessory": inventory.accessories, CONSUMABLE: inventory.consumables}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The item asked about, and the number of the location that it must be at, if any."""

    kind: str
    id: Id
    location: int | None


async def supplies_of(reading: Reading, wanted: Wanted) -> Sequence[Supply] | None:
    """What there is of an item; None where the tenant's inventory has no such thing."""
    if wanted.kind in _STOCKS:
        return await _stock(reading, wanted, _STOCKS[wanted.kind])
    if wanted.kind == ASSET:
        return await _units(reading, wanted, inventory.assets.c.id == wanted.id)
    model = inventory.models.c
    number = await reading.row(
        reading.scope.select(inventory.models, model.external_id).where(model.id == wanted.id)
    )
    if number is None:
        return None
    of_model = inventory.assets.c.model_external_id == number.external_id
    return await _units(reading, wanted, of_model) or ()


async def location_number(reading: Reading, location_id: Id) -> int | None:
    """The inventory's number of a location; None where it has no such one."""
    location = inventory.locations.c
    row = await reading.row(
        reading.scope.select(inventory.locations, location.external_id).where(
            location.id == location_id, location.deleted_at.is_(None)
        )
    )
    return None if row is None else int(row.external_id)


async def _units(
    reading: Reading, wanted: Wanted, which: ColumnElement[bool]
) -> Sequence[Unit] | None:
    asset = inventory.assets.c
    rows = await reading.rows(
        reading.scope.select(
            inventory.assets,
            asset.id,
            asset.can_check_out,
            asset.status_type,
            func.coalesce(asset.home_external_id, asset.location_external_id).label("place"),
        ).where(which, asset.deleted_at.is_(None), asset.id.is_not(None))
    )
    if not rows:
        return None
    here = [row for row in rows if wanted.location in (None, row.place)]
    holds = await _holds(reading, ASSET, [row.id for row in here])
    return [_unit(row, holds.get(row.id, ())) for row in here]


def _unit(row: Any, held: Sequence[Any]) -> Unit:
    """One that we have lent comes back lendable, if its label says so."""
    holds = [_hold(one) for one in held]
    comes_back = any(hold.out for hold in holds) and row.status_type in (None, DEPLOYABLE)
    return Unit(lendable=row.can_check_out or comes_back, holds=holds, lent=_lent(held))


async def _stock(reading: Reading, wanted: Wanted, table: Table) -> Sequence[Stock] | None:
    row = await reading.row(
        reading.scope.select(table).where(table.c.id == wanted.id, table.c.deleted_at.is_(None))
    )
    if row is None:
        return None
    if wanted.location not in (None, row.location_external_id):
        return ()
    held = (await _holds(reading, wanted.kind, [wanted.id])).get(wanted.id, ())
    missing = sum(
        one.quantity
        for one in held
        if one.out and one.issued_at is not None and one.issued_at <= row.as_of
    )
    used_up = await _used_up_since(reading, wanted, row) if wanted.kind == CONSUMABLE else 0
    holds = [_hold(one) for one in held]
    return [Stock(max(0, row.remaining - used_up), row.quantity, missing, holds, _lent(held))]


async def _used_up_since(reading: Reading, wanted: Wanted, row: Any) -> int:
    """Units that were handed out, never to come back, since the mirror saw the item."""
    lent = assignments.c
    found = await reading.row(
        reading.scope.select(
            assignments, func.coalesce(func.sum(lent.quantity), 0).label("units")
        ).where(
            lent.item_id == wanted.id,
            lent.item_kind == wanted.kind,
            lent.issued_at > row.as_of,
        )
    )
    return 0 if found is None else int(found.units)


async def _holds(reading: Reading, kind: str, item_ids: Sequence[Id]) -> dict[Id, list[Any]]:
    by_item: dict[Id, list[Any]] = {}
    if item_ids:
        for row in await reading.rows(_held(reading, kind, item_ids)):
            by_item.setdefault(row.item_id, []).append(row)
    return by_item


def _held(reading: Reading, kind: str, item_ids: Sequence[Id]) -> Select[Any]:
    """What is held from now on; what has ended takes nothing, unless it is out or leaving."""
    hold = item_holds.c
    live = or_(hold.until.is_(None), hold.until > reading.at, hold.out, hold.leaving)
    of_its_tenant = and_(reading.scope.owns(assignments), assignments.c.id == hold.assignment_id)
    lent = (assignments.c.issued_at, assignments.c.closed_at)
    found = reading.scope.select(item_holds, *hold, *lent)
    return found.outerjoin(assignments, of_its_tenant).where(
        hold.item_id == any_of(list(item_ids)), hold.item_kind == kind, live
    )


def _hold(row: Any) -> Hold:
    return Hold(row.assignment_id, row.quantity, row.begins, row.until, row.out, row.leaving)


def _lent(held: Sequence[Any]) -> list[Hold]:
    """Not what is being handed over yet, nor what was lost and has turned up."""
    return [_hold(one) for one in held if one.issued_at is not None and one.closed_at is None]


def units_of(supplies: Iterable[Supply]) -> int:
    """How many there are, lent or not."""
    return sum(
        int(supply.lendable) if isinstance(supply, Unit) else supply.total for supply in supplies
    )
