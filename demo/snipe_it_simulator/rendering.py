"""Stored records in the form that GET answers give them."""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from demo.snipe_it_simulator.inventory import Inventory
from demo.snipe_it_simulator.stored import Activity, Asset, Checkout, Maintenance, Row

ICONS = {
    "checkout": "fa-solid fa-rotate-left",
    "checkin from": "fa-solid fa-rotate-right",
    "create new": "fa-solid fa-plus",
    "update": "fa-solid fa-pen",
    "delete": "fa-solid fa-trash",
}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class View:
    """Who looks (``may`` a permission) and where the server is, for the links it gives."""

    inventory: Inventory
    base_url: str
    may: Callable[[str], bool]


def time_form(value: datetime | None) -> Row | None:
    """A moment as GET answers give it."""
    if value is None:
        return None
    return {
        "datetime": value.strftime("%Y-%m-%d %H:%M:%S"),
        "formatted": value.strftime("%Y-%m-%d %I:%M %p"),
    }


def date_form(value: date | None) -> Row | None:
    """A date as GET answers give it."""
    text = None if value is None else value.strftime("%Y-%m-%d")
    return None if text is None else {"date": text, "formatted": text}


def escaped(value: Any) -> Any:
    """The same with all text escaped for HTML, as the server does with everything it shows."""
    if isinstance(value, str):
        return escape(value).replace("&#x27;", "&#039;")
    if isinstance(value, list):
        return [escaped(one) for one in value]
    if isinstance(value, dict):
        return {name: one if name == "eula" else escaped(one) for name, one in value.items()}
    return value


def markdown(text: str | None) -> str | None:
    """Escaped text with strong and emphasis rendered; an underscore inside a word stays."""
    if text is None:
        return None
    shown = str(escaped(text))
    shown = re.sub(r"\*\*(.+?)\*\*|\b__(.+?)__\b", _tagged("strong"), shown)
    return re.sub(r"\*(.+?)\*|(?<!\w)_(.+?)_(?!\w)", _tagged("em"), shown)


def asset(view: View, one: Asset) -> Row:
    """An asset, in lists and alone."""
    rows = view.inventory.rows
    model = rows["models"][one.model_id]
    shown: Row = escaped(
        {
            "id": one.id,
            "name": one.name,
            "asset_tag": one.asset_tag,
            "serial": one.serial,
            "model": named(model),
            "byod": one.byod,
            "requestable": one.requestable,
            "model_number": model["model_number"],
            "eol": one.facts.get("eol", None if model["eol"] == "None" else model["eol"]),
            "asset_eol_date": one.facts.get("asset_eol_date", date_form(_eol(model, one))),
            "status_label": _status(view, one),
            "category": model["category"],
            "manufacturer": model["manufacturer"],
            "supplier": named(rows["suppliers"].get(one.supplier_id or 0)),
            "notes": None,
            "order_number": one.order_number,
            "company": named(rows["companies"].get(one.company_id or 0)),
            "location": named(rows["locations"].get(one.location_id or 0)),
            "rtd_location": named(rows["locations"].get(one.rtd_location_id or 0)),
            "image": one.facts.get("image"),
            "qr": one.facts.get("qr"),
            "alt_barcode": f"{view.base_url}/uploads/barcodes/{_barcode(one)}.png",
            "assigned_to": None if one.deleted_at else _holder(view, one),
            "warranty_months": one.warranty_months and f"{one.warranty_months} months",
            "warranty_expires": date_form(_after(one.purchase_date, one.warranty_months)),
            "created_by": named(rows["users"].get(one.created_by or 0)),
            "created_at": time_form(one.created_at),
            "updated_at": time_form(one.updated_at),
            "last_audit_date": None,
            "next_audit_date": one.facts.get("next_audit_date"),
            "deleted_at": time_form(one.deleted_at),
            "purchase_date": date_form(one.purchase_date),
            "age": _age(view, one),
            "last_checkout": time_form(one.last_checkout),
            "last_checkin": time_form(one.last_checkin),
            "expected_checkin": date_form(one.expected_checkin),
            "purchase_cost": None if not one.purchase_cost else f"{float(one.purchase_cost):,.2f}",
            "checkin_counter": one.checkin_counter,
            "checkout_counter": one.checkout_counter,
            "requests_counter": one.requests_counter,
            "user_can_checkout": view.inventory.available(one),
            "book_value": one.facts.get("book_value"),
            "custom_fields": _custom_fields(view, model, one),
            "available_actions": _asset_actions(view, one),
        }
    )
    shown["notes"] = markdown(one.notes)
    return shown


