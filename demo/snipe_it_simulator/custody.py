"""Checkout and check-in of assets: check, then write, without a lock between the two."""

from dataclasses import replace
from datetime import date

from demo.snipe_it_simulator import validation
from demo.snipe_it_simulator.calls import (
    BEFORE_WRITE,
    BETWEEN_WRITES,
    Call,
    Reply,
    asset_not_found,
    invalid,
    invalid_json,
    refused,
    server_error,
    succeeded,
    whole,
)
from demo.snipe_it_simulator.inventory import Author, Inventory
from demo.snipe_it_simulator.stored import Asset

Meta = dict[str, dict[str, str]]


async def checkout(call: Call, asset_id: str) -> Reply:
    """``POST /hardware/{id}/checkout``."""
    if call.malformed:
        return invalid_json()
    wrong = _checkout_errors(call)
    if wrong:
        return invalid(wrong)
    asset = call.inventory.asset(whole(asset_id))
    if asset is None:
        return asset_not_found()
    if not call.inventory.available(asset):
        return refused("That asset is not available for checkout!", {"asset": asset.asset_tag})
    kind = str(call.body["checkout_to_type"])
    target_id = call.number(f"assigned_{kind}")
    if (kind, target_id) == ("asset", asset.id) or not call.inventory.target_exists(
        kind, target_id
    ):
        return _no_target(asset, kind, target_id)
    # Nothing is locked here, so a second checkout may pass the same check meanwhile.
    await call.pause(BEFORE_WRITE)
    await _write_checkout(call, asset, (kind, target_id or 0))
    return succeeded("Asset checked out successfully.", {"asset": asset.asset_tag})


async def checkin(call: Call, asset_id: str) -> Reply:
    """``POST /hardware/{id}/checkin``: a body that cannot be read counts as an empty one."""
    asset = call.inventory.asset(whole(asset_id))
    if asset is None:
        return asset_not_found()
    model = call.inventory.rows["models"][asset.model_id]
    about = {
        "asset_tag": asset.asset_tag,
        "model": model["name"],
        "model_number": model["model_number"],
    }
    if asset.assigned_to is None:
        return refused("That asset is already checked in.", about)
    if not _checkin_possible(call):
        return refused("Asset was not checked in, please try again", {"asset": asset.asset_tag})
    await call.pause(BEFORE_WRITE)
    holder, log_meta = _write_checkin(call, asset)
    claimed = validation.read_date(call.body["checkin_at"]) if "checkin_at" in call.body else None
    if claimed is not None and claimed != call.inventory.now().date():
        # A defect of the server: the check-in stands, its report row is never written.
        return server_error()
    await call.pause(BETWEEN_WRITES)
    call.inventory.log(
        call.author,
        "checkin from",
        ("asset", asset.id),
        target=holder,
        note=call.text("note"),
        log_meta=log_meta,
    )
    return succeeded("Asset checked in successfully.", about)


def hand_out(
    inventory: Inventory, author: Author, asset: Asset, target: tuple[str, int], note: str | None
) -> None:
    """A checkout without any check, as an edit of the asset's holder makes it.

    The asset stays where it was if the new holder has no place.
    """
    before = replace(asset)
    place = inventory.target_location(*target)
    asset.assign(*target)
    asset.location_id = place or asset.location_id
    asset.last_checkout = asset.updated_at = inventory.now()
    asset.checkout_counter += 1
    inventory.log(
        author,
        "checkout",
        ("asset", asset.id),
        target=target,
        location_id=place,
        note=note,
        log_meta=changes(inventory, before, asset),
    )


