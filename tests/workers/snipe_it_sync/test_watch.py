"""Late effects of what was given up, and changes by hand, in an inventory with assignments."""

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.assignment import Assignment
from domain.assignments.content import State
from domain.custody import handlers, outcomes
from domain.custody.commands import AbandonOperation
from domain.ids import Id, id_of
from domain.inventory_operations.commands import RequestResolution
from domain.inventory_operations.events import ItemData
from infrastructure.ids import derived_id
from infrastructure.inventory.work_queue import lease_name
from infrastructure.snipe_it.errors import ReadFailed
from tests.builders.assignments import BEN, CHI, DRILL, DUE, MANAGER, terms
from tests.builders.operations import requested
from tests.builders.people import TECHNICIAN, TENANT
from tests.builders.world import MemoryRecords, Process, World, run
from tests.workers.snipe_it_sync.test_assets import CHECKOUT, item, target
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.lookout import AT_ONCE, Lent
from workers.snipe_it_sync.watch import Watch

ASSET = 1
NOBODY = None
UNREADABLE = ItemData(kind="asset", id=DRILL.id, external_id=None)


def stock(world: World) -> None:
    world.facts.has_item("asset", DRILL.id, ASSET)
    world.facts.has_custodian("user", BEN.id, 3)
    world.facts.has_custodian("user", CHI.id, 4)


async def issue(world: World) -> Id:
    """Hand the drill to Ben."""
    stock(world)
    receipt = await world.ask(
        handlers.reserve,
        commands.ReserveItem(
            assignment_id=world.new_id(),
            terms=terms(begins=world.clock()),
            by=TECHNICIAN,
            at=world.clock(),
            issue=True,
        ),
    )
    return receipt.id


async def assignment(world: World, id: Id) -> Assignment:
    return await world.store.load(Assignment, id)


async def operation_of(world: World, id: Id) -> Id:
    (operation_id,) = (await assignment(world, id)).standing.pending
    return operation_id


async def give_up(world: World, operation_id: Id) -> None:
    await world.ask(
        outcomes.abandon,
        AbandonOperation(
            operation_id=operation_id, reason="Nobody knows", by=MANAGER, at=world.clock()
        ),
    )


async def given_up_too_early(world: World) -> tuple[Process, Id, Id]:
    """A hand-over of the drill that is given up and lands ten minutes later; its operation."""
    id = await issue(world)
    world.order("late", method="POST", path=CHECKOUT, seconds=600)
    process = world.start_worker()
    operation_id = await operation_of(world, id)
    await asyncio.sleep(20)
    # While it is under way somebody else takes the asset and brings it back.
    world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
    await asyncio.sleep(120)
    assert (await world.operation(operation_id)).reason == "conflict"
    await give_up(world, operation_id)
    world.by_hand(do="checkin", id=ASSET)
    return process, id, operation_id


async def taken_by_chi(world: World) -> Id:
    """Something that Ben has with us, and Chi over there: the drift is noted."""
    id = await issue(world)
    process = world.start_worker()
    await world.settle()
    world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
    for _ in range(2):
        await process.watch()
    return id


async def accept(world: World, id: Id, at: datetime) -> None:
    """Something happens to an assignment, by another process's clock."""
    command = commands.AcceptAssignment(assignment_id=id, by=TECHNICIAN, at=at, witnessed=True)
    await world.ask(alone.accept, command)


async def resolve(world: World, id: Id, how: str) -> None:
    command = commands.ResolveDrift(assignment_id=id, how=how, by=MANAGER, at=world.clock())
    await world.ask(handlers.resolve_drift, command)


def test_issued_means_that_the_inventory_shows_it() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        assert (await assignment(world, id)).state is State.ISSUING
        world.start_worker()
        await world.settle()
        assert (await assignment(world, id)).state == State.ACTIVE.value
        assert world.holder(ASSET) == ("user", 3)

    run(history)


def test_a_late_effect_of_what_was_given_up_is_found_and_undone() -> None:
    async def history(world: World) -> None:
        process, _, operation_id = await given_up_too_early(world)
        await process.watch()
        assert "late_effect_found" not in world.told(operation_id)
        await asyncio.sleep(600)
        assert world.holder(ASSET) == ("user", 3)

        await process.watch()
        assert world.told(operation_id)[-2:] == ["late_effect_found", "compensation_requested"]
        await world.settle()
        assert world.holder(ASSET) is NOBODY
        assert world.told(operation_id)[-1] == "compensated"
        await process.watch()
        assert world.told(operation_id).count("late_effect_found") == 1

    run(history)


