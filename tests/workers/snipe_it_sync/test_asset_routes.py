"""What the asset routes ask for, from the command to the proof."""

from typing import Any, Final

import pytest

from domain.custody import asset_commands as commands
from domain.custody import assets as handlers
from domain.custody import outcomes
from domain.custody.asset_commands import AssetFields, Standing
from domain.ids import Id
from domain.inventory.changes import ThingCreated
from domain.inventory_operations.commands import RetryOperation
from domain.inventory_operations.kinds import State
from domain.inventory_operations.rules import LONGEST
from domain.ports import InventoryStanding
from infrastructure.ids import derived_id
from tests.builders.people import TENANT, with_roles
from tests.builders.world import World, run

MANAGER: Final = with_roles("manager", "inventory_manager")
LAPTOP, THINKPAD, STOREROOM, LAPTOPS = 7, 3, 3, 3
NEW: Final = derived_id("test", "new")
OPERATION: Final = derived_id("test", "operation")
HARDWARE: Final = "/api/v1/hardware"


def known(kind: str, number: int) -> Id:
    return derived_id("test", kind, str(number))


def prepare(world: World) -> None:
    """The façade knows the laptop, its model, its home and its category."""
    world.facts.standing = InventoryStanding(
        connected=True, available=True, status_labels={"deployable": 2, "retired": 3}
    )
    world.facts.has_thing("asset", known("asset", LAPTOP), LAPTOP)
    world.facts.has_thing("model", known("model", THINKPAD), THINKPAD)
    world.facts.has_thing("location", known("location", STOREROOM), STOREROOM)
    world.facts.has_thing("category", known("category", LAPTOPS), LAPTOPS, type="Asset")


async def create(
    world: World, asset_id: Id = NEW, operation_id: Id = OPERATION, **fields: Any
) -> None:
    command = commands.CreateAsset(
        asset_id=asset_id,
        operation_id=operation_id,
        model_id=known("model", THINKPAD),
        fields=AssetFields(**{"serial_number": "SN-9", **fields}),  # type: ignore[typeddict-item]  # a test's own
        by=MANAGER,
        at=world.clock(),
    )
    await handlers.create(command, world.store, world.facts)


async def create_model(world: World, name: str) -> None:
    command = commands.CreateModel(
        model_id=NEW,
        operation_id=OPERATION,
        name=name,
        tracking_type="serialized",
        category_id=known("category", LAPTOPS),
        by=MANAGER,
        at=world.clock(),
    )
    await handlers.create_model(command, world.store, world.facts)


async def order_retry(world: World) -> None:
    command = RetryOperation(operation_id=OPERATION, by=MANAGER, reason="mended", at=world.clock())
    await outcomes.retry(command, world.store, world.facts)


async def settled(world: World) -> State:
    world.start_worker()
    await world.settle()
    return (await world.operation(OPERATION)).state


def created(world: World) -> list[ThingCreated]:
    return [row for row in world.store.rows if isinstance(row, ThingCreated)]


@pytest.mark.parametrize("trouble", [None, "cut", "lost"])
def test_a_new_asset_is_there_once_and_keeps_the_id_it_was_asked_for_under(
    trouble: str | None,
) -> None:
    async def history(world: World) -> None:
        prepare(world)
        if trouble is not None:
            world.wire.trouble(trouble, "POST", HARDWARE)
        before = len(world.simulator.inventory.assets)
        await create(world, name="Spare <b>", notes="*new*", home_location_id=known("location", 3))
        assert await settled(world) is State.SYNCED
        assets = world.simulator.inventory.assets
        assert len(assets) == before + 1
        added = assets[max(assets)]
        assert (added.serial, added.model_id, added.status_id) == ("SN-9", THINKPAD, 2)
        assert (added.name, added.asset_tag) == ("Spare <b>", f"QM-{NEW[-10:]}")
        assert created(world) == [ThingCreated(TENANT, "asset", NEW, added.id)]

    run(history)


def test_a_tag_that_is_taken_makes_no_asset() -> None:
    async def history(world: World) -> None:
        prepare(world)
        await create(world, asset_tag="LAP-0001")
        assert await settled(world) is not State.SYNCED
        assert (created(world), world.writes()) == ([], 0)

    run(history)


@pytest.mark.parametrize("trouble", [None, "cut"])
def test_a_new_model_is_there_once(trouble: str | None) -> None:
    async def history(world: World) -> None:
        prepare(world)
        if trouble is not None:
            world.wire.trouble(trouble, "POST", "/api/v1/models")
        await create_model(world, "Raspberry Pi 5")
        assert await settled(world) is State.SYNCED
        models = world.simulator.inventory.rows["models"]
        named = [id for id, row in models.items() if row["name"] == "Raspberry Pi 5"]
        assert created(world) == [ThingCreated(TENANT, "model", NEW, id) for id in named]
        assert len(named) == 1

    run(history)


