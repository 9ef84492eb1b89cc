"""Units of an accessory that were taken back in the inventory's own screens, or behind our back."""

import asyncio
from collections.abc import Callable
from typing import Any

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, State, Units
from domain.custody import handlers, outcomes
from domain.custody.commands import AbandonOperation
from domain.ids import Id
from domain.inventory_operations.kinds import State as OperationState
from infrastructure.inventory.work_queue import lease_name
from tests.builders.assignments import BEN, CABLES, MANAGER, terms
from tests.builders.people import TECHNICIAN, TENANT
from tests.builders.world import Process, World, run

THING = 1
LIST = f"/api/v1/accessories/{THING}/checkedout"


async def lent(world: World, quantity: int = 3) -> tuple[Process, Id]:
    """So many cables that Ben has, with us and over there."""
    world.facts.has_item("accessory", CABLES.id, THING, remaining=10)
    world.facts.has_custodian("user", BEN.id, 3)
    process = world.start_worker()
    command = commands.ReserveItem(
        assignment_id=world.new_id(),
        terms=terms(CABLES, begins=world.clock(), quantity=quantity),
        by=TECHNICIAN,
        at=world.clock(),
        issue=True,
    )
    id = (await world.ask(handlers.reserve, command)).id
    await world.settle()
    assert len(out(world)) == quantity
    return process, id


async def assignment(world: World, id: Id) -> Assignment:
    return await world.store.load(Assignment, id)


async def unlisted(world: World, id: Id) -> tuple[int, ...]:
    return (await assignment(world, id)).standing.unlisted


def out(world: World) -> list[int]:
    return sorted(world.simulator.inventory.accessory_checkouts)


def take_back(world: World, *rows: int) -> None:
    for row in rows:
        world.by_hand(do="checkin_unit", id=row)


async def drifted(world: World, *, back: int) -> tuple[Process, Id, list[int]]:
    """Three cables, so many of which were taken back over there: that is noted."""
    process, id = await lent(world)
    rows = out(world)
    take_back(world, *rows[3 - back :])
    for _ in range(2):
        await process.watch()
    assert await unlisted(world, id) == tuple(rows[3 - back :])
    return process, id, rows


async def resolve(world: World, id: Id, how: str) -> None:
    command = commands.ResolveDrift(assignment_id=id, how=how, by=MANAGER, at=world.clock())
    await world.ask(handlers.resolve_drift, command)


async def receive(world: World, id: Id, quantity: int) -> Id:
    command = commands.ReturnAssignment(
        assignment_id=id,
        units=(Units(quantity, Condition.OK),),
        by=TECHNICIAN,
        at=world.clock(),
    )
    await world.ask(handlers.receive, command)
    (operation_id,) = (await assignment(world, id)).standing.pending
    return operation_id


def test_units_taken_back_over_there_are_noted_after_two_rounds_that_agree() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        first, second, _ = out(world)
        take_back(world, second)
        await process.watch()
        assert await unlisted(world, id) == ()
        await process.watch()
        assert await unlisted(world, id) == (second,)

        take_back(world, first)
        await process.watch()
        assert await unlisted(world, id) == (second,)
        await process.watch()
        assert await unlisted(world, id) == (first, second)
        noted = world.told(id).count("inventory_units_drift_detected")
        await process.watch()
        await process.watch()
        assert world.told(id).count("inventory_units_drift_detected") == noted == 2

    run(history)


