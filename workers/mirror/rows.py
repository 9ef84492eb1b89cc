"""Records of Snipe-IT as rows of the mirror: one function per kind, all of one form."""

from dataclasses import asdict
from typing import Any

from infrastructure.inventory.mirror_store import Row
from infrastructure.snipe_it.records import (
    Accessory,
    Asset,
    Category,
    Company,
    Consumable,
    Location,
    Model,
    Ref,
    StatusLabel,
    Supplier,
    User,
)


def asset(one: Asset) -> Row:
    """An asset."""
    status, holder, maker = one.status, one.assigned_to, one.manufacturer
    return {
        "external_id": one.id,
        "deleted_at": one.deleted_at,
        "updated_at": one.updated_at,
        "name": one.name,
        "tag": one.tag,
        "serial": one.serial,
        "model_external_id": _id(one.model),
        "model_number": one.model_number,
        "status_external_id": None if status is None else status.id,
        "status_name": None if status is None else status.name,
        "status_type": None if status is None else status.type,
        "status_meta": None if status is None else status.meta,
        "category_external_id": _id(one.category),
        "manufacturer_external_id": _id(maker),
        "supplier_external_id": _id(one.supplier),
        "company_external_id": _id(one.company),
        "location_external_id": _id(one.location),
        "home_external_id": _id(one.home),
        "holder_kind": None if holder is None else holder.type.value,
        "holder_external_id": None if holder is None else holder.id,
        "holder_name": None if holder is None else holder.name,
        "can_check_out": one.can_check_out,
        "requestable": one.requestable,
        "notes": one.notes,
        "order_number": one.order_number,
        "purchase_date": one.purchase_date,
        "purchase_cost": one.purchase_cost,
        "warranty_expires": one.warranty_expires,
        "image": one.image,
        "last_checkout": one.last_checkout,
        "last_checkin": one.last_checkin,
        "expected_checkin": one.expected_checkin,
        "checkout_counter": one.checkout_counter,
        "checkin_counter": one.checkin_counter,
        "custom_fields": {label: asdict(field) for label, field in one.custom_fields.items()},
        "created_at": one.created_at,
    }


def model(one: Model) -> Row:
    """An asset model."""
    return {
        "external_id": one.id,
        "deleted_at": one.deleted_at,
        "updated_at": one.updated_at,
        "name": one.name,
        "model_number": one.model_number,
        "manufacturer_external_id": _id(one.manufacturer),
        "manufacturer_name": None if one.manufacturer is None else one.manufacturer.name,
        "category_external_id": _id(one.category),
        "requestable": one.requestable,
        "assets_count": one.assets_count,
        "image": one.image,
        "notes": one.notes,
    }


def user(one: User) -> Row:
    """A user over there."""
    return {
        "external_id": one.id,
        "deleted_at": one.deleted_at,
        "updated_at": one.updated_at,
        "name": one.name,
        "username": one.username,
        "first_name": one.first_name,
        "last_name": one.last_name,
        "email": one.email,
        "employee_number": one.employee_number,
        "location_external_id": _id(one.location),
        "company_external_id": _id(one.company),
        "department": None if one.department is None else one.department.name,
        "manager_external_id": _id(one.manager),
        "activated": one.activated,
    }


def location(one: Location) -> Row:
    """A location."""
    return {
        "external_id": one.id,
        "updated_at": one.updated_at,
        "name": one.name,
        "parent_external_id": _id(one.parent),
        "manager_external_id": _id(one.manager),
        "company_external_id": _id(one.company),
        "city": one.city,
        "country": one.country,
    }


def status_label(one: StatusLabel) -> Row:
    """A status label."""
    return {
        "external_id": one.id,
        "name": one.name,
        "type": one.type,
        "color": one.color,
        "notes": one.notes,
    }


def category(one: Category) -> Row:
    """A category."""
    return {
        "external_id": one.id,
        "name": one.name,
        "type": one.type,
        "require_acceptance": one.require_acceptance,
    }


def named(one: Supplier | Company) -> Row:
    """A supplier or a company."""
    return {"external_id": one.id, "name": one.name}


def accessory(one: Accessory) -> Row:
    """An accessory with its stock."""
    return {**_stock(one), "model_number": one.model_number}


def consumable(one: Consumable) -> Row:
    """A consumable with its stock."""
    return {**_stock(one), "item_number": one.item_number}


def _stock(one: Accessory | Consumable) -> dict[str, Any]:
    return {
        "external_id": one.id,
        "updated_at": one.updated_at,
        "name": one.name,
        "category_external_id": _id(one.category),
        "location_external_id": _id(one.location),
        "company_external_id": _id(one.company),
        "quantity": one.quantity,
        "remaining": one.remaining,
    }


def _id(ref: Ref | None) -> int | None:
    return None if ref is None else ref.id
