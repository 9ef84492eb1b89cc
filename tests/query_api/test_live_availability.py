"""Policies that need to know what the inventory has, and what their requisitions wait for."""

from typing import Any, Final

import httpx
import pytest

from domain.ports import PolicyFact
from domain.requisitions.content import Header, Item, Line
from domain.requisitions.requisition import Requisition
from infrastructure.ids import from_uuid, new_id, to_uuid
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import Person, World

STEP: Final = ("Desk", "requisitions:approve")


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    return Custody(world, lab.tenant_id)


def submitted(world: World, lab: Lab, *items: Item, live: bool = True) -> str:
    """A requisition for these items under such a policy; its path."""
    policy = PolicyFact(new_id(), "Live", (STEP,), None, None, live)
    member = world.asked(lab.member)
    made = Requisition.draft(
        to_uuid(new_id()),
        lab.project_id,
        Header(purpose="Measure things"),
        tuple(Line(new_id(), item, 1) for item in items),
        member,
        project_archived=False,
    )
    made.submit((policy,), member, project_archived=False)
    world.store(made, lab.member)
    return f"/requisitions/{from_uuid(made.id)}"


async def blocked_by(
    client: httpx.AsyncClient, path: str, person: Person, command: str = "approve"
) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}/transitions", headers=person.headers)
    assert answer.status_code == 200, answer.text
    (shown,) = [one for one in answer.json()["items"] if one["command"] == command]
    found: list[dict[str, Any]] = shown["blocked_by"]
    assert shown["allowed"] == (not found)
    return found


async def test_approve_is_blocked_while_the_circuit_is_open(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody
) -> None:
    custody.connect(circuit="open")
    path = submitted(world, lab, Item("model", custody.model()))

    (obstacle,) = await blocked_by(client, path, lab.approver)

    assert obstacle == {
        "code": "inventory_unavailable",
        "detail": "The policy needs to know what the inventory has left, and nobody can say"
        " just now.",
        "help": "Try again later. GET /inventory/status says how the inventory is.",
    }
    for command in ("reject", "request-changes", "delegate"):
        assert await blocked_by(client, path, lab.approver, command) == []


async def test_who_may_not_approve_is_told_that_as_well(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody
) -> None:
    custody.connect(circuit="open")
    path = submitted(world, lab, Item("model", custody.model()))
    obstacles = await blocked_by(client, path, lab.member)
    assert [one["code"] for one in obstacles] == ["not_approver", "inventory_unavailable"]


async def test_approve_is_blocked_without_an_inventory(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody
) -> None:
    path = submitted(world, lab, Item("model", custody.model()))
    obstacles = await blocked_by(client, path, lab.approver)
    assert [one["code"] for one in obstacles] == ["inventory_unavailable"]


async def test_approve_is_blocked_by_one_item_that_the_mirror_does_not_know(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody
) -> None:
    custody.connect()
    path = submitted(world, lab, Item("model", custody.model()), Item("accessory", new_id()))
    obstacles = await blocked_by(client, path, lab.approver)
    assert [one["code"] for one in obstacles] == ["inventory_unavailable"]


@pytest.mark.parametrize("circuit", [None, "closed", "half_open"])
async def test_approve_is_not_blocked_where_everything_is_known(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody, circuit: str | None
) -> None:
    custody.connect(circuit=circuit)
    wanted = [
        Item("model", custody.model()),
        Item("accessory", custody.stock("accessory", 2, quantity=3, remaining=1)),
        Item("purchase", description="Solder"),
    ]
    path = submitted(world, lab, *wanted)
    assert await blocked_by(client, path, lab.approver) == []


async def test_approve_is_not_blocked_for_purchases_nor_under_other_policies(
    client: httpx.AsyncClient, world: World, lab: Lab, custody: Custody
) -> None:
    custody.connect(circuit="open")
    purchase = submitted(world, lab, Item("purchase", description="Solder"))
    other = submitted(world, lab, Item("model", custody.model()), live=False)
    assert await blocked_by(client, purchase, lab.approver) == []
    assert await blocked_by(client, other, lab.approver) == []


async def test_policies_say_whether_they_need_to_know(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    world.policy(lab.admin, "As ever", STEP)
    live = world.policy(lab.admin, "Live", STEP, require_live_availability=True)

    page = await client.get("/approval-policies", headers=lab.member.headers)
    one = await client.get(f"/approval-policies/{from_uuid(live.id)}", headers=lab.member.headers)

    shown = {item["name"]: item for item in page.json()["items"]}
    required = {name: item["require_live_availability"] for name, item in shown.items()}
    assert required == {"As ever": False, "Live": True}
    assert one.json() == shown["Live"]
    assert one.json()["version"] == 2
    assert one.headers["ETag"].startswith('"2')
