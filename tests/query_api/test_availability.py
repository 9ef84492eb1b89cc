"""GET /availability: by the mirror and by what is held, or unknown with the reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.assignments.content import Custodian, Item
from domain.assignments.item_book import Hold
from domain.assignments.rules import Asked
from domain.ids import Id, id_of
from infrastructure.ids import new_id
from tests.builders.custody import MANAGER
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    return Custody(world, lab.tenant_id)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def asked(
    client: httpx.AsyncClient, lab: Lab, kind: str, id: Id, **query: str
) -> dict[str, Any]:
    parameters = {"item_kind": kind, "item_id": id, **query}
    answer = await client.get("/availability", params=parameters, headers=lab.member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def held(begins: datetime, until: datetime | None, quantity: int = 1, *, out: bool = False) -> Hold:
    return Hold(new_id(), quantity, begins, until, out)


async def test_holds_take_an_asset_for_their_time(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    custody.connect()
    scope = Item("asset", custody.asset(17))
    today = now()
    custody.hold(lab.technician, scope, held(today + DAY, today + 2 * DAY))

    free = await asked(client, lab, "asset", scope.id, **{"from": (today + HOUR).isoformat()})
    week = await asked(
        client,
        lab,
        "asset",
        scope.id,
        **{"from": (today + HOUR).isoformat(), "until": (today + 7 * DAY).isoformat()},
    )

    assert (free["known"], free["available"], free["total"]) == (True, 1, 1)
    assert free["item"] == {"kind": "asset", "id": scope.id, "name": "Asset 17"}
    assert free["as_of"] is not None
    assert (week["known"], week["available"]) == (True, 0)
    assert [window["available"] for window in week["windows"]] == [1, 0, 1]
    assert week["windows"][1]["begins"] == (today + DAY).isoformat().replace("+00:00", "Z")


async def test_an_asset_that_we_have_lent_is_free_when_it_is_due(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    custody.connect()
    ours = Item("asset", custody.asset(17, free=False, status_type="deployable"))
    broken = Item("asset", custody.asset(18, free=False, status_type="undeployable"))
    elsewhere = Item("asset", custody.asset(19, free=False, status_type="deployable"))
    today = now()
    for item in (ours, broken):
        custody.hold(lab.technician, item, held(today - DAY, today + DAY, out=True))
    later = {"from": (today + 2 * DAY).isoformat()}

    assert (await asked(client, lab, "asset", ours.id))["available"] == 0
    assert (await asked(client, lab, "asset", ours.id, **later))["available"] == 1
    assert (await asked(client, lab, "asset", broken.id, **later))["available"] == 0
    assert (await asked(client, lab, "asset", elsewhere.id, **later))["available"] == 0


async def test_units_that_left_after_the_mirror_looked_are_not_counted_twice(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    custody.connect()
    seen = Item("accessory", custody.stock("accessory", 4, quantity=10, remaining=7))
    unseen = Item("accessory", custody.stock("accessory", 5, quantity=10, remaining=10))
    consumed = Item("consumable", custody.stock("consumable", 6, quantity=10, remaining=10))
    member = Custodian("user", lab.member.id)
    for item, issued_at in ((seen, now() - HOUR), (unseen, now() + HOUR)):
        world.now = issued_at
        assignment = custody.lend(lab.technician, item, member, quantity=3)
        hold = Hold(id_of(assignment.id), 3, now() - 2 * DAY, None, out=True)
        custody.hold(lab.technician, item, hold)
    world.now = now() + HOUR
    custody.lend(lab.technician, consumed, member, quantity=4)

    for item in (seen, unseen):
        answer = await asked(client, lab, "accessory", item.id)
        assert (answer["available"], answer["total"]) == (7, 10)
    assert (await asked(client, lab, "consumable", consumed.id))["available"] == 6


async def test_only_what_is_known_to_be_out_is_overdue(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    custody.connect()
    member, by = Custodian("user", lab.member.id), lab.technician
    late, leaving, found = (Item("asset", custody.asset(number, free=False)) for number in range(3))
    lent = custody.lend(by, late, member)
    being_lent = custody.reserve(by, leaving, member)
    custody.hand_over(being_lent, by)
    lost = custody.lend(by, found, member)
    custody.lose(lost, by)
    lost.recover(lost.next_operation("checkin"), Asked(MANAGER, world.now))
    world.store(lost, by)
    for item, assignment in ((late, lent), (leaving, being_lent), (found, lost)):
        id = id_of(assignment.id)
        custody.hold(by, item, Hold(id, 1, now() - 2 * DAY, now() - DAY, out=True))

    answers = [await asked(client, lab, "asset", item.id) for item in (late, leaving, found)]

    assert [(one["overdue"], one["available"]) for one in answers] == [(1, 0), (0, 0), (0, 0)]


async def test_units_whose_hand_over_is_not_settled_are_taken_after_they_were_due(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    custody.connect()
    cables = Item("accessory", custody.stock("accessory", 4, quantity=10, remaining=10))
    late = Hold(new_id(), 3, now() - 2 * DAY, now() - DAY, leaving=True)
    custody.hold(lab.technician, cables, late)

    answer = await asked(client, lab, "accessory", cables.id)

    assert (answer["available"], answer["overdue"]) == (7, 0)


async def test_a_model_is_what_its_assets_are_at_a_location(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    custody.connect()
    model_id, shop = custody.model(), custody.location(3)
    items = [
        Item("asset", custody.asset(number, location=3 if number < 3 else None))
        for number in (1, 2, 3)
    ]
    custody.asset(4, free=False)
    today = now()
    custody.hold(lab.technician, items[0], held(today - HOUR, today + DAY))

    everywhere = await asked(client, lab, "model", model_id)
    here = await asked(client, lab, "model", model_id, location=shop)
    by_model = await client.get(f"/availability?model_id={model_id}", headers=lab.member.headers)

    assert (everywhere["available"], everywhere["total"]) == (2, 3)
    assert (here["available"], here["total"]) == (1, 2)
    assert here["location"] == {"id": shop, "name": "Wood Shop"}
    assert by_model.json()["available"] == 2


async def test_nobody_can_say_without_a_fresh_picture(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    asset_id = custody.asset(17)
    unconnected = await asked(client, lab, "asset", asset_id)
    custody.connect(circuit="open")
    shut_off = await asked(client, lab, "asset", asset_id)
    world.execute("UPDATE inventory.circuits SET since = now()")
    just_shut_off = await asked(client, lab, "asset", asset_id)
    custody.mirrored_at(datetime.now(UTC) - HOUR)
    stale = await asked(client, lab, "asset", asset_id)
    world.execute("DELETE FROM inventory.mirror_states")
    never_seen = await asked(client, lab, "asset", asset_id)

    for answer, reason in (
        (unconnected, "not_connected"),
        (shut_off, "circuit_open"),
        (stale, "mirror_stale"),
        (never_seen, "not_mirrored"),
    ):
        assert (answer["known"], answer["reason"]) == (False, reason)
        assert (answer["available"], answer["total"], answer["windows"]) == (None, None, [])
    assert stale["as_of"] is not None
    assert (just_shut_off["known"], just_shut_off["available"]) == (True, 1)


async def test_a_wrong_question_is_refused(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    custody.connect()
    id = custody.asset(17)
    of_it = f"item_kind=asset&item_id={id}"
    for query, status in (
        ("", 422),
        ("item_kind=asset", 422),
        (f"item_id={id}", 422),
        (f"{of_it}&model_id={id}", 422),
        (f"{of_it}&from=yesterday", 422),
        (f"{of_it}&from=2026-11-21T09:00:00Z&until=2026-11-21T09:00:00Z", 422),
        (f"{of_it}&from=2026-11-21T09:00:00Z&until=2027-11-30T09:00:00Z", 422),
        (f"{of_it}&location={new_id()}", 422),
        (f"item_kind=asset&item_id={new_id()}", 404),
        (f"item_kind=consumable&item_id={id}", 404),
        (f"model_id={new_id()}", 404),
    ):
        answer = await client.get(f"/availability?{query}", headers=lab.member.headers)
        assert answer.status_code == status, query
    others = await client.get(f"/availability?{of_it}", headers=lab.neighbour.headers)
    assert (others.json()["known"], others.json()["item"]["name"]) == (False, None)
