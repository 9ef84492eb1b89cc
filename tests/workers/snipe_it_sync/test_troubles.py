"""Outages, limits, dead workers: nothing is lost, nothing is done twice, nobody is pestered."""

import asyncio
import random
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from domain.ids import Id
from domain.inventory_operations.commands import StartVerification
from domain.inventory_operations.handlers import start_verification
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.inventory.circuit import FAILURES_TO_OPEN, CircuitState
from infrastructure.inventory.work_queue import lease_name
from tests.builders.world import Process, World, run
from tests.workers.snipe_it_sync.test_assets import CHECKOUT, FREE, check_in, check_out
from workers.snipe_it_sync.worker import OF_ONE_TENANT

LIST = "/api/v1/hardware"
ASSETS = (1, 2, 3, 4, 5, 7, 8, 9)


def calls(world: World, path: str = "") -> int:
    return sum(path in call.path for call in world.simulator.seen)


@pytest.mark.parametrize("outage", ["database_down", "maintenance"])
def test_an_outage_opens_the_circuit_and_then_only_the_version_is_asked_for(outage: str) -> None:
    async def history(world: World) -> None:
        world.start_worker()
        world.order(outage, times=None)
        ids = [await check_out(world, asset) for asset in ASSETS]
        await asyncio.sleep(600)
        assert not (await world.facts.inventory()).available
        world.simulator.seen.clear()
        await asyncio.sleep(3600)
        assert calls(world) == calls(world, "/version") <= 15
        world.simulator.faults.ordered.clear()
        await world.settle()
        assert [world.told(id)[-1] for id in ids] == ["synced"] * len(ids)
        assert world.circuits.circuit.state is CircuitState.CLOSED

    run(history)


def test_failures_in_a_row_open_the_circuit_and_one_that_works_begins_anew() -> None:
    async def history(world: World) -> None:
        world.order("maintenance", times=3 * (FAILURES_TO_OPEN - 1))
        world.start_worker()
        await check_out(world)
        await world.settle()
        assert world.circuits.circuit.state is CircuitState.CLOSED
        assert world.circuits.circuit.failures == 0

    run(history)


@pytest.mark.parametrize(
    ("fault", "reason"), [("unauthorized", "unauthorized"), ("forbidden", "forbidden")]
)
def test_a_token_that_is_not_accepted_blocks_the_operation_and_opens_the_circuit(
    fault: str, reason: str
) -> None:
    async def history(world: World) -> None:
        world.order(fault, path="/api/v1/hardware.*", times=None)
        first, second = await check_out(world), await check_out(world, 2)
        world.start_worker()
        await asyncio.sleep(3)
        blocked = [await world.operation(id) for id in (first, second)]
        assert {one.reason for one in blocked} <= {reason, None}
        assert State.NEEDS_ATTENTION in {one.state for one in blocked}
        assert world.circuits.circuit.state is CircuitState.OPEN

    run(history)


def test_what_cannot_be_made_out_after_a_refusal_needs_attention_at_once() -> None:
    async def history(world: World) -> None:
        async def spoil_a_date(request: httpx.Request) -> None:
            if request.method == "POST":
                world.asset(FREE).expected_checkin = date.min

        world.order("refuse", method="POST", path=CHECKOUT)
        world.wire.before_sending = spoil_a_date
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert world.told(id) == ["requested", "attempt_started", "blocked"]
        assert (await world.operation(id)).reason == "unexpected_form"
        # The field alone, not what somebody wrote there.
        blocked = str(world.store.streams[id][-1])
        assert '"message":"expected_checkin should be a date."' in blocked

    run(history)


def test_half_open_one_operation_tries_for_all() -> None:
    async def history(world: World) -> None:
        world.start_worker()
        world.start_worker()
        world.order("maintenance", path="/api/v1/hardware.*", times=None)
        for asset in ASSETS:
            await check_out(world, asset)
        await asyncio.sleep(60)
        openings = world.circuits.circuit.openings
        world.simulator.seen.clear()
        await asyncio.sleep(60)
        assert world.circuits.circuit.openings == openings + 1
        assert calls(world, "/hardware") <= 3

    run(history)


def test_half_open_with_nothing_to_try_one_row_that_is_read_closes_it() -> None:
    async def history(world: World) -> None:
        world.order("forbidden", method="POST", path=CHECKOUT)
        id = await check_out(world)
        world.start_worker()
        await asyncio.sleep(60)
        assert (await world.operation(id)).reason == "forbidden"
        assert not world.queue.rows
        assert world.circuits.circuit.state is CircuitState.CLOSED
        assert world.writes("checkout") == 1

    run(history)


