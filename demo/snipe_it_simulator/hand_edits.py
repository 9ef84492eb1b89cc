"""Changes that people make in Snipe-IT's own screens, which is what drift is made of."""

from collections.abc import Callable, Mapping
from typing import Any

from demo.snipe_it_simulator import editing
from demo.snipe_it_simulator.custody import hand_out
from demo.snipe_it_simulator.inventory import Author, Inventory
from demo.snipe_it_simulator.rendering import time_form
from demo.snipe_it_simulator.stored import Asset, Row

BY_HAND = Author(user_id=1, source="gui", user_agent="Mozilla/5.0")
Edit = Mapping[str, Any]


class UnknownEdit(Exception):
    """The edit is none of those there are, or names something that does not exist."""


def apply(inventory: Inventory, edit: Edit) -> None:
    """Make one hand edit: ``{"do": <name>, …}``, see README. Raises UnknownEdit."""
    change = EDITS.get(str(edit.get("do")))
    if change is None:
        raise UnknownEdit(f"do is one of {', '.join(EDITS)}")
    try:
        change(inventory, edit)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnknownEdit(f"{edit.get('do')}: {error!r}") from error


def _checkout(inventory: Inventory, edit: Edit) -> None:
    target = (str(edit["to_type"]), int(edit["to_id"]))
    if not inventory.target_exists(*target):
        raise UnknownEdit(f"there is no {target}")
    hand_out(inventory, BY_HAND, _asset(inventory, edit), target, edit.get("note"))


def _checkin(inventory: Inventory, edit: Edit) -> None:
    asset = _asset(inventory, edit)
    if asset.assigned_type is None or asset.assigned_to is None:
        raise UnknownEdit(f"nobody has asset {asset.id}")
    holder = (asset.assigned_type, asset.assigned_to)
    asset.release()
    asset.location_id, asset.expected_checkin = asset.rtd_location_id, None
    asset.last_checkin = asset.updated_at = inventory.now()
    asset.checkin_counter += 1
    inventory.log(
        BY_HAND, "checkin from", ("asset", asset.id), target=holder, note=edit.get("note")
    )


def _checkin_unit(inventory: Inventory, edit: Edit) -> None:
    """One unit of an accessory, by the number of its checkout."""
    unit = inventory.accessory_checkouts.pop(int(edit["id"]))
    holder = (unit.target_type, unit.target_id)
    inventory.log(BY_HAND, "checkin from", ("accessory", unit.item_id), target=holder)


def _set(inventory: Inventory, edit: Edit) -> None:
    """Columns of an asset, or fields of a row of another table."""
    fields: Mapping[str, Any] = edit["fields"]
    if edit["table"] != "hardware":
        stamp = time_form(inventory.now())
        inventory.rows[edit["table"]][int(edit["id"])].update({"updated_at": stamp, **fields})
        _log_user(inventory, edit, "update")
        return
    asset = _asset(inventory, edit)
    for name, value in fields.items():
        if not hasattr(asset, name):
            raise UnknownEdit(f"an asset has no {name}")
        setattr(asset, name, value)
    asset.updated_at = inventory.now()
    inventory.log(BY_HAND, "update", ("asset", asset.id))


def _delete(inventory: Inventory, edit: Edit) -> None:
    if edit["table"] != "hardware":
        stamp = time_form(inventory.now())
        inventory.rows[edit["table"]][int(edit["id"])]["deleted_at"] = stamp
        _log_user(inventory, edit, "delete")
        return
    author = Author(BY_HAND.user_id, "cli/unknown")
    editing.remove(inventory, author, _asset(inventory, edit))


def _restore(inventory: Inventory, edit: Edit) -> None:
    """Whoever does it by hand mends first what stands in the way."""
    asset = inventory.assets[int(edit["id"])]
    asset.release()
    editing.bring_back(inventory, BY_HAND, asset)


def _add(inventory: Inventory, edit: Edit) -> None:
    """A row of a table other than hardware, in the API's form."""
    row: Row = dict(edit["row"])
    inventory.rows[edit["table"]][int(row["id"])] = row


def _log_user(inventory: Inventory, edit: Edit, action: str) -> None:
    """Of the other tables only changes of users leave a report row."""
    if edit["table"] == "users":
        inventory.log(BY_HAND, action, ("user", int(edit["id"])))


def _asset(inventory: Inventory, edit: Edit) -> Asset:
    asset = inventory.asset(int(edit["id"]))
    if asset is None:
        raise UnknownEdit(f"there is no asset {edit['id']}")
    return asset


EDITS: dict[str, Callable[[Inventory, Edit], None]] = {
    "checkout": _checkout,
    "checkin": _checkin,
    "checkin_unit": _checkin_unit,
    "set": _set,
    "delete": _delete,
    "restore": _restore,
    "add": _add,
}
