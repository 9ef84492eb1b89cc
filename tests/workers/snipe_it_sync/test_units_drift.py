"""Units of an accessory that were taken back in the inventory's own screens, or behind our back."""

import asyncio

import pytest

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, State, Units
from domain.custody import handlers, outcomes
from domain.custody.commands import AbandonOperation
from domain.ids import Id
from domain.inventory_operations.commands import RetryOperation
from domain.inventory_operations.kinds import State as OperationState
from infrastructure.inventory.work_queue import lease_name
from infrastructure.snipe_it.errors import ReadFailed
from tests.builders.assignments import BEN, CABLES, DRILL, MANAGER, terms
from tests.builders.people import TECHNICIAN, TENANT
from tests.builders.world import Process, World, run

THING = 1
ACCESSORY = f"/api/v1/accessories/{THING}"
LIST = f"{ACCESSORY}/checkedout"


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


async def give_back(
    world: World, id: Id, quantity: int, condition: Condition = Condition.OK
) -> None:
    command = commands.ReturnAssignment(
        assignment_id=id,
        units=(Units(quantity, condition),),
        by=TECHNICIAN,
        at=world.clock(),
    )
    await world.ask(handlers.receive, command)


async def receive(world: World, id: Id, quantity: int) -> Id:
    """Units are back at the desk; the operation."""
    await give_back(world, id, quantity)
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


def test_units_that_are_listed_again_were_not_returned() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        rows, there = out(world), world.simulator.inventory.accessory_checkouts
        hidden = {row: there.pop(row) for row in rows[1:]}
        for _ in range(2):
            await process.watch()
        there[rows[2]] = hidden[rows[2]]
        await resolve(world, id, "external_return")
        await world.settle()
        now = await assignment(world, id)
        assert (now.state, now.standing.outstanding) == (State.ACTIVE, 3)
        assert now.standing.unlisted == (rows[1], rows[2])
        assert world.writes("checkin") == 0

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


def test_a_return_beside_an_open_reassertion_waits_for_it() -> None:
    async def history(world: World) -> None:
        _, id, rows = await drifted(world, back=2)
        world.order("refuse", method="POST", message="Something is wrong.")
        await resolve(world, id, "reasserted")
        await world.settle()
        (operation_id,) = (await assignment(world, id)).standing.pending
        await give_back(world, id, 1)
        assert out(world) == rows[:1]

        command = RetryOperation(
            operation_id=operation_id, reason="Once more", by=MANAGER, at=world.clock()
        )
        await world.ask(outcomes.retry, command)
        await world.settle()
        now = await assignment(world, id)
        assert (now.standing.outstanding, now.standing.drift) == (2, None)
        assert sorted(now.standing.rows) == out(world)

    run(history)


def test_units_that_are_gone_stay_out_though_others_came_back_over_there() -> None:
    async def history(world: World) -> None:
        _, id, rows = await drifted(world, back=1)
        await give_back(world, id, 1, Condition.MISSING)
        await world.settle()
        (operation_id,) = (await assignment(world, id)).standing.pending
        assert (await world.operation(operation_id)).reason == "by_hand"
        assert out(world) == rows[:2]

    run(history)


def test_nothing_is_noted_while_somebody_is_at_the_accessory() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        take_back(world, out(world)[0])
        lease = await process.take(lease_name(TENANT, f"accessory:{THING}"), 3600)
        assert lease is not None
        for _ in range(2):
            await process.watch()
        assert await unlisted(world, id) == ()
        await lease.give_back()
        for _ in range(2):
            await process.watch()
        assert await unlisted(world, id) != ()

    run(history)


def test_nothing_is_noted_of_units_that_cannot_be_read() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        take_back(world, out(world)[0])
        world.order("refuse", method="GET", path=LIST, times=None, message="Odd.")
        for _ in range(2):
            with pytest.raises(ReadFailed):
                await process.watch()
        assert await unlisted(world, id) == ()

    run(history)


def test_an_accessory_that_is_not_there_says_nothing_of_its_units() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        message = "Accessory not found"
        world.order("refuse", method="GET", path=ACCESSORY, times=None, message=message)
        for _ in range(2):
            await process.watch()
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_units_that_are_out_all_the_same_are_not_handed_out_twice() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        rows = world.simulator.inventory.accessory_checkouts
        there = dict(rows)
        first, second, _ = there
        for number in (first, second):
            del rows[number]
        for _ in range(2):
            await process.watch()
        rows[first] = there[first]
        await resolve(world, id, "reasserted")
        await world.settle()
        now = await assignment(world, id)
        assert (now.standing.outstanding, now.standing.drift) == (3, None)
        assert sorted(now.standing.rows) == out(world)
        assert len(out(world)) == 3
        assert first in out(world)

    run(history)


def test_an_asset_that_cannot_be_read_keeps_no_units_from_being_compared() -> None:
    async def history(world: World) -> None:
        process, id = await lent(world)
        world.facts.has_item("asset", DRILL.id, 1)
        command = commands.ReserveItem(
            assignment_id=world.new_id(),
            terms=terms(begins=world.clock()),
            by=TECHNICIAN,
            at=world.clock(),
            issue=True,
        )
        await world.ask(handlers.reserve, command)
        await world.settle()
        world.by_hand(do="checkin", id=1)
        take_back(world, out(world)[0])
        path = "/api/v1/hardware/1"
        world.order("refuse", method="GET", path=path, times=None, message="Odd.")
        for _ in range(2):
            with pytest.raises(ReadFailed):
                await process.watch()
        assert await unlisted(world, id) != ()

    run(history)
