"""How many units there are is decided at the hand-over, by what the inventory shows then."""

import pytest

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, State
from domain.custody import handlers
from domain.ids import Id
from tests.builders.assignments import BEN, CABLES, CHI, terms
from tests.builders.people import TECHNICIAN
from tests.builders.world import World, run

THING = 1
THERE = 10
"""Cables in the inventory's store, and seen there by the mirror."""


async def reserve(world: World, custodian: Custodian, quantity: int, *, issue: bool = False) -> Id:
    world.facts.has_custodian("user", BEN.id, 3)
    world.facts.has_custodian("user", CHI.id, 4)
    command = commands.ReserveItem(
        assignment_id=world.new_id(),
        terms=terms(CABLES, custodian, begins=world.clock(), quantity=quantity),
        by=TECHNICIAN,
        at=world.clock(),
        issue=issue,
    )
    return (await world.ask(handlers.reserve, command)).id


async def issue(world: World, id: Id) -> None:
    command = commands.IssueAssignment(assignment_id=id, by=TECHNICIAN, at=world.clock())
    await world.ask(handlers.issue, command)


async def state(world: World, id: Id) -> State:
    return (await world.store.load(Assignment, id)).state


def mirror_says(world: World, remaining: int) -> None:
    world.facts.has_item("accessory", CABLES.id, THING, remaining=remaining)


def there_are(world: World, quantity: int) -> None:
    world.by_hand(do="set", table="accessories", id=THING, fields={"qty": quantity})


@pytest.mark.parametrize("at_once", [True, False])
def test_units_that_the_mirror_has_not_noticed_are_handed_out(at_once: bool) -> None:
    async def history(world: World) -> None:
        world.start_worker()
        mirror_says(world, 0 if at_once else THERE)
        id = await reserve(world, BEN, 4, issue=at_once)
        mirror_says(world, 0)
        if not at_once:
            await issue(world, id)
        await world.settle()
        assert await state(world, id) is State.ACTIVE

    run(history)


@pytest.mark.parametrize("fewer", [0, 1])
def test_units_that_the_mirror_still_sees_are_not(fewer: int) -> None:
    async def history(world: World) -> None:
        world.start_worker()
        mirror_says(world, THERE)
        there_are(world, 4 - fewer)
        id = await reserve(world, BEN, 4, issue=True)
        await world.settle()
        assert await state(world, id) is (State.RESERVED if fewer else State.ACTIVE)
        assert world.writes() == (0 if fewer else 1)

    run(history)


@pytest.mark.parametrize("quantity", [2, 3])
def test_what_others_reserved_before_is_kept_for_them(quantity: int) -> None:
    async def history(world: World) -> None:
        world.start_worker()
        mirror_says(world, THERE)
        first = await reserve(world, CHI, 8)
        fits = quantity == THERE - 8
        second = await reserve(world, BEN, quantity, issue=True)
        await world.settle()
        assert await state(world, second) is (State.ACTIVE if fits else State.RESERVED)
        assert world.writes() == (1 if fits else 0)

        await issue(world, first)
        await world.settle()
        assert await state(world, first) is State.ACTIVE

    run(history)


def test_units_of_two_hand_overs_at_once_are_counted_once() -> None:
    async def history(world: World) -> None:
        mirror_says(world, THERE)
        ids = [await reserve(world, CHI, 6), await reserve(world, BEN, 4)]
        for id in ids:
            await issue(world, id)
        world.start_worker()
        world.start_worker()
        await world.settle()
        assert {await state(world, id) for id in ids} == {State.ACTIVE}

    run(history)
