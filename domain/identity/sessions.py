"""A signed-in session: a bearer token that works until it is closed or expires."""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import Id


class Session(Aggregate):
    """One sign-in. The token itself is never in an event, only its hash in the identity tables."""

    TOPIC = "session"

    class Event(Aggregate.Event):
        """What happened to a session."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "session.created.v1"

    class Opened(Event, Created):
        """A user signed in. ``expires_at`` is RFC 3339 text."""

        TOPIC = "session.opened.v1"
        tenant_id: Id
        user_id: Id
        expires_at: str

    class Closed(Event):
        """The session's token is dead."""

        TOPIC = "session.closed.v1"

    def __init__(self, tenant_id: Id, user_id: Id, expires_at: str) -> None:
        self.tenant_id = tenant_id
        self.user_id = user_id
        self.expires_at = expires_at
        self.is_closed = False

    @classmethod
    def open(cls, id: UUID, *, tenant_id: Id, user_id: Id, expires_at: str, at: datetime) -> Self:
        """A new session; ``tenant_id`` is ``PLATFORM_TENANT`` for a user without a tenant."""
        return cls._create(
            cls.Opened,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            user_id=user_id,
            expires_at=expires_at,
        )

    def close(self, at: datetime) -> None:
        """Sign out; no event where the session is closed already."""
        if not self.is_closed:
            self._closed(timestamp=at)

    @event(Closed)
    def _closed(self, timestamp: datetime) -> None:
        self.is_closed = True