def activity(view: View, one: Activity) -> Row:
    """A row of the activity report."""
    rows = view.inventory.rows
    author = rows["users"].get(one.created_by or 0)
    by = None
    if author is not None:
        by = {
            **reference(author),
            "first_name": author["first_name"],
            "last_name": author["last_name"],
        }
    # The report takes the next audit for due when the row was written; only assets show it.
    audited = one.created_at if one.item_type == "asset" else None
    joined = one.item_type == "user" and one.action_type == "create new"
    shown: Row = escaped(
        {
            "id": one.id,
            "icon": "fa-solid fa-user-plus" if joined else ICONS.get(one.action_type, ""),
            "file": None,
            "item": {
                "serial": None,
                **one.item_facts,
                **(_item(view, one.item_type, one.item_id) or {}),
            },
            "location": named(rows["locations"].get(one.location_id or 0)),
            "created_at": time_form(one.created_at),
            "updated_at": time_form(one.updated_at),
            "next_audit_date": date_form(audited),
            "days_to_next_audit": round((view.inventory.now() - one.created_at) / DAY),
            "action_type": one.action_type,
            "admin": by,
            "created_by": by,
            "target": _target(view, one.target_type, one.target_id),
            "note": None,
            "signature_file": None,
            "log_meta": one.log_meta,
            "remote_ip": one.remote_ip,
            "user_agent": one.user_agent,
            "action_source": one.action_source,
            "action_date": time_form(one.action_date),
        }
    )
    shown["note"] = markdown(one.note)
    return shown


def maintenance(view: View, one: Maintenance) -> Row:
    """A maintenance, in lists and alone."""
    rows = view.inventory.rows
    about = view.inventory.assets[one.asset_id]
    model = rows["models"][about.model_id]
    by = named(rows["users"].get(one.created_by or 0))
    shown: Row = escaped(
        {
            "id": one.id,
            "asset": {
                "id": about.id,
                "name": about.name,
                "asset_tag": about.asset_tag,
                "serial": about.serial,
                "deleted_at": time_form(about.deleted_at),
                "created_at": time_form(about.created_at),
                "updated_at": time_form(about.updated_at),
            },
            "model": {"id": model["id"], "name": f"{model['name']} {model['model_number'] or ''}"},
            "status_label": _status(view, about),
            "company": named(rows["companies"].get(about.company_id or 0)),
            "title": one.title,
            "location": named(rows["locations"].get(about.location_id or 0)),
            "rtd_location": named(rows["locations"].get(about.rtd_location_id or 0)),
            "notes": None,
            "supplier": named(rows["suppliers"].get(one.supplier_id)),
            "cost": one.cost,
            "asset_maintenance_type": one.kind,
            "start_date": date_form(one.start_date),
            "asset_maintenance_time": None,
            "completion_date": date_form(one.completion_date),
            "user_id": by,
            "created_by": by,
            "created_at": time_form(one.created_at),
            "updated_at": time_form(one.updated_at),
            "is_warranty": one.is_warranty,
            "available_actions": {"update": True, "delete": True},
        }
    )
    shown["notes"] = markdown(one.notes)
    return shown


def accessory_checkout(view: View, one: Checkout) -> Row:
    """A row of ``/accessories/{id}/checkedout``."""
    rows = view.inventory.rows
    shown: Row = escaped(
        {
            "id": one.id,
            "assigned_to": _checkout_target(view, one),
            "note": one.note,
            "created_by": named(rows["users"].get(one.created_by or 0)),
            "created_at": time_form(one.created_at),
            "available_actions": {"checkin": True},
        }
    )
    return shown


def consumable_use(view: View, one: Checkout) -> Row:
    """A row of ``/consumables/{id}/users``: with links, without an id, the receiver for the giver."""
    user = view.inventory.rows["users"][one.target_id]
    link = f'<a href="{view.base_url}/users/{one.target_id}">{escaped(user["name"])}</a>'
    return {
        "avatar": user["avatar"],
        "name": link,
        "created_at": time_form(one.created_at),
        "note": escaped(one.note),
        "admin": link,
        "created_by": link,
    }


def named(row: Row | None) -> Row | None:
    """Id and name of a row, None without one."""
    return None if row is None else reference(row)


def reference(row: Row) -> Row:
    """Id and name of a row."""
    return {"id": row["id"], "name": row["name"]}


