"""The simulated server's database: tables in memory, and the look-ups every call needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from demo.snipe_it_simulator.stored import Activity, Asset, Checkout, Maintenance, Row

ROW_TABLES = (
    "models",
    "users",
    "locations",
    "statuslabels",
    "categories",
    "manufacturers",
    "suppliers",
    "companies",
    "accessories",
    "consumables",
)


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Author:
    """Who makes a change, as the activity report names them."""

    user_id: int | None
    source: str
    user_agent: str | None = None


@dataclass
class Inventory:
    """``zone`` is APP_TIMEZONE: stored times are naive in it and are never converted.

    ``max_results`` is MAX_RESULTS: rows of a list at most, and without a limit.
    """

    clock: Callable[[], datetime] = utc_now
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    max_results: int = 500
    assets: dict[int, Asset] = field(default_factory=dict)
    rows: dict[str, dict[int, Row]] = field(
        default_factory=lambda: {name: {} for name in ROW_TABLES}
    )
    fieldsets: dict[int, Row] = field(default_factory=dict)
    accessory_checkouts: dict[int, Checkout] = field(default_factory=dict)
    last_checkout_id: int = 0
    consumable_uses: dict[int, Checkout] = field(default_factory=dict)
    maintenances: dict[int, Maintenance] = field(default_factory=dict)
    activity: dict[int, Activity] = field(default_factory=dict)

    def now(self) -> datetime:
        """Server time, naive, in whole seconds."""
        return self.clock().astimezone(self.zone).replace(tzinfo=None, microsecond=0)

    def asset(self, asset_id: int | None) -> Asset | None:
        """An asset that is not deleted."""
        asset = self.assets.get(asset_id or 0)
        return asset if asset is not None and asset.deleted_at is None else None

    def row(self, table: str, row_id: int | None) -> Row | None:
        """A row that is not deleted."""
        row = self.rows[table].get(row_id or 0)
        return row if row is not None and row.get("deleted_at") is None else None

    def live_assets(self) -> list[Asset]:
        """Assets that are not deleted, archived ones included."""
        return [asset for asset in self.assets.values() if asset.deleted_at is None]

    def status_type(self, asset: Asset) -> str:
        """deployable, pending, undeployable or archived."""
        return str(self.rows["statuslabels"][asset.status_id]["type"])

    def available(self, asset: Asset) -> bool:
        """Whether a checkout's first look lets the asset pass."""
        return (
            asset.assigned_to is None
            and asset.deleted_at is None
            and self.status_type(asset) == "deployable"
        )

    def target_exists(self, kind: str, target_id: int | None) -> bool:
        """Whether there is such a user, location or asset to check out to."""
        if kind == "asset":
            return self.asset(target_id) is not None
        return self.row(f"{kind}s", target_id) is not None

    def target_location(self, kind: str, target_id: int) -> int | None:
        """Where a thing is once this target has it."""
        if kind == "location":
            return target_id
        if kind == "asset":
            return self.assets[target_id].location_id
        place = self.rows["users"][target_id]["location"]
        return None if place is None else int(place["id"])

    def remaining(self, table: str, row_id: int) -> int:
        """Units of an accessory or consumable nobody has; below zero after a race."""
        return int(self.rows[table][row_id]["qty"]) - len(self.units_out(table, row_id))

    def units_out(self, table: str, row_id: int) -> list[Checkout]:
        """Checkouts of an accessory or consumable."""
        out = self.accessory_checkouts if table == "accessories" else self.consumable_uses
        return [one for one in out.values() if one.item_id == row_id]

    def log(
        self,
        author: Author,
        action: str,
        item: tuple[str, int],
        *,
        target: tuple[str, int] | None = None,
        location_id: int | None = None,
        note: str | None = None,
        log_meta: dict[str, dict[str, str]] | None = None,
        action_date: datetime | None = None,
    ) -> None:
        """Write a row of the activity report, at the server's clock."""
        now = self.now()
        row_id = next_id(self.activity)
        self.activity[row_id] = Activity(
            id=row_id,
            action_type=action,
            item_type=item[0],
            item_id=item[1],
            created_at=now,
            updated_at=now,
            action_date=action_date or now,
            target_type=target[0] if target else None,
            target_id=target[1] if target else None,
            location_id=location_id,
            created_by=author.user_id,
            note=note,
            log_meta=log_meta or None,
            remote_ip="127.0.0.1",
            user_agent=author.user_agent,
            action_source=author.source,
        )


def next_id(table: Mapping[int, object]) -> int:
    """The id that a table which never loses a row gives next."""
    return max(table, default=0) + 1