def test_drift_is_noted_after_two_rounds_that_agree_and_vanishes_after_two() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)

        await process.watch()
        assert (await assignment(world, id)).standing.drift is None
        await process.watch()
        drift = (await assignment(world, id)).standing.drift
        assert drift is not None
        assert drift.actual == ("user", 4)

        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=3)
        await process.watch()
        assert (await assignment(world, id)).standing.drift is not None
        await process.watch()
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_who_has_it_by_now_is_noted_too() -> None:
    async def history(world: World) -> None:
        id = await taken_by_chi(world)
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=2)
        process = world.start_worker()
        for actual in (("user", 4), ("user", 2)):
            await process.watch()
            drift = (await assignment(world, id)).standing.drift
            assert drift is not None
            assert drift.actual == actual

    run(history)


def test_a_drift_towards_whom_the_custodian_is_mapped_to_by_now_vanishes() -> None:
    async def history(world: World) -> None:
        id = await taken_by_chi(world)
        (process,) = world.processes
        assert (await assignment(world, id)).standing.drift is not None
        world.facts.has_custodian("user", BEN.id, 4)
        for _ in range(2):
            await process.watch()
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_a_clock_that_is_ahead_hides_no_drift() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        await accept(world, id, world.clock() + timedelta(hours=1))
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        for _ in range(2):
            await process.watch()
        assert (await assignment(world, id)).standing.drift is not None

    run(history)


def test_what_was_read_before_the_assignment_moved_on_says_nothing() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        await process.watch()

        async def it_moves_on(request: httpx.Request) -> None:
            if request.url.path == f"/api/v1/hardware/{ASSET}":
                await accept(world, id, world.clock() - timedelta(hours=1))

        world.wire.before_sending = it_moves_on
        await process.watch()
        assert (await assignment(world, id)).standing.drift is None
        world.wire.before_sending = None
        for _ in range(2):
            await process.watch()
        assert (await assignment(world, id)).standing.drift is not None

    run(history)


def test_a_difference_that_was_there_once_is_no_drift() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        for holder in (4, 3, 4, 3):
            world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=holder)
            await process.watch()
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_who_has_it_when_a_transfer_cannot_be_undone_is_what_was_read() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        world.start_worker()
        await world.settle()

        async def somebody_takes_it(request: httpx.Request) -> None:
            if request.method == "POST" and world.holder(ASSET) is None:
                world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=2)

        world.wire.before_sending = somebody_takes_it
        began = world.clock()
        await world.ask(
            handlers.transfer,
            commands.TransferAssignment(
                assignment_id=id,
                successor_id=world.new_id(),
                to=CHI,
                by=TECHNICIAN,
                at=began,
            ),
        )
        await world.settle()
        gone_wrong = await assignment(world, id)
        assert gone_wrong.state is State.ACTIVE
        assert gone_wrong.standing.drift is not None
        assert gone_wrong.standing.drift.actual == ("user", 2)
        assert began <= datetime.fromisoformat(gone_wrong.standing.drift.read_at) <= world.clock()

    run(history)


def test_what_somebody_else_has_by_hand_is_relinked_without_a_hand_over() -> None:
    async def history(world: World) -> None:
        id = await taken_by_chi(world)
        await resolve(world, id, "relinked")
        await world.settle()
        assert (await assignment(world, id)).standing.outcome == "transferred"
        (successor,) = [one for one in await world.all(Assignment) if one.transferred_from == id]
        assert (successor.state, successor.custodian) == (State.ACTIVE, CHI)
        assert world.holder(ASSET) == ("user", 4)
        assert world.writes("checkout") == 1

    run(history)


def test_what_nobody_has_any_more_is_not_handed_out_by_relinking() -> None:
    async def history(world: World) -> None:
        id = await taken_by_chi(world)
        world.by_hand(do="checkin", id=ASSET)
        await resolve(world, id, "relinked")
        await world.settle()
        relinked = await assignment(world, id)
        assert relinked.state is State.ACTIVE
        assert relinked.standing.drift is not None
        assert world.holder(ASSET) is NOBODY
        assert world.writes("checkout") == 1

    run(history)