def title(view: View, one: Asset) -> str:
    """How an asset is named where it stands beside other kinds of things."""
    model = view.inventory.rows["models"][one.model_id]
    return f"{one.name or ''} ({one.asset_tag}) - {model['name']}"


def _tagged(tag: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"<{tag}>{found.group(1) or found.group(2)}</{tag}>"


def _status(view: View, one: Asset) -> Row:
    label = view.inventory.rows["statuslabels"][one.status_id]
    deployed = one.assigned_to is not None and one.deleted_at is None
    meta = "deployed" if deployed else label["type"]
    return {**reference(label), "status_type": label["type"], "status_meta": meta}


def _holder(view: View, one: Asset) -> Row | None:
    rows, holder_id = view.inventory.rows, one.assigned_to or 0
    if one.assigned_type is None:
        return None
    if one.assigned_type == "location":
        return {**reference(rows["locations"][holder_id]), "type": "location"}
    if one.assigned_type == "asset":
        name = title(view, view.inventory.assets[holder_id])
        return {"id": holder_id, "name": name, "type": "asset"}
    user = rows["users"][holder_id]
    return {
        "id": holder_id,
        "username": user["username"],
        "name": user["name"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "email": user["email"],
        "employee_number": user["employee_num"],
        "type": "user",
    }


def _checkout_target(view: View, one: Checkout) -> Row:
    rows = view.inventory.rows
    if one.target_type == "location":
        return {**reference(rows["locations"][one.target_id]), "type": "location"}
    if one.target_type == "asset":
        name = title(view, view.inventory.assets[one.target_id])
        return {"id": one.target_id, "name": name, "type": "asset"}
    user = rows["users"][one.target_id]
    return {
        "id": one.target_id,
        "image": user["avatar"],
        "type": "user",
        "name": user["name"],
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "username": user["username"],
        "created_by": None,
        "created_at": user["created_at"],
        "deleted_at": user["deleted_at"],
    }


def _item(view: View, kind: str | None, item_id: int | None) -> Row | None:
    """An asset, user… of the report; only the id of one whose kind is not simulated."""
    if kind is None or item_id is None:
        return None
    if kind == "asset":
        asset_row = view.inventory.assets[item_id]
        name = title(view, asset_row)
        return {"id": item_id, "name": name, "type": kind, "serial": asset_row.serial}
    table = {"accessory": "accessories", "company": "companies"}.get(kind, f"{kind}s")
    row = view.inventory.rows.get(table, {}).get(item_id)
    return {"id": item_id, "type": kind, **({} if row is None else {"name": row["name"]})}


def _target(view: View, kind: str | None, target_id: int | None) -> Row | None:
    target = _item(view, kind, target_id)
    return None if target is None else {name: target[name] for name in ("id", "name", "type")}


def _custom_fields(view: View, model: Row, one: Asset) -> Row:
    fieldset = view.inventory.fieldsets.get((model["fieldset"] or {"id": 0})["id"])
    if fieldset is None:
        return {}
    return {
        field["name"]: {
            "field": field["db_column"],
            "value": one.custom.get(field["db_column"]) or "",
            "field_format": field["format"],
            "element": field["element"],
        }
        for field in fieldset["fields"]
    }


def _asset_actions(view: View, one: Asset) -> Row:
    there = one.deleted_at is None
    return {
        "checkout": there and view.may("assets.checkout"),
        "checkin": there and view.may("assets.checkin"),
        "clone": view.may("assets.create"),
        "restore": not there and view.may("assets.create"),
        "update": there and view.may("assets.edit"),
        "audit": view.may("assets.audit"),
        "delete": there and one.assigned_to is None and view.may("assets.delete"),
    }


def _barcode(one: Asset) -> str:
    return "-" + re.sub(r"[^a-z0-9]+", "-", one.asset_tag.lower()).strip("-")


def _eol(model: Row, one: Asset) -> date | None:
    digits = (model["eol"] or "").split(" ")[0]
    return _after(one.purchase_date, int(digits)) if digits.isdigit() else None


def _after(start: date | None, months: int | None) -> date | None:
    if start is None or not months:
        return None
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def _age(view: View, one: Asset) -> str:
    """How long ago the purchase was, in the largest whole unit."""
    start, today = one.purchase_date, view.inventory.now().date()
    if start is None:
        return ""
    months = (today.year - start.year) * 12 + today.month - start.month - (today.day < start.day)
    days = (today - start).days
    for unit, count in (("year", months // 12), ("month", months), ("week", days // 7)):
        if count > 0:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"{days} day{'' if days == 1 else 's'} ago"
