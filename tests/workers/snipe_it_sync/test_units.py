"""Units of accessories and consumables: counted by the rows that name the operation."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.custody import outcomes
from domain.ids import Id
from domain.inventory_operations.commands import RequestResolution
from domain.inventory_operations.events import ItemData, TargetData
from domain.inventory_operations.kinds import Kind, State
from infrastructure.ids import derived_id
from tests.builders.assignments import MANAGER
from tests.builders.operations import requested
from tests.builders.world import World, run
from workers.snipe_it_sync.plans.quantities import CheckOutUnits
from workers.snipe_it_sync.plans.sight import Sight, Verdict, evidence

KINDS = ["accessory", "consumable"]
THING = 1
BEN = TargetData(kind="user", id=derived_id("test", "ben"), external_id=3)
CHI = TargetData(kind="user", id=derived_id("test", "chi"), external_id=4)
SHOP = TargetData(kind="location", id=derived_id("test", "shop"), external_id=2)


def item(kind: str) -> ItemData:
    return ItemData(kind=kind, id=derived_id("test", kind), external_id=THING)


async def hand_out(world: World, kind: str, quantity: int = 2, to: TargetData = BEN) -> Id:
    return await world.request(
        requested(
            Kind.QUANTITY_CHECKOUT,
            item=item(kind),
            target=to,
            wanted={"quantity": quantity},
            at=world.clock(),
        )
    )


async def take_back(
    world: World, rows: list[int], by: TargetData = BEN, *, quantity: int | None = None
) -> Id:
    return await world.request(
        requested(
            Kind.QUANTITY_CHECKIN,
            purpose="return",
            item=item("accessory"),
            target=by,
            wanted={"quantity": quantity or len(rows), "rows": rows},
            at=world.clock(),
        )
    )


def out(world: World, kind: str, of: Id | None = None) -> list[Any]:
    table = {"accessory": "accessories", "consumable": "consumables"}[kind]
    units = world.simulator.inventory.units_out(table, THING)
    return [unit for unit in units if of is None or of in (unit.note or "")]


@pytest.mark.parametrize("kind", KINDS)
def test_units_are_handed_out_and_proven_by_their_rows(kind: str) -> None:
    async def history(world: World) -> None:
        id = await hand_out(world, kind)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-2:] == ["attempt_accepted", "synced"]
        assert len(out(world, kind, id)) == 2

    run(history)


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_step_of_the_clock_hands_nothing_out_twice(hours: int, restarted: bool) -> None:
    async def history(world: World) -> None:
        world.order("late", method="POST", path="/api/v1/consumables/.*", seconds=40)
        id = await hand_out(world, "consumable")
        process = world.start_worker()
        await asyncio.sleep(20)
        assert world.told(id)[2] == "outcome_unknown"
        world.clock_is_off = timedelta(hours=hours)
        if restarted:
            process.kill()
            world.start_worker()
        await asyncio.sleep(300)
        assert len(out(world, "consumable", id)) == 2
        assert world.writes("consumables") == 1
        await world.settle(within_s=2 * 3600)
        assert world.told(id)[-1] == "synced"
        assert len(out(world, "consumable", id)) == 2

    run(history)


def test_units_may_be_kept_at_a_location() -> None:
    async def history(world: World) -> None:
        id = await hand_out(world, "accessory", to=SHOP)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert {(unit.target_type, unit.target_id) for unit in out(world, "accessory", id)} == {
            ("location", 2)
        }

    run(history)


def test_a_consumable_for_a_location_is_refused_without_being_sent() -> None:
    async def history(world: World) -> None:
        id = await hand_out(world, "consumable", to=SHOP)
        world.start_worker()
        await world.settle()
        operation = await world.operation(id)
        assert (operation.state, operation.reason) == (State.FAILED, "invalid_target")
        assert world.writes() == 0

    run(history)


def test_no_number_of_a_location_is_taken_for_a_user() -> None:
    async def history(world: World) -> None:
        operation = await world.operation(await hand_out(world, "consumable", to=SHOP))
        sight = Sight(Verdict.OPEN, evidence(THING, world.clock()), rest=1)
        with pytest.raises(LookupError):
            await CheckOutUnits().write(operation, sight, world.snipe_it)
        assert world.writes() == 0

    run(history)


@pytest.mark.parametrize("kind", KINDS)
def test_units_that_somebody_else_got_are_not_ours(kind: str) -> None:
    async def history(world: World) -> None:
        world.wire.trouble("cut", "POST")
        id = await hand_out(world, kind)
        world.start_worker()
        while not out(world, kind, id):  # noqa: ASYNC110  the very moment matters
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        for unit in out(world, kind, id):
            unit.target_id = 4
        for row in world.simulator.inventory.activity.values():
            row.target_id = 4
        await world.settle()
        assert world.told(id)[-1] == "conflict_detected"

    run(history)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault", ["error_after", "error_before", "bad_gateway_after", "late", "gateway_timeout"]
)
def test_units_never_go_out_twice(kind: str, fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", seconds=25)
        id = await hand_out(world, kind)
        world.start_worker()
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert len(out(world, kind, id)) == 2

    run(history)


@pytest.mark.parametrize("kind", KINDS)
def test_others_who_take_units_meanwhile_prove_nothing(kind: str) -> None:
    async def history(world: World) -> None:
        world.wire.trouble("lost", "POST")
        ours = await hand_out(world, kind, 1)
        world.start_worker()
        await asyncio.sleep(1)
        await world.snipe_it.write.check_out_consumable(THING, 4, 1, "somebody-else")
        await world.settle()
        assert "verified_not_applied" in world.told(ours)
        assert len(out(world, kind, ours)) == 1

    run(history)


def test_units_whose_rows_nobody_knows_need_a_person() -> None:
    async def history(world: World) -> None:
        id = await take_back(world, [], quantity=2)
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).state is State.NEEDS_ATTENTION
        assert world.writes() == 0

    run(history)


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_are_refused_without_being_sent(kind: str) -> None:
    async def history(world: World) -> None:
        id = await hand_out(world, kind, 999)
        world.start_worker()
        await world.settle()
        assert (await world.operation(id)).reason == "no_stock"
        assert world.writes() == 0

    run(history)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_half_done_is_brought_to_its_end(kind: str) -> None:
    async def history(world: World) -> None:
        world.wire.trouble("cut", "POST")
        id = await hand_out(world, kind, 3)
        world.start_worker()
        await asyncio.sleep(0)
        table = world.simulator.inventory
        while not out(world, kind, id):  # noqa: ASYNC110  the very moment matters
            await asyncio.sleep(0)
        rows = table.accessory_checkouts if kind == "accessory" else table.consumable_uses
        del rows[max(rows)]
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert len(out(world, kind, id)) == 3

    run(history)


def test_units_come_back_row_by_row() -> None:
    async def history(world: World) -> None:
        world.start_worker()
        id = await hand_out(world, "accessory", 3)
        await world.settle()
        first, second, third = sorted(unit.id for unit in out(world, "accessory", id))
        world.order("error_before", method="POST", path=f".*/accessories/{second}/checkin")
        back = await take_back(world, [first, second])
        await world.settle()
        assert world.told(back)[-1] == "synced"
        assert [unit.id for unit in out(world, "accessory", id)] == [third]
        assert world.writes(f"accessories/{first}/checkin") == 1

    run(history)


def test_units_that_did_not_come_back_are_written_off_by_a_person() -> None:
    async def history(world: World) -> None:
        world.start_worker()
        await hand_out(world, "accessory", 3)
        await world.settle()
        gone, *others = sorted(unit.id for unit in out(world, "accessory"))
        before = world.writes()
        id = await world.request(
            requested(
                Kind.QUANTITY_WRITE_OFF,
                purpose="write_off",
                item=item("accessory"),
                target=BEN,
                wanted={"quantity": 1, "rows": [gone]},
                at=world.clock(),
            )
        )
        await world.settle()
        operation = await world.operation(id)
        assert (operation.state, operation.reason) == (State.NEEDS_ATTENTION, "by_hand")
        assert world.writes() == before

        await world.snipe_it.write.check_in_accessory(gone, "a person")
        command = RequestResolution(
            operation_id=id, reason="Written off", by=MANAGER, at=world.clock()
        )
        await world.ask(outcomes.request_resolution, command)
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert sorted(unit.id for unit in out(world, "accessory")) == others

    run(history)


def test_units_of_somebody_else_are_left_where_they_are() -> None:
    async def history(world: World) -> None:
        world.start_worker()
        id = await hand_out(world, "accessory", 1, to=CHI)
        await world.settle()
        (row,) = (unit.id for unit in out(world, "accessory", id))
        back = await take_back(world, [row], by=BEN)
        await world.settle()
        assert world.told(back)[-1] == "conflict_detected"
        assert len(out(world, "accessory", id)) == 1

    run(history)