def changes(inventory: Inventory, before: Asset, after: Asset) -> Meta:
    """What the activity report says was changed between two states of an asset."""
    found: Meta = {}
    for name in ("name", "expected_checkin", "notes", "serial", "order_number", "asset_tag"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found[name] = {"old": _text(old), "new": _text(new)}
    for name, table, shown in (
        ("location_id", "locations", "Current Location"),
        ("rtd_location_id", "locations", "Default Location"),
        ("status_id", "statuslabels", "Status Label"),
        ("model_id", "models", "Model"),
        ("supplier_id", "suppliers", "Supplier"),
    ):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found[shown] = {
                "old": _reference(inventory, table, old),
                "new": _reference(inventory, table, new),
            }
    for column in {*before.custom, *after.custom}:
        was, now = before.custom.get(column), after.custom.get(column)
        if was != now:
            found[column] = {"old": was or "", "new": now or ""}
    return found


def _checkout_errors(call: Call) -> validation.Fields:
    body = call.body
    wrong = validation.assignee(body)
    kind = body.get("checkout_to_type")
    if kind is None:
        wrong["checkout_to_type"] = ["The checkout to type field is required."]
    elif kind not in validation.TARGETS:
        wrong["checkout_to_type"] = ["The selected checkout to type is invalid."]
    status = body.get("status_id")
    if status is not None:
        row = call.inventory.row("statuslabels", whole(status))
        if row is None or row["type"] != "deployable":
            wrong["status_id"] = ["The selected status id is invalid."]
    return {**wrong, **validation.dates(body, "checkout_at", "expected_checkin")}


def _no_target(asset: Asset, kind: str, target_id: int | None) -> Reply:
    return refused(
        f"Checkout target for asset {asset.asset_tag} is invalid - {kind} does not exist.",
        {
            "asset": {"id": asset.id, "asset_tag": asset.asset_tag},
            "target_id": target_id,
            "target_type": kind,
        },
    )


async def _write_checkout(call: Call, asset: Asset, target: tuple[str, int]) -> None:
    """Asset row, report row and counter are separate commits, and can be seen apart."""
    inventory, before = call.inventory, replace(asset)
    now = inventory.now()
    claimed = validation.read_time(call.body["checkout_at"]) if "checkout_at" in call.body else None
    asset.assign(*target)
    asset.last_checkout = claimed or now
    asset.expected_checkin = validation.read_date(call.body.get("expected_checkin"))
    asset.location_id = place = inventory.target_location(*target)
    asset.status_id = call.number("status_id") or asset.status_id
    asset.name = call.text("name") or asset.name
    asset.updated_at = now
    log_meta = changes(inventory, before, asset)
    if claimed is not None and claimed != now:
        log_meta["action_date"] = {"old": str(now), "new": str(claimed)}
    await call.pause(BETWEEN_WRITES)
    inventory.log(
        call.author,
        "checkout",
        ("asset", asset.id),
        target=target,
        location_id=place,
        note=call.text("note"),
        log_meta=log_meta,
        action_date=claimed,
    )
    await call.pause(BETWEEN_WRITES)
    asset.checkout_counter += 1


def _checkin_possible(call: Call) -> bool:
    """Whether the label and place that the body names exist."""
    named = (("status_id", "statuslabels"), ("location_id", "locations"))
    return all(
        call.inventory.row(table, whole(call.body[name])) is not None
        for name, table in named
        if call.body.get(name) is not None
    )


def _write_checkin(call: Call, asset: Asset) -> tuple[tuple[str, int] | None, Meta]:
    before = replace(asset)
    holder = None
    if asset.assigned_type is not None and asset.assigned_to is not None:
        holder = (asset.assigned_type, asset.assigned_to)
    asset.release()
    asset.location_id = call.number("location_id") or asset.rtd_location_id
    asset.expected_checkin = None
    asset.status_id = call.number("status_id") or asset.status_id
    asset.name = call.text("name") or asset.name
    asset.last_checkin = asset.updated_at = call.inventory.now()
    asset.checkin_counter += 1
    return holder, changes(call.inventory, before, asset)


def _reference(inventory: Inventory, table: str, row_id: int | None) -> str:
    row = inventory.rows[table].get(row_id or 0)
    return "" if row is None else f"[id: {row['id']}] {row['name']}"


def _text(value: str | date | None) -> str:
    return "" if value is None else str(value)
