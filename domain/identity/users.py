"""A person who can sign in, known to every tenant.

Names, addresses and credentials are rows of the identity tables, never part of an event.
"""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.ids import PLATFORM_TENANT


class User(Aggregate):
    """A global user."""

    TOPIC = "user"
    tenant_id = PLATFORM_TENANT

    class Event(Aggregate.Event):
        """What happened to a user."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "user.created.v1"

    class Registered(Event, Created):
        """Somebody can sign in from now on."""

        TOPIC = "user.registered.v1"

    @classmethod
    def register(cls, id: UUID, at: datetime) -> Self:
        """A new user."""
        return cls._create(cls.Registered, id=id, timestamp=at)
