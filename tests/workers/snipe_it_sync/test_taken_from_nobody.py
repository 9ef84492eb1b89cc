"""Nothing of ours takes a thing from somebody who has it by the inventory's word."""

import asyncio
from dataclasses import replace

import pytest

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.content import State
from domain.custody import handlers
from domain.ids import Id
from tests.builders.assignments import MANAGER
from tests.builders.people import TECHNICIAN
from tests.builders.world import World, run
from tests.workers.snipe_it_sync.test_watch import (
    ASSET,
    assignment,
    given_up_too_early,
    issue,
    operation_of,
    resolve,
)

LOST = 4


async def cancel(world: World, id: Id) -> None:
    command = commands.CancelReservation(
        assignment_id=id, reason="Wrong dates", by=TECHNICIAN, at=world.clock()
    )
    await world.ask(handlers.cancel, command)


def test_what_landed_late_stays_with_whom_it_was_issued_to_since() -> None:
    async def history(world: World) -> None:
        process, id, operation_id = await given_up_too_early(world)
        await cancel(world, id)
        await asyncio.sleep(600)
        assert world.holder(ASSET) == ("user", 3)

        since = await issue(world)
        await world.settle()
        await process.watch()
        await world.settle()
        assert world.told(operation_id)[-1] == "late_effect_found"
        assert (await assignment(world, since)).state is State.ACTIVE
        assert world.holder(ASSET) == ("user", 3)

    run(history)


@pytest.mark.parametrize("holder", [3, 4])
def test_what_somebody_has_by_now_is_not_returned(holder: int) -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkin", id=ASSET)
        for _ in range(2):
            await process.watch()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=holder)
        await resolve(world, id, "external_return")
        await world.settle()
        now = await assignment(world, id)
        assert (now.state, now.standing.pending) == (State.ACTIVE, {})
        assert now.standing.drift is not None
        assert world.holder(ASSET) == ("user", holder)
        assert world.writes("checkin") == 0

    run(history)


@pytest.mark.parametrize("holder", [3, 4])
def test_what_is_lost_is_listed_so_unless_somebody_else_has_it(holder: int) -> None:
    async def history(world: World) -> None:
        world.facts.standing = replace(world.facts.standing, status_labels={"lost": LOST})
        id = await issue(world)
        world.start_worker()
        await world.settle()
        label = world.asset(ASSET).status_id
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=holder)
        await world.ask(
            alone.report_loss,
            commands.ReportLoss(assignment_id=id, kind="lost", by=TECHNICIAN, at=world.clock()),
        )
        await world.ask(
            handlers.confirm_loss,
            commands.ConfirmLoss(assignment_id=id, by=MANAGER, at=world.clock()),
        )
        operation_id = await operation_of(world, id)
        await world.settle()
        ended = (
            (await world.operation(operation_id)).reason,
            (await assignment(world, id)).state,
            world.asset(ASSET).status_id,
        )
        assert ended == (
            (None, State.CLOSED, LOST) if holder == 3 else ("not_lost", State.LOSS_PENDING, label)
        )

    run(history)
