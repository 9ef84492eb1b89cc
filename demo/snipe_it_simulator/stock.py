"""Accessories and consumables: counted things, checked and written without a lock."""

from demo.snipe_it_simulator import validation
from demo.snipe_it_simulator.calls import (
    BEFORE_WRITE,
    BETWEEN_WRITES,
    Call,
    Reply,
    invalid,
    refused,
    succeeded,
    whole,
)
from demo.snipe_it_simulator.inventory import next_id
from demo.snipe_it_simulator.stored import Checkout

TOO_FEW = (
    "There are {left} total available accessories, and you are trying to check out {asked}. "
    "Please adjust the checkout quantity or the total stock of this accessory and try again."
)


async def checkout_accessory(call: Call, accessory_id: str) -> Reply:
    """``POST /accessories/{id}/checkout``: each unit becomes a row of its own."""
    row = call.inventory.row("accessories", whole(accessory_id))
    wrong = validation.assignee(call.body)
    if wrong:
        return invalid(wrong)
    if row is None:
        return refused("Accessory not found")
    quantity = call.number("checkout_qty") or 1
    left = call.inventory.remaining("accessories", row["id"])
    if quantity > left:
        return invalid(_too_few(call, quantity, left))
    target = next(
        (kind, target_id)
        for kind in validation.TARGETS
        if (target_id := call.number(f"assigned_{kind}")) is not None
    )
    if not call.inventory.target_exists(*target):
        return refused(f"{target[0].capitalize()} not found")
    await call.pause(BEFORE_WRITE)
    for _ in range(quantity):
        _store_unit(call, row["id"], target)
    await call.pause(BETWEEN_WRITES)
    call.inventory.log(
        call.author,
        "checkout",
        ("accessory", row["id"]),
        target=target,
        location_id=call.inventory.target_location(*target),
        note=call.text("note"),
    )
    return succeeded("Accessory checked out successfully.")


async def checkin_accessory(call: Call, checkout_id: str) -> Reply:
    """``POST /accessories/{checkout row}/checkin``."""
    inventory = call.inventory
    unit = inventory.accessory_checkouts.get(whole(checkout_id) or 0)
    if unit is None:
        # The server never fills the placeholder in.
        return refused("The accessory [:id] does not exist.")
    await call.pause(BEFORE_WRITE)
    inventory.accessory_checkouts.pop(unit.id, None)
    inventory.log(
        call.author,
        "checkin from",
        ("accessory", unit.item_id),
        target=(unit.target_type, unit.target_id),
        note=call.text("note"),
    )
    return succeeded("Accessory checked in successfully.")


async def checkout_consumable(call: Call, consumable_id: str) -> Reply:
    """``POST /consumables/{id}/checkout``: for good, there is no check-in."""
    inventory = call.inventory
    row = inventory.row("consumables", whole(consumable_id))
    if row is None:
        return refused("Consumable does not exist.")
    quantity = call.number("checkout_qty") or 1
    if inventory.remaining("consumables", row["id"]) < quantity:
        return refused(
            "There are not enough consumables for this checkout. Please check the quantity left. "
        )
    user_id = call.number("assigned_to")
    if user_id is None or inventory.row("users", user_id) is None:
        return refused("No user found")
    await call.pause(BEFORE_WRITE)
    for _ in range(quantity):
        use_id = next_id(inventory.consumable_uses)
        inventory.consumable_uses[use_id] = _unit(call, use_id, row["id"], ("user", user_id))
    await call.pause(BETWEEN_WRITES)
    inventory.log(
        call.author,
        "checkout",
        ("consumable", row["id"]),
        target=("user", user_id),
        location_id=inventory.target_location("user", user_id),
        note=call.text("note"),
    )
    return succeeded("Consumable checked out successfully.")


def _too_few(call: Call, quantity: int, left: int) -> validation.Fields:
    wrong = {"checkout_qty": [TOO_FEW.format(left=left, asked=quantity)]}
    if call.number("checkout_qty") is not None:
        # Only a quantity that was sent is also judged by what would be left.
        name = "number_remaining_after_checkout"
        wrong[name] = [f"The {validation.label(name)} field must be at least 0."]
    return wrong


def _store_unit(call: Call, accessory_id: int, target: tuple[str, int]) -> None:
    inventory = call.inventory
    # Counted apart from the table: a unit that came back must not lend its id to a new one.
    inventory.last_checkout_id += 1
    unit_id = inventory.last_checkout_id
    inventory.accessory_checkouts[unit_id] = _unit(call, unit_id, accessory_id, target)


def _unit(call: Call, unit_id: int, item_id: int, target: tuple[str, int]) -> Checkout:
    return Checkout(
        id=unit_id,
        item_id=item_id,
        target_type=target[0],
        target_id=target[1],
        note=call.text("note"),
        created_by=call.author.user_id,
        created_at=call.inventory.now(),
    )
