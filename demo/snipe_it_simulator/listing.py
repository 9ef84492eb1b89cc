"""Filtering, sorting and paging of lists, with the server's own oddities."""

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeVar

from demo.snipe_it_simulator.calls import Query, whole
from demo.snipe_it_simulator.rendering import View, title
from demo.snipe_it_simulator.stored import CLASSES, Activity, Asset, Row

T = TypeVar("T")

ASSET_NUMBERS = (
    "model_id",
    "status_id",
    "location_id",
    "rtd_location_id",
    "supplier_id",
    "company_id",
)
ASSET_TEXTS = ("asset_tag", "serial", "order_number")


def page(items: list[T], query: Query, limit: int) -> list[T]:
    """The rows that ``limit`` and ``offset`` ask for, ``limit`` being the server's maximum.

    No limit, 0, garbage and too much give the server's maximum, and a negative one counts as
    positive; a negative offset is none, and one that is no number leaves nothing.
    """
    asked = abs(_signed(query.get("limit")) or 0)
    size = asked if 0 < asked <= limit else limit
    text = query.get("offset")
    offset = 0 if text is None else _signed(text)
    if offset is None:
        return []
    start = max(offset, 0)
    return items[start : start + size]


def ordered(
    items: Iterable[T], query: Query, fields: frozenset[str], get: Callable[[T, str], Any]
) -> list[T]:
    """Sorted by ``sort`` and ``order``; unknown columns count as created_at, ties keep the id's order."""
    by_id = sorted(items, key=lambda one: get(one, "id"))
    name = query.get("sort") or "created_at"
    column = name if name in fields else "created_at"
    descending = query.get("order") != "asc"
    return sorted(by_id, key=lambda one: _key(get(one, column)), reverse=descending)


def assets(view: View, query: Query) -> list[Asset]:
    """The assets that the filters let through, in order."""
    found = [one for one in view.inventory.assets.values() if _in_status(view, one, query)]
    for name in ASSET_NUMBERS:
        found = _by_number(found, query.all(name), name)
    for name in ASSET_TEXTS:
        found = _by_text(found, query.get(name), name)
    found = _by_model_field(view, found, query, "category_id", "category")
    found = _by_model_field(view, found, query, "manufacturer_id", "manufacturer")
    if query.get("requestable") == "true":
        found = [one for one in found if one.requestable]
    if (byod := query.get("byod")) is not None:
        found = [one for one in found if one.byod == (byod in {"1", "true"})]
    found = _assigned(found, query)
    found = _by_columns(view, found, query)
    if (words := query.get("search")) is not None:
        found = [one for one in found if words.lower() in _searched(view, one)]
    return ordered(found, query, ASSET_SORTS, _asset_field)


def rows(view: View, table: str, query: Query, filters: Iterable[str]) -> list[Row]:
    """Rows of another table; ``search`` looks into names, user names and addresses."""
    deleted = query.get("deleted") == "true"
    found = [
        row
        for row in view.inventory.rows[table].values()
        if (row.get("deleted_at") is not None) == deleted
    ]
    for name in filters:
        wanted = query.get(name)
        if wanted is not None:
            found = [row for row in found if _matches(row, name, wanted)]
    if (words := query.get("search")) is not None:
        found = [row for row in found if words.lower() in _row_text(row)]
    return ordered(found, query, ROW_SORTS, lambda row, name: row.get(name))


def activity(view: View, query: Query) -> list[Activity]:
    """Report rows; an item filter also finds the rows in which the item is the target."""
    found = list(view.inventory.activity.values())
    item_type, item_id = query.get("item_type"), whole(query.get("item_id"))
    if item_type is not None and item_id is not None:
        item = (item_type, item_id)
        found = [
            one
            for one in found
            if item in {(one.item_type, one.item_id), (one.target_type, one.target_id)}
        ]
    target_type, target_id = query.get("target_type"), whole(query.get("target_id"))
    if target_type is not None and target_id is not None:
        found = [
            one for one in found if (one.target_type, one.target_id) == (target_type, target_id)
        ]
    for name in ("action_type", "action_source", "remote_ip"):
        found = _by_text(found, query.get(name), name)
    found = _by_number(found, query.all("created_by"), "created_by")
    if (words := query.get("search")) is not None:
        found = [one for one in found if words.lower() in _report_text(view, one)]
    return ordered(found, query, ACTIVITY_SORTS, getattr)


ASSET_SORTS = frozenset(
    {
        "id",
        "name",
        "asset_tag",
        "serial",
        "created_at",
        "updated_at",
        "last_checkout",
        "last_checkin",
        "expected_checkin",
        "checkout_counter",
        "checkin_counter",
    }
)
ROW_SORTS = frozenset({"id", "name", "username", "email", "created_at", "updated_at"})
ACTIVITY_SORTS = frozenset({"id", "created_at", "action_type", "action_date", "action_source"})


