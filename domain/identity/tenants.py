"""An organisation whose data nobody outside it sees."""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.ids import Id, id_of


class Tenant(Aggregate):
    """An organisation; it is its own tenant."""

    TOPIC = "tenant"

    class Event(Aggregate.Event):
        """What happened to a tenant."""

    class Created(Aggregate.Created):
        """A tenant began."""

        TOPIC = "tenant.created.v1"
        name: str

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def tenant_id(self) -> Id:
        """Its own id."""
        return id_of(self.id)

    @classmethod
    def create(cls, id: UUID, *, name: str, at: datetime) -> Self:
        """A new tenant."""
        return cls._create(cls.Created, id=id, timestamp=at, name=name)
