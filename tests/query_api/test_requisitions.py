"""One requisition: as it is, as it was, and what can be asked of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

import httpx
import pytest

from domain.errors import Forbidden, RuleBroken
from domain.requisitions import rules
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked
from infrastructure.ids import from_uuid
from tests.builders.requisitions import LAPTOPS, asset, assignment
from tests.query_api.conftest import Lab
from tests.query_api.world import Person, World

LAPTOP: Final = replace(LAPTOPS, quantity=1)


def path_of(requisition: Requisition) -> str:
    return f"/requisitions/{from_uuid(requisition.id)}"


@pytest.fixture
def requisition(world: World, lab: Lab) -> Requisition:
    made = world.draft(
        lab.member,
        lab.project_id,
        needed_from=world.now + timedelta(days=1),
        needed_until=world.now + timedelta(days=9),
        amount=Decimal("120.50"),
        beneficiary_id=lab.admin.id,
    )
    world.store(made, lab.member)
    return made


def lead_a_life(world: World, lab: Lab, requisition: Requisition) -> list[Callable[[], None]]:
    """Every step of a life, one event each, stored one after the other."""
    (line_id,) = requisition.lines
    member = partial(world.asked, lab.member)
    approver = partial(world.asked, lab.approver)
    technician = partial(world.asked, lab.technician)
    return [
        lambda: requisition.edit(member(), purpose="Measure more things", amount=None),
        lambda: requisition.submit((), member(), project_archived=False),
        lambda: requisition.request_changes("Fewer", approver()),
        lambda: requisition.change_line(line_id, member(), quantity=2),
        lambda: requisition.add_line(LAPTOP, member()),
        lambda: requisition.submit((), member(), project_archived=False),
        lambda: requisition.approve((), "Fine", approver()),
        lambda: requisition.fulfil(line_id, 1, None, technician()),
        lambda: requisition.allocate(
            LAPTOP.line_id, assignment(1), asset(1), 1, None, technician()
        ),
        lambda: requisition.deallocate(assignment(1), "Broken", technician()),
        lambda: requisition.close_short(LAPTOP.line_id, 1, "Broken", technician()),
        lambda: requisition.close_short(line_id, 1, "Sold out", technician()),
    ]


async def read(
    client: httpx.AsyncClient, path: str, person: Person, **query: Any
) -> httpx.Response:
    return await client.get(path, params=query, headers=person.headers)


async def test_a_requisition_is_shown_as_the_contract_says(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    requisition.submit((), world.asked(lab.member), project_archived=False)
    requisition.approve((), "Fine", world.asked(lab.approver))
    world.store(requisition, lab.approver)
    (line_id,) = requisition.lines

    answer = await read(client, path_of(requisition), lab.member)

    body = answer.json()
    decided_at = body["approval"]["steps"][0].pop("decided_at")
    created_at, updated_at = body.pop("created_at"), body.pop("updated_at")
    assert body == {
        "id": from_uuid(requisition.id),
        "project": {"id": lab.project_id, "name": "Robot arm"},
        "state": "approved",
        "purpose": "Measure things",
        "requester": {"id": lab.member.id, "name": "member"},
        "beneficiary": {"id": lab.admin.id, "name": "admin"},
        "needed_from": "2026-11-02T09:00:03Z",
        "needed_until": "2026-11-10T09:00:03Z",
        "amount": 120.5,
        "approval": {
            "step": None,
            "steps": [
                {
                    "name": "Approval",
                    "permission": "requisitions:approve",
                    "decision": "approved",
                    "decided_by": {"id": lab.approver.id, "name": "approver"},
                    "note": "Fine",
                }
            ],
        },
        "lines": [
            {
                "id": line_id,
                "item": {
                    "kind": "purchase",
                    "id": None,
                    "description": "Oscilloscope",
                    "name": None,
                },
                "requested": 3,
                "approved": 3,
                "allocated": 0,
                "issuing": 0,
                "issued": 0,
                "closed_short": 0,
                "note": "two channels",
                "assignments": [],
                "sync": None,
            }
        ],
        "sync": None,
        "version": 4,
    }
    assert created_at <= decided_at <= updated_at
    lines = await read(client, f"{path_of(requisition)}/lines", lab.member)
    assert lines.json() == {"items": body["lines"], "next": None}
    assert lines.headers["ETag"].startswith('"4.')


async def test_it_is_shown_as_it_was_at_any_version_position_and_time(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    path = path_of(requisition)
    shown = [(await read(client, path, lab.approver)).json()]
    places = [(world.position, world.now)]
    for step in lead_a_life(world, lab, requisition):
        step()
        for event in world.store(requisition, lab.member):
            places.append((event.position, event.recorded_at))
            shown.append({})
        shown[-1] = (await read(client, path, lab.approver)).json()

    assert shown[-1]["state"] == "fulfilled"
    for version, (then, (position, at)) in enumerate(zip(shown, places, strict=True), start=1):
        if not then:
            continue
        for moment in (
            {"as_of_version": version},
            {"as_of_position": position},
            {"as_of": at.isoformat()},
        ):
            answer = await read(client, path, lab.approver, **moment)
            assert answer.json() == then, moment
    latest = await read(client, path, lab.approver, as_of_version=99)
    assert latest.json() == shown[-1]


async def test_before_it_was_drafted_there_is_nothing(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    for moment in ({"as_of": "2020-01-01T00:00:00Z"}, {"as_of_position": world.position - 1}):
        answer = await read(client, path_of(requisition), lab.member, **moment)
        assert answer.status_code == 404


async def test_who_may_not_see_it_may_not_see_its_past(
    client: httpx.AsyncClient, lab: Lab, requisition: Requisition
) -> None:
    for person, status in ((lab.outsider, 403), (lab.neighbour, 404)):
        answer = await read(client, path_of(requisition), person, as_of_version=1)
        assert answer.status_code == status


async def test_transitions_say_what_the_commands_then_do(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    """In every state of a life, for everybody: the same rules, over rows and over the aggregate."""
    steps = [lambda: None, *lead_a_life(world, lab, requisition)]
    people = {lab.member: "member", lab.admin: "lead", lab.approver: None, lab.technician: None}
    seen = set()
    for step in steps:
        step()
        world.store(requisition, lab.member)
        for person, role in people.items():
            answer = await read(client, f"{path_of(requisition)}/transitions", person)
            for shown in answer.json()["items"]:
                command = rules.Command(shown["command"])
                expected = _refusals(requisition, command, Asked(person.caller, world.now, role))
                assert [one["code"] for one in shown["blocked_by"]] == expected, shown
                assert shown["allowed"] == (not expected)
                seen.add((command, shown["allowed"]))

    assert {command for command, allowed in seen if allowed} == set(rules.OFFERED)
    assert {command for command, allowed in seen if not allowed} == set(rules.OFFERED)


def _refusals(requisition: Requisition, command: rules.Command, asked: Asked) -> list[str]:
    codes = []
    try:
        rules.require(command, requisition.view(), asked)
    except Forbidden as forbidden:
        codes.append(forbidden.code)
    try:
        rules.check_state(command, requisition.view())
    except RuleBroken as broken:
        codes.append(broken.code)
    return codes


async def test_an_archived_project_stands_in_the_way_of_a_submit(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    world.execute("UPDATE identity.projects SET archived_at = now()")

    answer = await read(client, f"{path_of(requisition)}/transitions", lab.member)

    blocked = {one["command"]: one["blocked_by"] for one in answer.json()["items"]}
    assert [one["code"] for one in blocked["submit"]] == ["project_archived"]


async def test_history_tells_everything_in_pages(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    requisition.submit((), world.asked(lab.member), project_archived=False)
    requisition.approve((), None, world.asked(lab.approver))
    world.store(requisition, lab.approver)
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        answer = (await read(client, f"{path_of(requisition)}/history", lab.member, **query)).json()
        items += answer["items"]
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]

    assert [item["type"] for item in items] == [
        "requisition.drafted.v1",
        "requisition.submitted.v1",
        "requisition.step_approved.v1",
        "requisition.approved.v1",
    ]
    assert [item["version"] for item in items] == [1, 2, 3, 4]
    assert items[0]["actor"] == {"id": lab.member.id, "name": "member"}
    assert items[0]["data"]["purpose"] == "Measure things"
    assert set(items[0]) == {"position", "version", "type", "at", "actor", "data"}


async def test_an_unchanged_answer_is_not_sent_again(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    paths = (
        path_of(requisition),
        f"{path_of(requisition)}/lines",
        f"{path_of(requisition)}/transitions",
        f"/projects/{lab.project_id}",
        f"/users/{lab.member.id}",
        "/me",
    )
    for path in paths:
        first = await client.get(path, headers=lab.member.headers)
        etag = first.headers["ETag"]
        for seen in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = await client.get(path, headers={**lab.member.headers, "If-None-Match": seen})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["ETag"] == etag
        other = await client.get(path, headers={**lab.member.headers, "If-None-Match": '"x"'})
        assert other.status_code == 200


async def test_a_new_name_of_somebody_in_it_is_another_answer(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    first = await read(client, path_of(requisition), lab.member)
    world.execute("UPDATE identity.users SET username = 'anna' WHERE username = 'member'")
    headers = {**lab.member.headers, "If-None-Match": first.headers["ETag"]}

    again = await client.get(path_of(requisition), headers=headers)

    assert again.status_code == 200
    assert again.json()["requester"]["name"] == "anna"
    assert again.headers["ETag"].split(".")[0] == first.headers["ETag"].split(".")[0]
    assert again.headers["ETag"] != first.headers["ETag"]


async def test_a_parked_object_is_not_shown_stale(
    client: httpx.AsyncClient, world: World, lab: Lab, requisition: Requisition
) -> None:
    path = path_of(requisition)
    world.park("history", lab.tenant_id, from_uuid(requisition.id))

    assert (await read(client, path, lab.member)).status_code == 200
    answer = await read(client, f"{path}/history", lab.member)
    assert (answer.status_code, answer.json()["code"]) == (503, "projection_parked")

    world.park("requisitions", lab.tenant_id, from_uuid(requisition.id))
    for below in ("", "/lines", "/transitions"):
        answer = await read(client, path + below, lab.member)
        assert (answer.status_code, answer.json()["code"]) == (503, "projection_parked")
        assert "Retry-After" in answer.headers
    assert (await read(client, path, lab.outsider)).status_code == 403
    assert (await read(client, path, lab.neighbour)).status_code == 404


async def test_an_object_that_was_parked_before_its_first_row_is_not_denied(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    requisition = world.draft(lab.member, lab.project_id)
    world.store(requisition, lab.member, project=False)
    world.park("requisitions", lab.tenant_id, from_uuid(requisition.id))

    assert (await read(client, path_of(requisition), lab.member)).status_code == 503
    assert (await read(client, path_of(requisition), lab.neighbour)).status_code == 404