def test_a_model_that_is_there_already_keeps_its_id() -> None:
    async def history(world: World) -> None:
        prepare(world)
        await create_model(world, "ThinkPad T14")
        assert await settled(world) is not State.SYNCED
        assert (created(world), world.writes()) == ([], 0)

    run(history)


def test_a_model_that_was_there_before_anything_was_sent_keeps_its_id_after_an_outage() -> None:
    async def history(world: World) -> None:
        prepare(world)
        world.wire.trouble("refused", "GET", ".*/models", times=3)
        await create_model(world, "ThinkPad T14")
        assert await settled(world) is State.FAILED
        assert "attempt_failed" in world.told(OPERATION)
        assert (await world.operation(OPERATION)).reason == "name_taken"
        assert (created(world), world.writes()) == ([], 0)

    run(history)


def test_the_same_asset_asked_for_twice_is_one_thing_with_one_id_after_an_outage() -> None:
    async def history(world: World) -> None:
        prepare(world)
        await create(world, asset_tag="LAP-77")
        assert await settled(world) is State.SYNCED
        world.wire.trouble("refused", "GET", ".*/hardware/.*", times=3)
        again, asked = derived_id("test", "again"), derived_id("test", "asked again")
        await create(world, again, asked, asset_tag="LAP-77")
        await world.settle()
        operation = await world.operation(asked)
        assert (operation.state, operation.reason) == (State.FAILED, "tag_taken")
        assert [thing.id for thing in created(world)] == [NEW]
        assert world.writes() == 1

    run(history)


def test_what_somebody_else_made_before_a_retry_of_the_unsent_keeps_its_id() -> None:
    async def history(world: World) -> None:
        prepare(world)
        world.order("unauthorized", method="GET", path="/api/v1/models")
        await create_model(world, "ThinkPad T14")
        assert await settled(world) is State.NEEDS_ATTENTION
        await order_retry(world)
        await world.settle()
        assert (await world.operation(OPERATION)).reason == "name_taken"
        assert (created(world), world.writes()) == ([], 0)

    run(history)


def test_what_was_sent_before_a_retry_is_ours() -> None:
    async def history(world: World) -> None:
        prepare(world)
        world.wire.trouble("cut", "POST", "/api/v1/models")
        world.order("html", method="GET", path="/api/v1/models", skip=1, times=None)
        await create_model(world, "Raspberry Pi 5")
        world.start_worker()
        await world.settle(within_s=2 * LONGEST.total_seconds())
        assert world.told(OPERATION)[-1] == "retries_exhausted"
        world.simulator.faults.ordered.clear()
        await order_retry(world)
        await world.settle()
        assert (await world.operation(OPERATION)).state is State.SYNCED
        models = world.simulator.inventory.rows["models"]
        named = [id for id, row in models.items() if row["name"] == "Raspberry Pi 5"]
        assert created(world) == [ThingCreated(TENANT, "model", NEW, id) for id in named]

    run(history)


def test_an_asset_is_changed_retired_restored_and_removed() -> None:
    async def history(world: World) -> None:
        prepare(world)
        asset_id, number = known("asset", LAPTOP), 0

        async def proven(handle: Any, command: Any, **more: Any) -> None:
            nonlocal number
            number += 1
            operation_id = derived_id("test", "operation", str(number))
            asked = command(
                asset_id=asset_id, operation_id=operation_id, by=MANAGER, at=world.clock(), **more
            )
            await handle(asked, world.store, world.facts)
            await world.settle()
            assert (await world.operation(operation_id)).state is State.SYNCED, command

        world.start_worker()
        laptop = world.asset(LAPTOP)
        changes = AssetFields(name=None, notes="a <b> & *c*", serial_number="SN-NEW")
        await proven(handlers.change, commands.ChangeAsset, changes=changes)
        assert (laptop.name, laptop.notes, laptop.serial) == (None, "a <b> & *c*", "SN-NEW")
        await proven(handlers.set_standing, commands.SetStanding, standing=Standing.RETIRED)
        assert laptop.status_id == 3
        await proven(handlers.restore, commands.RestoreAsset)
        assert laptop.status_id == 2
        await proven(handlers.delete, commands.DeleteAsset)
        assert laptop.deleted_at is not None
        world.facts.has_thing("asset", asset_id, LAPTOP, removed=True)
        await proven(handlers.restore, commands.RestoreAsset)
        assert laptop.deleted_at is None

    run(history)


def test_an_asset_that_somebody_has_by_then_is_not_removed() -> None:
    async def history(world: World) -> None:
        prepare(world)
        command = commands.DeleteAsset(
            asset_id=known("asset", LAPTOP), operation_id=OPERATION, by=MANAGER, at=world.clock()
        )
        await handlers.delete(command, world.store, world.facts)
        world.by_hand(do="checkout", id=LAPTOP, to_type="user", to_id=3)
        assert await settled(world) is State.FAILED
        assert world.asset(LAPTOP).deleted_at is None

    run(history)
