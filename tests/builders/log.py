"""A log in memory, and requisitions that grow in it side by side."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from eventsourcing.domain import CanMutateAggregate

from domain.ids import Id
from domain.requisitions.requisition import Requisition
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import derived_id, to_uuid
from tests.builders import requisitions as build
from tests.builders.people import NOW, REQUESTER, TENANT

EPOCH: Final = derived_id("test", "epoch")


class MemoryLog:
    """``projectors.inbox.Log``. ``reads`` notes what was asked of it."""

    def __init__(self, epoch: Id = EPOCH) -> None:
        self.epoch = epoch
        self.events: list[RecordedEvent] = []
        self.reads: list[int] = []

    async def read_after(self, position: int, limit: int) -> list[RecordedEvent]:
        self.reads.append(position)
        return self.events[position : position + limit]

    async def head(self) -> tuple[Id, int]:
        return self.epoch, len(self.events)

    def append(self, events: Sequence[CanMutateAggregate[UUID]]) -> list[RecordedEvent]:
        """Record events at the next positions, a second apart."""
        added = [
            RecordedEvent.of(
                event,
                position=position,
                tenant_id=TENANT,
                recorded_at=NOW + timedelta(seconds=position),
                actor_id=REQUESTER.user_id,
                correlation_id=f"correlation {position}",
            )
            for position, event in enumerate(events, start=len(self.events) + 1)
        ]
        self.events.extend(added)
        return added

    def spoil(self, position: int, **changes: Any) -> None:
        """Make the event at a position another one."""
        self.events[position - 1] = replace(self.events[position - 1], **changes)


def busy_log(seed: int, requisitions: int = 8) -> MemoryLog:
    """The histories of requisitions in every state, mixed as if all were at work at once."""
    chance = random.Random(seed)
    makers = [*build.IN_STATE.values(), build.allocated, build.issuing, build.issued]
    streams = [build.told(chance.choice(makers)()) for _ in range(requisitions)]
    log = MemoryLog()
    while streams:
        stream = chance.choice(streams)
        log.append([stream.pop(0)])
        streams = [stream for stream in streams if stream]
    return log


def one_requisition(requisition: Requisition) -> MemoryLog:
    """The log of one requisition."""
    log = MemoryLog()
    log.append(build.told(requisition))
    return log


def store(url: str, events: Sequence[RecordedEvent]) -> None:
    """Put events into a real log, as one transaction; ``url`` is that of a superuser."""
    rows = [
        (
            event.position,
            event.version,
            event.recorded_at,
            event.originator_id,
            to_uuid(event.tenant_id),
            to_uuid(event.command_id),
            None if event.actor_id is None else to_uuid(event.actor_id),
            event.topic,
            event.correlation_id,
            event.causation_id,
            event.state,
        )
        for event in events
    ]
    with psycopg.connect(url, connect_timeout=5) as connection:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO log.stored_events (notification_id, originator_version, recorded_at,"
                " originator_id, tenant_id, command_id, actor_id, topic, correlation_id,"
                " causation_id, state) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )
        connection.execute("UPDATE log.log_head SET position = position + %s", (len(rows),))
        connection.execute("SELECT pg_notify('qm_log', '')")
