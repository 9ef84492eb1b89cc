"""The selects of assets: one with all that it names, and the list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, or_, union
from sqlalchemy.types import DateTime

from domain.caller import Caller
from domain.ids import Id
from infrastructure.inventory import tables as inventory
from infrastructure.inventory.tables import assets
from query_api.assignments.visibility import seen_by, sees_all
from query_api.keyset import Sort, Window
from query_api.mirrored import numbered, with_word, words_of
from query_api.tenant_scope import TenantScope
from read_tables.assignments import assignments, item_holds

A: Final = assets.c
ASSET: Final = "asset"
MODEL: Final = "model"
LIVE: Final = ("issuing", "active", "overdue", "returning", "transferring", "loss_pending")
"""The states of an assignment under which somebody has the asset, or is being handed it."""

_MODEL: Final = inventory.models
_HERE: Final = inventory.locations.alias("here")
_HOME: Final = inventory.locations.alias("home")
_LABEL: Final = inventory.status_labels
_HOLDER: Final = inventory.users.alias("holding_user")
_PLACE: Final = inventory.locations.alias("holding_place")
_CATEGORY: Final = inventory.categories
_SUPPLIER: Final = inventory.suppliers

_EVER: Final = literal_column("'-infinity'::timestamptz", DateTime(timezone=True))
_UPDATED: Final = func.coalesce(A.updated_at, _EVER, type_=DateTime(timezone=True))

SORTS: Final = {
    name: Sort(
        id=A.external_id,
        key=key,
        field=field,
        id_field="external_id",
        descending=name.startswith("-"),
        without=without,
    )
    for label, field, key, without in (
        ("asset_tag", "tag", A.tag, None),
        ("updated_at", "updated_at", _UPDATED, "-infinity"),
    )
    for name in (label, f"-{label}")
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to."""

    q: str | None = None
    asset_tag: str | None = None
    serial_number: str | None = None
    model_id: Id | None = None
    location_id: Id | None = None
    status_label_id: Id | None = None
    project_id: Id | None = None
    available: bool = False
    removed: bool = False


def shown(scope: TenantScope, at: datetime) -> Select[Any]:
    """Assets with the names of what they name, and whether they are held at that time."""
    return (
        scope.select(
            assets,
            *A,
            _is_held(at).label("held"),
            _MODEL.c.id.label("model_id"),
            _MODEL.c.name.label("model_name"),
            _MODEL.c.manufacturer_name,
            _HERE.c.id.label("location_id"),
            _HERE.c.name.label("location_name"),
            _HOME.c.id.label("home_id"),
            _HOME.c.name.label("home_name"),
            _LABEL.c.id.label("label_id"),
            _CATEGORY.c.id.label("category_id"),
            _CATEGORY.c.name.label("category_name"),
            _SUPPLIER.c.id.label("supplier_id"),
            _SUPPLIER.c.name.label("supplier_name"),
            func.coalesce(_HOLDER.c.id, _PLACE.c.id).label("holder_id"),
        )
        .outerjoin(_MODEL, numbered(assets, _MODEL, A.model_external_id))
        .outerjoin(_HERE, numbered(assets, _HERE, A.location_external_id))
        .outerjoin(_HOME, numbered(assets, _HOME, A.home_external_id))
        .outerjoin(_LABEL, numbered(assets, _LABEL, A.status_external_id))
        .outerjoin(_CATEGORY, numbered(assets, _CATEGORY, A.category_external_id))
        .outerjoin(_SUPPLIER, numbered(assets, _SUPPLIER, A.supplier_external_id))
        .outerjoin(
            _HOLDER,
            numbered(assets, _HOLDER, A.holder_external_id) & (A.holder_kind == "user"),
        )
        .outerjoin(
            _PLACE,
            numbered(assets, _PLACE, A.holder_external_id) & (A.holder_kind == "location"),
        )
    )


def asset_page(
    scope: TenantScope, caller: Caller, filters: Filters, window: Window, at: datetime
) -> Select[Any]:
    """One page of the assets that meet all filters at that time.

    Which ones they are is found before anything is joined to them, one by one: Postgres looks
    for the best order of a few joins only.
    """
    sort = window.sort
    met = (A.id.is_not(None), *_conditions(scope, caller, filters, at))
    key = A.tag if sort.key is None else sort.key
    wanted = scope.select(assets, A.external_id, key.label("key")).where(*met)
    keys = window.cut(wanted).subquery("page")
    one = shown(scope, at).where(A.external_id == keys.c.external_id).limit(1)
    in_order = Sort(keys.c.external_id, keys.c.key, descending=sort.descending).order()
    return scope.each(keys, one.lateral("shown")).order_by(*in_order)


def _is_held(at: datetime) -> ColumnElement[bool]:
    """Reserved for that time, or handed over, or being handed over, however late."""
    hold = item_holds.c
    lasts = or_(hold.until.is_(None), hold.until > at, hold.out, hold.leaving)
    on_it = (hold.tenant_id == A.tenant_id, hold.item_kind == ASSET, hold.item_id == A.id)
    return exists().where(*on_it, hold.begins <= at, lasts)


def _conditions(
    scope: TenantScope, caller: Caller, filters: Filters, at: datetime
) -> list[ColumnElement[bool]]:
    met: list[ColumnElement[bool]] = [
        A.deleted_at.is_not(None) if filters.removed else A.deleted_at.is_(None)
    ]
    if filters.available:
        met += [A.can_check_out, ~_is_held(at)]
    for column, value in ((A.tag, filters.asset_tag), (A.serial, filters.serial_number)):
        if value is not None:
            met.append(column == value)
    for column, table, id in (
        (A.model_external_id, inventory.models, filters.model_id),
        (A.location_external_id, inventory.locations, filters.location_id),
        (A.status_external_id, inventory.status_labels, filters.status_label_id),
    ):
        if id is not None:
            number = scope.select(table, table.c.external_id).where(table.c.id == id)
            met.append(column == number.scalar_subquery())
    if filters.project_id is not None:
        met.append(A.id.in_(_on_project(scope, caller, filters.project_id)))
    return [*met, *(_has_word(scope, word) for word in words_of(filters.q))]


def _has_word(scope: TenantScope, word: str) -> ColumnElement[bool]:
    """The asset, or the model that it is of, has the word."""
    models = with_word(scope, MODEL, word).subquery("models_with_word")
    # Fenced off: model by model, through the index, however many assets there are.
    of_one = scope.select(assets, A.external_id).where(A.model_external_id == models.c.external_id)
    of_models = scope.each(models, of_one.offset(0).lateral("assets_of_one"))
    return A.external_id.in_(union(with_word(scope, ASSET, word), of_models).scalar_subquery())


def _on_project(scope: TenantScope, caller: Caller, project_id: Id) -> Select[Any]:
    assigned = assignments.c
    found = scope.select(assignments, assigned.item_id).where(
        assigned.project_id == project_id, assigned.item_kind == ASSET, assigned.state.in_(LIVE)
    )
    return found if sees_all(caller) else found.where(seen_by(scope, caller))
