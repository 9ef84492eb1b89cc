"""Everything that a world's store was given, in the order in which it came."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from eventsourcing.domain import Aggregate

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import to_uuid
from tests.builders.memory import decoded
from tests.builders.people import TENANT
from tests.builders.world import World

A = TypeVar("A", bound=Aggregate)


class Log:
    """The log of a world, and every aggregate as the log has left it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._recorded: list[RecordedEvent] = []
        self._aggregates: dict[Id, Aggregate] = {}
        plain = world.store._append

        def noted(id: Id, events: Sequence[Any]) -> None:
            before = len(world.store.streams.get(id, ()))
            plain(id, events)
            for version, stored in enumerate(world.store.streams[id][before:], start=before + 1):
                self._note(id, version, *stored)

        world.store._append = noted  # type: ignore[method-assign]  # it has no order of its own

    def __iter__(self) -> Iterator[RecordedEvent]:
        return iter(self._recorded)

    def all_of(self, kind: type[A]) -> list[A]:
        """Every aggregate of a kind, as it is now."""
        return [one for one in self._aggregates.values() if isinstance(one, kind)]

    def _note(self, id: Id, version: int, topic: str, state: bytes) -> None:
        event: Any = decoded(to_uuid(id), version, topic, state)
        recorded = RecordedEvent.of(
            event,
            position=len(self._recorded) + 1,
            tenant_id=TENANT,
            recorded_at=self._world.clock(),
        )
        self._recorded.append(recorded)
        self._aggregates[id] = event.mutate(self._aggregates.get(id))
