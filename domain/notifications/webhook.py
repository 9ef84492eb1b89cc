"""A webhook: an address of a tenant's that is told what happens."""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.caller import Caller
from domain.fields import time_of, time_text
from domain.ids import Id
from domain.notifications.errors import WebhookDisabled, WebhookNotFound
from domain.permissions import TENANT_MANAGE


class Webhook(Aggregate):
    """Who is told what. The address itself and the secret are in no event."""

    TOPIC = "webhook"

    class Event(Aggregate.Event):
        """What happened to a webhook."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "webhook.created.v1"

    class Added(Event, Created):
        """A tenant wants its events sent to ``host``."""

        TOPIC = "webhook.added.v1"
        tenant_id: Id
        host: str
        description: str
        events: list[str]
        by: Id

    class Changed(Event):
        """The webhook is this from now on.

        Where nothing of it differs, the path or the query of its address is another.
        """

        TOPIC = "webhook.changed.v1"
        host: str
        description: str
        events: list[str]
        by: Id

    class SecretRotated(Event):
        """There is a new secret; the one before signs beside it until ``previous_until``."""

        TOPIC = "webhook.secret_rotated.v1"
        previous_until: str
        by: Id

    class TestRequested(Event):
        """Somebody wants to see whether it arrives. It is sent like every other event."""

        TOPIC = "webhook.test_requested.v1"
        by: Id

    class Disabled(Event):
        """Nothing is sent any longer. ``by`` is None where it failed for too long."""

        TOPIC = "webhook.disabled.v1"
        reason: str
        by: Id | None

    class Enabled(Event):
        """It is sent to again, from here on."""

        TOPIC = "webhook.enabled.v1"
        by: Id

    class Removed(Event):
        """There is no such webhook any longer."""

        TOPIC = "webhook.removed.v1"
        by: Id

    def __init__(
        self, tenant_id: Id, host: str, description: str, events: list[str], by: Id
    ) -> None:
        self.tenant_id = tenant_id
        self.host = host
        self.description = description
        self.events = tuple(events)
        self.disabled_reason: str | None = None
        self.removed = False
        self.secret_version = 1
        self.previous_secret_version: int | None = None
        self.previous_until: datetime | None = None

    @classmethod
    def add(
        cls,
        id: UUID,
        *,
        host: str,
        description: str,
        events: tuple[str, ...],
        by: Caller,
        at: datetime,
    ) -> Self:
        """A new webhook. Raises ``PermissionMissing``."""
        by.require(TENANT_MANAGE)
        return cls._create(
            cls.Added,
            id=id,
            timestamp=at,
            tenant_id=by.tenant_id,
            host=host,
            description=description,
            events=list(events),
            by=by.user_id,
        )

    @property
    def enabled(self) -> bool:
        """Whether it is sent to."""
        return self.disabled_reason is None and not self.removed

    def require_manager(self, by: Caller) -> None:
        """Raise ``WebhookNotFound`` once it is removed, then ``PermissionMissing``."""
        self._require_present()
        by.require(TENANT_MANAGE)

    def change(
        self,
        *,
        host: str,
        moved: bool,
        description: str,
        events: tuple[str, ...],
        by: Caller,
        at: datetime,
    ) -> None:
        """Make it this from now on. ``moved``: its address is another, be it on the same host."""
        self.require_manager(by)
        if moved or (host, description, events) != (self.host, self.description, self.events):
            self._changed(
                host=host,
                description=description,
                events=list(events),
                by=by.user_id,
                timestamp=at,
            )

    def rotate_secret(self, previous_until: datetime, by: Caller, at: datetime) -> None:
        """Give it a new secret; the present one goes on until ``previous_until``."""
        self.require_manager(by)
        self._secret_rotated(previous_until=time_text(previous_until), by=by.user_id, timestamp=at)

    def request_test(self, by: Caller, at: datetime) -> None:
        """Have a test sent. Raises ``WebhookDisabled``."""
        self.require_manager(by)
        if not self.enabled:
            raise WebhookDisabled
        self._test_requested(by=by.user_id, timestamp=at)

    def enable(self, by: Caller, at: datetime) -> None:
        """Send to it again."""
        self.require_manager(by)
        if not self.enabled:
            self._enabled(by=by.user_id, timestamp=at)

    def disable(self, reason: str, by: Caller, at: datetime) -> None:
        """Send nothing any longer."""
        self.require_manager(by)
        if self.enabled:
            self._disabled(reason=reason, by=by.user_id, timestamp=at)

    def give_up(self, reason: str, at: datetime) -> None:
        """The system sends nothing any longer. Raises ``WebhookNotFound``."""
        self._require_present()
        if self.enabled:
            self._disabled(reason=reason, by=None, timestamp=at)

    def remove(self, by: Caller, at: datetime) -> None:
        """Forget it."""
        self.require_manager(by)
        self._removed(by=by.user_id, timestamp=at)

    def _require_present(self) -> None:
        if self.removed:
            raise WebhookNotFound

    @event(Changed)
    def _changed(
        self, host: str, description: str, events: list[str], by: Id, timestamp: datetime
    ) -> None:
        self.host = host
        self.description = description
        self.events = tuple(events)

    @event(SecretRotated)
    def _secret_rotated(self, previous_until: str, by: Id, timestamp: datetime) -> None:
        self.previous_secret_version = self.secret_version
        self.previous_until = time_of(previous_until)
        self.secret_version = self.version + 1

    @event(TestRequested)
    def _test_requested(self, by: Id, timestamp: datetime) -> None:
        """Nothing changes."""

    @event(Disabled)
    def _disabled(self, reason: str, by: Id | None, timestamp: datetime) -> None:
        self.disabled_reason = reason

    @event(Enabled)
    def _enabled(self, by: Id, timestamp: datetime) -> None:
        self.disabled_reason = None

    @event(Removed)
    def _removed(self, by: Id, timestamp: datetime) -> None:
        self.removed = True
