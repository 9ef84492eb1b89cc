"""GET /webhooks: whom the tenant tells what, and what became of each message."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.permissions import TENANT_MANAGE
from infrastructure.notifications import tables as told
from query_api import answers
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath

webhooks = router("webhooks")

_WEBHOOK: Final = told.webhooks.c
_DELIVERY: Final = told.deliveries.c
_BY_ID: Final = Sort(id=_WEBHOOK.id)
_NEWEST_FIRST: Final = Sort(id=_DELIVERY.position, id_field="position", descending=True)

StateName = Literal["waiting", "delivered", "failed", "dropped"]


class Webhook(BaseModel):
    """An address that is told what happens. Its secret was shown once, when it was made.

    ``previous_secret_until``: until then the secret before signs, too.
    """

    id: Id
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime
    version: int


class WebhookPage(BaseModel):
    """One page of webhooks."""

    items: list[Webhook]
    next: str | None


class Attempt(BaseModel):
    """What one attempt came to; ``status`` is the receiver's, where it gave one."""

    attempt: int
    at: datetime
    took_ms: int
    status: int | None
    error: str | None


class Delivery(BaseModel):
    """A message to a webhook. ``message_id`` is its ``webhook-id``, the same in every attempt."""

    id: Id
    message_id: str
    position: int
    type: str
    state: StateName
    attempts: list[Attempt]
    next_attempt_at: datetime | None
    created_at: datetime
    settled_at: datetime | None


class DeliveryPage(BaseModel):
    """One page of messages."""

    items: list[Delivery]
    next: str | None


@webhooks.get(
    "/webhooks",
    operation_id="list_webhooks",
    response_model=WebhookPage,
    responses=page_responses(),
)
async def list_webhooks(reading: Annotated[Reading, reads(TENANT_MANAGE)], page: Page) -> Response:
    """The webhooks of the tenant, oldest first."""
    fingerprint = {"tenant": reading.scope.tenant_id}
    window = Window(page, _BY_ID, Cursors(reading.sources.secret, "webhooks", fingerprint))
    rows, following = window.shown(
        await reading.rows(window.cut(reading.scope.select(told.webhooks)))
    )
    return answers.page(reading, [_webhook(row) for row in rows], following)


@webhooks.get(
    "/webhooks/{webhook_id}",
    operation_id="read_webhook",
    response_model=Webhook,
    responses=object_responses(403, 404),
)
async def read_webhook(
    reading: Annotated[Reading, reads(BY_OBJECT)], webhook_id: IdInPath
) -> Response:
    """One webhook."""
    row = await _found(reading, webhook_id)
    # Whether it fails is not in its version.
    return answers.one(reading, _webhook(row), row.version, names=True)


@webhooks.get(
    "/webhooks/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    response_model=DeliveryPage,
    responses=page_responses(404),
)
async def list_deliveries(
    reading: Annotated[Reading, reads(BY_OBJECT)],
    webhook_id: IdInPath,
    page: Page,
    state: Annotated[StateName | None, Query()] = None,
) -> Response:
    """What was sent to a webhook in the last month, or waits to be, newest event first."""
    await _found(reading, webhook_id)
    fingerprint = {"tenant": reading.scope.tenant_id, "webhook": webhook_id, "state": state}
    cursors = Cursors(reading.sources.secret, "webhook deliveries", fingerprint)
    window = Window(page, _NEWEST_FIRST, cursors)
    found = reading.scope.select(told.deliveries).where(
        _DELIVERY.recipient_id == webhook_id, _DELIVERY.channel == "webhook"
    )
    if state is not None:
        found = found.where(_DELIVERY.state == state)
    rows, following = window.shown(await reading.rows(window.cut(found)))
    return answers.page(reading, [_delivery(row) for row in rows], following)


async def _found(reading: Reading, webhook_id: Id) -> Any:
    row = await reading.row(reading.scope.select(told.webhooks).where(_WEBHOOK.id == webhook_id))
    if row is None:
        raise NotFound("There is no such webhook.")
    if not reading.caller.may(TENANT_MANAGE):
        raise PermissionMissing(TENANT_MANAGE)
    return row


def _webhook(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "events": row.events,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
        "failing_since": row.failing_since,
        "previous_secret_until": row.previous_until,
        "created_at": row.created_at,
        "version": row.version,
    }


def _delivery(row: Any) -> dict[str, Any]:
    waiting = row.state == "waiting"
    return {
        "id": row.id,
        "message_id": f"msg_{row.id}",
        "position": row.position,
        "type": row.kind,
        "state": row.state,
        "attempts": row.log,
        "next_attempt_at": row.due_at if waiting else None,
        "created_at": row.created_at,
        "settled_at": row.settled_at,
    }
