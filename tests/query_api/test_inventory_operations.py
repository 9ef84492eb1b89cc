"""The sync board, drift, the custody feed, and what everybody may know of the inventory."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from domain.assignments.content import Custodian, Item, State
from domain.assignments.item_book import Hold
from domain.ids import Id, id_of
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.ids import new_id
from tests.builders.custody import evidence as proof
from tests.builders.inventory import InventoryTables
from tests.builders.operations import evidence
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import DAY, Custody
from tests.query_api.world import Person, World
from workers.snipe_it_sync.lookout import Lent
from workers.snipe_it_sync.records import ReadTables


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    made = Custody(world, lab.tenant_id)
    made.connect()
    return made


@pytest.fixture
def keeper(world: World, lab: Lab) -> Person:
    return world.person(lab.tenant_id, "keeper", "inventory_manager")


def asset(custody: Custody, number: int) -> Item:
    return Item("asset", custody.asset(number))


def asked_for(custody: Custody, lab: Lab, number: int) -> InventoryOperation:
    """A hand-over that the inventory has not confirmed."""
    custodian = Custodian("user", lab.member.id)
    assignment = custody.reserve(lab.technician, asset(custody, number), custodian)
    return custody.hand_over(assignment, lab.technician)


def blocked(custody: Custody, lab: Lab, number: int) -> InventoryOperation:
    """One that somebody has to look at."""
    operation, at = asked_for(custody, lab, number), custody.world.now
    operation.start_attempt(1, at)
    operation.block("unauthorized", "The token is not accepted.", at)
    custody.world.store(operation, lab.technician)
    return operation


async def board(client: httpx.AsyncClient, person: Person, query: str = "") -> list[Id]:
    answer = await client.get(f"/inventory/operations{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_the_board_shows_what_waits_and_why(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    waiting, stuck = asked_for(custody, lab, 1), blocked(custody, lab, 2)
    waiting_id, stuck_id = id_of(waiting.id), id_of(stuck.id)

    assert await board(client, lab.technician) == [stuck_id, waiting_id]
    assert await board(client, lab.auditor, "?sort=requested_at") == [waiting_id, stuck_id]
    for query, found in (
        ("state=pending", [waiting_id]),
        ("state=needs_attention", [stuck_id]),
        ("state=synced", []),
        ("last_error=unauthorized", [stuck_id]),
        ("kind=checkout&sort=since", [waiting_id, stuck_id]),
        ("purpose=return", []),
        ("late=true", []),
        (f"subject_id={stuck.subject_id}", [stuck_id]),
        (f"item_id={waiting.item['id']}", [waiting_id]),
    ):
        assert await board(client, lab.technician, f"?{query}") == found, query
    first = await client.get("/inventory/operations?limit=1", headers=lab.technician.headers)
    after = f"?limit=1&cursor={first.json()['next']}"
    assert await board(client, lab.technician, after) == [waiting_id]
    refused = await client.get("/inventory/operations", headers=lab.member.headers)
    assert refused.status_code == 403


async def test_one_operation_says_what_can_be_done_about_it(
    client: httpx.AsyncClient, custody: Custody, lab: Lab, keeper: Person
) -> None:
    path = f"/inventory/operations/{id_of(blocked(custody, lab, 2).id)}"

    body = (await client.get(path, headers=keeper.headers)).json()
    seen = (await client.get(path, headers=lab.technician.headers)).json()

    assert (body["state"], body["last_error"], body["attempts"]) == (
        "needs_attention",
        "unauthorized",
        1,
    )
    assert body["item"]["tag"] == "OSC-0002"
    assert body["target"]["name"] == "member"
    assert all(one["allowed"] for one in body["transitions"])
    assert {one["command"] for one in body["transitions"]} == {"retry", "resolve", "abandon"}
    assert not any(one["allowed"] for one in seen["transitions"])
    assert (await client.get(path, headers=lab.member.headers)).status_code == 403


async def test_what_happened_after_it_was_given_up_is_shown_as_late(
    client: httpx.AsyncClient, custody: Custody, lab: Lab, keeper: Person
) -> None:
    operation, at = blocked(custody, lab, 2), custody.world.now
    operation.abandon(keeper.id, "never mind", at)
    operation.find_late_effect(evidence(("user", 3)), at)
    custody.world.store(operation, keeper)

    (found,) = await board(client, keeper, "?late=true")
    body = (await client.get(f"/inventory/operations/{found}", headers=keeper.headers)).json()

    assert (body["state"], body["late"]) == ("needs_attention", True)
    assert body["late_effect"]["assigned_to"] == ["user", 3]
    allowed = {one["command"] for one in body["transitions"] if one["allowed"]}
    assert allowed == {"abandon"}


@pytest.mark.parametrize("since", ["reserved", "handed out", "gone for good"])
async def test_what_was_handed_out_since_is_not_to_be_undone(
    client: httpx.AsyncClient, custody: Custody, lab: Lab, keeper: Person, since: str
) -> None:
    item, at = asset(custody, 2), custody.world.now
    first = custody.reserve(lab.technician, item, Custodian("user", lab.member.id))
    undoing = custody.operation(
        first, new_id(), keeper, Kind.CHECKIN, "return", compensates=new_id()
    )
    undoing.start_attempt(1, at)
    undoing.block("unauthorized", "The token is not accepted.", at)
    custody.world.store(undoing, keeper)
    other = custody.lend(lab.technician, item, Custodian("user", lab.technician.id))
    if since == "gone for good":
        custody.lose(other, keeper)
    held = Hold(id_of(other.id), 1, at, None, out=since != "reserved")
    custody.hold(lab.technician, item, held)

    path = f"/inventory/operations/{id_of(undoing.id)}"
    body = (await client.get(path, headers=keeper.headers)).json()

    blocked_by = {one["command"]: one["blocked_by"] for one in body["transitions"]}
    assert (blocked_by["resolve"], blocked_by["abandon"]) == ([], [])
    codes = [one["code"] for one in blocked_by["retry"]]
    assert codes == (["handed_out_since"] if since == "handed out" else [])


async def test_everybody_may_know_how_the_inventory_is(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    asked_for(custody, lab, 1)
    blocked(custody, lab, 2)

    answer = await client.get("/inventory/status", headers=lab.nobody.headers)
    body = answer.json()

    assert (body["connected"], body["circuit"]["state"]) == (True, "closed")
    assert body["mirror"]["doubt"] is None
    assert body["operations"] == {
        "pending": 1,
        "needs_attention": 1,
        "failed": 0,
        "compensated": 0,
    }
    assert body["oldest_pending_since"] < body["oldest_attention_since"]
    elsewhere = (await client.get("/inventory/status", headers=lab.neighbour.headers)).json()
    assert (elsewhere["connected"], elsewhere["operations"]["pending"]) == (False, 0)
    assert elsewhere["mirror"]["doubt"] == "not_connected"


async def test_an_open_circuit_is_told_with_its_reason(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    Custody(world, lab.tenant_id).connect(circuit="open", as_of=datetime.now(UTC) - DAY)

    body = (await client.get("/inventory/status", headers=lab.member.headers)).json()

    assert body["circuit"]["state"] == "open"
    assert body["circuit"]["reason"] == "unreachable"
    assert body["circuit"]["retry_at"] > body["circuit"]["since"]
    assert body["mirror"]["doubt"] == "mirror_stale"


async def test_drift_names_who_has_it_over_there(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    member = Custodian("user", lab.member.id)
    with_shop = custody.lend(lab.technician, asset(custody, 1), member)
    with_nobody = custody.lend(lab.technician, asset(custody, 2), member)
    custody.lend(lab.technician, asset(custody, 3), member)
    shop = custody.location(8)
    with_shop.detect_drift(("location", 8), world.now, world.now)
    with_nobody.detect_drift(None, world.now, world.now)
    world.store(with_shop, lab.technician)
    world.store(with_nobody, lab.technician)

    answer = await client.get("/inventory/drift?sort=updated_at", headers=lab.technician.headers)
    status = (await client.get("/inventory/status", headers=lab.member.headers)).json()

    first, second = answer.json()["items"]
    assert first["assignment_id"] == id_of(with_shop.id)
    assert first["actual"] == {
        "kind": "location",
        "external_id": 8,
        "id": shop,
        "name": "Wood Shop",
    }
    assert first["custodian"]["name"] == "member"
    assert (second["actual"], second["units"], second["resolution"]) == (None, None, None)
    assert status["drifted"] == 2
    refused = await client.get("/inventory/drift", headers=lab.member.headers)
    assert refused.status_code == 403


async def test_drift_of_units_says_how_many_nobody_has_over_there(
    database: Database, client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    cables = Item("accessory", custody.stock("accessory", 4, quantity=9, remaining=5))
    ben = Custodian("user", lab.member.id)
    some, others, reserved = (
        make(lab.technician, cables, ben, quantity=2)
        for make in (custody.lend, custody.lend, custody.reserve)
    )
    some.detect_units_drift((7,), world.now, world.now)
    world.store(some, lab.technician)
    tables = InventoryTables(database, lab.tenant_id)
    tables.map("accessory", cables.id, 4)
    tables.map("user", ben.id, 7)

    answer = await client.get("/inventory/drift", headers=lab.technician.headers)
    async with AllTenantsReader(database.url("worker")) as reader:
        lent = await ReadTables(reader).units_lent(lab.tenant_id)

    (item,) = answer.json()["items"]
    assert (item["assignment_id"], item["actual"], item["units"]) == (id_of(some.id), None, 1)
    shown = await client.get(f"/assignments/{id_of(some.id)}", headers=lab.technician.headers)
    assert shown.json()["drift"]["units"] == 1
    assert {number: set(ids) for number, ids in lent.items()} == {
        4: {id_of(some.id), id_of(others.id)}
    }
    assert reserved.state is State.RESERVED


async def test_the_watch_is_told_what_is_noted_already(
    database: Database, client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    room = Custodian("location", custody.location(9, "Main Lab"))
    with_shop, with_nobody, as_we_say = (
        custody.lend(lab.technician, asset(custody, number), room) for number in (1, 2, 3)
    )
    tables = InventoryTables(database, lab.tenant_id)
    tables.map("location", room.id, 9)
    for number, one in enumerate((with_shop, with_nobody, as_we_say), 1):
        tables.map("asset", one.item.id, number)
    with_shop.detect_drift(("location", 8), world.now, world.now)
    with_nobody.detect_drift(None, world.now, world.now)
    world.store(with_shop, lab.technician)
    world.store(with_nobody, lab.technician)
    ready = await client.get("/inventory/drift", headers=lab.technician.headers)
    assert len(ready.json()["items"]) == 2

    async with AllTenantsReader(database.url("worker")) as reader:
        lent = await ReadTables(reader).lent(lab.tenant_id)

    ours = ("location", 9)
    assert sorted(lent, key=lambda one: one.external_id) == [
        Lent(id_of(with_shop.id), with_shop.version, 1, ours, ("location", 8), drifted=True),
        Lent(id_of(with_nobody.id), with_nobody.version, 2, ours, None, drifted=True),
        Lent(id_of(as_we_say.id), as_we_say.version, 3, ours, ours, drifted=False),
    ]


async def test_the_feed_tells_who_had_what(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    scope = asset(custody, 1)
    begin = world.now
    lent = custody.lend(
        lab.technician, scope, Custodian("user", lab.member.id), project_id=lab.project_id
    )
    custody.receive(lent, lab.technician)
    custody.reserve(lab.technician, asset(custody, 2), Custodian("user", lab.outsider.id))

    async def feed(person: Person, query: str = "") -> list[str]:
        answer = await client.get(f"/asset-circulations{query}", headers=person.headers)
        assert answer.status_code == 200, answer.text
        return [item["type"] for item in answer.json()["items"]]

    assert await feed(lab.technician) == ["receive", "issue"]
    assert await feed(lab.technician, "?sort=position") == ["issue", "receive"]
    assert await feed(lab.member) == ["receive", "issue"]
    assert await feed(lab.admin, f"?project_id={lab.project_id}") == ["receive", "issue"]
    assert await feed(lab.outsider) == []
    for query, found in (
        (f"asset_id={scope.id}", ["receive", "issue"]),
        (f"item_kind=asset&item_id={scope.id}&type=issue", ["issue"]),
        ("item_kind=accessory", []),
        ("confirmed=true", ["issue"]),
        ("confirmed=false", ["receive"]),
        (f"assignment_id={id_of(lent.id)}", ["receive", "issue"]),
        (f"until={begin.isoformat().replace('+00:00', 'Z')}", []),
        (
            f"from={(begin + timedelta(days=1)).isoformat().replace('+00:00', 'Z')}",
            [],
        ),
    ):
        assert await feed(lab.technician, f"?{query}") == found, query
    answer = await client.get("/asset-circulations?limit=1", headers=lab.technician.headers)
    (item,) = answer.json()["items"]
    assert (item["confirmed"], item["by"]["name"] is None) == (False, True)
    assert item["custodian_after"] == item["custodian_before"]
    assert await feed(lab.technician, f"?limit=1&cursor={answer.json()['next']}") == ["issue"]


async def test_a_step_that_a_manager_vouched_for_is_not_given_as_the_inventorys_word(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lent = custody.reserve(lab.technician, asset(custody, 1), Custodian("user", lab.member.id))
    operation = custody.hand_over(lent, lab.technician)
    lent.issued(id_of(operation.id), proof(attested_by=lab.technician.id), world.now)
    world.store(lent, lab.technician)

    headers = lab.technician.headers
    listed = await client.get("/asset-circulations?confirmed=false", headers=headers)
    (step,) = listed.json()["items"]
    page = await client.get(f"/asset-circulations/{step['position']}", headers=headers)
    assignment = await client.get(f"/assignments/{id_of(lent.id)}", headers=headers)

    assert page.json() == step
    assert (assignment.json()["attested"], assignment.json()["as_of"]) == (True, None)
    assert (step["type"], step["confirmed"], step["attested"]) == ("issue", False, True)
    assert (step["read_at"], step["operation_id"]) == (None, id_of(operation.id))
    assert step["custodian_after"]["id"] == lab.member.id


async def test_a_step_of_the_feed_has_a_page_for_those_who_see_its_assignment(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lead = world.person(lab.tenant_id, "lead", "requester", own=["projects:write"])
    led = world.project(lead, "Led")
    custody.lend(
        lab.technician, asset(custody, 1), Custodian("user", lab.member.id), project_id=led
    )
    listed = await client.get("/asset-circulations", headers=lab.technician.headers)
    (step,) = listed.json()["items"]
    path = f"/asset-circulations/{step['position']}"

    for person in (lab.technician, lab.member, lead):
        shown = await client.get(path, headers=person.headers)
        assert (shown.status_code, shown.json()) == (200, step)
    assert (await client.get(path, headers=lab.outsider.headers)).status_code == 403
    assert (await client.get(path, headers=lab.neighbour.headers)).status_code == 404
    other = f"/asset-circulations/{step['position'] - 1}"
    assert (await client.get(other, headers=lab.technician.headers)).status_code == 404
    world.execute("DELETE FROM read.circulation")
    world.park("custody", lab.tenant_id, step["assignment_id"])
    unknown = await client.get(path, headers=lab.technician.headers)
    assert unknown.json()["code"] == "projection_parked"
