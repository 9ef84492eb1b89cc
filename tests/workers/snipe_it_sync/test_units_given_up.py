"""Hand-overs of units that were given up, and what they did all the same."""

import asyncio
from typing import Any

import pytest

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Item, State
from domain.custody import handlers, outcomes
from domain.custody.commands import AbandonOperation
from domain.custody.late import LATE_EFFECT, NOT_TAKEN_BACK
from domain.ids import Id
from domain.inventory_operations.kinds import State as OperationState
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.writing import Target
from tests.builders.assignments import BEN, CABLES, MANAGER, SCREWS, terms
from tests.builders.people import TECHNICIAN
from tests.builders.world import Process, World, run

THING = 1
NUMBER = 3
"""Who Ben is over there."""
ITEMS = {"accessory": CABLES, "consumable": SCREWS}


async def reserve(world: World, item: Item) -> Id:
    """Keep three units for Ben."""
    world.facts.has_item(item.kind, item.id, THING, remaining=10)
    world.facts.has_custodian("user", BEN.id, NUMBER)
    command = commands.ReserveItem(
        assignment_id=world.new_id(),
        terms=terms(item, begins=world.clock(), quantity=3),
        by=TECHNICIAN,
        at=world.clock(),
        issue=False,
    )
    return (await world.ask(handlers.reserve, command)).id


async def issue(world: World, id: Id) -> Id:
    """Hand them over; the operation."""
    command = commands.IssueAssignment(assignment_id=id, by=TECHNICIAN, at=world.clock())
    await world.ask(handlers.issue, command)
    (operation_id,) = (await assignment(world, id)).standing.pending
    return operation_id


async def assignment(world: World, id: Id) -> Assignment:
    return await world.store.load(Assignment, id)


async def give_up(world: World, operation_id: Id) -> None:
    command = AbandonOperation(
        operation_id=operation_id, reason="Nobody knows", by=MANAGER, at=world.clock()
    )
    await world.ask(outcomes.abandon, command)


async def given_up(world: World, item: Item) -> tuple[Process, Id, Id]:
    """Three units whose hand-over was given up; of its first call nobody knows what became."""
    id = await reserve(world, item)
    world.wire.trouble("lost", "POST")
    world.order("refuse", method="POST", message="Something is wrong.")
    process = world.start_worker()
    operation_id = await issue(world, id)
    await world.settle()
    assert (await world.operation(operation_id)).state is OperationState.NEEDS_ATTENTION
    await give_up(world, operation_id)
    return process, id, operation_id


async def half_done(world: World) -> tuple[Process, Id, Id]:
    """The same, of which one unit went out."""
    id = await reserve(world, CABLES)
    world.wire.trouble("cut", "POST")
    process = world.start_worker()
    operation_id = await issue(world, id)
    while not out(world, "accessory"):  # noqa: ASYNC110  the very moment matters
        await asyncio.sleep(0)
    first, *rest = sorted(world.simulator.inventory.accessory_checkouts)
    for row in rest:
        del world.simulator.inventory.accessory_checkouts[row]
    world.order("refuse", method="POST", message="Something is wrong.")
    await world.settle()
    assert [unit.id for unit in out(world, "accessory", operation_id)] == [first]
    await give_up(world, operation_id)
    return process, id, operation_id


async def lands(world: World, kind: str, operation_id: Id, quantity: int = 3) -> None:
    """The call that everybody had stopped waiting for takes effect."""
    write = world.snipe_it.write
    if kind == "accessory":
        to = Target(HolderType.USER, NUMBER)
        await write.check_out_accessory(THING, to, quantity, operation_id)
    else:
        await write.check_out_consumable(THING, NUMBER, quantity, operation_id)


def out(world: World, kind: str, of: Id | None = None) -> list[Any]:
    table = {"accessory": "accessories", "consumable": "consumables"}[kind]
    units = world.simulator.inventory.units_out(table, THING)
    return [unit for unit in units if of is None or of in (unit.note or "")]