def test_a_read_that_is_refused_is_no_drift() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        path = f"/api/v1/hardware/{ASSET}"
        world.order("refuse", method="GET", path=path, times=None, message="Odd.")
        for _ in range(2):
            with pytest.raises(ReadFailed):
                await process.watch()
        assert (await assignment(world, id)).standing.drift is None

    run(history)


def test_a_resolution_is_proven_by_the_inventory_or_needs_attention_again() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        world.wire.trouble("lost", "POST", times=1)
        operation_id = await operation_of(world, id)
        world.by_hand(do="checkin", id=ASSET)
        world.start_worker()
        await asyncio.sleep(10)
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        await world.settle()
        assert (await world.operation(operation_id)).reason == "conflict"

        async def resolve() -> str:
            command = RequestResolution(
                operation_id=operation_id, reason="Look again", by=MANAGER, at=world.clock()
            )
            await world.ask(outcomes.request_resolution, command)
            await world.settle()
            return world.told(operation_id)[-1]

        assert await resolve() == "conflict_detected"
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=3)
        assert await resolve() == "blocked"
        world.asset(ASSET).expected_checkin = DUE.date()
        assert await resolve() == "synced"
        assert (await assignment(world, id)).state is State.ACTIVE

    run(history)


async def given_up(world: World, asset: int, *, sent: bool) -> Id:
    """An attempt at handing out an asset that is over, answered by the inventory or by nobody."""
    operation = requested(item=item(asset), target=target(), at=world.clock())
    operation.start_attempt(1, world.clock())
    if sent:
        operation.outcome_unknown("no answer in time", world.clock())
    operation.fail("not_available", "Somebody has it.", gone=False, at=world.clock())
    await world.store.save(operation)
    return id_of(operation.id)


def test_a_late_effect_is_found_behind_any_number_of_others_that_stay_without() -> None:
    async def history(world: World) -> None:
        for _ in range(AT_ONCE + 5):
            await given_up(world, 2, sent=True)
        late = await given_up(world, ASSET, sent=True)
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=3, note=f"op-{late}")
        process = world.start_worker()
        await process.watch()
        await process.watch()
        assert world.told(late)[-1] == "late_effect_found"

    run(history)


def test_nothing_is_searched_of_what_was_never_sent() -> None:
    async def history(world: World) -> None:
        for _ in range(AT_ONCE + 5):
            await given_up(world, 2, sent=False)
        late = await given_up(world, ASSET, sent=True)
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=3, note=f"op-{late}")
        await world.start_worker().watch()
        assert world.told(late)[-1] == "late_effect_found"
        assert sum("activity" in call.path for call in world.simulator.seen) == 1

    run(history)


class CrowdedRecords(MemoryRecords):
    """What we say of the world, behind a crowd of assets that the inventory does not list."""

    async def lent(self, tenant_id: Id) -> list[Lent]:
        return [*map(unlisted, range(AT_ONCE + 5)), *await super().lent(tenant_id)]


def unlisted(nth: int) -> Lent:
    holder = ("user", 3)
    id = derived_id("test", "unlisted", str(nth))
    return Lent(id, 1, 1000 + nth, holder, noted=holder, drifted=False)


async def hold(process: Process, lent: Lent) -> None:
    assert await process.take(lease_name(TENANT, f"asset:{lent.external_id}"), 24 * 3600)


def test_drift_is_noted_behind_any_number_of_others_that_cannot_be_looked_at() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        for nth in range(AT_ONCE + 5):
            await hold(process, unlisted(nth))
        tools = Tools(process, process.ask, world.queue, world.circuits, world.clock, world.timing)
        watch = Watch(TENANT, tools, process, CrowdedRecords(world))
        for _ in range(4):
            await watch.go_round(world.snipe_it)
        assert (await assignment(world, id)).standing.drift is not None

    run(history)


def test_one_operation_that_cannot_be_read_does_not_keep_drift_from_being_noted() -> None:
    async def history(world: World) -> None:
        id = await issue(world)
        process = world.start_worker()
        await world.settle()
        world.by_hand(do="checkout", id=ASSET, to_type="user", to_id=4)
        operation = requested(item=UNREADABLE, target=target(), at=world.clock())
        operation.start_attempt(1, world.clock())
        operation.outcome_unknown("no answer in time", world.clock())
        operation.fail("abandoned", "", gone=False, at=world.clock())
        await world.store.save(operation)
        await process.watch()
        await process.watch()
        assert (await assignment(world, id)).standing.drift is not None

    run(history)
