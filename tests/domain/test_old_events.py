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

from domain.assignments.assignment import Assignment
from domain.assignments.content import State
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.event_store.topics import AGGREGATES, decode, encode
from infrastructure.ids import to_uuid
from infrastructure.projection_rows import Row, Rows
from projectors.subscriptions import CUSTODY
from tests.builders.people import NOW, TENANT

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


def _recorded(stored: Stored, position: int) -> RecordedEvent:
    return RecordedEvent.of(stored.event, position=position, tenant_id=TENANT, recorded_at=NOW)


def _assignments() -> list[tuple[Assignment, Row]]:
    """Every old assignment, and its row in the read tables."""
    found = []
    for _, stream in groupby(_corpus(), key=lambda stored: stored.aggregate):
        aggregate: Aggregate | None = None
        rows: Rows = {owned.name: [] for owned in CUSTODY.tables}
        for position, stored in enumerate(stream, 1):
            aggregate = stored.event.mutate(aggregate)
            if stored.topic.startswith("assignment."):
                rows = CUSTODY.fold(rows, _recorded(stored, position))
        if isinstance(aggregate, Assignment):
            (row,) = rows["assignments"]
            found.append((aggregate, row))
    return found


def test_old_assignments_stand_in_their_rows_as_in_their_events() -> None:
    outcomes = set()
    for assignment, row in _assignments():
        standing = assignment.standing
        assert row["state"] == assignment.state.value
        assert row["outcome"] == standing.outcome
        if standing.handed_over and standing.outcome is None:
            assert row["outstanding"] == standing.outstanding
        assert (row["drift"] is None) == (standing.drift is None)
        outcomes.add(standing.outcome)
    assert outcomes >= {None, "returned", "written_off"}


def test_units_reasserted_before_their_rows_were_told_are_out_under_none_that_we_know() -> None:
    """Their former rows were taken back: held against the inventory they would be drift."""
    rows = {one.standing.rows for one, _ in _assignments() if one.state is State.ACTIVE}
    assert () in rows
    assert (7, 11, 12) in rows
    assert (7, 8, 9) not in rows
