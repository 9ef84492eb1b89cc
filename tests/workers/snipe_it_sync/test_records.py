"""Assets that come, change and go, models, and maintenances."""

import asyncio
from typing import Any

import httpx
import pytest

from domain.ids import Id
from domain.inventory_operations.events import ItemData
from domain.inventory_operations.kinds import Kind
from infrastructure.ids import derived_id
from tests.builders.operations import requested
from tests.builders.world import World, run

NEW = {"asset_tag": "QM-77", "model_id": 1, "status_id": 2, "name": "MK4 #77"}
FAULTS = ["error_after", "error_before", "bad_gateway_after", "late", "gateway_timeout"]


async def ask(
    world: World,
    kind: Kind,
    external_id: int | None,
    wanted: dict[str, Any],
    of: str = "asset",
    purpose: str = "edit",
) -> Id:
    item = ItemData(kind=of, id=derived_id("test", of, str(external_id)), external_id=external_id)
    return await world.request(
        requested(kind, purpose=purpose, item=item, target=None, wanted=wanted, at=world.clock())
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_an_asset_is_added_once(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", path="/api/v1/hardware", seconds=25)
        id = await ask(world, Kind.CREATE_ASSET, None, {"fields": NEW})
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        found = [one for one in world.simulator.inventory.assets.values() if one.name == "MK4 #77"]
        assert [one.asset_tag for one in found] == ["QM-77"]

    run(history)


def test_a_tag_that_another_asset_has_is_refused() -> None:
    async def history(world: World) -> None:
        fields = {**NEW, "asset_tag": world.asset(1).asset_tag}
        id = await ask(world, Kind.CREATE_ASSET, None, {"fields": fields})
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).reason == "tag_taken"
        assert world.writes() == 0

    run(history)


@pytest.mark.parametrize("fault", FAULTS)
def test_fields_are_changed(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="PATCH", seconds=25)
        fields = {
            "name": " MK4 *one* ",
            "notes": "fine, _really_",
            "purchase_date": "2026-01-31",
            "requestable": True,
            "rtd_location_id": 3,
        }
        id = await ask(world, Kind.CHANGE_ASSET, 1, {"fields": fields})
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert str(world.asset(1).purchase_date) == "2026-01-31"

    run(history)


def test_what_the_inventory_does_not_show_is_not_claimed() -> None:
    async def history(world: World) -> None:
        id = await ask(world, Kind.CHANGE_ASSET, 1, {"fields": {"warranty_months": 12}})
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).reason == "not_provable"

    run(history)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_asset_goes_and_comes_back(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="DELETE", seconds=25)
        gone = await ask(world, Kind.DELETE_ASSET, 1, {})
        world.start_worker()
        await world.settle()
        assert world.told(gone)[-1] == "synced"
        assert world.asset(1).deleted_at is not None
        back = await ask(world, Kind.RESTORE_ASSET, 1, {})
        await world.settle()
        assert world.told(back)[-1] == "synced"
        assert world.asset(1).deleted_at is None

    run(history)


def test_an_asset_that_somebody_has_is_not_removed() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=1, to_type="user", to_id=3)
        id = await ask(world, Kind.DELETE_ASSET, 1, {})
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).reason == "in_use"
        assert world.writes() == 0

    run(history)


def test_an_asset_is_removed_only_once_it_is_shown_to_be() -> None:
    async def history(world: World) -> None:
        world.order("refuse", method="GET", path="/api/v1/hardware/1", times=None, message="Odd.")
        gone = await ask(world, Kind.DELETE_ASSET, 1, {})
        never_was = await ask(world, Kind.DELETE_ASSET, 999, {})
        world.start_worker()
        await asyncio.sleep(10)
        assert "synced" not in world.told(gone)
        assert world.asset(1).deleted_at is None
        world.simulator.faults.ordered.clear()
        await world.settle()
        assert world.told(gone)[-1] == "synced"
        assert world.asset(1).deleted_at is not None
        assert (await world.operation(never_was)).reason == "not_found"

    run(history)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_is_added_once(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", path="/api/v1/models", seconds=25)
        fields = {"name": "Raspberry Pi 5", "category_id": 2}
        id = await ask(world, Kind.CREATE_MODEL, None, {"fields": fields}, of="model")
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        models = world.simulator.inventory.rows["models"].values()
        assert [one["name"] for one in models].count("Raspberry Pi 5") == 1

    run(history)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_maintenance_begins_and_ends_once(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", path="/api/v1/maintenances", seconds=25)
        wanted = {
            "supplier_id": 1,
            "type": "Repair",
            "title": "Replace the hotend",
            "started_on": "2026-11-21",
        }
        began = await ask(world, Kind.MAINTENANCE_OPEN, 6, wanted)
        world.start_worker()
        await world.settle()
        assert world.told(began)[-1] == "synced"
        (one,) = world.simulator.inventory.maintenances.values()
        over = {"maintenance_id": one.id, "completed_on": "2026-11-22", "cost": "12.50"}
        ended = await ask(world, Kind.MAINTENANCE_CLOSE, 6, over)
        await world.settle()
        assert world.told(ended)[-1] == "synced"
        (one,) = world.simulator.inventory.maintenances.values()
        assert str(one.completion_date) == "2026-11-22"

    run(history)


@pytest.mark.parametrize("purpose", ["mark_lost", "mark_stolen", "restore"])
def test_what_is_found_out_is_listed_so_whoever_has_it(purpose: str) -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=1, to_type="user", to_id=3)
        id = await ask(world, Kind.SET_STATUS, 1, {"status_id": 3}, purpose=purpose)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert (world.asset(1).status_id, world.holder(1)) == (3, ("user", 3))

    run(history)


@pytest.mark.parametrize("purpose", ["archive", "retire", "dispose"])
def test_what_somebody_has_is_not_put_away(purpose: str) -> None:
    async def history(world: World) -> None:
        before = world.asset(1).status_id
        world.by_hand(do="checkout", id=1, to_type="user", to_id=3)
        id = await ask(world, Kind.SET_STATUS, 1, {"status_id": 3}, purpose=purpose)
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).reason == "in_use"
        assert (world.asset(1).status_id, world.writes()) == (before, 0)

    run(history)


def test_what_somebody_takes_while_it_is_put_away_needs_attention() -> None:
    async def history(world: World) -> None:
        async def somebody_is_faster(request: httpx.Request) -> None:
            if request.method == "PATCH":
                world.by_hand(do="checkout", id=1, to_type="user", to_id=3)

        world.wire.before_sending = somebody_is_faster
        id = await ask(world, Kind.SET_STATUS, 1, {"status_id": 3}, purpose="archive")
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "conflict_detected"
        assert world.holder(1) == ("user", 3)

    run(history)


def test_the_home_of_what_somebody_has_is_not_changed() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=1, to_type="user", to_id=3)
        moved = await ask(world, Kind.CHANGE_ASSET, 1, {"fields": {"rtd_location_id": 3}})
        named = await ask(world, Kind.CHANGE_ASSET, 1, {"fields": {"name": "Ours"}})
        world.start_worker()
        await world.settle()
        assert (await world.operation(moved)).reason == "in_use"
        assert world.told(named)[-1] == "synced"
        assert world.writes() == 1

    run(history)
