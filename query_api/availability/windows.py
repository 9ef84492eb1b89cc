"""How many units are free when: the mirror's picture minus what is held, over a period.

Pure functions. A hold is what the item's book says; units that are out or on their way out are
taken until they are due, and those that should be back by now for as long as they are not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from domain.assignments.item_book import Hold

_A_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Unit:
    """One asset. ``lendable`` says whether it can be handed out once nobody has it.

    ``lent`` are those of the holds under which somebody has it, as was confirmed or vouched for.
    """

    lendable: bool
    holds: Sequence[Hold]
    lent: Sequence[Hold] = ()

    def left(self, taken: int) -> int:
        """1 where it is free when so many holds take it."""
        return int(self.lendable and not taken)


@dataclass(frozen=True, slots=True)
class Stock:
    """Units of one kind. ``in_store`` and ``total`` are the inventory's figures.

    ``missing`` of the units that are out are not in those figures any more: they come back into
    the store when their holds end. ``lent`` are the holds under which somebody has units, as
    was confirmed or vouched for.
    """

    in_store: int
    total: int
    missing: int
    holds: Sequence[Hold]
    lent: Sequence[Hold] = ()

    def left(self, taken: int) -> int:
        """Units that are free when so many are taken."""
        return max(0, min(self.in_store + self.missing, self.total) - taken)


Supply = Unit | Stock


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which the same number of units is free. ``until`` None: this very moment."""

    begins: datetime
    until: datetime | None
    available: int


def windows(
    supplies: Sequence[Supply], begins: datetime, until: datetime | None, at: datetime
) -> list[Window]:
    """What is free from ``begins`` until ``until``, at ``at``, one window after the other."""
    changes: dict[datetime, int] = {begins: 0}
    for supply in supplies:
        before = 0
        for moment, free in _steps(supply, begins, until, at):
            changes[moment] = changes.get(moment, 0) + free - before
            before = free
    borders = [moment for moment in sorted(changes) if moment == begins or changes[moment]]
    available = accumulate(changes[moment] for moment in borders)
    return [
        Window(border, end, free)
        for border, end, free in zip(borders, [*borders[1:], until], available, strict=True)
    ]


def overdue(supplies: Sequence[Supply], at: datetime) -> int:
    """Units that somebody has, and that should be back by ``at``."""
    return sum(
        hold.quantity
        for supply in supplies
        for hold in supply.lent
        if hold.until is not None and hold.until < at
    )


def _steps(
    supply: Supply, begins: datetime, until: datetime | None, at: datetime
) -> Iterator[tuple[datetime, int]]:
    """What is free of one supply at ``begins``, and from each moment on at which that changes."""
    limit = begins + _A_MOMENT if until is None else until
    changes: dict[datetime, int] = {begins: 0}
    for hold in supply.holds:
        end = hold.end(at)
        if end <= begins or hold.begins >= limit:
            continue
        start = max(begins, hold.begins)
        changes[start] = changes.get(start, 0) + hold.quantity
        if end < limit:
            changes[end] = changes.get(end, 0) - hold.quantity
    taken = 0
    for moment in sorted(changes):
        taken += changes[moment]
        yield moment, supply.left(taken)
