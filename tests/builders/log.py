"""A log in memory, and requisitions that grow in it side by side."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate

from domain.ids import Id
from domain.requisitions.requisition import Requisition
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import derived_id
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

    def spoil(self, position: int, **changes: object) -> None:
        """Make the event at a position another one."""
        self.events[position - 1] = replace(self.events[position - 1], **changes)  # type: ignore[arg-type] - whatever a test wants


def busy_log(seed: int, requisitions: int = 8) -> MemoryLog:
    """The histories of requisitions in every state, mixed as if all were at work at once."""
    chance = random.Random(seed)
    makers = list(build.IN_STATE.values())
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
