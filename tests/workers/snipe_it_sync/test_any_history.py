"""Whatever fails in between: what our screens say about custody is what the inventory has."""

import asyncio
import random
from contextlib import suppress

import pytest

from demo.snipe_it_simulator.faults import Kind as FaultKind
from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Custodian, Item, State, Units
from domain.custody import handlers
from domain.errors import Refused
from domain.ids import Id, id_of
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import derived_id
from tests.builders.assignments import BEN, CHI, terms
from tests.builders.people import TECHNICIAN
from tests.builders.world import World, run

HOLDERS = {BEN: ("user", 3), CHI: ("user", 4)}
ITEMS = {Item("asset", derived_id("test", "asset", str(number))): number for number in (1, 2, 3)}
FAULTS = [
    kind.value
    for kind in FaultKind
    # Those need a real connection; a token that is refused needs a person.
    if kind.value not in {"cut", "drop_before", "drop_after", "unauthorized", "forbidden"}
]


async def hand_out(world: World, item: Item, to: Custodian) -> None:
    command = commands.ReserveItem(
        assignment_id=world.new_id(),
        terms=terms(item, to, begins=world.clock()),
        by=TECHNICIAN,
        at=world.clock(),
        issue=True,
    )
    await world.ask(handlers.reserve, command)


async def take_back(world: World, id: Id) -> None:
    command = commands.ReturnAssignment(
        assignment_id=id, units=(Units(1, Condition.OK),), by=TECHNICIAN, at=world.clock()
    )
    await world.ask(handlers.receive, command)


async def trouble(world: World, chance: random.Random) -> None:
    match chance.choice(["fault", "late", "wire", "kill", "down", "nothing"]):
        case "fault":
            method = chance.choice(["GET", "POST"])
            seconds = chance.choice([1, 16, 40])
            world.order(chance.choice(FAULTS), method=method, seconds=seconds)
        case "late":
            kind = chance.choice(["late", "gateway_timeout"])
            world.order(kind, method="POST", seconds=chance.choice([16, 30, 55]))
        case "wire":
            kind = chance.choice(["refused", "lost", "cut"])
            world.wire.trouble(kind, chance.choice(["GET", "POST"]))
        case "kill":
            process = chance.choice(world.processes)
            process.kill()
            world.processes.remove(process)
            world.start_worker()
        case "down":
            world.store.down = True
            await asyncio.sleep(chance.choice([0.1, 5, 60]))
            world.store.down = False
        case _:
            return


async def work(world: World, chance: random.Random) -> None:
    assignments = [one for one in await world.all(Assignment) if one.state is State.ACTIVE]
    with suppress(Refused, StoreUnavailable):
        if assignments and chance.random() < 0.5:
            await take_back(world, id_of(chance.choice(assignments).id))
        else:
            await hand_out(world, chance.choice(list(ITEMS)), chance.choice(list(HOLDERS)))


@pytest.mark.parametrize("seed", range(40))
def test_what_we_say_is_what_the_inventory_has(seed: int) -> None:
    async def history(world: World) -> None:
        chance = random.Random(seed)
        for item, number in ITEMS.items():
            world.facts.has_item("asset", item.id, number)
        for custodian, (_, number) in HOLDERS.items():
            world.facts.has_custodian("user", custodian.id, number)
        world.start_worker()
        world.start_worker()
        for _ in range(25):
            await work(world, chance)
            await trouble(world, chance)
            await asyncio.sleep(chance.choice([0, 0.05, 1, 10, 70]))
        world.simulator.faults.ordered.clear()
        world.wire.troubles.clear()
        await world.settle(within_s=48 * 3600)
        await asyncio.sleep(120)
        await assert_we_agree(world)

    run(history, seed, before_write_s=0.02, between_writes_s=0.005, answer_after_s=0.03, jitter=1.0)


async def assert_we_agree(world: World) -> None:
    """An asset is with whom its active assignment names, and with nobody where there is none."""
    said: dict[int, tuple[str, int] | None] = dict.fromkeys(ITEMS.values())
    unsure: set[int] = set()
    for one in await world.all(Assignment):
        number = ITEMS[one.item]
        if one.standing.pending:
            unsure.add(number)
        elif one.state in (State.ACTIVE, State.OVERDUE):
            said[number] = HOLDERS[one.custodian]
    sure = {number: holder for number, holder in said.items() if number not in unsure}
    assert sure == {number: world.holder(number) for number in sure}
