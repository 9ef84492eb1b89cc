"""What can be asked of notifications and webhooks, as plain facts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT
from domain.ids import Id
from domain.notifications.addresses import check_url
from domain.notifications.kinds import EVERY_CHOICE, Channel, Kind
from domain.notifications.patterns import check_patterns

WEBHOOK_LIMIT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNotification:
    """The caller has read the notification of the event at ``position``."""

    notification_id: Id
    position: int
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAll:
    """The caller has read everything up to the event at ``position``; None: everything."""

    position: int | None
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """The caller wants to be told all but this."""

    off: frozenset[tuple[Kind, Channel]]
    by: Caller

    def __post_init__(self) -> None:
        if not self.off <= EVERY_CHOICE:
            raise InvalidField(("choices",), "There is no such kind or channel.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWebhook:
    """Send the tenant's events that match ``events`` to ``url``.

    ``allow_private`` is the installation's: whether addresses inside may be named. Raises
    ``InvalidField`` with the path of a field that cannot be accepted.
    """

    webhook_id: Id
    url: str
    description: str
    events: tuple[str, ...]
    allow_private: bool
    by: Caller
    at: datetime

    def __post_init__(self) -> None:
        check_url(self.url, allow_private=self.allow_private)
        check_patterns(self.events)
        _check_description(self.description)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhook:
    """Change what is given; None leaves it as it is. ``enabled`` switches it on or off."""

    webhook_id: Id
    url: str | None
    description: str | None
    events: tuple[str, ...] | None
    enabled: bool | None
    allow_private: bool
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            check_url(self.url, allow_private=self.allow_private)
        if self.events is not None:
            check_patterns(self.events)
        if self.description is not None:
            _check_description(self.description)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecret:
    """Give a webhook a new secret; the present one goes on until ``previous_until``."""

    webhook_id: Id
    previous_until: datetime
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTest:
    """Have a test sent."""

    webhook_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveWebhook:
    """Forget a webhook."""

    webhook_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpWebhook:
    """The system sends nothing to a webhook any longer."""

    webhook_id: Id
    reason: str
    at: datetime


def _check_description(text: str) -> None:
    if len(text) > NAME_LIMIT or not text.isprintable():
        raise InvalidField(("description",), f"One line of at most {NAME_LIMIT} characters.")
