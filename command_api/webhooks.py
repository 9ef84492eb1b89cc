"""Commands of webhooks. A secret is shown in the answer that makes it, and nowhere else."""

from datetime import timedelta
from typing import Annotated

from fastapi import Response
from pydantic import Field

from command_api import errors
from command_api.caller import Also, Call, Requires, Scene
from command_api.fields import Body, Empty, PathId
from command_api.receipts import ReceiptBody
from command_api.routing import Options, action, creation, router
from domain.fields import NAME_LIMIT
from domain.notifications import commands, handlers
from domain.notifications.addresses import URL_LIMIT
from domain.notifications.patterns import PATTERN_LIMIT
from domain.notifications.webhook import Webhook
from domain.permissions import TENANT_MANAGE
from domain.ports import Receipt
from infrastructure.ids import new_id
from infrastructure.notifications.signing import secret_of

routes = router("webhooks")

Url = Annotated[str, Field(max_length=URL_LIMIT, examples=["https://example.org/hooks/lending"])]
Description = Annotated[str, Field(max_length=NAME_LIMIT, examples=["Room display"])]
Patterns = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=PATTERN_LIMIT,
        examples=[["requisition.approved", "assignment.*"]],
    ),
]


class SecretReceiptBody(ReceiptBody):
    """The receipt, with the secret that messages are signed with (Standard Webhooks)."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class WebhookBody(Body):
    """A webhook to be: where to, and which events, by names or patterns of names."""

    url: Url
    events: Patterns
    description: Description = ""


class WebhookChangesBody(Body):
    """What is to be another; ``enabled`` switches the webhook on or off."""

    url: Url | None = None
    events: Patterns | None = None
    description: Description | None = None
    enabled: bool | None = None


class RotationBody(Body):
    """For how many hours the secret so far goes on signing beside the new one."""

    keep_previous_h: int = Field(default=24, ge=0, le=7 * 24)


async def manages(scene: Scene) -> None:
    """Raise 404, then 403, unless the caller may change the webhook in the path."""
    webhook = await scene.store.load(Webhook, scene.ids["id"])
    webhook.require_manager(scene.caller)


def _with_secret(options: Options) -> Options:
    return {**options, "response_model": SecretReceiptBody}


@routes.post("/webhooks", **_with_secret(creation("add_webhook")))
async def add(body: WebhookBody, call: Annotated[Call, Requires(TENANT_MANAGE)]) -> Response:
    """Have events sent to an address, signed with the secret that is shown here once."""
    webhook_id = new_id()
    return await call.run(
        handlers.add,
        lambda by: commands.AddWebhook(
            webhook_id=webhook_id,
            url=body.url,
            description=body.description,
            events=tuple(body.events),
            allow_private=call.services.webhook_allow_private,
            by=by,
            at=call.at,
        ),
        status=201,
        location="/api/v1/webhooks/{id}",
        turn=call.caller.tenant_id,
        also=_secret(call),
    )


@routes.patch("/webhooks/{id}", **action("change_webhook", of=errors.of_versioned))
async def change(
    id: PathId,
    body: WebhookChangesBody,
    call: Annotated[Call, Requires(TENANT_MANAGE, first=manages)],
) -> Response:
    """Change a webhook, or switch it on or off."""
    return await call.run(
        handlers.change,
        lambda by: commands.ChangeWebhook(
            webhook_id=id,
            url=body.url,
            description=body.description,
            events=None if body.events is None else tuple(body.events),
            enabled=body.enabled,
            allow_private=call.services.webhook_allow_private,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
        version_needed=True,
    )


@routes.delete("/webhooks/{id}", **action("remove_webhook", of=errors.of_versioned))
async def remove(
    id: PathId, call: Annotated[Call, Requires(TENANT_MANAGE, first=manages)]
) -> Response:
    """Remove a webhook. What still waits to be sent to it is dropped."""
    return await call.run(
        handlers.remove,
        lambda by: commands.RemoveWebhook(
            webhook_id=id, by=by, at=call.at, expected_version=call.version
        ),
        turn=id,
        version_needed=True,
    )


@routes.post("/webhooks/{id}/rotate-secret", **_with_secret(action("rotate_webhook_secret")))
async def rotate_secret(
    id: PathId,
    call: Annotated[Call, Requires(TENANT_MANAGE, first=manages)],
    body: RotationBody | None = None,
) -> Response:
    """Make a new secret, shown here once; for a while both sign, so that no message is lost."""
    keep = timedelta(hours=(body or RotationBody()).keep_previous_h)
    return await call.run(
        handlers.rotate_secret,
        lambda by: commands.RotateSecret(
            webhook_id=id,
            previous_until=call.at + keep,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
        also=_secret(call),
    )


@routes.post("/webhooks/{id}/test", **action("test_webhook"))
async def send_test(
    id: PathId,
    call: Annotated[Call, Requires(TENANT_MANAGE, first=manages)],
    _body: Empty | None = None,
) -> Response:
    """Send a test; GET /webhooks/{id}/deliveries shows what became of it."""
    return await call.run(
        handlers.request_test,
        lambda by: commands.RequestTest(
            webhook_id=id, by=by, at=call.at, expected_version=call.version
        ),
        turn=id,
    )


def _secret(call: Call) -> Also:
    """The secret that a command has made: its number is the version that it made."""

    def shown(receipt: Receipt) -> dict[str, str]:
        key = call.services.secret_key
        return {"secret": secret_of(key, receipt.id, receipt.version)}

    return shown
