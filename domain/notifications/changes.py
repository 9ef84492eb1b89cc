"""Rows of the notification tables, as plain facts that a handler hands to the store.

What a person has read and wants to be told are rows and no events. They are theirs alone, nothing
is decided by them, they change many times a day, and the log would remember for ever when
somebody looked at their messages. They stand in a schema that no rebuild touches.

A webhook's address may carry a token of the other side, so it stands in its row and in no event.
Its secret stands nowhere: see ``infrastructure.notifications.signing``.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import Id
from domain.notifications.kinds import Channel, Kind


@dataclass(frozen=True, slots=True)
class NotificationRead:
    """A person has read the notification of the event at ``position``."""

    tenant_id: Id
    user_id: Id
    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AllRead:
    """A person has read everything up to ``position``; None: up to the end of the log."""

    tenant_id: Id
    user_id: Id
    position: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ChoicesMade:
    """What a person does not want to be told, and how; everything else they do."""

    tenant_id: Id
    user_id: Id
    off: frozenset[tuple[Kind, Channel]]


@dataclass(frozen=True, slots=True)
class WebhookAdded:
    """A webhook as it begins: switched on, with its first secret."""

    tenant_id: Id
    webhook_id: Id
    url: str
    description: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebhookSet:
    """A webhook as it is after the event of ``version``. ``url`` None: as it was.

    ``secret_version`` names the present secret, ``previous_secret_version`` the one that signs
    beside it until ``previous_until``. With ``cleared``, its failures so far are forgiven.
    """

    tenant_id: Id
    webhook_id: Id
    url: str | None
    description: str
    events: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    secret_version: int
    previous_secret_version: int | None
    previous_until: datetime | None
    version: int
    cleared: bool


@dataclass(frozen=True, slots=True)
class WebhookGone:
    """A webhook that nothing is sent to any longer."""

    tenant_id: Id
    webhook_id: Id


NotificationChange = (
    NotificationRead | AllRead | ChoicesMade | WebhookAdded | WebhookSet | WebhookGone
)
