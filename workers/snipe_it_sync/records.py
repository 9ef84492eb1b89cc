"""What our screens say, read from their tables: it may be a moment old."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, select

from domain.assignments.content import ACCESSORY, ASSET
from domain.ids import Id
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.inventory.tables import mappings
from read_tables.assignments import assignments
from read_tables.inventory_operations import inventory_operations
from workers.snipe_it_sync.lookout import Holder, Lent

OUT: Final = ("active", "overdue", "loss_pending")


class ReadTables:
    """``workers.snipe_it_sync.lookout.Records``. Raises ``StoreUnavailable``."""

    def __init__(self, reader: AllTenantsReader) -> None:
        self._reader = reader

    async def given_up(self, tenant_id: Id, within: timedelta) -> Sequence[Id]:
        """Operations that were begun and given up lately, of which no effect is known."""
        columns = inventory_operations.c
        found = (
            select(columns.id)
            .where(
                columns.state == "failed",
                columns.attempts > 0,
                columns.late_effect.is_(None),
                columns.tenant_id == tenant_id,
                columns.since > func.clock_timestamp() - within,
            )
            .order_by(columns.since, columns.id)
        )
        return [row.id for row in await self._reader.rows(found)]

    async def lent(self, tenant_id: Id) -> Sequence[Lent]:
        """Every asset that is out and not on its way."""
        return [_lent(row) for row in await self._reader.rows(_out(tenant_id, ASSET))]

    async def units_lent(self, tenant_id: Id) -> Mapping[int, Sequence[Id]]:
        """The assignments with units out and not on their way, by the accessory's number there."""
        lent: dict[int, list[Id]] = {}
        for row in await self._reader.rows(_out(tenant_id, ACCESSORY)):
            lent.setdefault(row.item_external_id, []).append(row.id)
        return lent


def _out(tenant_id: Id, item_kind: str) -> Select[Any]:
    """Assignments of a kind of item that is out and not on its way, mapped on both sides."""
    columns = assignments.c
    item, holder = mappings.alias("item"), mappings.alias("holder")
    return (
        select(
            columns.id,
            columns.version,
            columns.custodian_kind,
            columns.drift,
            item.c.external_id.label("item_external_id"),
            holder.c.external_id.label("holder_external_id"),
        )
        .join(item, _stands_for(item, item_kind, columns.item_id))
        .join(holder, _stands_for(holder, columns.custodian_kind, columns.custodian_id))
        .where(
            columns.tenant_id == tenant_id,
            columns.item_kind == item_kind,
            columns.state.in_(OUT),
            func.jsonb_array_length(columns.pending) == 0,
        )
        .order_by(columns.id)
    )


def _lent(row: Any) -> Lent:
    holder: Holder = (row.custodian_kind, row.holder_external_id)
    noted: Holder | None = holder
    if row.drift is not None:
        actual = row.drift["actual"]
        noted = None if actual is None else (actual[0], actual[1])
    drifted = row.drift is not None
    return Lent(row.id, row.version, row.item_external_id, holder, noted, drifted)


def _stands_for(mapping: Any, kind: object, id: object) -> ColumnElement[bool]:
    return and_(
        mapping.c.tenant_id == assignments.c.tenant_id,
        mapping.c.kind == kind,
        mapping.c.id == id,
        mapping.c.external_id.is_not(None),
    )
