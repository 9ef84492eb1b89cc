"""Creating models. Nothing of it reaches the activity report."""

from demo.snipe_it_simulator import flat
from demo.snipe_it_simulator.calls import (
    BEFORE_WRITE,
    Call,
    Reply,
    Unrecorded,
    invalid,
    succeeded,
)
from demo.snipe_it_simulator.inventory import next_id
from demo.snipe_it_simulator.rendering import named, time_form
from demo.snipe_it_simulator.stored import Row
from demo.snipe_it_simulator.validation import Fields, label

REQUIRED = ("name", "category_id")
STORED = {*REQUIRED, "manufacturer_id"}
ACTIONS = {"update": True, "delete": True, "clone": True, "restore": False}


async def create(call: Call) -> Reply:
    """``POST /models``."""
    if call.malformed or not call.body.keys() <= STORED:
        raise Unrecorded("a model with other fields than these: " + ", ".join(sorted(STORED)))
    wrong: Fields = {
        name: [f"The {label(name)} field is required."]
        for name in REQUIRED
        if not call.body.get(name)
    }
    if wrong:
        return invalid(wrong)
    await call.pause(BEFORE_WRITE)
    row = _row(call)
    call.inventory.rows["models"][int(row["id"])] = row
    whole = flat.model(call.inventory, int(row["id"]))
    answered = (*call.body, "updated_at", "created_at", "id")
    return succeeded("Model created successfully.", {name: whole[name] for name in answered})


def _row(call: Call) -> Row:
    """The model as GET shows it."""
    rows = call.inventory.rows
    category = call.inventory.row("categories", call.number("category_id"))
    if category is None:
        raise Unrecorded("a model of a category that does not exist")
    stamp = time_form(call.inventory.now())
    return {
        "id": next_id(rows["models"]),
        "name": call.text("name"),
        "manufacturer": named(rows["manufacturers"].get(call.number("manufacturer_id") or 0)),
        "image": None,
        "model_number": None,
        "min_amt": None,
        "depreciation": None,
        "category": named(category),
        "fieldset": None,
        "default_fieldset_values": [],
        "eol": "None",
        "requestable": False,
        "notes": None,
        "created_by": named(rows["users"].get(call.author.user_id or 0)),
        "created_at": stamp,
        "updated_at": stamp,
        "deleted_at": None,
        "available_actions": ACTIONS,
    }
