"""Creating and editing assets. An edit of the holder hands the asset out without a check."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from demo.snipe_it_simulator import flat, validation
from demo.snipe_it_simulator.calls import (
    BEFORE_WRITE,
    Call,
    Reply,
    Unrecorded,
    asset_not_found,
    invalid,
    invalid_json,
    refused,
    succeeded,
    whole,
)
from demo.snipe_it_simulator.custody import changes, hand_out
from demo.snipe_it_simulator.inventory import Author, Inventory, next_id
from demo.snipe_it_simulator.stored import Asset, Row

TEXTS = ("name", "asset_tag", "serial", "notes", "order_number", "purchase_cost")
NUMBERS = (
    "model_id",
    "status_id",
    "supplier_id",
    "company_id",
    "location_id",
    "rtd_location_id",
    "warranty_months",
)
DATES = ("purchase_date", "expected_checkin")
FLAGS = ("requestable", "byod")
YES = (True, 1, "1", "true")
NO_ASSET = "Asset does not exist."


async def create(call: Call) -> Reply:
    """``POST /hardware``."""
    if call.malformed:
        return invalid_json()
    wrong = _new_errors(call) or _new_record_errors(call)
    if wrong:
        return invalid(wrong)
    await call.pause(BEFORE_WRITE)
    inventory, now = call.inventory, call.inventory.now()
    asset = Asset(
        id=next_id(inventory.assets),
        asset_tag=str(call.body["asset_tag"]),
        model_id=call.number("model_id") or 0,
        status_id=call.number("status_id") or 0,
        created_at=now,
        updated_at=now,
        created_by=call.author.user_id,
    )
    _apply(inventory, asset, call)
    inventory.assets[asset.id] = asset
    inventory.log(call.author, "create new", ("asset", asset.id))
    target = _assignee(call)
    if target is not None:
        asset.name = call.text("name") or ""
        hand_out(inventory, call.author, asset, target, "Checked out on asset creation")
    return succeeded("Asset created successfully. :)", _created(call, asset))


async def patch(call: Call, asset_id: str) -> Reply:
    """``PATCH /hardware/{id}``: only what is sent is changed, but for the name (see below)."""
    if call.malformed:
        raise Unrecorded("an edit whose body is no JSON")
    asset = call.inventory.asset(whole(asset_id))
    if asset is None:
        return asset_not_found()
    wrong = _edit_errors(call, asset)
    if wrong:
        return invalid(wrong)
    await call.pause(BEFORE_WRITE)
    inventory, target = call.inventory, _assignee(call)
    before = replace(asset, custom=dict(asset.custom))
    _apply(inventory, asset, call)
    if "rtd_location_id" in call.body and "location_id" not in call.body:
        asset.location_id = asset.rtd_location_id
    if target is not None:
        # The server empties the name of an asset it hands out by an edit, unless it is sent.
        asset.name = call.text("name") or ""
        log = {"name": {"old": before.name or "", "new": asset.name}}
        _hand_out(call, asset, target, log if before.name != asset.name else {})
    elif asset != before:
        asset.updated_at = inventory.now()
        inventory.log(
            call.author, "update", ("asset", asset.id), log_meta=changes(inventory, before, asset)
        )
    return succeeded("Asset updated successfully.", _patched(call, asset, target))


async def delete(call: Call, asset_id: str) -> Reply:
    """``DELETE /hardware/{id}``: soft, and without a question to whoever has it."""
    asset = call.inventory.asset(whole(asset_id))
    if asset is None:
        return refused(NO_ASSET)
    await call.pause(BEFORE_WRITE)
    remove(call.inventory, call.author, asset)
    return succeeded("The asset was deleted successfully.")


async def restore(call: Call, asset_id: str) -> Reply:
    """``POST /hardware/{id}/restore``, whose words stand in the payload."""
    asset = call.inventory.assets.get(whole(asset_id) or 0)
    if asset is None:
        raise Unrecorded("the restoring of an asset that never was")
    if asset.deleted_at is None:
        return refused(None, "The Asset was not deleted and therefore cannot be restored")
    if asset.assigned_type is not None:
        reason = "The assigned to field is required when assigned type is present."
        return refused(None, f"Error restoring Asset: {reason}")
    await call.pause(BEFORE_WRITE)
    bring_back(call.inventory, call.author, asset)
    return succeeded(None, "Asset restored successfully.")


def remove(inventory: Inventory, author: Author, asset: Asset) -> None:
    """Soft delete. An asset in somebody's hands is checked in on the way, but for their kind."""
    if asset.assigned_type is not None and asset.assigned_to is not None:
        holder = (asset.assigned_type, asset.assigned_to)
        asset.assigned_to = None
        asset.checkin_counter += 1
        inventory.log(
            author, "checkin from", ("asset", asset.id), target=holder, note="Checkin on delete"
        )
    asset.deleted_at = asset.updated_at = inventory.now()
    inventory.log(author, "delete", ("asset", asset.id))


def bring_back(inventory: Inventory, author: Author, asset: Asset) -> None:
    """The asset as it was before it was removed."""
    asset.deleted_at, asset.updated_at = None, inventory.now()
    inventory.log(author, "restore", ("asset", asset.id))


def _hand_out(call: Call, asset: Asset, target: tuple[str, int], renamed: dict[str, Any]) -> None:
    hand_out(call.inventory, call.author, asset, target, "Checked out on asset update")
    row = call.inventory.activity[max(call.inventory.activity)]
    row.log_meta = {**renamed, **(row.log_meta or {})} or None


