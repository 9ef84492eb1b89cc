"""What a projection is: which rows it keeps of each aggregate, and how an event changes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import OwnedTable, Rows

Fold = Callable[[Rows, Any, RecordedEvent], Rows]
"""The rows of one aggregate after an event: (rows before, event, its place in the log).

Pure: it returns other rows and leaves those it was given as they are. A table whose list of rows
is the same object as before is not written again.
"""

FoldUndecoded = Callable[[Rows, RecordedEvent], Rows]
"""The same for a projection that takes every event as it is stored."""


class UnknownEvent(ValueError):
    """An event of a followed aggregate that this version of the projection does not know."""


@dataclass(frozen=True)
class Projection:
    """Rows of one or more kinds of aggregate.

    ``folds`` names a function for every event of the aggregates followed. An event of those
    aggregates that is not named is never passed over: its aggregate is parked, because the rows
    would be wrong without it. Events of all other aggregates are ignored. Where ``every`` is
    given, it is called for all events, of all aggregates.
    """

    name: str
    version: int
    tables: tuple[OwnedTable, ...]
    folds: Mapping[type[Any], Fold] = field(default_factory=dict)
    every: FoldUndecoded | None = None
    _by_topic: dict[str, Fold] = field(init=False, repr=False, compare=False)
    _kinds: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the functions by the stored names of their events."""
        by_topic = {event.TOPIC: fold for event, fold in self.folds.items()}
        kinds = frozenset(topic.partition(".")[0] for topic in by_topic)
        object.__setattr__(self, "_by_topic", by_topic)
        object.__setattr__(self, "_kinds", kinds)

    def concerns(self, recorded: RecordedEvent) -> bool:
        """Whether the event is of an aggregate that it follows."""
        return self.every is not None or recorded.kind in self._kinds

    def fold(self, rows: Rows, recorded: RecordedEvent) -> Rows:
        """The rows after the event.

        Raises ``UnknownEvent``, and whatever decoding or folding raises.
        """
        if self.every is not None:
            return self.every(rows, recorded)
        fold = self._by_topic.get(recorded.topic)
        if fold is None:
            raise UnknownEvent(recorded.topic)
        return fold(rows, recorded.event, recorded)
