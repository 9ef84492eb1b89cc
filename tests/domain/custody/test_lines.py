"""A requisition's line advances with its assignment, in the same transaction."""

import pytest_asyncio

from domain.custody import allocation
from domain.ids import Id, id_of
from domain.requisitions.commands import AllocateLine
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.requisition import Requisition
from tests.builders import requisitions as build
from tests.builders.assignments import CHI, DRILL
from tests.builders.desk import Desk
from tests.builders.people import REQUESTER, TECHNICIAN
from tests.builders.requisitions import LAPTOPS, MODEL


class Counter:
    """A desk at which one laptop is kept for a line."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.desk.facts.has_item("asset", DRILL.id, 17, model_id=MODEL)
        self.requisition_id: Id = ""
        self.assignment_id: Id = ""

    async def opens(self) -> None:
        requisition = build.approved_for_inventory(LAPTOPS)
        self.requisition_id = id_of(requisition.id)
        await self.desk.store.save(requisition)
        self.assignment_id = self.desk.new_id()
        command = AllocateLine(
            requisition_id=self.requisition_id,
            line_id=LAPTOPS.line_id,
            assignment_id=self.assignment_id,
            item_kind="asset",
            item_id=DRILL.id,
            by=TECHNICIAN,
            at=self.desk.at,
        )
        await self.desk.give(allocation.allocate, command)

    async def line(self) -> Quantities:
        requisition = await self.desk.store.load(Requisition, self.requisition_id)
        return requisition.quantities[LAPTOPS.line_id]

    async def operation(self) -> Id:
        return await self.desk.open_operation(self.assignment_id)


@pytest_asyncio.fixture
async def counter() -> Counter:
    made = Counter()
    await made.opens()
    return made


async def test_a_line_is_issued_on_proof_alone(counter: Counter) -> None:
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (1, 0, 0)
    await counter.desk.issue(counter.assignment_id)
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (0, 1, 0)
    await counter.desk.prove(await counter.operation())
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (0, 0, 1)


async def test_a_refused_hand_over_is_kept_for_the_line(counter: Counter) -> None:
    await counter.desk.issue(counter.assignment_id)
    await counter.desk.refuse(await counter.operation())
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (1, 0, 0)


async def test_an_item_that_is_gone_is_not_kept_for_the_line(counter: Counter) -> None:
    await counter.desk.issue(counter.assignment_id)
    await counter.desk.refuse(await counter.operation(), gone=True)
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (0, 0, 0)


async def test_a_reservation_that_is_given_up_is_not_kept_for_the_line(counter: Counter) -> None:
    await counter.desk.cancel(counter.assignment_id)
    assert (await counter.line()).allocated == 0


async def test_a_hand_over_that_is_called_off_is_not_kept_for_the_line(counter: Counter) -> None:
    await counter.desk.issue(counter.assignment_id)
    await counter.desk.cancel(counter.assignment_id)
    line = await counter.line()
    assert (line.allocated, line.issuing, line.issued) == (0, 0, 0)


async def test_what_is_handed_on_stays_issued(counter: Counter) -> None:
    desk = counter.desk
    await desk.issue(counter.assignment_id)
    await desk.prove(await counter.operation())
    await desk.transfer(counter.assignment_id, CHI)
    await desk.prove(await counter.operation())
    await desk.prove(await counter.operation())
    assert (await counter.line()).issued == 1


async def test_the_requester_gets_it(counter: Counter) -> None:
    assignment = await counter.desk.assignment(counter.assignment_id)
    assert assignment.custodian.id == REQUESTER.user_id
    assert assignment.requisition_id == counter.requisition_id
    requisition = await counter.desk.store.load(Requisition, counter.requisition_id)
    assert requisition.state is State.FULFILLING
