"""GET /inventory/drift: assignments of which the inventory says something else."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import Select

from domain.ids import Id
from domain.permissions import ASSIGNMENTS_READ, INVENTORY_MANAGE
from infrastructure.inventory import tables as inventory
from query_api import answers
from query_api.assignments import shape
from query_api.assignments.models import CustodianModel, ItemModel, StateName, SyncModel
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import Reading, reads
from query_api.routing import page_responses, router
from query_api.shapes import NamedModel
from read_tables.assignments import HAS_DRIFTED, assignments

inventory_drift = router("inventory")

A: Final = assignments.c
_SORTS: Final = {
    name: Sort(id=A.id, key=A.updated_at, field="updated_at", descending=name.startswith("-"))
    for name in ("-updated_at", "updated_at")
}
_USER: Final = "user"
_LOCATION: Final = "location"


class ActualHolder(BaseModel):
    """Who has it over there. Without an ``id``, nobody of ours stands for them."""

    kind: str
    external_id: int
    id: Id | None
    name: str | None


class DriftItem(BaseModel):
    """The inventory was read twice, and says otherwise: ``actual`` has it, null is nobody.

    ``units`` of an accessory are with nobody there, others may be where we say; null for an asset.
    """

    assignment_id: Id
    state: StateName
    item: ItemModel
    project: NamedModel | None
    custodian: CustodianModel
    actual: ActualHolder | None
    units: int | None
    read_at: datetime
    since: datetime
    resolution: Literal["external_return", "reasserted", "relinked"] | None
    sync: SyncModel | None
    version: int


class DriftPage(BaseModel):
    """One page of what has drifted."""

    items: list[DriftItem]
    next: str | None


@inventory_drift.get(
    "/inventory/drift",
    operation_id="list_inventory_drift",
    response_model=DriftPage,
    responses=page_responses(),
)
async def list_inventory_drift(
    reading: Annotated[
        Reading, reads(ASSIGNMENTS_READ, INVENTORY_MANAGE, projections=("custody",))
    ],
    page: Page,
    sort: Annotated[Literal["-updated_at", "updated_at"], Query()] = "-updated_at",
) -> Response:
    """The assignments of which the inventory says something else, and what is done about it."""
    fingerprint = {"tenant": reading.scope.tenant_id, "sort": sort}
    cursors = Cursors(reading.sources.secret, "inventory drift", fingerprint)
    window = Window(page, _SORTS[sort], cursors)
    drifted = reading.scope.select(assignments).where(HAS_DRIFTED)
    rows, following = window.shown(await reading.rows(window.cut(drifted)))
    known = await shape.look_up(reading, rows)
    holders = await _holders(reading, rows)
    return answers.page(reading, [_item(row, known, holders) for row in rows], following)


async def _holders(reading: Reading, rows: Any) -> dict[tuple[str, int], Any]:
    """Those who have the items over there, as far as the mirror knows them."""
    found: dict[tuple[str, int], Any] = {}
    for kind in (_USER, _LOCATION):
        numbers = {row.drift["actual"][1] for row in rows if _is_with(row, kind)}
        if numbers:
            holders = await reading.rows(_of_kind(reading, kind, numbers))
            found.update({(kind, holder.external_id): holder for holder in holders})
    return found


def _is_with(row: Any, kind: str) -> bool:
    actual = row.drift["actual"]
    return actual is not None and actual[0] == kind


def _of_kind(reading: Reading, kind: str, numbers: set[int]) -> Select[Any]:
    table = inventory.users if kind == _USER else inventory.locations
    column = table.c
    found = reading.scope.select(table, column.external_id, column.id, column.name)
    return found.where(column.external_id.in_(sorted(numbers)))


def _item(row: Any, known: shape.Known, holders: dict[tuple[str, int], Any]) -> dict[str, Any]:
    assignment = shape.assignment(row, known)
    same = ("state", "item", "project", "custodian", "sync", "version")
    return {
        "assignment_id": row.id,
        **{name: assignment[name] for name in same},
        "actual": _actual(row.drift["actual"], holders),
        "units": row.drift.get("units"),
        "read_at": row.drift["read_at"],
        "since": row.drift["at"],
        "resolution": row.drift["resolution"],
    }


def _actual(
    actual: tuple[str, int] | None, holders: dict[tuple[str, int], Any]
) -> dict[str, Any] | None:
    if actual is None:
        return None
    kind, number = actual
    holder = holders.get((kind, number))
    return {
        "kind": kind,
        "external_id": number,
        "id": None if holder is None else holder.id,
        "name": None if holder is None else holder.name,
    }
