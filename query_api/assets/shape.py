"""How an asset looks in an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel
from sqlalchemy import case

from domain.ids import Id
from domain.permissions import ASSIGNMENTS_READ
from infrastructure.inventory.tables import connections
from query_api.assets.selects import ASSET, LIVE
from query_api.assignments.models import SyncModel
from query_api.assignments.syncs import sync
from query_api.mirrored import RefModel, ref
from query_api.names import any_of
from query_api.reader import Reading
from read_tables.assignments import assignments
from read_tables.inventory_operations import inventory_operations

Status = Literal[
    "active",
    "removed",
    "lost",
    "stolen",
    "disposed",
    "retired",
    "archived",
    "repair",
    "pending",
    "undeployable",
]

_PURPOSES: Final = ("lost", "stolen", "disposed", "retired", "archived", "repair")
_ACTIVE: Final = "deployable"


class StatusLabelRef(RefModel):
    """The status label that the inventory shows."""

    type: str | None


class HolderModel(BaseModel):
    """Who has the asset there; ``id`` is that of a member or location of ours."""

    kind: Literal["user", "location", "asset"]
    id: Id | None
    name: str | None


class AssetItem(BaseModel):
    """An asset as it stands in a list, as the inventory had it at ``as_of``.

    ``available`` where the inventory would hand it out and nobody has it reserved for now; for
    another time ask /availability.
    ``sync`` is a change of it that the inventory has not confirmed. ``holder``, ``assignment_id``
    and ``project_id`` are shown to those who may read assignments.
    """

    id: Id
    external_id: int
    model_id: Id | None
    model: RefModel | None
    project_id: Id | None
    name: str | None
    asset_tag: str
    serial_number: str | None
    tracking_type: Literal["serialized"]
    quantity: Literal[1]
    status: Status
    status_label: StatusLabelRef | None
    available: bool
    holder: HolderModel | None
    assignment_id: Id | None
    due: date | None
    location: RefModel | None
    home_location: RefModel | None
    category: RefModel | None
    requestable: bool
    image: str | None
    created_at: datetime | None
    updated_at: datetime | None
    removed_at: datetime | None
    sync: SyncModel | None
    as_of: datetime


class AssetPage(BaseModel):
    """One page of assets."""

    items: list[AssetItem]
    next: str | None


class Asset(AssetItem):
    """An asset on a page of its own."""

    manufacturer: str | None
    model_number: str | None
    supplier: RefModel | None
    notes: str | None
    order_number: str | None
    purchase_date: date | None
    purchase_cost: str | None
    warranty_expires: date | None
    last_checkout: datetime | None
    last_checkin: datetime | None
    checkout_counter: int
    checkin_counter: int
    custom_fields: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Known:
    """What rows of assets are shown with."""

    purposes: Mapping[int, Status]
    live: Mapping[Id, Any]
    syncs: Mapping[Id, Any]
    shows_holders: bool


async def look_up(reading: Reading, rows: Sequence[Any]) -> Known:
    """The assignments and open operations of these assets, and what status labels stand for."""
    shows_holders = reading.caller.may(ASSIGNMENTS_READ)
    ids = [row.id for row in rows]
    return Known(
        purposes=await _purposes(reading),
        live=await _live(reading, ids) if shows_holders and ids else {},
        syncs=await _syncs(reading, ids) if ids else {},
        shows_holders=shows_holders,
    )


def asset(row: Any, known: Known) -> dict[str, Any]:
    """An asset as a list shows it."""
    live, waiting = known.live.get(row.id), known.syncs.get(row.id)
    return {
        "id": row.id,
        "external_id": row.external_id,
        "model_id": row.model_id,
        "model": ref(row.model_external_id, row.model_id, row.model_name),
        "project_id": None if live is None else live.project_id,
        "name": row.name,
        "asset_tag": row.tag,
        "serial_number": row.serial,
        "tracking_type": "serialized",
        "quantity": 1,
        "status": _status(row, known.purposes),
        "status_label": _label(row),
        "available": row.can_check_out and row.deleted_at is None and not row.held,
        "holder": _holder(row) if known.shows_holders else None,
        "assignment_id": None if live is None else live.id,
        "due": row.expected_checkin,
        "location": ref(row.location_external_id, row.location_id, row.location_name),
        "home_location": ref(row.home_external_id, row.home_id, row.home_name),
        "category": ref(row.category_external_id, row.category_id, row.category_name),
        "requestable": row.requestable,
        "image": row.image,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "removed_at": row.deleted_at,
        "sync": None if waiting is None else sync(waiting),
        "as_of": row.as_of,
    }


def full_asset(row: Any, known: Known) -> dict[str, Any]:
    """An asset with all that is known of it."""
    supplier = ref(row.supplier_external_id, row.supplier_id, row.supplier_name)
    custom = {label: field["value"] for label, field in row.custom_fields.items()}
    return {
        **asset(row, known),
        "manufacturer": row.manufacturer_name,
        "model_number": row.model_number,
        "supplier": supplier,
        "notes": row.notes,
        "order_number": row.order_number,
        "purchase_date": row.purchase_date,
        "purchase_cost": row.purchase_cost,
        "warranty_expires": row.warranty_expires,
        "last_checkout": row.last_checkout,
        "last_checkin": row.last_checkin,
        "checkout_counter": row.checkout_counter,
        "checkin_counter": row.checkin_counter,
        "custom_fields": custom,
    }


def _status(row: Any, purposes: Mapping[int, Status]) -> Status:
    if row.deleted_at is not None:
        return "removed"
    chosen = purposes.get(row.status_external_id)
    if chosen is not None:
        return chosen
    status: Status = "active" if row.status_type in (None, _ACTIVE) else row.status_type
    return status


def _label(row: Any) -> dict[str, Any] | None:
    if row.status_external_id is None:
        return None
    return {"id": row.label_id, "name": row.status_name, "type": row.status_type}


def _holder(row: Any) -> dict[str, Any] | None:
    if row.holder_kind is None:
        return None
    return {"kind": row.holder_kind, "id": row.holder_id, "name": row.holder_name}


async def _purposes(reading: Reading) -> dict[int, Status]:
    """What the connection's status labels stand for; of two, the more final one."""
    row = await reading.row(reading.scope.select(connections, connections.c.status_labels))
    labels: Mapping[str, int] = {} if row is None else row.status_labels
    found: dict[int, Status] = {}
    for purpose in _PURPOSES:
        if purpose in labels:
            found.setdefault(labels[purpose], purpose)
    return found


async def _live(reading: Reading, ids: list[Id]) -> dict[Id, Any]:
    assigned = assignments.c
    rows = await reading.rows(
        reading.scope.select(assignments, assigned.item_id, assigned.id, assigned.project_id).where(
            assigned.item_id == any_of(ids), assigned.item_kind == ASSET, assigned.state.in_(LIVE)
        )
    )
    return {row.item_id: row for row in rows}


async def _syncs(reading: Reading, ids: list[Id]) -> dict[Id, Any]:
    """The most pressing operation of each asset that the inventory has not confirmed."""
    operation = inventory_operations.c
    urgency = case((operation.state == "needs_attention", 0), else_=1)
    rows = await reading.rows(
        reading.scope.select(inventory_operations)
        .where(
            operation.item_id == any_of(ids), operation.state.in_(("pending", "needs_attention"))
        )
        .order_by(urgency.desc(), operation.since.desc(), operation.id)
    )
    return {row.item_id: row for row in rows}
