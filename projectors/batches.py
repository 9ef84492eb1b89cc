"""Folding a batch of events in memory: pure, so the same batch always gives the same rows.

An event that cannot be folded is put aside, and with it every later event of its aggregate; the
rows of that aggregate stay as they were before it. All other aggregates go on.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import ParkedEvent, Rows
from projectors.projection import Projection

ATTEMPTS: Final = 3
ERROR_LIMIT: Final = 500
"""Characters of an error that are kept."""

AFTER_A_PARKED_ONE: Final = "an earlier event of the same aggregate is parked"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Folded:
    """What a batch has made: the rows of each aggregate that it touched, and what it put aside."""

    rows: dict[Id, Rows] = field(default_factory=dict)
    parked: list[ParkedEvent] = field(default_factory=list)


class Unfoldable(Exception):
    """An event was tried ``ATTEMPTS`` times, and each time its fold failed."""


def fold_batch(
    projection: Projection,
    loaded: Mapping[Id, Rows],
    events: Sequence[RecordedEvent],
    parked_before: Collection[Id] = (),
) -> Folded:
    """The rows after ``events``, in order, from those that were ``loaded``.

    ``events`` are only such as the projection follows; ``parked_before`` are the aggregates that
    have parked events already.
    """
    folded = Folded()
    parked = set(parked_before)
    for recorded in events:
        aggregate = recorded.aggregate_id
        if aggregate in parked:
            folded.parked.append(_parked(projection, recorded, AFTER_A_PARKED_ONE, 0))
            continue
        before = folded.rows.get(aggregate, loaded[aggregate])
        try:
            folded.rows[aggregate] = fold_one(projection, before, recorded)
        except Unfoldable as error:
            parked.add(aggregate)
            folded.parked.append(park(projection, recorded, str(error)))
    return folded


def fold_one(projection: Projection, rows: Rows, recorded: RecordedEvent) -> Rows:
    """The rows after one event. Raises ``Unfoldable`` when every attempt has failed."""
    error: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            return projection.fold(rows, recorded)
        except Exception as failure:  # noqa: BLE001 - whatever is wrong with an event parks it
            error = failure
    message = f"{type(error).__name__}: {error}"
    raise Unfoldable(message[:ERROR_LIMIT]) from error


def park(projection: Projection, recorded: RecordedEvent, error: str) -> ParkedEvent:
    """The event put aside for ``error``, and said so."""
    logger.error(
        "%s: event %s (%s) is parked with the later ones of its aggregate: %s",
        projection.name,
        recorded.position,
        recorded.topic,
        error,
    )
    return _parked(projection, recorded, error, ATTEMPTS)


def _parked(
    projection: Projection, recorded: RecordedEvent, error: str, attempts: int
) -> ParkedEvent:
    return ParkedEvent(
        projection=projection.name,
        position=recorded.position,
        tenant_id=recorded.tenant_id,
        aggregate_id=recorded.aggregate_id,
        type=recorded.topic,
        error=error,
        attempts=attempts,
    )