def _assignee(call: Call) -> tuple[str, int] | None:
    for kind in validation.TARGETS:
        target_id = call.number(f"assigned_{kind}")
        if target_id is not None and call.inventory.target_exists(kind, target_id):
            return kind, target_id
    return None


def _apply(inventory: Inventory, asset: Asset, call: Call) -> None:
    """Take over every known field of the body; unknown ones are ignored without a word."""
    readers: dict[str, Callable[[str], Any]] = {
        **dict.fromkeys(TEXTS, call.text),
        **dict.fromkeys(NUMBERS, call.number),
        **dict.fromkeys(DATES, lambda name: validation.read_date(call.body[name])),
        **dict.fromkeys(FLAGS, lambda name: call.body[name] in YES),
    }
    for name, read in readers.items():
        if name in call.body:
            setattr(asset, name, read(name))
    for field in validation.fields_of(inventory, asset.model_id):
        if field["db_column"] in call.body:
            asset.custom[field["db_column"]] = call.text(field["db_column"])


def _new_errors(call: Call) -> validation.Fields:
    """What the server looks at first: the model and the tag."""
    wrong: validation.Fields = {}
    if call.body.get("model_id") is None:
        wrong["model_id"] = ["The model id field is required."]
    elif call.inventory.row("models", call.number("model_id")) is None:
        wrong["model_id"] = ["The selected model id is invalid."]
    if not call.body.get("asset_tag"):
        wrong["asset_tag"] = [
            "The asset tag field must be at least 1 characters.",
            "The asset tag must be unique.",
        ]
    return wrong


def _new_record_errors(call: Call) -> validation.Fields:
    """What it looks at when it stores the record."""
    wrong = validation.custom_fields(call.inventory, call.number("model_id") or 0, call.body)
    if _tag_taken(call, None):
        wrong["asset_tag"] = ["The asset tag must be unique."]
    label = call.inventory.row("statuslabels", call.number("status_id"))
    if call.body.get("status_id") is None:
        raise Unrecorded("a new asset without a status label")
    if label is None:
        wrong["status_id"] = ["The selected status id is invalid."]
    elif _assignee(call) is not None and label["type"] != "deployable":
        wrong["status_id"] = [
            "That asset status is not deployable. This asset cannot be checked out."
        ]
    return wrong


def _edit_errors(call: Call, asset: Asset) -> validation.Fields:
    body = call.body
    wrong = validation.custom_fields(call.inventory, asset.model_id, body)
    for name, table in (("model_id", "models"), ("status_id", "statuslabels")):
        if name not in body:
            continue
        if call.number(name) is None:
            wrong[name] = [f"The {validation.label(name)} field must be an integer."]
        elif call.inventory.row(table, call.number(name)) is None:
            wrong[name] = [f"The selected {validation.label(name)} is invalid."]
    for name in DATES:
        if body.get(name) is not None and validation.read_date(body[name]) is None:
            shown = validation.label(name)
            wrong[name] = [
                f"The {shown} field must be a valid date.",
                f"The {shown} must be a valid date in YYYY-MM-DD format",
            ]
    if _tag_taken(call, asset.id):
        wrong["asset_tag"] = ["The asset tag has already been taken."]
    return wrong


def _tag_taken(call: Call, own_id: int | None) -> bool:
    tag = call.body.get("asset_tag")
    return tag is not None and any(
        one.asset_tag == str(tag) and one.id != own_id for one in call.inventory.live_assets()
    )


def _created(call: Call, asset: Asset) -> Row:
    """The new row: only the columns that were set, then the model."""
    inventory = call.inventory
    whole_row = flat.asset(inventory, asset)
    always = ("model_id", "status_id", "asset_tag", "company_id", "created_by")
    sent = {name: whole_row[name] for name in whole_row if name in call.body}
    stamps = {name: whole_row[name] for name in (*always, "updated_at", "created_at", "id")}
    payload = {**sent, **stamps}
    if asset.assigned_to is None:
        return {**payload, "model": flat.model(inventory, asset.model_id, "fieldset")}
    handed_out = (
        "last_checkout",
        "name",
        "assigned_to",
        "assigned_type",
        "location_id",
        "checkout_counter",
    )
    return {
        **payload,
        **{name: whole_row[name] for name in handed_out},
        "model": flat.model(inventory, asset.model_id, "fieldset", "category"),
        "assigned": _assigned(inventory, asset, created=True),
    }


def _patched(call: Call, asset: Asset, target: tuple[str, int] | None) -> Row:
    inventory = call.inventory
    embedded = ("fieldset",) if target is None else ("fieldset", "category")
    payload = {
        **flat.asset(inventory, asset),
        "model": flat.model(inventory, asset.model_id, *embedded),
        "adminuser": flat.user(inventory, asset.created_by) if asset.created_by else None,
    }
    if target is not None:
        payload["assigned"] = _assigned(inventory, asset, created=False)
    return payload


def _assigned(inventory: Inventory, asset: Asset, *, created: bool) -> Row:
    """The holder's columns. Only users were recorded, so other holders stay a bare id.

    The place belongs to them after a creation, and after an edit only where there is none.
    """
    if asset.assigned_type != "user" or asset.assigned_to is None:
        return {"id": asset.assigned_to}
    user = flat.user(inventory, asset.assigned_to)
    if created or user["location_id"] is None:
        user["location"] = flat.location(inventory, user["location_id"])
    return user