def test_half_open_with_nothing_to_try_it_stays_so_while_throttled() -> None:
    async def history(world: World) -> None:
        await world.circuits.open(world.tenant_id, "unauthorized")
        world.order("throttle", path=LIST)
        world.start_worker()
        states = []
        for seconds in (60, 120):
            await asyncio.sleep(seconds)
            states.append(world.circuits.circuit.state)
        assert states == [CircuitState.HALF_OPEN, CircuitState.CLOSED]

    run(history)


def test_half_open_a_token_that_may_read_nothing_opens_it_again() -> None:
    async def history(world: World) -> None:
        world.order("forbidden", path=LIST, times=None)
        await world.circuits.open(world.tenant_id, "unauthorized")
        world.start_worker()
        await asyncio.sleep(45)
        circuit = world.circuits.circuit
        assert (circuit.openings, circuit.reason) == (2, "forbidden")

    run(history)


def test_a_probe_that_cannot_be_handled_ends_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    async def history(world: World) -> None:
        async def fail(request: httpx.Request) -> None:
            if request.url.path.endswith("/version"):
                world.wire.before_sending = None
                raise RuntimeError("unheard of")

        world.start_worker()
        await world.circuits.open(world.tenant_id, "unauthorized")
        world.wire.before_sending = fail
        id = await check_out(world)
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert f"the probe of the inventory of {world.tenant_id}" in caplog.text
        assert "unheard of" in caplog.text

    run(history)


def test_a_server_that_asks_for_a_year_is_asked_again_within_the_hour() -> None:
    async def history(world: World) -> None:
        world.order("throttle", path="/api/v1/hardware.*", seconds=365 * 24 * 3600)
        id = await check_out(world)
        world.start_worker()
        await world.settle(within_s=3700)
        assert world.told(id)[-1] == "synced"

    run(history)


def test_a_step_of_the_clock_cuts_no_pause_between_tries() -> None:
    async def history(world: World) -> None:
        world.start_worker()
        world.order("refuse", method="POST", path=CHECKOUT, times=4)
        id = await check_out(world)
        world.clock_is_off = timedelta(hours=1)
        await world.settle()
        assert world.told(id).count("attempt_failed") == 4
        assert world.time() >= 1 + 2 + 4 + 8
        assert world.told(id)[-1] == "synced"

    run(history)


def test_being_throttled_is_no_failure() -> None:
    async def history(world: World) -> None:
        ids = [await check_out(world, asset) for asset in ASSETS]
        world.start_worker()
        await world.settle()
        assert {world.told(id)[-1] for id in ids} == {"synced"}
        assert world.circuits.circuit.failures == 0
        assert {(await world.operation(id)).tries for id in ids} == {1}

    run(history, calls_per_minute=10)


def test_a_database_that_is_down_for_a_while_loses_nothing() -> None:
    async def history(world: World) -> None:
        world.order("slow_answer", method="POST", path=CHECKOUT, seconds=3)
        id = await check_out(world)
        world.start_worker()
        await asyncio.sleep(2)
        world.store.down = True
        await asyncio.sleep(300)
        assert world.told(id)[-1] == "attempt_started"
        world.store.down = False
        await world.settle()
        assert world.told(id)[-2:] == ["verification_started", "synced"]
        assert world.writes("checkout") == 1

    run(history)


def test_a_worker_that_was_held_up_until_its_lease_ran_out_sends_nothing() -> None:
    async def history(world: World) -> None:
        async def hold_up(request: httpx.Request) -> None:
            if request.method == "POST":
                world.wire.before_sending = None
                # As after a pause of the process: the time is up, and it learns of it only now.
                for lease in world.held:
                    lease.run_out()

        id = await check_out(world)
        world.wire.before_sending = hold_up
        world.start_worker()
        await asyncio.sleep(1)
        assert world.writes("checkout") == 0
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert world.asset(FREE).checkout_counter == 1

    run(history)


def test_what_a_worker_has_seen_counts_under_its_own_fence_alone() -> None:
    async def history(world: World) -> None:
        id = await check_out(world)
        mine, taken_over = world.start_worker(), False
        load = mine.load

        async def paused(tenant_id: Id, operation_id: Id) -> InventoryOperation | None:
            """Between its command and the next look at the operation another takes it over."""
            nonlocal taken_over
            found = await load(tenant_id, operation_id)
            if found is None or found.state is not State.VERIFYING or taken_over:
                return found
            taken_over = True
            at = world.clock()
            command = StartVerification(
                operation_id=operation_id, fence=found.fence + 1, again_at=at, at=at
            )
            await world.ask(start_verification, command)
            return await load(tenant_id, operation_id)

        mine.load = paused  # type: ignore[method-assign]  # the moment between two calls
        await world.settle()
        assert world.told(id)[-4:] == ["attempt_accepted", *2 * ["verification_started"], "synced"]

    run(history)


