"""The feed of notifications: whose, in which order, what was read; and the log of a webhook."""

from typing import Any

import httpx

from domain.assignments import events as assignments
from domain.ids import Id
from domain.requisitions import events
from infrastructure.ids import from_uuid, to_uuid
from tests.builders import told
from tests.builders.told import Stream
from tests.query_api.conftest import Lab
from tests.query_api.world import Person, World

DELIVERY = (
    "INSERT INTO notifications.deliveries (id, tenant_id, log_epoch, position, recipient_id,"
    " channel, kind, content, state, log) VALUES (gen_random_uuid(), :tenant, gen_random_uuid(),"
    " :position, :webhook, 'webhook', 'requisition.approved.v1', '{}', :state, cast(:log AS jsonb))"
)


class System:
    """Who did what nobody did."""

    id = None


def approve(world: World, lab: Lab, purpose: str = "Film day") -> Stream:
    """A requisition of the member's that was approved."""
    stream = told.requisition(lab.member.id, tenant=lab.tenant_id, purpose=purpose)
    world.store(stream.then(events.Approved), System)  # type: ignore[arg-type]  # as they are
    return stream


def remind(world: World, lab: Lab, custodian: Person, day: int) -> None:
    stream = told.reserved(custodian.id, tenant=lab.tenant_id, project_id=lab.project_id)
    world.store(told.reminded(stream, day), System)  # type: ignore[arg-type]  # as they are


