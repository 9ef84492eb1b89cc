"""Aggregates as this process last saw them, so that a long stream is not read again and again.

What is remembered is never taken for the present: whoever uses it reads the newer events, too.
"""

from collections import OrderedDict
from typing import Final, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

A = TypeVar("A", bound=Aggregate)

SIZE: Final = 2048


class AggregateCache:
    """The aggregates used last, by tenant and id; the least recently used one makes room."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[UUID, UUID], Aggregate] = OrderedDict()

    def get(self, kind: type[A], tenant: UUID, id: UUID) -> A | None:
        """A copy to work on, without pending events."""
        kept = self._kept.get((tenant, id))
        if not isinstance(kept, kind):
            return None
        self._kept.move_to_end((tenant, id))
        return copy_of(kept)

    def put(self, tenant: UUID, aggregate: Aggregate) -> None:
        """Remember a copy of an aggregate all of whose events are stored."""
        known = self._kept.get((tenant, aggregate.id))
        if known is not None and known.version > aggregate.version:
            return
        self._kept[tenant, aggregate.id] = copy_of(aggregate)
        self._kept.move_to_end((tenant, aggregate.id))
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


def copy_of(aggregate: A) -> A:
    """A shallow copy. Appliers replace containers and never change them in place."""
    copy = object.__new__(type(aggregate))
    copy.__dict__.update(aggregate.__dict__)
    copy.__dict__["_pending_events"] = []
    return copy
