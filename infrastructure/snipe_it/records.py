"""What Snipe-IT tells, as typed records.

Text is unescaped, times are aware UTC, dates stay dates. ``Ref`` is the id and name of
another record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class HolderType(StrEnum):
    """What an asset or accessory can be checked out to."""

    USER = "user"
    LOCATION = "location"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Ref:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who or what has an asset; user name and e-mail are there for users only."""

    type: HolderType
    id: int
    name: str
    username: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class StatusRef:
    """An asset's status label. ``meta`` is ``deployed`` while the asset is assigned."""

    id: int
    name: str
    type: str
    meta: str


@dataclass(frozen=True, slots=True)
class CustomField:
    """``column`` is the name by which the field is written."""

    column: str
    value: str | None
    format: str | None


@dataclass(frozen=True, slots=True)
class Asset:
    """``can_check_out`` is the only sign of availability that counts."""

    id: int
    tag: str
    serial: str | None
    name: str | None
    model: Ref | None
    model_number: str | None
    status: StatusRef | None
    category: Ref | None
    manufacturer: Ref | None
    supplier: Ref | None
    company: Ref | None
    location: Ref | None
    home: Ref | None
    assigned_to: Holder | None
    can_check_out: bool
    requestable: bool
    notes: str | None
    order_number: str | None
    purchase_date: date | None
    purchase_cost: str | None
    warranty_expires: date | None
    image: str | None
    last_checkout: datetime | None
    last_checkin: datetime | None
    expected_checkin: date | None
    checkout_counter: int
    checkin_counter: int
    custom_fields: Mapping[str, CustomField]
    created_at: datetime | None
    updated_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Model:
    """Has no availability: the server's ``remaining`` counts something else."""

    id: int
    name: str
    model_number: str | None
    manufacturer: Ref | None
    category: Ref | None
    requestable: bool
    assets_count: int
    image: str | None
    notes: str | None
    updated_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class User:
    """``permissions`` are the user's own; those of the user's groups are not told."""

    id: int
    username: str
    name: str
    first_name: str | None
    last_name: str | None
    email: str | None
    employee_number: str | None
    location: Ref | None
    company: Ref | None
    department: Ref | None
    manager: Ref | None
    activated: bool
    permissions: Mapping[str, bool]
    updated_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Location:
    id: int
    name: str
    parent: Ref | None
    manager: Ref | None
    company: Ref | None
    city: str | None
    country: str | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class StatusLabel:
    """``type`` is deployable, pending, undeployable or archived."""

    id: int
    name: str
    type: str
    color: str | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class Category:
    """``type`` is what the category is for: Asset, Accessory, Consumable, License…"""

    id: int
    name: str
    type: str
    require_acceptance: bool


@dataclass(frozen=True, slots=True)
class Supplier:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Company:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Accessory:
    id: int
    name: str
    model_number: str | None
    category: Ref | None
    location: Ref | None
    company: Ref | None
    quantity: int
    remaining: int
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class CheckedOutRow:
    """One unit of an accessory in somebody's hands; ``id`` is what a check-in names."""

    id: int
    holder: Holder | None
    note: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Consumable:
    id: int
    name: str
    item_number: str | None
    category: Ref | None
    location: Ref | None
    company: Ref | None
    quantity: int
    remaining: int
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ActivityItem:
    type: str
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """A field's value before and after, as the activity report words them."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Activity:
    """A row of the activity report.

    ``created_at`` is the server's clock; ``action_date`` is whatever the caller claimed.
    ``note`` went through the server's Markdown, so compare letters, digits and hyphens only.
    """

    id: int
    action: str
    item: ActivityItem | None
    target: ActivityItem | None
    note: str | None
    changes: Mapping[str, Change]
    by: Ref | None
    user_agent: str | None
    source: str | None
    created_at: datetime | None
    action_date: datetime | None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Open while ``completed_on`` is None."""

    id: int
    asset: Ref | None
    supplier: Ref | None
    type: str
    title: str
    notes: str | None
    started_on: date | None
    completed_on: date | None
    cost: str | None
    updated_at: datetime | None
