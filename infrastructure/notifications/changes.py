"""The rows of the notification tables that go with a command, written in its own transaction."""

from functools import singledispatch
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection

from domain.notifications.changes import (
    AllRead,
    ChoicesMade,
    NotificationChange,
    NotificationRead,
    WebhookAdded,
    WebhookGone,
    WebhookSet,
)
from infrastructure.ids import to_uuid

Statement = tuple[LiteralString, tuple[object, ...]]

_READ: Final = (
    "INSERT INTO notifications.read_marks (tenant_id, user_id, position, at)"
    " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
)
_READ_UPTO: Final = (
    "INSERT INTO notifications.read_upto AS r (tenant_id, user_id, position, at)"
    # What is to come has not been read: `least` leaves out a NULL.
    " VALUES (%s, %s, least(%s::bigint, (SELECT position FROM log.log_head)), %s)"
    " ON CONFLICT (tenant_id, user_id) DO UPDATE"
    " SET position = excluded.position, at = excluded.at WHERE r.position < excluded.position"
)
_FORGET_MARKS: Final = (
    "DELETE FROM notifications.read_marks m USING notifications.read_upto r"
    " WHERE m.tenant_id = %s AND m.user_id = %s AND r.tenant_id = m.tenant_id"
    " AND r.user_id = m.user_id AND m.position <= r.position"
)
_ALL_ON: Final = "DELETE FROM notifications.switched_off WHERE tenant_id = %s AND user_id = %s"
_OFF: Final = (
    "INSERT INTO notifications.switched_off (tenant_id, user_id, kind, channel)"
    " VALUES (%s, %s, %s, %s)"
)
_ADD_WEBHOOK: Final = (
    "INSERT INTO notifications.webhooks (id, tenant_id, url, description, events, enabled,"
    " secret_version, version) VALUES (%s, %s, %s, %s, %s, true, 1, 1)"
)
_SET_WEBHOOK: Final = (
    "UPDATE notifications.webhooks SET url = coalesce(%s, url), description = %s, events = %s,"
    " enabled = %s, disabled_reason = %s, secret_version = %s, previous_secret_version = %s,"
    " previous_until = %s, version = %s,"
    " failing_since = CASE WHEN %s THEN NULL ELSE failing_since END"
    " WHERE tenant_id = %s AND id = %s AND version <= %s"
)
_REMOVE_WEBHOOK: Final = "DELETE FROM notifications.webhooks WHERE tenant_id = %s AND id = %s"


async def write(connection: AsyncConnection[Any], change: NotificationChange) -> None:
    """Write one change inside the open transaction."""
    for statement, values in _statements(change):
        await connection.execute(statement, values)


@singledispatch
def _statements(change: NotificationChange) -> tuple[Statement, ...]:
    raise TypeError(f"no notification row is known for {type(change).__name__}")


@_statements.register
def _(change: NotificationRead) -> tuple[Statement, ...]:
    whose = (to_uuid(change.tenant_id), to_uuid(change.user_id))
    return ((_READ, (*whose, change.position, change.at)),)


@_statements.register
def _(change: AllRead) -> tuple[Statement, ...]:
    whose = (to_uuid(change.tenant_id), to_uuid(change.user_id))
    return ((_READ_UPTO, (*whose, change.position, change.at)), (_FORGET_MARKS, whose))


@_statements.register
def _(change: ChoicesMade) -> tuple[Statement, ...]:
    whose = (to_uuid(change.tenant_id), to_uuid(change.user_id))
    off = [(_OFF, (*whose, kind.value, channel.value)) for kind, channel in sorted(change.off)]
    return ((_ALL_ON, whose), *off)


@_statements.register
def _(change: WebhookAdded) -> tuple[Statement, ...]:
    id, tenant = to_uuid(change.webhook_id), to_uuid(change.tenant_id)
    row = (id, tenant, change.url, change.description, list(change.events))
    return ((_ADD_WEBHOOK, row),)


@_statements.register
def _(change: WebhookSet) -> tuple[Statement, ...]:
    row = (
        change.url,
        change.description,
        list(change.events),
        change.enabled,
        change.disabled_reason,
        change.secret_version,
        change.previous_secret_version,
        change.previous_until,
        change.version,
        change.cleared,
    )
    where = (to_uuid(change.tenant_id), to_uuid(change.webhook_id), change.version)
    return ((_SET_WEBHOOK, (*row, *where)),)


@_statements.register
def _(change: WebhookGone) -> tuple[Statement, ...]:
    return ((_REMOVE_WEBHOOK, (to_uuid(change.tenant_id), to_uuid(change.webhook_id))),)
