"""Maintenances of assets. They change nothing about the asset and leave no report row."""

from dataclasses import replace

from demo.snipe_it_simulator import flat, validation
from demo.snipe_it_simulator.calls import (
    BEFORE_WRITE,
    Call,
    Reply,
    Unrecorded,
    invalid,
    refused,
    succeeded,
    whole,
)
from demo.snipe_it_simulator.inventory import next_id
from demo.snipe_it_simulator.stored import Maintenance, Row

CHANGEABLE = frozenset({"completion_date", "start_date", "title", "notes", "cost"})
REQUIRED = ("asset_id", "supplier_id", "asset_maintenance_type", "title", "start_date")


async def create(call: Call) -> Reply:
    """``POST /maintenances``: the type is free text."""
    wrong = {
        name: [f"The {validation.label(name)} field is required."]
        for name in REQUIRED
        if not call.body.get(name)
    } or _bad_dates(call, "start_date", "completion_date")
    if wrong:
        return invalid(wrong)
    _must_exist(call)
    await call.pause(BEFORE_WRITE)
    inventory, now = call.inventory, call.inventory.now()
    one = Maintenance(
        id=next_id(inventory.maintenances),
        asset_id=call.number("asset_id") or 0,
        supplier_id=call.number("supplier_id") or 0,
        kind=str(call.body["asset_maintenance_type"]),
        title=str(call.body["title"]),
        start_date=validation.read_date(call.body["start_date"]) or now.date(),
        completion_date=validation.read_date(call.body.get("completion_date")),
        notes=call.text("notes"),
        cost=call.text("cost"),
        created_by=call.author.user_id,
        created_at=now,
        updated_at=now,
    )
    inventory.maintenances[one.id] = one
    columns = flat.maintenance(inventory, one)
    sent = (*call.body, "created_by", "updated_at", "created_at", "id")
    payload = {name: columns[name] for name in columns if name in sent}
    return succeeded("Asset Maintenance created successfully.", payload)


async def patch(call: Call, maintenance_id: str) -> Reply:
    """``PATCH /maintenances/{id}``."""
    inventory = call.inventory
    one = inventory.maintenances.get(whole(maintenance_id) or 0)
    if one is None:
        return refused("AssetMaintenance not found")
    unknown = call.body.keys() - CHANGEABLE
    if unknown or call.malformed:
        raise Unrecorded(f"an edit of a maintenance with {sorted(unknown) or 'no JSON'}")
    wrong = _bad_dates(call, "start_date", "completion_date")
    if wrong:
        return invalid(wrong)
    await call.pause(BEFORE_WRITE)
    changed = replace(one, updated_at=inventory.now())
    if "completion_date" in call.body:
        changed.completion_date = validation.read_date(call.body["completion_date"])
    if "start_date" in call.body:
        changed.start_date = validation.read_date(call.body["start_date"]) or one.start_date
    changed.title = call.text("title") or one.title
    changed.notes = call.text("notes") or one.notes
    changed.cost = call.text("cost") or one.cost
    inventory.maintenances[one.id] = changed
    return succeeded("Asset Maintenance edited successfully.", _with_asset(call, changed))


def _with_asset(call: Call, one: Maintenance) -> Row:
    inventory = call.inventory
    asset = inventory.assets[one.asset_id]
    return {
        **flat.maintenance(inventory, one),
        "asset": {
            **flat.asset(inventory, asset),
            "model": flat.model(inventory, asset.model_id),
            "adminuser": flat.user(inventory, asset.created_by) if asset.created_by else None,
        },
    }


def _bad_dates(call: Call, *names: str) -> validation.Fields:
    return {
        name: [f"The {validation.label(name)} must be a valid date in YYYY-MM-DD format"]
        for name in names
        if call.body.get(name) and validation.read_date(call.body[name]) is None
    }


def _must_exist(call: Call) -> None:
    asset = call.inventory.asset(call.number("asset_id"))
    supplier = call.inventory.row("suppliers", call.number("supplier_id"))
    if asset is None or supplier is None:
        raise Unrecorded("a maintenance of an asset or by a supplier that does not exist")
