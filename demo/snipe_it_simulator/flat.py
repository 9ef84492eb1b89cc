"""Stored records in the flat form of the database, which answers to writes give.

It differs from the form of GET in names, types and times, and holds rows nobody asked for
(the creator's whole user row); nobody should rely on it.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from demo.snipe_it_simulator.inventory import Inventory
from demo.snipe_it_simulator.stored import CLASSES, Asset, Maintenance, Row


def iso(value: datetime | None, zone: ZoneInfo) -> str | None:
    """UTC with microseconds."""
    if value is None:
        return None
    moment = value.replace(tzinfo=zone).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asset(inventory: Inventory, one: Asset) -> Row:
    """An asset's columns, without its model."""
    zone = inventory.zone
    columns = {
        field["db_column"]: one.custom.get(field["db_column"])
        for fieldset in inventory.fieldsets.values()
        for field in fieldset["fields"]
    }
    return {
        "id": one.id,
        "name": one.name,
        "asset_tag": one.asset_tag,
        "model_id": one.model_id,
        "serial": one.serial,
        "purchase_date": _midnight(one.purchase_date),
        "asset_eol_date": None,
        "eol_explicit": False,
        "purchase_cost": one.purchase_cost,
        "order_number": one.order_number,
        "assigned_to": one.assigned_to,
        "notes": one.notes,
        "image": None,
        "created_by": one.created_by,
        "created_at": iso(one.created_at, zone),
        "updated_at": iso(one.updated_at, zone),
        "physical": 1,
        "deleted_at": iso(one.deleted_at, zone),
        "status_id": one.status_id,
        "archived": 0,
        "warranty_months": one.warranty_months,
        "depreciate": None,
        "supplier_id": one.supplier_id,
        "requestable": int(one.requestable),
        "rtd_location_id": one.rtd_location_id,
        **columns,
        "accepted": None,
        "last_checkout": _stamp(one.last_checkout),
        "last_checkin": _stamp(one.last_checkin),
        "expected_checkin": None if one.expected_checkin is None else str(one.expected_checkin),
        "company_id": one.company_id,
        "assigned_type": CLASSES.get(one.assigned_type or ""),
        "last_audit_date": None,
        "next_audit_date": None,
        "location_id": one.location_id,
        "checkin_counter": one.checkin_counter,
        "checkout_counter": one.checkout_counter,
        "requests_counter": one.requests_counter,
        "byod": int(one.byod),
    }


def model(inventory: Inventory, model_id: int, *embedded: str) -> Row:
    """A model's columns, with its fieldset and category where ``embedded`` names them."""
    row, zone = inventory.rows["models"][model_id], inventory.zone
    eol = (row["eol"] or "").split(" ")[0]
    fieldset = None if not row["fieldset"] else int(row["fieldset"]["id"])
    shown = {
        "id": row["id"],
        "name": row["name"],
        "model_number": row["model_number"],
        "min_amt": row["min_amt"],
        "manufacturer_id": _id(row["manufacturer"]),
        "category_id": _id(row["category"]),
        "created_at": _row_time(row["created_at"], zone),
        "updated_at": _row_time(row["updated_at"], zone),
        "depreciation_id": _id(row["depreciation"]),
        "created_by": _id(row["created_by"]),
        "eol": int(eol) if eol.isdigit() else None,
        "image": None,
        "deprecated_mac_address": 0,
        "deleted_at": None,
        "fieldset_id": fieldset,
        "notes": row["notes"],
        "requestable": int(row["requestable"]),
    }
    if "fieldset" in embedded:
        shown["fieldset"] = inventory.fieldsets.get(fieldset or 0)
    if "category" in embedded:
        shown["category"] = _category(inventory, _id(row["category"]) or 0)
    return shown