@pytest.mark.parametrize("quantity", [1, 3, 4])
def test_units_that_went_out_after_all_are_taken_back(quantity: int) -> None:
    async def history(world: World) -> None:
        process, id, operation_id = await given_up(world, CABLES)
        await process.watch()
        assert "late_effect_found" not in world.told(operation_id)
        await lands(world, "accessory", operation_id, quantity)
        await process.watch()
        assert world.told(operation_id)[-2:] == ["late_effect_found", "compensation_requested"]
        await world.settle()
        operation = await world.operation(operation_id)
        assert operation.state is OperationState.COMPENSATED
        assert operation.compensated_by is not None
        assert world.told(operation.compensated_by)[-1] == "synced"
        assert out(world, "accessory") == []
        assert (await assignment(world, id)).state is State.RESERVED

    run(history)


@pytest.mark.parametrize("reported", [True, False])
def test_what_is_left_of_a_half_done_hand_over_is_taken_back(reported: bool) -> None:
    async def history(world: World) -> None:
        process, _, operation_id = await half_done(world)
        if not reported:
            world.simulator.inventory.activity.clear()
        await process.watch()
        await world.settle()
        assert out(world, "accessory") == []
        assert world.told(operation_id)[-1] == "compensated"

    run(history)


def test_what_is_left_counts_when_the_same_is_handed_out_again() -> None:
    async def history(world: World) -> None:
        process, id, first = await half_done(world)
        second = await issue(world, id)
        await world.settle()
        assert world.told(second)[-1] == "synced"
        assert len(out(world, "accessory", first)) == 1
        assert len(out(world, "accessory", second)) == 2
        rows = (await assignment(world, id)).standing.rows
        assert sorted(rows) == sorted(unit.id for unit in out(world, "accessory"))

        await process.watch()
        await world.settle()
        assert len(out(world, "accessory")) == 3
        told = await assignment(world, id)
        assert (told.state, told.standing.attention) == (State.ACTIVE, LATE_EFFECT)

    run(history)


def test_units_that_go_out_beside_those_of_a_second_hand_over_are_taken_back() -> None:
    async def history(world: World) -> None:
        process, id, first = await given_up(world, CABLES)
        second = await issue(world, id)
        await world.settle()
        await lands(world, "accessory", first)
        await process.watch()
        await world.settle()
        assert out(world, "accessory", first) == []
        assert len(out(world, "accessory", second)) == 3
        assert (await assignment(world, id)).state is State.ACTIVE

    run(history)


def test_units_that_are_being_taken_back_do_not_count() -> None:
    async def history(world: World) -> None:
        process, id, first = await given_up(world, CABLES)
        await lands(world, "accessory", first)
        await process.watch()
        second = await issue(world, id)
        await world.settle()
        assert out(world, "accessory", first) == []
        assert len(out(world, "accessory", second)) == 3
        assert (await assignment(world, id)).state is State.ACTIVE

    run(history)


def test_consumables_that_went_out_after_all_need_a_person_and_count() -> None:
    async def history(world: World) -> None:
        process, id, first = await given_up(world, SCREWS)
        await lands(world, "consumable", first, 2)
        await process.watch()
        assert world.told(first)[-1] == "late_effect_found"
        assert (await assignment(world, id)).standing.attention == NOT_TAKEN_BACK

        second = await issue(world, id)
        await world.settle()
        assert len(out(world, "consumable", first)) == 2
        assert len(out(world, "consumable", second)) == 1
        assert (await assignment(world, id)).state is State.CLOSED

    run(history)


@pytest.mark.parametrize("kind", ITEMS)
def test_what_went_out_whole_is_not_sent_again(kind: str) -> None:
    async def history(world: World) -> None:
        _, id, first = await given_up(world, ITEMS[kind])
        await lands(world, kind, first)
        before = world.writes()
        second = await issue(world, id)
        await world.settle()
        assert world.told(second)[-1] == "synced"
        assert world.writes() == before
        assert len(out(world, kind)) == 3

    run(history)
