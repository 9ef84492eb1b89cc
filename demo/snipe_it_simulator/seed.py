"""Builds an inventory from records in the API's own form, as a dump of a server holds them."""

import gzip
import json
from copy import deepcopy
from datetime import date, datetime
from html import unescape
from pathlib import Path
from typing import Any

from demo.snipe_it_simulator.inventory import ROW_TABLES, Inventory
from demo.snipe_it_simulator.stored import Activity, Asset, Checkout, Row

Dump = dict[str, list[Row]]
FACTS = ("image", "qr", "book_value", "next_audit_date", "eol", "asset_eol_date")
HTML_FIELDS = frozenset({"eula"})


def read_dump(path: Path) -> Dump:
    """Tables of a ``.json`` or ``.json.gz`` file: name of the endpoint → its rows."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    dump: Dump = json.loads(data)
    return dump


def load(inventory: Inventory, dump: Dump) -> None:
    """Replace everything in the inventory by the dump's records."""
    plain = {name: [_plain(row) for row in rows] for name, rows in dump.items()}
    for table in ROW_TABLES:
        inventory.rows[table] = {row["id"]: row for row in plain.get(table, [])}
    inventory.fieldsets = {row["id"]: row for row in plain.get("fieldsets", [])}
    inventory.assets = {row["id"]: _asset(row) for row in plain["hardware"]}
    inventory.activity = {row["id"]: _activity(row) for row in plain.get("activity", [])}
    checkouts = [_checkout(row) for row in plain.get("accessory_checkouts", [])]
    inventory.accessory_checkouts = {one.id: one for one in checkouts}
    inventory.last_checkout_id = max(inventory.accessory_checkouts, default=0)
    inventory.consumable_uses = {}
    inventory.maintenances = {}


def _plain(value: Any) -> Any:
    """The same with text unescaped, once."""
    if isinstance(value, str):
        return unescape(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {
            key: deepcopy(one) if key in HTML_FIELDS else _plain(one) for key, one in value.items()
        }
    return value


def _asset(row: Row) -> Asset:
    holder = row["assigned_to"] or {}
    created = _time(row["created_at"])
    updated = _time(row["updated_at"])
    if created is None or updated is None:
        raise ValueError(f"asset {row['id']} has no created_at or updated_at")
    return Asset(
        id=row["id"],
        asset_tag=row["asset_tag"],
        model_id=row["model"]["id"],
        status_id=row["status_label"]["id"],
        created_at=created,
        updated_at=updated,
        name=row["name"],
        serial=row["serial"],
        notes=row["notes"],
        order_number=row["order_number"],
        supplier_id=_id(row["supplier"]),
        company_id=_id(row["company"]),
        location_id=_id(row["location"]),
        rtd_location_id=_id(row["rtd_location"]),
        assigned_type=holder.get("type"),
        assigned_to=holder.get("id"),
        last_checkout=_time(row["last_checkout"]),
        last_checkin=_time(row["last_checkin"]),
        expected_checkin=_date(row["expected_checkin"]),
        purchase_date=_date(row["purchase_date"]),
        purchase_cost=(row["purchase_cost"] or "").replace(",", "") or None,
        warranty_months=_leading_number(row["warranty_months"]),
        requestable=row["requestable"],
        byod=row["byod"],
        checkin_counter=row["checkin_counter"],
        checkout_counter=row["checkout_counter"],
        requests_counter=row["requests_counter"],
        created_by=_id(row["created_by"]),
        deleted_at=_time(row["deleted_at"]),
        custom={one["field"]: one["value"] or None for one in _fields(row)},
        facts={name: row[name] for name in FACTS},
    )


def _activity(row: Row) -> Activity:
    item, target = row["item"], row["target"] or {}
    created = _time(row["created_at"])
    if created is None:
        raise ValueError(f"activity {row['id']} has no created_at")
    return Activity(
        id=row["id"],
        action_type=row["action_type"],
        item_type=item["type"],
        item_id=item["id"],
        created_at=created,
        updated_at=_time(row["updated_at"]) or created,
        action_date=_time(row["action_date"]) or created,
        target_type=target.get("type"),
        target_id=target.get("id"),
        location_id=_id(row["location"]),
        created_by=_id(row["created_by"]),
        note=row["note"],
        log_meta=row["log_meta"],
        remote_ip=row["remote_ip"],
        user_agent=row["user_agent"],
        action_source=row["action_source"],
        item_facts={"name": item["name"], "serial": item["serial"]},
    )


def _checkout(row: Row) -> Checkout:
    """A row of ``/accessories/{id}/checkedout``, with the accessory's id added to it."""
    created = _time(row["created_at"])
    if created is None:
        raise ValueError(f"checkout {row['id']} has no created_at")
    return Checkout(
        id=row["id"],
        item_id=row["accessory_id"],
        target_type=row["assigned_to"]["type"],
        target_id=row["assigned_to"]["id"],
        note=row["note"],
        created_by=_id(row["created_by"]),
        created_at=created,
    )


def _fields(row: Row) -> list[Row]:
    fields = row["custom_fields"]
    return list(fields.values()) if fields else []


def _id(ref: Row | None) -> int | None:
    return None if not ref else int(ref["id"])


def _time(value: Row | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value["datetime"])


def _date(value: Row | None) -> date | None:
    return (
        None if value is None else date.fromisoformat((value.get("date") or value["datetime"])[:10])
    )


def _leading_number(text: str | None) -> int | None:
    """24 of "24 months"."""
    digits = (text or "").split(" ")[0]
    return int(digits) if digits.isdigit() else None
