"""What happens to an asset at a desk, and which command of its assignment that is."""

from datetime import timedelta
from typing import Any

import pytest

from domain.assignments.content import State
from domain.assignments.errors import ItemHeld
from domain.caller import Caller
from domain.custody.circulation import circulate
from domain.custody.circulation_commands import Circulate, Circulation
from domain.custody.circulation_errors import AssetNotOut, NotTheCustodian
from domain.errors import InvalidField, PermissionMissing
from domain.ids import Id
from domain.inventory_operations.kinds import Kind
from domain.ports import Receipt
from infrastructure.ids import derived_id
from tests.builders.assignments import BEN, CHI, CUSTODIAN, DRILL, DUE, WORKSHOP
from tests.builders.desk import Desk
from tests.builders.people import TECHNICIAN, person


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def tell(desk: Desk, type: Circulation, by: Caller = TECHNICIAN, **more: Any) -> Receipt:
    told: dict[str, Any] = {"asset_id": DRILL.id, **more}
    command = Circulate(type=type, new_id=desk.new_id(), by=by, at=desk.at, **told)
    return await circulate(command, desk.store, desk.facts)


async def out_with_ben(desk: Desk) -> Id:
    """The drill is with Ben, and the inventory says so."""
    receipt = await tell(desk, Circulation.ISSUE, person_id=BEN.id, due=DUE)
    await desk.prove(await desk.open_operation(receipt.id))
    return receipt.id


async def test_an_issue_hands_the_asset_over_at_once(desk: Desk) -> None:
    receipt = await tell(desk, Circulation.ISSUE, person_id=BEN.id, due=DUE)
    made = await desk.assignment(receipt.id)
    assert (made.state, made.custodian, made.item) == (State.ISSUING, BEN, DRILL)
    assert made.standing.due == DUE


async def test_an_issue_takes_what_is_reserved_for_that_very_person(desk: Desk) -> None:
    begins = desk.at + timedelta(days=1)
    reserved = await desk.reserve(custodian=BEN, begins=begins)
    receipt = await tell(desk, Circulation.ISSUE, person_id=BEN.id)
    assert receipt.id == reserved
    assert (await desk.assignment(reserved)).state is State.ISSUING


async def test_what_is_reserved_for_another_is_not_handed_out_for_good(desk: Desk) -> None:
    await desk.reserve(custodian=BEN)
    with pytest.raises(ItemHeld):
        await tell(desk, Circulation.ISSUE, person_id=CHI.id)


@pytest.mark.parametrize("type", [Circulation.RETURN, Circulation.RECEIVE])
async def test_a_return_takes_it_back_from_whoever_has_it(desk: Desk, type: Circulation) -> None:
    id = await out_with_ben(desk)
    receipt = await tell(desk, type, location_id=WORKSHOP.id, notes="Dusty")
    assert receipt.id == id
    assert (await desk.assignment(id)).state is State.RETURNING
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.kind is Kind.CHECKIN
    assert operation.wanted["location_id"] == 2


async def test_a_return_needs_nothing_in_the_inventory_that_stands_for_it(desk: Desk) -> None:
    id = await out_with_ben(desk)
    del desk.facts.items["asset", DRILL.id]
    await tell(desk, Circulation.RETURN)
    assert (await desk.assignment(id)).state is State.RETURNING


async def test_a_move_hands_on_what_is_out_and_gives_a_place_what_is_not(desk: Desk) -> None:
    receipt = await tell(desk, Circulation.MOVE, location_id=WORKSHOP.id)
    made = await desk.assignment(receipt.id)
    assert (made.state, made.custodian) == (State.ISSUING, WORKSHOP)
    other = Desk()
    id = await out_with_ben(other)
    receipt = await tell(other, Circulation.MOVE, location_id=WORKSHOP.id)
    assert receipt.id == id
    assert (await other.assignment(id)).state is State.TRANSFERRING


async def test_a_confirmation_says_that_it_was_seen(desk: Desk) -> None:
    id = await out_with_ben(desk)
    for person_id in (None, BEN.id):
        receipt = await tell(desk, Circulation.CONFIRM, person_id=person_id)
        assert receipt.id == id
    assert "assignment.accepted.v1" in desk.store.topics


@pytest.mark.parametrize("named", [{"person_id": CHI.id}, {"location_id": WORKSHOP.id}])
async def test_a_confirmation_of_somebody_else_is_refused(
    desk: Desk, named: dict[str, Any]
) -> None:
    await out_with_ben(desk)
    with pytest.raises(NotTheCustodian):
        await tell(desk, Circulation.CONFIRM, **named)


@pytest.mark.parametrize("type", [Circulation.RETURN, Circulation.RECEIVE, Circulation.CONFIRM])
async def test_what_nobody_has_neither_comes_back_nor_is_seen(
    desk: Desk, type: Circulation
) -> None:
    location = WORKSHOP.id if type is Circulation.RECEIVE else None
    with pytest.raises(AssetNotOut):
        await tell(desk, type, location_id=location)


async def test_an_asset_that_the_inventory_does_not_have_is_named(desk: Desk) -> None:
    with pytest.raises(InvalidField) as refused:
        await tell(desk, Circulation.RETURN, asset_id=derived_id("test", "no asset"))
    assert refused.value.path == ("asset_id",)


@pytest.mark.parametrize("type", Circulation)
async def test_who_may_neither_issue_nor_take_back_tells_nothing(
    desk: Desk, type: Circulation
) -> None:
    await out_with_ben(desk)
    fitting = {"person_id": CHI.id} if type is Circulation.ISSUE else {"location_id": WORKSHOP.id}
    for by in (CUSTODIAN, person("nobody")):
        with pytest.raises(PermissionMissing):
            await tell(desk, type, by, **fitting)


@pytest.mark.parametrize(
    ("type", "more", "path"),
    [
        (Circulation.ISSUE, {}, "person_id"),
        (Circulation.ISSUE, {"person_id": BEN.id, "location_id": WORKSHOP.id}, "location_id"),
        (Circulation.ISSUE, {"person_id": BEN.id, "notes": "For the fair"}, "notes"),
        (Circulation.RETURN, {"person_id": BEN.id}, "person_id"),
        (Circulation.RETURN, {"due": DUE}, "due"),
        (Circulation.RETURN, {"occurred_at": DUE}, "occurred_at"),
        (Circulation.MOVE, {}, "location_id"),
        (Circulation.RECEIVE, {}, "location_id"),
    ],
)
async def test_what_does_not_go_with_it_is_named(
    desk: Desk, type: Circulation, more: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        await tell(desk, type, **more)
    assert refused.value.path == (path,)
