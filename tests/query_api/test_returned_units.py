"""How many units of an assignment are returned: those that the inventory has confirmed as back."""

import httpx
import pytest

from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Custodian, Item, Received, Units
from domain.assignments.rules import Asked
from domain.ids import id_of
from infrastructure.ids import new_id
from tests.builders.custody import evidence
from tests.builders.people import with_roles
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import World


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    made = Custody(world, lab.tenant_id)
    made.connect()
    return made


def lend_cables(custody: Custody, lab: Lab) -> Assignment:
    """Three of them, with the member."""
    cables = Item("accessory", custody.stock("accessory", 4, quantity=10, remaining=10))
    return custody.lend(lab.technician, cables, Custodian("user", lab.member.id), quantity=3)


async def test_what_came_back_over_there_is_returned_too(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lent = lend_cables(custody, lab)
    manager = Asked(with_roles("manager", "inventory_manager"), world.now)
    lent.detect_drift(None, world.now, world.now)
    lent.drift_vanished(world.now)
    lent.detect_units_drift((7,), world.now, world.now)
    lent.resolve_drift("external_return", lent.next_operation("qty_checkin"), manager)
    (operation_id,) = lent.standing.pending
    lent.returned(operation_id, evidence(), world.now)
    world.store(lent, lab.technician)
    path = f"/assignments/{id_of(lent.id)}"
    body = (await client.get(path, headers=lab.technician.headers)).json()
    assert (body["state"], body["returned"], body["outstanding"]) == ("active", 1, 2)


async def test_what_came_back_stays_returned_when_the_rest_is_handed_on(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lent = lend_cables(custody, lab)
    manager = Asked(with_roles("manager", "inventory_manager"), world.now)
    lent.detect_units_drift((7,), world.now, world.now)
    lent.resolve_drift("external_return", lent.next_operation("qty_checkin"), manager)
    (operation_id,) = lent.standing.pending
    lent.returned(operation_id, evidence(), world.now)
    check_in = lent.next_operation("qty_checkin")
    lent.transfer(check_in, Custodian("user", lab.outsider.id), new_id(), manager)
    check_out = lent.next_operation("qty_checkout")
    lent.transfer_checked_in(check_in, check_out, evidence(), world.now)
    successor = lent.transfer_completed(check_out, evidence(rows=[10, 11]), world.now)
    for one in (lent, successor):
        world.store(one, lab.technician)

    answer = await client.get("/assignments", headers=lab.technician.headers)
    assert [
        (one["outcome"], one["issued"], one["returned"], one["outstanding"])
        for one in answer.json()["items"]
    ] == [(None, 2, 0, 2), ("transferred", 3, 1, 0)]


async def test_what_was_written_off_is_not_returned(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lent = lend_cables(custody, lab)
    asked = Asked(lab.technician.caller, world.now)
    back, gone = lent.next_operation("qty_checkin"), lent.next_operation("qty_write_off")
    lent.receive(back, Received((Units(1, Condition.OK),)), asked)
    lent.receive(gone, Received((Units(2, Condition.MISSING),)), asked)
    lent.returned(back, evidence(), world.now)
    world.store(lent, lab.technician)
    path = f"/assignments/{id_of(lent.id)}"
    body = (await client.get(path, headers=lab.technician.headers)).json()
    assert (body["state"], body["returned"], body["outstanding"]) == ("returning", 1, 2)

    lent.written_off(gone, evidence(), world.now)
    world.store(lent, lab.technician)
    body = (await client.get(path, headers=lab.technician.headers)).json()
    assert (body["state"], body["outcome"]) == ("closed", "written_off")
    assert (body["returned"], body["outstanding"]) == (1, 0)
    feed = await client.get("/asset-circulations", headers=lab.technician.headers)
    assert [(step["type"], step["quantity"]) for step in feed.json()["items"]][:1] == [("loss", 2)]