def _key(value: Any) -> tuple[bool, Any]:
    """Sorts None first, as the database does, and rows' times by their text."""
    if isinstance(value, dict):
        value = value.get("datetime") or value.get("date")
    if isinstance(value, datetime | date):
        value = value.isoformat()
    return (value is not None, value if value is not None else 0)


def _signed(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() else None


def _asset_field(one: Asset, name: str) -> Any:
    return getattr(one, name)


def _in_status(view: View, one: Asset, query: Query) -> bool:
    """Whether ``status`` lets an asset through.

    Without it and status_id, and with a value that is none, archived assets stay out.
    """
    status, kind = query.get("status"), view.inventory.status_type(one)
    if status == "Deleted" or one.deleted_at is not None:
        return status == "Deleted" and one.deleted_at is not None
    free, deployable = one.assigned_to is None, kind == "deployable"
    passes = {
        "RTD": deployable and free,
        "Deployed": not free,
        "Pending": kind == "pending" and free,
        "Undeployable": kind == "undeployable" and free,
        "Archived": kind == "archived" and free,
        "Requestable": deployable and one.requestable,
        "byod": one.byod,
    }
    return passes.get(status or "", kind != "archived" or query.get("status_id") is not None)


def _by_number(found: list[T], wanted: list[str], name: str) -> list[T]:
    numbers = {whole(one) for one in wanted}
    return [one for one in found if getattr(one, name) in numbers] if wanted else found


def _by_text(found: list[T], wanted: str | None, name: str) -> list[T]:
    if wanted is None:
        return found
    return [one for one in found if (getattr(one, name) or "").lower() == wanted.lower()]


def _by_model_field(
    view: View, found: list[Asset], query: Query, name: str, field: str
) -> list[Asset]:
    wanted = {whole(one) for one in query.all(name)}
    if not wanted:
        return found
    models = view.inventory.rows["models"]
    return [one for one in found if (models[one.model_id][field] or {}).get("id") in wanted]


def _assigned(found: list[Asset], query: Query) -> list[Asset]:
    holder, kind = whole(query.get("assigned_to")), query.get("assigned_type")
    if holder is None or kind is None:
        return found
    return [
        one
        for one in found
        if one.assigned_to == holder and CLASSES.get(one.assigned_type or "") == kind
    ]


def _by_columns(view: View, found: list[Asset], query: Query) -> list[Asset]:
    """Custom fields by their column, and what ``filter`` holds as JSON."""
    wanted = {key: value for key, value in query.pairs if key.startswith("_snipeit_")}
    text = query.get("filter")
    asked = json.loads(text) if text else {}
    found = [
        one
        for one in found
        if all((one.custom.get(column) or "") == value for column, value in wanted.items())
    ]
    return [
        one
        for one in found
        if all(str(value).lower() in _column(view, one, name) for name, value in asked.items())
    ]


def _column(view: View, one: Asset, name: str) -> str:
    if name == "model":
        return str(view.inventory.rows["models"][one.model_id]["name"]).lower()
    value = one.custom.get(name) if name.startswith("_snipeit_") else getattr(one, name, None)
    return str(value or "").lower()


def _searched(view: View, one: Asset) -> str:
    inventory = view.inventory
    model = inventory.rows["models"][one.model_id]
    parts = [title(view, one), one.serial, one.notes, one.order_number, model["model_number"]]
    parts += [(model[name] or {}).get("name") for name in ("category", "manufacturer")]
    parts += [inventory.rows["statuslabels"][one.status_id]["name"], *one.custom.values()]
    for place in (one.location_id, one.rtd_location_id):
        parts.append((inventory.rows["locations"].get(place or 0) or {}).get("name"))
    if one.assigned_type == "user":
        user = inventory.rows["users"][one.assigned_to or 0]
        parts += [user["name"], user["username"]]
    return "\n".join(part for part in parts if part).lower()


def _matches(row: Row, name: str, wanted: str) -> bool:
    if name.endswith("_id"):
        return (row[name.removesuffix("_id")] or {}).get("id") == whole(wanted)
    column = "type" if name == "status_type" else name
    return str(row.get(column) or "").lower() == wanted.lower()


def _row_text(row: Row) -> str:
    names = ("name", "username", "email", "employee_num", "model_number", "notes", "item_no")
    return "\n".join(str(row[name]) for name in names if row.get(name)).lower()


def _report_text(view: View, one: Activity) -> str:
    parts = [one.note, one.user_agent, one.action_type, json.dumps(one.log_meta)]
    if one.item_type == "asset":
        parts.append(title(view, view.inventory.assets[one.item_id]))
    if one.target_type == "user":
        parts.append(view.inventory.rows["users"][one.target_id or 0]["name"])
    return "\n".join(part for part in parts if part).lower()
