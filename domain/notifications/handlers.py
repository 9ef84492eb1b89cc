"""One function for every command: load, ask, save."""

from typing import Final

from domain.errors import NotFound
from domain.ids import uuid_of
from domain.notifications import changes, commands
from domain.notifications.addresses import host_of
from domain.notifications.errors import TooManyWebhooks
from domain.notifications.notices import TOLD_TOPICS
from domain.notifications.webhook import Webhook
from domain.ports import Facts, Receipt, Store

BY_HAND: Final = "switched off by an administrator"


async def read(command: commands.ReadNotification, store: Store, facts: Facts) -> Receipt:
    """Mark one notification as read.

    Raises ``NotFound`` where the tenant's log has nothing there that anybody is told of. A mark on
    a notification for others shows nowhere.
    """
    if not await facts.has_event(command.position, TOLD_TOPICS):
        raise NotFound("There is no such notification.")
    by = command.by
    row = changes.NotificationRead(by.tenant_id, by.user_id, command.position, command.at)
    return await store.note(command.notification_id, (row,))


async def read_all(command: commands.ReadAll, store: Store, facts: Facts) -> Receipt:
    """Mark everything as read, or what is not newer than a position."""
    by = command.by
    row = changes.AllRead(by.tenant_id, by.user_id, command.position, command.at)
    return await store.note(by.user_id, (row,))


async def choose(command: commands.Choose, store: Store, facts: Facts) -> Receipt:
    """Keep what the caller does not want to be told."""
    by = command.by
    row = changes.ChoicesMade(by.tenant_id, by.user_id, command.off)
    return await store.note(by.user_id, (row,))


async def add(command: commands.AddWebhook, store: Store, facts: Facts) -> Receipt:
    """Add a webhook. Raises ``TooManyWebhooks``."""
    webhook = Webhook.add(
        uuid_of(command.webhook_id),
        host=host_of(command.url),
        description=command.description,
        events=command.events,
        by=command.by,
        at=command.at,
    )
    if await facts.webhook_count() >= commands.WEBHOOK_LIMIT:
        raise TooManyWebhooks
    row = changes.WebhookAdded(
        tenant_id=webhook.tenant_id,
        webhook_id=command.webhook_id,
        url=command.url,
        description=webhook.description,
        events=webhook.events,
    )
    return await store.save(webhook, changes=(row,))


async def change(command: commands.ChangeWebhook, store: Store, facts: Facts) -> Receipt:
    """Change a webhook."""
    webhook = await store.load(Webhook, command.webhook_id, command.expected_version)
    by, at, url = command.by, command.at, command.url
    webhook.change(
        host=webhook.host if url is None else host_of(url),
        moved=url is not None and url != await facts.webhook_url(command.webhook_id),
        description=(webhook.description if command.description is None else command.description),
        events=command.events or webhook.events,
        by=by,
        at=at,
    )
    if command.enabled is True:
        webhook.enable(by, at)
    if command.enabled is False:
        webhook.disable(BY_HAND, by, at)
    rows = _rows(command.webhook_id, webhook, url, cleared=command.enabled is True)
    return await store.save(webhook, changes=rows)


async def rotate_secret(command: commands.RotateSecret, store: Store, facts: Facts) -> Receipt:
    """Give a webhook a new secret; the receipt's version is the secret's."""
    webhook = await store.load(Webhook, command.webhook_id, command.expected_version)
    webhook.rotate_secret(command.previous_until, command.by, command.at)
    return await store.save(webhook, changes=_rows(command.webhook_id, webhook))


async def request_test(command: commands.RequestTest, store: Store, facts: Facts) -> Receipt:
    """Have a test sent. Raises ``WebhookDisabled``."""
    webhook = await store.load(Webhook, command.webhook_id, command.expected_version)
    webhook.request_test(command.by, command.at)
    return await store.save(webhook, changes=_rows(command.webhook_id, webhook))


async def remove(command: commands.RemoveWebhook, store: Store, facts: Facts) -> Receipt:
    """Forget a webhook."""
    webhook = await store.load(Webhook, command.webhook_id, command.expected_version)
    webhook.remove(command.by, command.at)
    gone = changes.WebhookGone(webhook.tenant_id, command.webhook_id)
    return await store.save(webhook, changes=(gone,))


async def give_up(command: commands.GiveUpWebhook, store: Store, facts: Facts) -> Receipt:
    """Send nothing to a webhook any longer."""
    webhook = await store.load(Webhook, command.webhook_id)
    webhook.give_up(command.reason, command.at)
    return await store.save(webhook, changes=_rows(command.webhook_id, webhook))


def _rows(
    webhook_id: str, webhook: Webhook, url: str | None = None, *, cleared: bool = False
) -> tuple[changes.WebhookSet, ...]:
    """The row after what has just happened to a webhook; none where nothing has.

    ``cleared`` where its failures no longer count, though it was not switched off.
    """
    if not (webhook.pending_events or cleared):
        return ()
    row = changes.WebhookSet(
        tenant_id=webhook.tenant_id,
        webhook_id=webhook_id,
        url=url,
        description=webhook.description,
        events=webhook.events,
        enabled=webhook.enabled,
        disabled_reason=webhook.disabled_reason,
        secret_version=webhook.secret_version,
        previous_secret_version=webhook.previous_secret_version,
        previous_until=webhook.previous_until,
        version=webhook.version,
        cleared=cleared,
    )
    return (row,)