@pytest.mark.parametrize("seed", range(25))
def test_workers_that_die_at_any_moment(seed: int) -> None:
    async def history(world: World) -> None:
        chance = random.Random(seed)
        ids: list[Id] = []
        for asset in ASSETS:
            ids.append(await check_out(world, asset))
            ids.append(await check_in(world, asset))
        for _ in range(6):
            process = world.start_worker()
            await asyncio.sleep(chance.choice([0.001, 0.02, 0.05, 0.2, 1, 30]))
            process.kill()
            world.processes.remove(process)
        world.start_worker()
        world.start_worker()
        await world.settle(within_s=7200)
        assert {world.told(id)[-1] for id in ids} == {"synced"}
        assert {world.holder(asset) for asset in ASSETS} == {None}
        assert {world.asset(asset).checkout_counter for asset in ASSETS} == {1}

    run(history, seed, before_write_s=0.02, between_writes_s=0.005, answer_after_s=0.03, jitter=1.0)


def test_the_same_seed_gives_the_same_history() -> None:
    async def history(world: World) -> list[tuple[float, str]]:
        world.order("late", method="POST", path=CHECKOUT, seconds=20)
        world.order("error_before", method="POST", path=CHECKOUT, skip=1, times=3)
        ids = [await check_out(world, asset) for asset in ASSETS]
        world.start_worker()
        world.start_worker()
        await world.settle()
        return [(world.time(), name) for id in ids for name in world.told(id)]

    assert run(history, 7) == run(history, 7)


def test_one_tenant_leaves_places_for_the_others_however_much_it_wants() -> None:
    async def history(world: World) -> None:
        worker = world.start_worker().worker
        for asset in ASSETS:
            await check_out(world, asset)
        at_once = set()
        while world.queue.rows:
            at_once.add(len(worker.running))
            await asyncio.sleep(0.3)
        assert max(at_once) == OF_ONE_TENANT

    run(history, answer_after_s=1.0)


def test_what_a_dead_worker_holds_is_not_asked_for_again_and_again() -> None:
    async def history(world: World) -> None:
        looks = 0
        plain = world.queue.due

        async def counted(*asked: Any, **more: Any) -> Any:
            nonlocal looks
            looks += 1
            # A worker that never pauses would stop the time.
            await asyncio.sleep(looks // 100)
            return await plain(*asked, **more)

        world.queue.due = counted  # type: ignore[method-assign]  # to count
        dead = world.start_worker()
        await dead.take(lease_name(world.tenant_id, f"asset:{FREE}"), 30)
        dead.kill()
        await check_out(world)
        world.start_worker()
        await asyncio.sleep(20)
        assert looks <= 25
        await world.settle()

    run(history)


async def let_a_day_pass(world: World, process: Process) -> None:
    """Without a worker, which would only look at the queue every second of it."""
    await process.stop()
    await asyncio.sleep(24 * 3600)
    world.start_worker()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_being_throttled_for_a_day_needs_a_person(method: str) -> None:
    async def history(world: World) -> None:
        world.order("throttle", method=method, path="/api/v1/hardware.*", times=None)
        id = await check_out(world)
        process = world.start_worker()
        await asyncio.sleep(10)
        assert world.told(id)[-1] == "attempt_failed"
        await let_a_day_pass(world, process)
        await world.settle(within_s=200)
        assert world.told(id)[-2:] == ["attempt_failed", "retries_exhausted"]
        operation = await world.operation(id)
        assert (operation.reason, operation.tries) == ("throttled", 0)

    run(history)


def test_being_throttled_for_a_day_while_reading_back_needs_a_person() -> None:
    async def history(world: World) -> None:
        id = await check_out(world)
        world.wire.trouble("lost", "POST")
        process = world.start_worker()
        await asyncio.sleep(1)
        world.order("throttle", path="/api/v1/hardware.*", times=None)
        await asyncio.sleep(10)
        assert (await world.operation(id)).state is State.VERIFYING
        await let_a_day_pass(world, process)
        await world.settle(within_s=200)
        assert world.told(id)[-1] == "retries_exhausted"
        assert (await world.operation(id)).reason == "throttled"

    run(history)
