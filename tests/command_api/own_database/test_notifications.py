"""One's own notifications and preferences, and the secrets of webhooks."""

from typing import Any

import httpx
import pytest

from domain.notifications.kinds import notification_id
from infrastructure.ids import new_id, to_uuid
from infrastructure.notifications.signing import secret_of
from tests.command_api.cases import approved
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant

KEY = ("k" * 40).encode()
WEBHOOK = {
    "url": "https://hooks.example.org/services/T0KEN",
    "events": ["requisition.*"],
    "description": "Room display",
}


async def notification(tenant: Tenant, log: Log) -> str:
    """The id of the notification that a requisition was approved."""
    await approved(tenant)
    return notification_id(log.head)


def marks(log: Log) -> list[tuple[Any, ...]]:
    return log.connection.execute(
        "SELECT user_id, position FROM notifications.read_marks ORDER BY position"
    ).fetchall()


async def test_a_notification_is_marked_as_read_without_an_event(tenant: Tenant, log: Log) -> None:
    id = await notification(tenant, log)
    head = log.head
    key = {"Idempotency-Key": "once"}

    first = await tenant.post("requester", f"/me/notifications/{id}/read", headers=key)
    again = await tenant.post("requester", f"/me/notifications/{id}/read", headers=key)
    other = await tenant.post("requester", f"/me/notifications/{id}/read")

    assert first.status_code == 200, first.text
    assert first.json() == again.json() == other.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.json()["id"], first.json()["position"]) == (id, head)
    assert marks(log) == [(to_uuid(tenant["requester"].id), head)]
    assert log.head == head


async def test_what_is_no_notification_of_the_tenant_is_not_there(
    tenant: Tenant, neighbours: Tenant, log: Log
) -> None:
    id = await notification(tenant, log)

    answers = [
        await neighbours.post("requester", f"/me/notifications/{id}/read"),
        await tenant.post("requester", f"/me/notifications/{new_id()}/read"),
        await tenant.post("requester", f"/me/notifications/{notification_id(1)}/read"),
        await tenant.post("requester", "/me/notifications/no-id/read"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert marks(log) == []


async def test_all_are_marked_as_read_up_to_one_or_to_the_end(tenant: Tenant, log: Log) -> None:
    first = await notification(tenant, log)
    position = log.head
    await tenant.post("requester", f"/me/notifications/{first}/read")
    await notification(tenant, log)
    upto = "SELECT position FROM notifications.read_upto"

    body = {"until": first}
    seen = await tenant.post("requester", "/me/notifications/read-all", body)
    assert seen.status_code == 200, seen.text
    assert log.connection.execute(upto).fetchall() == [(position,)]
    assert marks(log) == []

    await tenant.post("requester", "/me/notifications/read-all")
    assert log.connection.execute(upto).fetchall() == [(log.head,)]
    await tenant.post("requester", "/me/notifications/read-all", body)
    assert log.connection.execute(upto).fetchall() == [(log.head,)]


async def test_what_has_not_happened_yet_cannot_be_marked_as_read(tenant: Tenant, log: Log) -> None:
    await notification(tenant, log)
    ahead = {"until": notification_id(2**63 - 1)}

    answer = await tenant.post("requester", "/me/notifications/read-all", ahead)

    assert answer.status_code == 200, answer.text
    kept = log.connection.execute("SELECT position FROM notifications.read_upto").fetchall()
    assert kept == [(log.head,)]


async def test_choices_replace_those_before(tenant: Tenant, log: Log) -> None:
    off = "SELECT kind, channel FROM notifications.switched_off ORDER BY 1, 2"

    async def choose(body: dict[str, Any]) -> httpx.Response:
        path = "/me/notification-preferences"
        return await tenant.post("requester", path, body, method="PUT")

    chosen = await choose({"due_soon": {"email": False}, "returned": {"in_app": False}})
    assert chosen.status_code == 200, chosen.text
    assert log.connection.execute(off).fetchall() == [("due_soon", "email"), ("returned", "in_app")]

    await choose({"overdue": {"email": False, "in_app": True}})
    assert log.connection.execute(off).fetchall() == [("overdue", "email")]

    wrong = await choose({"weather": {"email": False}})
    assert wrong.status_code == 422


async def test_a_secret_is_shown_when_it_is_made_and_stands_nowhere(
    tenant: Tenant, log: Log
) -> None:
    key = {"Idempotency-Key": "once"}
    made = await tenant.post("admin", "/webhooks", WEBHOOK, headers=key)
    again = await tenant.post("admin", "/webhooks", WEBHOOK, headers=key)
    webhook_id = made.json()["id"]
    await tenant.post("admin", f"/webhooks/{webhook_id}/test")
    rotated = await tenant.post("admin", f"/webhooks/{webhook_id}/rotate-secret")

    secrets = [made.json()["secret"], rotated.json()["secret"]]
    assert made.json() == again.json()
    assert secrets == [secret_of(KEY, webhook_id, 1), secret_of(KEY, webhook_id, 3)]
    assert all(secret.startswith("whsec_") for secret in secrets)
    everything = str(
        log.connection.execute(
            "SELECT convert_from(state, 'UTF8') FROM log.stored_events UNION ALL"
            " SELECT answer::text FROM log.command_keys UNION ALL"
            " SELECT w::text FROM notifications.webhooks w"
        ).fetchall()
    )
    assert "whsec_" not in everything
    assert not any(secret.removeprefix("whsec_") in everything for secret in secrets)
    events = str(
        log.connection.execute(
            "SELECT convert_from(state, 'UTF8') FROM log.stored_events"
        ).fetchall()
    )
    assert "hooks.example.org" in events
    assert "T0KEN" not in events


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("url", "http://hooks.example.org/", "url"),
        ("url", "https://169.254.169.254/", "url"),
        ("events", ["session.*"], "events.0"),
        ("description", "two\nlines", "description"),
    ],
)
async def test_a_webhook_to_where_nothing_is_sent_is_refused(
    tenant: Tenant, log: Log, field: str, value: Any, path: str
) -> None:
    head = log.head

    refused = await tenant.post("admin", "/webhooks", {**WEBHOOK, field: value})

    assert refused.status_code == 422, refused.text
    assert [wrong["path"] for wrong in refused.json()["errors"]] == [path]
    assert log.head == head


async def test_a_webhook_is_switched_off_and_on_changed_and_removed(
    tenant: Tenant, log: Log
) -> None:
    made = await tenant.post("admin", "/webhooks", WEBHOOK)
    path = f"/webhooks/{made.json()['id']}"
    row = "SELECT url, events, enabled, version FROM notifications.webhooks"

    async def change(version: int, **body: Any) -> httpx.Response:
        headers = {"If-Match": f'"{version}"'}
        return await tenant.post("admin", path, body, method="PATCH", headers=headers)

    off = await change(1, enabled=False)
    assert off.status_code == 200, off.text
    assert (await tenant.post("admin", f"{path}/test")).json()["code"] == "webhook_disabled"
    await change(2, enabled=True, events=["assignment.*"])
    assert log.connection.execute(row).fetchall() == [(WEBHOOK["url"], ["assignment.*"], True, 4)]

    removed = await tenant.post("admin", path, method="DELETE", headers={"If-Match": '"4"'})
    assert removed.status_code == 200, removed.text
    assert log.connection.execute(row).fetchall() == []
    assert (await tenant.post("admin", f"{path}/test")).status_code == 404