def test_a_list_that_was_read_wrong_once_is_no_drift_and_twice_is_taken_back() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        rows = world.simulator.inventory.accessory_checkouts
        there, hidden = dict(rows), out(world)[0]

        async def rounds(shown: str) -> None:
            for how in shown.split():
                wrong = how == "wrong"
                rows.clear()
                rows.update({n: one for n, one in there.items() if not (wrong and n == hidden)})
                await process.watch()

        await rounds("wrong right wrong")
        assert await unlisted(world, id) == ()
        await rounds("wrong")
        assert await unlisted(world, id) == (hidden,)
        await rounds("right right")
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_what_was_returned_over_there_is_returned_here_and_the_rest_is_still_out() -> None:
    async def history(world: World) -> None:
        _, id, rows = await drifted(world, back=2)
        await resolve(world, id, "external_return")
        assert (await assignment(world, id)).state is State.RETURNING
        await world.settle()
        now = await assignment(world, id)
        assert (now.state, now.standing.outstanding, now.standing.drift) == (State.ACTIVE, 1, None)
        assert now.standing.rows == (rows[0],)
        assert world.told(id)[-2:] == ["returned", "inventory_drift_resolved"]
        assert world.writes("checkin") == 0

        await receive(world, id, 1)
        await world.settle()
        assert (await assignment(world, id)).standing.outcome == "returned"
        assert out(world) == []

    run(history)


def test_what_the_custodian_still_has_is_checked_out_again() -> None:
    async def history(world: World) -> None:
        process, id, rows = await drifted(world, back=2)
        await resolve(world, id, "reasserted")
        await world.settle()
        now = await assignment(world, id)
        assert (now.state, now.standing.outstanding, now.standing.drift) == (State.ACTIVE, 3, None)
        assert len(out(world)) == 3
        assert sorted(now.standing.rows) == out(world)
        assert set(now.standing.rows) & set(rows) == {rows[0]}

        await process.watch()
        await process.watch()
        assert (await assignment(world, id)).standing.drift is None
        await receive(world, id, 3)
        await world.settle()
        assert (await assignment(world, id)).standing.outcome == "returned"
        assert out(world) == []

    run(history)


def test_what_comes_back_to_the_desk_is_what_was_taken_back_over_there() -> None:
    async def history(world: World) -> None:
        _, id, rows = await drifted(world, back=1)
        await receive(world, id, 1)
        await world.settle()
        now = await assignment(world, id)
        assert (now.standing.outstanding, now.standing.rows) == (2, tuple(rows[:2]))
        assert out(world) == rows[:2]

    run(history)


def test_a_return_that_was_given_up_and_took_effect_is_found() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        world.wire.trouble("cut", "POST")
        operation_id = await receive(world, id, 2)
        while len(out(world)) == 3:  # noqa: ASYNC110  the very moment matters
            await asyncio.sleep(0)
        world.order("refuse", method="GET", times=None, message="Accessory not found")
        await world.settle()
        operation = await world.operation(operation_id)
        assert operation.state is OperationState.NEEDS_ATTENTION
        command = AbandonOperation(
            operation_id=operation_id, reason="Nobody knows", by=MANAGER, at=world.clock()
        )
        await world.ask(outcomes.abandon, command)
        world.simulator.faults.ordered.clear()
        now = await assignment(world, id)
        assert (now.state, now.standing.outstanding) == (State.ACTIVE, 3)

        for _ in range(2):
            await process.watch()
        assert len(await unlisted(world, id)) == 3 - len(out(world)) > 0

    run(history)


def test_nothing_is_noted_while_the_accessory_is_being_worked_on_or_cannot_be_read() -> None:
    async def twice_without(world: World, hinder: Callable[[Process], Any]) -> None:
        process, id = await lent(world)
        take_back(world, out(world)[0])
        undo = await hinder(process)
        for _ in range(2):
            await process.watch()
        assert await unlisted(world, id) == ()
        await undo()
        for _ in range(2):
            await process.watch()
        assert await unlisted(world, id) != ()

    async def somebody_is_at_it(process: Process) -> Any:
        lease = await process.take(lease_name(TENANT, f"accessory:{THING}"), 3600)
        assert lease is not None
        return lease.give_back

    async def leased(world: World) -> None:
        await twice_without(world, somebody_is_at_it)

    async def not_there(world: World) -> None:
        async def hinder(_: Process) -> Any:
            message = "Accessory not found"
            world.order("refuse", method="GET", path=LIST, times=None, message=message)

            async def undo() -> None:
                world.simulator.faults.ordered.clear()

            return undo

        await twice_without(world, hinder)

    run(leased)
    run(not_there)
