"""What a list of requisitions shows, to whom, in which order."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import httpx
import pytest

from domain.caller import Caller
from domain.ports import MemberFact, PolicyFact
from domain.requisitions.requisition import Requisition
from infrastructure.ids import from_uuid, new_id
from query_api.requisitions.visibility import may_see
from tests.query_api.conftest import Lab
from tests.query_api.world import START, Person, World

TWO_STEPS: Final = (("Lab", "requisitions:approve"), ("Money", "budget:approve"))
MONEY_FIRST: Final = (("Money", "budget:approve"),)

Items = list[dict[str, Any]]
Mixed = dict[str, Requisition]


async def listed(client: httpx.AsyncClient, person: Person, **parameters: Any) -> Items:
    """All pages of a list."""
    items: Items = []
    while True:
        answer = await client.get("/requisitions", params=parameters, headers=person.headers)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        parameters["cursor"] = answer.json()["next"]


async def purposes(client: httpx.AsyncClient, person: Person, **parameters: Any) -> list[str]:
    return [item["purpose"] for item in await listed(client, person, **parameters)]


def member_fact(person: Person) -> MemberFact:
    return MemberFact(person.id, new_id(), person.caller.permissions, 1)


def submitted(
    world: World, by: Person, project_id: str, purpose: str, *policies: PolicyFact
) -> Requisition:
    requisition = world.draft(by, project_id, purpose)
    requisition.submit(policies, world.asked(by), project_archived=False)
    return requisition


def policy(world: World, by: Person, name: str, *steps: tuple[str, str]) -> PolicyFact:
    added = world.policy(by, name, *steps)
    return PolicyFact(from_uuid(added.id), name, steps, None, None)


@pytest.fixture
def mixed(world: World, lab: Lab) -> Mixed:
    """Requisitions of several people in several states, by purpose."""
    secret = world.project(lab.admin, "Secret")
    two_steps = policy(world, lab.admin, "Two", *TWO_STEPS)
    money_first = policy(world, lab.admin, "Money", *MONEY_FIRST)
    boss = world.person(lab.tenant_id, "boss", own=("budget:approve",))
    made = [
        world.draft(lab.member, lab.project_id, "draft of member"),
        world.draft(lab.admin, lab.project_id, "draft in the member's project"),
        world.draft(lab.admin, secret, "secret draft"),
        submitted(world, lab.member, lab.project_id, "at its only step"),
        submitted(world, lab.approver, secret, "the approver's own"),
        submitted(world, lab.admin, secret, "at the first of two", two_steps),
        submitted(world, lab.member, lab.project_id, "at the second of two", two_steps),
        submitted(world, lab.admin, secret, "handed to the approver", money_first),
        submitted(world, lab.admin, secret, "handed for a time that is over", money_first),
        submitted(world, lab.admin, secret, "rejected"),
    ]
    by_purpose = {requisition.header.purpose: requisition for requisition in made}
    asked = world.asked(lab.approver)
    by_purpose["at the second of two"].approve((), None, asked)
    by_purpose["rejected"].reject("No", asked)
    approver = member_fact(lab.approver)
    by_purpose["handed to the approver"].delegate(approver, None, world.asked(boss))
    by_purpose["handed for a time that is over"].delegate(
        approver, world.now + timedelta(seconds=1), world.asked(boss)
    )
    for requisition in made:
        world.store(requisition, lab.member)
    return by_purpose


async def test_everybody_finds_in_the_list_what_they_may_read_one_by_one(
    client: httpx.AsyncClient, world: World, lab: Lab, mixed: Mixed
) -> None:
    buyer = world.person(lab.tenant_id, "buyer", own=("budget:approve",))
    everybody = (
        lab.admin,
        lab.member,
        lab.outsider,
        lab.approver,
        lab.technician,
        lab.auditor,
        buyer,
    )
    counts = {}
    for person in everybody:
        found = await listed(client, person, limit=2)
        ids = [item["id"] for item in found]
        assert len(set(ids)) == len(ids)
        counts[person.username] = len(ids)
        for purpose, requisition in mixed.items():
            requisition_id = from_uuid(requisition.id)
            one = await client.get(f"/requisitions/{requisition_id}", headers=person.headers)
            assert one.status_code == (200 if requisition_id in ids else 403), (
                person.username,
                purpose,
            )

    assert counts == {
        "admin": 10,
        "member": 4,
        "outsider": 0,
        "approver": 10,
        "technician": 10,
        "auditor": 0,
        "buyer": 4,
    }


async def test_waiting_on_me_is_what_the_caller_can_decide_now(
    client: httpx.AsyncClient, world: World, lab: Lab, mixed: Mixed
) -> None:
    buyer = world.person(lab.tenant_id, "buyer", own=("budget:approve",))
    shown = {
        person.username: await purposes(client, person, waiting_on="me", sort="created_at", limit=1)
        for person in (lab.approver, buyer, lab.member, lab.technician)
    }

    assert shown == {
        "approver": ["at its only step", "at the first of two", "handed to the approver"],
        "buyer": [
            "at the second of two",
            "handed to the approver",
            "handed for a time that is over",
        ],
        "member": [],
        "technician": ["at its only step", "the approver's own", "at the first of two"],
    }
    for item in await listed(client, lab.approver, waiting_on="me"):
        answer = await client.get(
            f"/requisitions/{item['id']}/transitions", headers=lab.approver.headers
        )
        allowed = {one["command"] for one in answer.json()["items"] if one["allowed"]}
        assert "approve" in allowed


async def test_filters_narrow_the_list(client: httpx.AsyncClient, lab: Lab, mixed: Mixed) -> None:
    for person in (lab.admin, lab.member):
        assert "draft of member" in await purposes(client, person, state="draft")
        assert await purposes(client, person, state="rejected") == (
            ["rejected"] if person is lab.admin else []
        )
        assert len(await listed(client, person, project_id=lab.project_id)) == 4
        assert len(await listed(client, person, requester_id=lab.member.id)) == 3
        assert await listed(client, person, requester_id=new_id()) == []
    both = await purposes(client, lab.admin, requester_id=lab.member.id, state="draft")
    assert both == ["draft of member"]


async def test_q_finds_all_of_its_words_by_how_they_begin(
    client: httpx.AsyncClient, lab: Lab, mixed: Mixed
) -> None:
    for person in (lab.admin, lab.member):
        assert await purposes(client, person, q="DRA memb", sort="created_at") == [
            "draft of member",
            "draft in the member's project",
        ]
        assert await listed(client, person, q="draft nothing") == []
        assert len(await listed(client, person, q="oscillo")) == len(await listed(client, person))
        assert await listed(client, person, q="\U0010ffff") == await listed(client, person)
        assert await listed(client, person, q="zebra\ud7ff"[:5]) == []


async def test_each_sort_is_an_order_and_its_reverse(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    for days in (3, None, 1, None, 2):
        needed = None if days is None else world.now + timedelta(days=days)
        world.store(
            world.draft(lab.member, lab.project_id, f"in {days}", needed_from=needed), lab.member
        )
    for person in (lab.admin, lab.member):
        for sort in ("updated_at", "created_at", "needed_from"):
            up = await purposes(client, person, sort=sort, limit=2)
            down = await purposes(client, person, sort=f"-{sort}", limit=2)
            assert up == down[::-1]
            expected = ["in 3", "in None", "in 1", "in None", "in 2"]
            if sort == "needed_from":
                expected = ["in 1", "in 2", "in 3", "in None", "in None"]
            assert up == expected
        assert await purposes(client, person) == await purposes(client, person, sort="-updated_at")


async def test_a_cursor_is_not_moved_by_what_comes_in_between(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    for number in range(6):
        world.store(world.draft(lab.member, lab.project_id, f"number {number}"), lab.member)
    for person in (lab.admin, lab.member):
        first = await client.get(
            "/requisitions", params={"limit": 2, "sort": "-created_at"}, headers=person.headers
        )
        world.store(world.draft(lab.member, lab.project_id, "newcomer"), lab.member)
        rest = await purposes(
            client, person, limit=2, sort="-created_at", cursor=first.json()["next"]
        )

        before = [item["purpose"] for item in first.json()["items"]]
        numbers = [text for text in before + rest if text != "newcomer"]
        assert numbers == [f"number {number}" for number in range(5, -1, -1)]


async def test_a_cursor_belongs_to_its_list_its_filters_and_its_tenant(
    client: httpx.AsyncClient, lab: Lab, mixed: Mixed
) -> None:
    answer = await client.get("/requisitions", params={"limit": 1}, headers=lab.admin.headers)
    cursor = answer.json()["next"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]

    for path, parameters, person in (
        ("/requisitions", {"cursor": cursor, "sort": "created_at"}, lab.admin),
        ("/requisitions", {"cursor": cursor, "state": "draft"}, lab.admin),
        ("/requisitions", {"cursor": changed}, lab.admin),
        ("/requisitions", {"cursor": cursor[:-1]}, lab.admin),
        ("/projects", {"cursor": cursor}, lab.admin),
        ("/requisitions", {"cursor": cursor}, lab.neighbour),
    ):
        refused = await client.get(path, params=parameters, headers=person.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")


async def test_an_offset_leaves_items_out(
    client: httpx.AsyncClient, lab: Lab, mixed: Mixed
) -> None:
    for person in (lab.admin, lab.member):
        everything = await purposes(client, person)
        answer = await client.get(
            "/requisitions", params={"offset": 2, "limit": 1}, headers=person.headers
        )
        assert [item["purpose"] for item in answer.json()["items"]] == everything[2:3]
        assert answer.json()["next"] is not None


def test_a_delegation_shows_a_requisition_until_it_ends() -> None:
    person = Caller("me", "tenant", frozenset())
    for until, seen in (
        (None, True),
        (START + timedelta(seconds=1), True),
        (START, False),
    ):
        row = SimpleNamespace(
            requester_id="other", step_permissions=["x"], delegate_id="me", delegate_until=until
        )
        assert may_see(row, person, None, START) is seen