async def feed(client: httpx.AsyncClient, who: Person, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/me/notifications{query}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def kinds(page: dict[str, Any]) -> list[str]:
    return [item["kind"] for item in page["items"]]


async def test_a_feed_shows_what_concerns_its_reader_newest_first(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    stream = approve(world, lab)
    remind(world, lab, lab.member, -1)

    page = await feed(client, lab.member)

    assert kinds(page) == ["due_soon", "ready_to_collect", "requisition_decided"]
    assert page["unread"] == 3
    decided = page["items"][-1]
    assert decided["subject"] == {"kind": "requisition", "id": from_uuid(stream.id)}
    assert decided["data"] == {"decision": "approved", "reason": None, "purpose": "Film day"}
    assert decided["read_at"] is None
    assert page["items"][0]["item"] == {**told.ASSET, "name": None, "tag": None}
    for stranger in (lab.approver, lab.technician, lab.neighbour):
        assert (await feed(client, stranger))["items"] == []


async def test_leads_and_those_who_care_for_the_inventory_see_what_is_theirs_now(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    remind(world, lab, lab.member, 7)
    world.store(told.blocked(told.operation(tenant=lab.tenant_id)), System)  # type: ignore[arg-type]  # as they are

    assert kinds(await feed(client, lab.admin)) == ["sync_needs_attention", "overdue"]
    assert kinds(await feed(client, lab.member)) == ["overdue", "ready_to_collect"]

    world.execute(
        "UPDATE identity.members SET roles = '{requester}' WHERE user_id = :id",
        id=to_uuid(lab.admin.id),
    )
    world.execute("UPDATE identity.project_members SET role = 'member'")
    assert (await feed(client, lab.admin))["items"] == []


async def test_who_takes_things_back_sees_what_was_declined(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    stream = told.reserved(lab.member.id, tenant=lab.tenant_id, project_id=lab.project_id)
    declined = {"by": lab.member.id, "reason": "It is broken"}
    world.store(stream.then(assignments.Declined, **declined), System)  # type: ignore[arg-type]  # as they are

    page = await feed(client, lab.technician)
    assert kinds(page) == ["declined"]
    assert page["items"][0]["data"]["reason"] == "It is broken"
    assert kinds(await feed(client, lab.member)) == ["ready_to_collect"]
    assert (await feed(client, lab.approver))["items"] == []


async def test_who_had_units_sees_what_became_of_each(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    stream = told.reserved(lab.member.id, tenant=lab.tenant_id, quantity=3)
    told.written_off(told.reminded(told.returned(stream, 1, 2), 1), 1, 1)
    world.store(told.returned(stream, 1, 0), System)  # type: ignore[arg-type]  # as they are

    page = await feed(client, lab.member)

    assert kinds(page) == ["returned", "written_off", "overdue", "returned", "ready_to_collect"]
    assert [item["data"]["quantity"] for item in page["items"]] == [1, 1, 2, 1, 3]
    last = page["items"][0]["data"]
    assert (last["returned"], last["written_off"], last["outstanding"]) == (2, 1, 0)


async def test_one_event_is_one_notification_however_it_concerns_its_reader(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    remind(world, lab, lab.admin, 7)

    page = await feed(client, lab.admin)

    assert kinds(page) == ["overdue", "ready_to_collect"]
    assert page["unread"] == 2


async def test_pages_follow_one_another_whatever_comes_in_between(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    for number in range(5):
        approve(world, lab, f"Day {number}")
    seen = []

    page = await feed(client, lab.member, "?limit=2")
    approve(world, lab, "Later")
    while True:
        seen += [item["data"]["purpose"] for item in page["items"]]
        if page["next"] is None:
            break
        page = await feed(client, lab.member, f"?limit=2&cursor={page['next']}")

    assert seen == [f"Day {number}" for number in (4, 3, 2, 1, 0)]
    mine = (await feed(client, lab.member, "?limit=1"))["next"]
    answer = await client.get(f"/me/notifications?cursor={mine}", headers=lab.approver.headers)
    assert answer.status_code == 422


async def test_what_was_read_stays_read_and_is_left_out_of_the_count(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    for number in range(4):
        approve(world, lab, f"Day {number}")
    newest = (await feed(client, lab.member))["items"]
    mark(world, lab, newest[0]["position"])
    read_upto(world, lab, newest[2]["position"])

    page = await feed(client, lab.member)

    assert [item["read_at"] is None for item in page["items"]] == [False, True, False, False]
    assert page["unread"] == 1
    unread = await feed(client, lab.member, "?unread=true")
    assert [item["data"]["purpose"] for item in unread["items"]] == ["Day 2"]
    assert len((await feed(client, lab.member, "?unread=false"))["items"]) == 3
    assert (await feed(client, lab.member, "?kind=overdue"))["items"] == []


async def test_what_is_switched_off_or_from_before_notifications_is_left_out(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    approve(world, lab)
    remind(world, lab, lab.member, 1)
    world.execute(
        "INSERT INTO notifications.switched_off VALUES (:tenant, :user, 'overdue', 'in_app'),"
        " (:tenant, :user, 'ready_to_collect', 'email')",
        tenant=to_uuid(lab.tenant_id),
        user=to_uuid(lab.member.id),
    )

    page = await feed(client, lab.member)
    assert kinds(page) == ["ready_to_collect", "requisition_decided"]
    assert page["unread"] == 2

    decided = page["items"][-1]["position"]
    world.execute("UPDATE notifications.beginning SET position = :position", position=decided)
    assert kinds(await feed(client, lab.member)) == ["ready_to_collect"]


async def test_preferences_are_all_on_until_somebody_says_otherwise(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    world.execute(
        "INSERT INTO notifications.switched_off VALUES (:tenant, :user, 'due_soon', 'email')",
        tenant=to_uuid(lab.tenant_id),
        user=to_uuid(lab.member.id),
    )

    path = "/me/notification-preferences"
    own = (await client.get(path, headers=lab.member.headers)).json()
    others = (await client.get(path, headers=lab.admin.headers)).json()

    assert own["due_soon"] == {"in_app": True, "email": False}
    assert set(others) == set(own)
    assert all(channels == {"in_app": True, "email": True} for channels in others.values())


async def test_the_log_of_a_webhook_says_what_became_of_each_message(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    webhook_id = world.webhook(lab.admin)
    attempt = (
        '[{"attempt": 1, "at": "2026-11-21T09:00:00Z", "took_ms": 12,'
        ' "status": 500, "error": "the receiver answered 500"}]'
    )
    deliver(world, lab, webhook_id, 7, "delivered", "[]")
    deliver(world, lab, webhook_id, 9, "waiting", attempt)
    path = f"/webhooks/{webhook_id}/deliveries"

    page = (await client.get(path, headers=lab.admin.headers)).json()
    waiting = (await client.get(f"{path}?state=waiting", headers=lab.admin.headers)).json()

    assert [item["position"] for item in page["items"]] == [9, 7]
    (item,) = waiting["items"]
    assert item["attempts"][0]["status"] == 500
    assert item["message_id"] == f"msg_{item['id']}"
    assert item["next_attempt_at"] is not None
    assert page["items"][1]["next_attempt_at"] is None


def mark(world: World, lab: Lab, position: int) -> None:
    world.execute(
        "INSERT INTO notifications.read_marks VALUES (:tenant, :user, :position, now())",
        tenant=to_uuid(lab.tenant_id),
        user=to_uuid(lab.member.id),
        position=position,
    )


def read_upto(world: World, lab: Lab, position: int) -> None:
    world.execute(
        "INSERT INTO notifications.read_upto VALUES (:tenant, :user, :position, now())",
        tenant=to_uuid(lab.tenant_id),
        user=to_uuid(lab.member.id),
        position=position,
    )


def deliver(world: World, lab: Lab, webhook_id: Id, position: int, state: str, log: str) -> None:
    world.execute(
        DELIVERY,
        tenant=to_uuid(lab.tenant_id),
        webhook=to_uuid(webhook_id),
        position=position,
        state=state,
        log=log,
    )
