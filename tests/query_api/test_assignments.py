"""Assignments as the query API shows them: who sees which, what is confirmed and what is not."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.assignments.content import Custodian, Item
from domain.assignments.rules import Asked
from domain.ids import Id, id_of
from infrastructure.ids import new_id
from tests.builders.custody import evidence
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import Person, World


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    made = Custody(world, lab.tenant_id)
    made.connect()
    made.model()
    return made


@pytest.fixture
def scope(custody: Custody) -> Item:
    return Item("asset", custody.asset(17))


def member(person: Person) -> Custodian:
    return Custodian("user", person.id)


async def listed(client: httpx.AsyncClient, person: Person, query: str = "") -> list[Id]:
    answer = await client.get(f"/assignments{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_what_the_inventory_has_not_confirmed_is_not_issued(
    client: httpx.AsyncClient, custody: Custody, lab: Lab, scope: Item
) -> None:
    assignment = custody.reserve(lab.technician, scope, member(lab.member))
    operation = custody.hand_over(assignment, lab.technician)
    path = f"/assignments/{id_of(assignment.id)}"

    body = (await client.get(path, headers=lab.technician.headers)).json()

    assert (body["state"], body["issued"], body["outstanding"]) == ("issuing", 0, 0)
    assert (body["issued_at"], body["as_of"]) == (None, None)
    assert body["sync"]["state"] == "pending"
    assert body["sync"]["operation_id"] == id_of(operation.id)
    assert body["item"] == {
        "kind": "asset",
        "id": scope.id,
        "name": "Asset 17",
        "tag": "OSC-0017",
        "model": {"id": body["item"]["model"]["id"], "name": "Oscilloscope"},
    }
    assert body["custodian"] == {"kind": "user", "id": lab.member.id, "name": "member"}

    custody.confirm(assignment, operation, lab.technician)
    body = (await client.get(path, headers=lab.technician.headers)).json()

    assert (body["state"], body["issued"], body["outstanding"]) == ("active", 1, 1)
    assert body["sync"] is None
    assert body["as_of"] == body["evidence"]["read_at"]
    assert body["attested"] is False


async def test_a_return_counts_once_the_inventory_has_confirmed_it(
    client: httpx.AsyncClient, custody: Custody, lab: Lab, scope: Item
) -> None:
    assignment = custody.lend(lab.technician, scope, member(lab.member))
    custody.receive(assignment, lab.technician)

    path = f"/assignments/{id_of(assignment.id)}"
    body = (await client.get(path, headers=lab.technician.headers)).json()

    assert (body["state"], body["returned"], body["outstanding"]) == ("returning", 0, 1)
    assert body["returned_at"] is None
    (received,) = body["returns"]
    assert received["confirmed_at"] is None
    assert received["by"]["id"]


async def test_sync_says_what_keeps_an_operation_from_being_confirmed(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.reserve(lab.technician, scope, member(lab.member))
    operation = custody.hand_over(assignment, lab.technician)
    operation.start_attempt(1, world.now)
    operation.fail_attempt("server_error", world.now + timedelta(seconds=5), world.now)
    world.store(operation, lab.technician)

    (item,) = (await client.get("/assignments", headers=lab.technician.headers)).json()["items"]
    assert (item["sync"]["attempts"], item["sync"]["last_error"]) == (1, "server_error")

    operation.start_attempt(2, world.now)
    operation.block("unauthorized", "The token is not accepted.", world.now)
    world.store(operation, lab.technician)

    (item,) = (await client.get("/assignments", headers=lab.technician.headers)).json()["items"]
    assert item["sync"]["state"] == "needs_attention"
    assert await listed(client, lab.technician, "?sync=needs_attention") == [item["id"]]
    assert await listed(client, lab.technician, "?sync=pending") == []


async def test_one_sees_ones_own_and_a_lead_what_the_project_has(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    lead = world.person(lab.tenant_id, "lead", "requester", own=["projects:write"])
    project_id = world.project(lead, "Second arm", lab.outsider)
    scopes = [Item("asset", custody.asset(number)) for number in (1, 2, 3)]
    own = custody.lend(lab.technician, scopes[0], member(lab.member), project_id=lab.project_id)
    of_project = custody.lend(
        lab.technician, scopes[1], member(lab.outsider), project_id=project_id
    )
    alone = custody.lend(lab.technician, scopes[2], member(lab.outsider))
    ids = {name: id_of(one.id) for name, one in zip("abc", (own, of_project, alone), strict=True)}
    sees = {
        "technician": (lab.technician, "cba"),
        "auditor": (lab.auditor, "cba"),
        "member": (lab.member, "a"),
        "outsider": (lab.outsider, "cb"),
        "lead": (lead, "b"),
        "approver": (lab.approver, ""),
    }

    for person, letters in sees.values():
        assert await listed(client, person) == [ids[letter] for letter in letters]
        for letter, id in ids.items():
            answer = await client.get(f"/assignments/{id}", headers=person.headers)
            assert answer.status_code == (200 if letter in letters else 403), (letter, letters)
    assert (await client.get("/assignments", headers=lab.nobody.headers)).status_code == 403
    in_project = f"/projects/{project_id}/assignments"
    for person, status, letters in (
        (lead, 200, "b"),
        (lab.outsider, 200, "b"),
        (lab.technician, 200, "b"),
        (lab.member, 403, ""),
        (lab.neighbour, 404, ""),
    ):
        answer = await client.get(in_project, headers=person.headers)
        assert answer.status_code == status
        found = [item["id"] for item in answer.json().get("items", [])]
        assert found == [ids[letter] for letter in letters]


async def test_pages_follow_one_another_for_whoever_sees_all_and_for_whoever_does_not(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab
) -> None:
    made = [
        id_of(
            custody.reserve(
                lab.technician,
                Item("asset", custody.asset(number)),
                member(lab.member),
                project_id=lab.project_id,
                due=world.now + timedelta(days=9 - number) if number % 3 else None,
            ).id
        )
        for number in range(1, 8)
    ]
    for person in (lab.technician, lab.member, lab.admin):
        for sort in ("-updated_at", "updated_at", "created_at", "-created_at", "due", "-due"):
            whole = await listed(client, person, f"?sort={sort}")
            assert sorted(whole) == sorted(made)
            parts, cursor = [], ""
            while True:
                answer = await client.get(
                    f"/assignments?sort={sort}&limit=3{cursor}", headers=person.headers
                )
                page = answer.json()
                parts += [item["id"] for item in page["items"]]
                if page["next"] is None:
                    break
                cursor = f"&cursor={page['next']}"
            assert parts == whole, (person.username, sort)
    by_due = await listed(client, lab.technician, "?sort=due")
    assert {by_due[-1], by_due[-2]} == {made[2], made[5]}


async def test_filters_narrow_a_list(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    cables = Item("accessory", custody.stock("accessory", 4, quantity=10, remaining=10))
    lent = custody.lend(
        lab.technician, scope, member(lab.member), due=world.now + timedelta(hours=1)
    )
    kept = custody.reserve(
        lab.technician, cables, member(lab.outsider), quantity=3, project_id=lab.project_id
    )
    lent.mark_overdue(world.now + timedelta(days=2))
    lent.detect_drift(None, world.now, world.now)
    lent.decline("It is broken", Asked(lab.member.caller, world.now))
    world.store(lent, lab.technician)
    lent_id, kept_id = id_of(lent.id), id_of(kept.id)
    model_id = (await client.get(f"/assignments/{lent_id}", headers=lab.admin.headers)).json()[
        "item"
    ]["model"]["id"]

    for query, found in (
        ("state=overdue", [lent_id]),
        ("state=reserved", [kept_id]),
        ("state=closed", []),
        ("overdue=true", [lent_id]),
        ("drift=true", [lent_id]),
        ("declined=true", [lent_id]),
        (f"custodian_id={lab.outsider.id}", [kept_id]),
        (f"project_id={lab.project_id}", [kept_id]),
        ("item_kind=accessory", [kept_id]),
        (f"item_id={scope.id}", [lent_id]),
        (f"model_id={model_id}", [lent_id]),
        (f"model_id={new_id()}", []),
        (f"requisition_id={new_id()}", []),
        ("extension=requested", []),
        ("sync=failed", []),
    ):
        assert await listed(client, lab.technician, f"?{query}") == found, query

    of_assets = await client.get("/asset-assignments", headers=lab.technician.headers)
    assert [item["id"] for item in of_assets.json()["items"]] == [lent_id]
    of_one = await client.get(f"/assets/{scope.id}/assignments", headers=lab.member.headers)
    assert [item["id"] for item in of_one.json()["items"]] == [lent_id]
    of_one = await client.get(f"/assets/{scope.id}/assignments", headers=lab.outsider.headers)
    assert of_one.json()["items"] == []


async def test_what_came_back_late_is_not_overdue_any_more(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    due = world.now + timedelta(hours=1)
    late = custody.lend(lab.technician, scope, member(lab.member), due=due)
    late.mark_overdue(due + timedelta(days=1))
    custody.receive(late, lab.technician)
    path, overdue = f"/assignments/{id_of(late.id)}", "?overdue=true"
    assert await listed(client, lab.technician, overdue) == [id_of(late.id)]

    (operation_id,) = late.standing.pending
    late.returned(operation_id, evidence(), world.now)
    world.store(late, lab.technician)
    body = (await client.get(path, headers=lab.technician.headers)).json()
    assert (body["state"], body["outcome"], body["overdue"]) == ("closed", "returned", False)
    assert await listed(client, lab.technician, overdue) == []


async def test_what_is_listed_as_gone_is_recovered_once(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    manager, desk = Asked(lab.admin.caller, world.now), Asked(lab.technician.caller, world.now)
    assignment = custody.lend(lab.technician, scope, member(lab.member))
    assignment.report_loss("stolen", None, desk)
    confirmation = assignment.next_operation("set_status")
    assignment.confirm_loss(confirmation, manager)
    assignment.loss_confirmed(confirmation, evidence(status_id=9), world.now)
    world.store(assignment, lab.admin)
    path = f"/assignments/{id_of(assignment.id)}"

    async def read() -> tuple[Any, bool]:
        body = (await client.get(path, headers=lab.technician.headers)).json()
        answer = await client.get(f"{path}/transitions", headers=lab.technician.headers)
        allowed = {item["command"]: item["allowed"] for item in answer.json()["items"]}
        assert (body["state"], body["outcome"]) == ("closed", "stolen")
        return body["loss"]["recovered_at"], allowed["recover"]

    assert await read() == (None, True)

    recovery = assignment.next_operation("checkin")
    assignment.recover(recovery, desk)
    world.store(assignment, lab.technician)
    assert await read() == (None, False)

    assignment.asset_recovered(recovery, evidence(status_id=2), world.now)
    world.store(assignment, lab.admin)
    recovered_at, allowed = await read()
    assert recovered_at is not None
    assert not allowed


async def test_what_was_declined_is_listed_until_it_is_back(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.lend(lab.technician, scope, member(lab.member))
    assignment.decline("It is broken", Asked(lab.member.caller, world.now))
    custody.receive(assignment, lab.technician)
    assert await listed(client, lab.technician, "?declined=true") == [id_of(assignment.id)]

    (operation_id,) = assignment.standing.pending
    assignment.returned(operation_id, evidence(), world.now)
    world.store(assignment, lab.technician)
    assert await listed(client, lab.technician, "?declined=true") == []


async def test_what_was_declined_and_never_handed_over_is_not_listed(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.reserve(lab.technician, scope, member(lab.member))
    operation = custody.hand_over(assignment, lab.technician)
    assignment.decline("It is broken", Asked(lab.member.caller, world.now))
    world.store(assignment, lab.member)
    assert await listed(client, lab.technician, "?declined=true") == [id_of(assignment.id)]

    assignment.issue_failed(id_of(operation.id), "not_available", gone=False, at=world.now)
    world.store(assignment, lab.technician)
    assert await listed(client, lab.technician, "?declined=true") == []
    path = f"/assignments/{id_of(assignment.id)}"
    body = (await client.get(path, headers=lab.technician.headers)).json()
    assert (body["state"], body["declined_at"]) == ("reserved", None)
    assert body["acceptance"]["decline_reason"] is None


async def test_transitions_say_what_the_commands_would(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    due = world.now + timedelta(days=3)
    assignment = custody.lend(lab.technician, scope, member(lab.member), due=due)
    path = f"/assignments/{id_of(assignment.id)}/transitions"

    async def allowed(person: Person) -> set[str]:
        answer = await client.get(path, headers=person.headers)
        return {item["command"] for item in answer.json()["items"] if item["allowed"]}

    assert {"accept", "decline", "report-loss"} <= await allowed(lab.member)
    assert "return" not in await allowed(lab.member)
    assert {"return", "transfer"} <= await allowed(lab.technician)
    assert "issue" not in await allowed(lab.technician)


async def test_the_history_of_an_assignment_is_told_in_order(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.lend(lab.technician, scope, member(lab.member))
    assignment.accept("the terms", Asked(lab.member.caller, world.now), witnessed=False)
    world.store(assignment, lab.member)

    path = f"/assignments/{id_of(assignment.id)}/history"
    answer = await client.get(path, headers=lab.member.headers)

    assert [item["type"].split(".")[1] for item in answer.json()["items"]] == [
        "reserved",
        "issue_requested",
        "issued",
        "accepted",
    ]


async def test_an_etag_covers_what_is_joined(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.reserve(lab.technician, scope, member(lab.member))
    operation = custody.hand_over(assignment, lab.technician)
    path = f"/assignments/{id_of(assignment.id)}"
    first = await client.get(path, headers=lab.technician.headers)
    asked = {**lab.technician.headers, "If-None-Match": first.headers["ETag"]}
    assert (await client.get(path, headers=asked)).status_code == 304

    operation.start_attempt(1, world.now)
    world.store(operation, lab.technician)

    assert (await client.get(path, headers=asked)).status_code == 200
    assert first.headers["ETag"].startswith(f'"{assignment.version}.')


async def test_what_is_not_up_to_date_is_not_shown(
    client: httpx.AsyncClient, custody: Custody, world: World, lab: Lab, scope: Item
) -> None:
    assignment = custody.reserve(lab.technician, scope, member(lab.member))
    operation = custody.hand_over(assignment, lab.technician)
    world.park("custody", lab.tenant_id, id_of(assignment.id))
    world.park("history", lab.tenant_id, id_of(operation.id))

    path = f"/assignments/{id_of(assignment.id)}"
    for shown, status in (
        (path, 503),
        (f"{path}/transitions", 503),
        (f"/inventory/operations/{id_of(operation.id)}", 200),
    ):
        answer = await client.get(shown, headers=lab.technician.headers)
        assert answer.status_code == status, shown
        assert status == 200 or answer.json()["code"] == "projection_parked"
