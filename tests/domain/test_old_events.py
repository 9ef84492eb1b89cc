"""Events that were stored once stay readable, byte for byte as they were.

``stored_events.jsonl`` is only ever added to: a line for each new event or version of one.
"""

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pytest
from eventsourcing.domain import Aggregate, CanMutateAggregate

from infrastructure.event_store.topics import AGGREGATES, decode, encode
from infrastructure.ids import to_uuid

CORPUS: Final = Path(__file__).parent / "stored_events.jsonl"
FROZEN: Final = Path(__file__).parent / "events.json"


@dataclass(frozen=True)
class Stored:
    """An event as it lies in some log."""

    aggregate: str
    version: int
    topic: str
    state: str

    @property
    def event(self) -> CanMutateAggregate[Any]:
        return decode(to_uuid(self.aggregate), self.version, self.topic, self.state.encode())


def _corpus() -> list[Stored]:
    return [Stored(**json.loads(row)) for row in CORPUS.read_text(encoding="utf-8").splitlines()]


def test_the_corpus_holds_every_event() -> None:
    assert {stored.topic for stored in _corpus()} == set(json.loads(FROZEN.read_text()))


@pytest.mark.parametrize("stored", _corpus(), ids=lambda stored: str(stored.topic))
def test_an_old_event_is_read_and_written_as_it_was(stored: Stored) -> None:
    assert encode(stored.event) == (stored.topic, stored.state.encode())


def test_the_streams_of_old_events_still_make_their_aggregates() -> None:
    for _, stream in groupby(_corpus(), key=lambda stored: stored.aggregate):
        aggregate: Aggregate | None = None
        for stored in stream:
            aggregate = stored.event.mutate(aggregate)
        assert isinstance(aggregate, AGGREGATES)
        assert aggregate.version == stored.version
