"""An event as it stands in the log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import orjson
from eventsourcing.domain import CanMutateAggregate

from domain.ids import PLATFORM_TENANT, Id
from infrastructure.event_store import topics
from infrastructure.ids import from_uuid

_OF_THE_LIBRARY: Final = frozenset({"timestamp", "originator_topic"})


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One row of the log. ``position`` counts the whole log, ``version`` the aggregate's stream.

    ``recorded_at`` is the database's clock, UTC. ``actor_id`` is None for what the system did.
    """

    position: int
    tenant_id: Id
    actor_id: Id | None
    correlation_id: str
    causation_id: str | None
    command_id: Id
    recorded_at: datetime
    aggregate_id: Id
    version: int
    topic: str
    state: bytes
    originator_id: UUID

    @classmethod
    def of(
        cls,
        event: CanMutateAggregate[UUID],
        *,
        position: int,
        tenant_id: Id,
        recorded_at: datetime,
        actor_id: Id | None = None,
        correlation_id: str = "",
        command_id: Id = PLATFORM_TENANT,
    ) -> Self:
        """A domain event as the log would show it."""
        topic, state = topics.encode(event)
        return cls(
            position=position,
            tenant_id=tenant_id,
            actor_id=actor_id,
            correlation_id=correlation_id,
            causation_id=None,
            command_id=command_id,
            recorded_at=recorded_at,
            aggregate_id=from_uuid(event.originator_id),
            version=event.originator_version,
            topic=topic,
            state=state,
            originator_id=event.originator_id,
        )

    @property
    def kind(self) -> str:
        """The aggregate's name: the first word of the topic."""
        return self.topic.partition(".")[0]

    @property
    def fields(self) -> dict[str, Any]:
        """What happened, in plain values, without what its library stores for itself.

        Raises ``ValueError`` where ``state`` is no JSON.
        """
        fields: dict[str, Any] = orjson.loads(self.state)
        return {name: value for name, value in fields.items() if name not in _OF_THE_LIBRARY}

    @property
    def event(self) -> CanMutateAggregate[UUID]:
        """The domain event, decoded anew on each call. Raises what ``topics.decode`` raises."""
        return topics.decode(self.originator_id, self.version, self.topic, self.state)
