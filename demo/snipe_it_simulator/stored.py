"""What the simulated server stores.

Assets, checkouts, maintenances and report rows are kept as columns, since calls change them.
Everything else is kept as a ``Row``: the API's own form with text unescaped, in which the
counts are worked out anew each time it is shown. All times are naive, in the server's zone.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Row = dict[str, Any]

USER_CLASS = "App\\Models\\User"
CLASSES = {
    "user": USER_CLASS,
    "location": "App\\Models\\Location",
    "asset": "App\\Models\\Asset",
}


@dataclass
class Asset:
    """``facts`` holds what no call changes, in the API's form (warranty, picture, age…)."""

    id: int
    asset_tag: str
    model_id: int
    status_id: int
    created_at: datetime
    updated_at: datetime
    name: str | None = None
    serial: str | None = None
    notes: str | None = None
    order_number: str | None = None
    supplier_id: int | None = None
    company_id: int | None = None
    location_id: int | None = None
    rtd_location_id: int | None = None
    assigned_type: str | None = None
    assigned_to: int | None = None
    last_checkout: datetime | None = None
    last_checkin: datetime | None = None
    expected_checkin: date | None = None
    purchase_date: date | None = None
    purchase_cost: str | None = None
    warranty_months: int | None = None
    requestable: bool = False
    byod: bool = False
    checkin_counter: int = 0
    checkout_counter: int = 0
    requests_counter: int = 0
    created_by: int | None = None
    deleted_at: datetime | None = None
    custom: dict[str, str | None] = field(default_factory=dict)
    facts: Row = field(default_factory=dict)

    def assign(self, kind: str, target_id: int) -> None:
        """Give the asset to a user, location or asset."""
        self.assigned_type, self.assigned_to = kind, target_id

    def release(self) -> None:
        """Take the asset back."""
        self.assigned_type = self.assigned_to = None


@dataclass
class Checkout:
    """One unit of an accessory, or one hand-out of a consumable."""

    id: int
    item_id: int
    target_type: str
    target_id: int
    note: str | None
    created_by: int | None
    created_at: datetime


@dataclass
class Maintenance:
    id: int
    asset_id: int
    supplier_id: int
    kind: str
    title: str
    start_date: date
    created_by: int | None
    created_at: datetime
    updated_at: datetime
    completion_date: date | None = None
    cost: str | None = None
    notes: str | None = None
    is_warranty: int = 0


@dataclass
class Activity:
    """A row of the activity report.

    ``item_facts`` is the item's name and serial where its kind is not simulated (licences).
    """

    id: int
    action_type: str
    item_type: str
    item_id: int
    created_at: datetime
    updated_at: datetime
    action_date: datetime
    target_type: str | None = None
    target_id: int | None = None
    location_id: int | None = None
    created_by: int | None = None
    note: str | None = None
    log_meta: dict[str, dict[str, str]] | None = None
    remote_ip: str | None = None
    user_agent: str | None = None
    action_source: str | None = None
    item_facts: Row = field(default_factory=dict)
