"""Rows of models, users, locations… with the counts that depend on everything else."""

from demo.snipe_it_simulator.rendering import View, escaped
from demo.snipe_it_simulator.stored import Row


def model(view: View, row: Row) -> Row:
    """A model. ``remaining`` is no availability: it counts assets that are out as well."""
    count = sum(1 for one in view.inventory.live_assets() if one.model_id == row["id"])
    counts = {"assets_count": count, "remaining": count - (row["min_amt"] or 0)}
    actions = {**row["available_actions"], "delete": count == 0}
    return _shown(row, {**counts, "available_actions": actions})


def user(view: View, row: Row) -> Row:
    """A user, with what the viewer may do about them."""
    held = sum(
        1
        for one in view.inventory.live_assets()
        if (one.assigned_type, one.assigned_to) == ("user", row["id"])
    )
    out = view.inventory.accessory_checkouts.values()
    accessories = sum(1 for one in out if (one.target_type, one.target_id) == ("user", row["id"]))
    used = view.inventory.consumable_uses.values()
    consumables = sum(1 for one in used if one.target_id == row["id"])
    free = held == 0 and row["manages_users_count"] == 0
    actions = {
        "update": view.may("users.edit"),
        "delete": view.may("users.delete") and free,
        "clone": view.may("users.create"),
        "restore": False,
    }
    counts = {
        "assets_count": held,
        "accessories_count": accessories,
        "consumables_count": consumables,
    }
    return _shown(row, {**counts, "available_actions": actions})


def location(view: View, row: Row) -> Row:
    """A location, with what is there and what is at home there."""
    assets, users = view.inventory.live_assets(), view.inventory.rows["users"].values()
    accessories = view.inventory.rows["accessories"].values()
    here = ("location", row["id"])
    out = view.inventory.accessory_checkouts.values()
    counts = {
        "accessories_count": sum(1 for one in accessories if _id(one["location"]) == row["id"]),
        "assigned_accessories_count": sum(
            1 for one in out if (one.target_type, one.target_id) == here
        ),
        "assigned_assets_count": sum(
            1 for one in assets if (one.assigned_type, one.assigned_to) == here
        ),
        # Archived assets count at home, but not where they are.
        "assets_count": sum(
            1
            for one in assets
            if one.location_id == row["id"] and view.inventory.status_type(one) != "archived"
        ),
        "rtd_assets_count": sum(1 for one in assets if one.rtd_location_id == row["id"]),
        "users_count": sum(
            1 for one in users if _id(one["location"]) == row["id"] and not one["deleted_at"]
        ),
    }
    empty = not any(counts.values()) and not row["children"]
    actions = {**row["available_actions"], "delete": empty, "bulk_selectable": {"delete": empty}}
    return _shown(row, {**counts, "available_actions": actions})


def status_label(view: View, row: Row) -> Row:
    """A status label in a list."""
    count = sum(1 for one in view.inventory.live_assets() if one.status_id == row["id"])
    actions = {**row["available_actions"], "delete": count == 0}
    return _shown(row, {"assets_count": count, "available_actions": actions})


def status_label_alone(_: View, row: Row) -> Row:
    """A status label by its id: there the server counts nothing."""
    actions = {**row["available_actions"], "delete": True}
    return _shown(row, {"assets_count": 0, "available_actions": actions})


def category(view: View, row: Row) -> Row:
    """A category in a list, which leaves archived assets out."""
    return _category(view, row, archived=False)


def category_alone(view: View, row: Row) -> Row:
    """A category by its id."""
    return _category(view, row, archived=True)


def supplier(view: View, row: Row) -> Row:
    """A supplier."""
    assets = view.inventory.live_assets()
    return _shown(row, {"assets_count": sum(1 for one in assets if one.supplier_id == row["id"])})


def supplier_alone(_: View, row: Row) -> Row:
    """A supplier by its id: there the server counts nothing."""
    counts = dict.fromkeys((name for name in row if name.endswith("_count")), 0)
    actions = {**row["available_actions"], "delete": True}
    return _shown(row, {**counts, "available_actions": actions})


def company(view: View, row: Row) -> Row:
    """A company."""
    assets = view.inventory.live_assets()
    return _shown(row, {"assets_count": sum(1 for one in assets if one.company_id == row["id"])})


def accessory(view: View, row: Row) -> Row:
    """An accessory with its stock."""
    remaining = view.inventory.remaining("accessories", row["id"])
    out = len(view.inventory.units_out("accessories", row["id"]))
    counts = {"remaining_qty": remaining, "remaining": remaining, "checkouts_count": out}
    actions = {**row["available_actions"], "delete": out == 0}
    return _shown(row, {**counts, "user_can_checkout": remaining > 0, "available_actions": actions})


def consumable(view: View, row: Row) -> Row:
    """A consumable with its stock."""
    remaining = view.inventory.remaining("consumables", row["id"])
    return _shown(row, {"remaining": remaining, "user_can_checkout": remaining > 0})


def _category(view: View, row: Row, *, archived: bool) -> Row:
    inventory = view.inventory
    assets = sum(
        1
        for one in inventory.live_assets()
        if _id(inventory.rows["models"][one.model_id]["category"]) == row["id"]
        and (archived or inventory.status_type(one) != "archived")
    )
    accessories = _in_category(view, "accessories", row["id"])
    consumables = _in_category(view, "consumables", row["id"])
    own = {"Asset": assets, "Accessory": accessories, "Consumable": consumables}
    items = own.get(row["category_type"], row["item_count"])
    counts = {
        "item_count": items,
        "assets_count": assets,
        "accessories_count": accessories,
        "consumables_count": consumables,
    }
    actions = {**row["available_actions"], "delete": items == 0}
    return _shown(row, {**counts, "available_actions": actions})


def _in_category(view: View, table: str, category_id: int) -> int:
    rows = view.inventory.rows[table].values()
    return sum(1 for one in rows if _id(one["category"]) == category_id)


def _id(ref: Row | None) -> int | None:
    return None if not ref else int(ref["id"])


def _shown(row: Row, live: Row) -> Row:
    shown: Row = escaped({**row, **live})
    return shown