def user(inventory: Inventory, user_id: int) -> Row:
    """A user's columns."""
    row, zone = inventory.rows["users"][user_id], inventory.zone
    plain = ("website", "country", "phone", "jobtitle", "employee_num", "username", "notes")
    return {
        **{name: row[name] for name in plain},
        "id": row["id"],
        "email": row["email"],
        "activated": int(row["activated"]),
        "created_by": _id(row["created_by"]),
        "activation_code": None,
        "activated_at": None,
        "last_login": None,
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "created_at": _row_time(row["created_at"], zone),
        "updated_at": _row_time(row["updated_at"], zone),
        "deleted_at": None,
        "gravatar": None,
        "location_id": _id(row["location"]),
        "manager_id": _id(row["manager"]),
        "avatar": None,
        "company_id": _id(row["company"]),
        "ldap_import": int(row["ldap_import"]),
        "locale": row["locale"],
        "show_in_list": 1,
        "two_factor_secret": None,
        "two_factor_enrolled": 0,
        "two_factor_optin": 0,
        "department_id": _id(row["department"]),
        "address": row["address"],
        "city": row["city"],
        "state": row["state"],
        "zip": row["zip"],
        "skin": None,
        "remote": int(row["remote"]),
        "start_date": None,
        "end_date": None,
        "scim_externalid": None,
        "autoassign_licenses": int(row["autoassign_licenses"]),
        "vip": int(row["vip"]),
        "enable_sounds": 0,
        "enable_confetti": 0,
    }


def location(inventory: Inventory, location_id: int | None) -> Row | None:
    """A location's columns."""
    row, zone = inventory.row("locations", location_id), inventory.zone
    if row is None:
        return None
    plain = ("city", "state", "country", "address", "address2", "zip", "fax", "phone")
    return {
        **{name: row[name] for name in ("id", "name", *plain, "currency", "ldap_ou", "notes")},
        "created_at": _row_time(row["created_at"], zone),
        "updated_at": _row_time(row["updated_at"], zone),
        "created_by": None,
        "deleted_at": None,
        "parent_id": _id(row["parent"]),
        "manager_id": _id(row["manager"]),
        "image": None,
        "company_id": _id(row["company"]),
    }


def maintenance(inventory: Inventory, one: Maintenance) -> Row:
    """A maintenance's columns."""
    completed = one.completion_date
    return {
        "id": one.id,
        "asset_id": one.asset_id,
        "supplier_id": one.supplier_id,
        "asset_maintenance_type": one.kind,
        "title": one.title,
        "is_warranty": one.is_warranty,
        "start_date": str(one.start_date),
        "completion_date": None if completed is None else str(completed),
        "asset_maintenance_time": None,
        "notes": one.notes,
        "cost": None if one.cost is None else float(one.cost),
        "deleted_at": None,
        "created_at": iso(one.created_at, inventory.zone),
        "updated_at": iso(one.updated_at, inventory.zone),
        "created_by": one.created_by,
    }


def _category(inventory: Inventory, category_id: int) -> Row:
    row, zone = inventory.rows["categories"][category_id], inventory.zone
    return {
        "id": row["id"],
        "name": row["name"],
        "created_at": _row_time(row["created_at"], zone),
        "updated_at": _row_time(row["updated_at"], zone),
        "eula_text": row["eula"],
        "use_default_eula": int(row["use_default_eula"]),
        "require_acceptance": int(row["require_acceptance"]),
        "category_type": row["category_type"].lower(),
        "checkin_email": int(row["checkin_email"]),
        "image": None,
        "notes": row["notes"],
    }


def _id(ref: Row | None) -> int | None:
    return None if not ref else int(ref["id"])


def _midnight(day: date | None) -> str | None:
    return None if day is None else iso(datetime.combine(day, time()), ZoneInfo("UTC"))


def _stamp(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%d %H:%M:%S")


def _row_time(value: Row | None, zone: ZoneInfo) -> str | None:
    return None if value is None else iso(datetime.fromisoformat(value["datetime"]), zone)
