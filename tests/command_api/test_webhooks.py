"""Webhooks as they are added and changed, with their rows and their events."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from domain.notifications.commands import WEBHOOK_LIMIT
from infrastructure.ids import to_uuid
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant

URL = "https://hooks.example.org/services/OURS"
STATES = "SELECT convert_from(state, 'UTF8') FROM log.stored_events WHERE notification_id > %s"


@dataclass
class Hook:
    """A webhook of a tenant's."""

    tenant: Tenant
    log: Log
    id: str

    async def change(self, version: int, **body: Any) -> httpx.Response:
        path, headers = f"/webhooks/{self.id}", {"If-Match": f'"{version}"'}
        return await self.tenant.post("admin", path, body, method="PATCH", headers=headers)

    @property
    def row(self) -> tuple[str, int]:
        """Its address and its version."""
        ((url, version),) = self.log.connection.execute(
            "SELECT url, version FROM notifications.webhooks WHERE id = %s", (to_uuid(self.id),)
        ).fetchall()
        return url, version


async def add(tenant: Tenant, log: Log) -> Hook:
    made = await tenant.post("admin", "/webhooks", {"url": URL, "events": ["*"]})
    return Hook(tenant, log, made.json()["id"])


async def test_a_tenant_has_no_more_webhooks_than_it_may_however_fast_it_adds_them(
    tenant: Tenant, log: Log
) -> None:
    body = {"url": URL, "events": ["*"]}
    answers = await asyncio.gather(
        *(tenant.post("admin", "/webhooks", body) for _ in range(WEBHOOK_LIMIT + 10))
    )

    made = [answer.status_code for answer in answers]
    assert (made.count(201), made.count(409)) == (WEBHOOK_LIMIT, 10)
    assert log.topics().count("webhook.added.v1") == WEBHOOK_LIMIT


@pytest.mark.parametrize("body", [{"enabled": True}, {"description": ""}, {"url": URL}])
async def test_what_changes_nothing_is_no_event_and_no_row(
    tenant: Tenant, log: Log, body: dict[str, Any]
) -> None:
    hook = await add(tenant, log)
    head = log.head

    answer = await hook.change(1, **body)

    assert (answer.status_code, answer.json()["version"]) == (200, 1), answer.text
    assert log.head == head
    assert hook.row == (URL, 1)


async def test_to_switch_on_what_is_on_forgets_its_failures(tenant: Tenant, log: Log) -> None:
    hook = await add(tenant, log)
    failing = "UPDATE notifications.webhooks SET failing_since = now() WHERE id = %s"
    log.connection.execute(failing, (to_uuid(hook.id),))

    answer = await hook.change(1, enabled=True)

    assert (answer.status_code, hook.row) == (200, (URL, 1))
    since = "SELECT failing_since FROM notifications.webhooks WHERE id = %s"
    assert log.connection.execute(since, (to_uuid(hook.id),)).fetchall() == [(None,)]


@pytest.mark.parametrize("url", [f"{URL}/MINE", f"{URL}?room=MINE"])
async def test_another_path_or_query_is_a_change_that_is_in_the_log(
    tenant: Tenant, log: Log, url: str
) -> None:
    hook = await add(tenant, log)
    head = log.head

    first = await hook.change(1, url=url)
    late = await hook.change(1, url="https://hooks.example.org/services/LATE")

    assert (first.status_code, first.json()["version"]) == (200, 2), first.text
    assert (late.status_code, late.json()["code"]) == (412, "version_mismatch")
    assert hook.row == (url, 2)
    assert log.topics(head) == ["webhook.changed.v1"]
    ((state,),) = log.connection.execute(STATES, (head,)).fetchall()
    assert "MINE" not in state
