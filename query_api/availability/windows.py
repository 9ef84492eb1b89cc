"""How many units are free when: the mirror's picture minus what is held, over a period.

Pure functions. A hold is what the item's book says; units that are out are taken until they are
due, and those that should be back by now for as long as they are not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.assignments.item_book import Hold


@dataclass(frozen=True, slots=True)
class Unit:
    """One asset. ``lendable`` says whether it can be handed out once nobody has it."""

    lendable: bool
    holds: Sequence[Hold]

    def free(self, moment: datetime, at: datetime) -> int:
        """1 where it is free at ``moment``, as far as can be known at ``at``."""
        return int(self.lendable and not _taken(self.holds, moment, at))


@dataclass(frozen=True, slots=True)
class Stock:
    """Units of one kind. ``in_store`` and ``total`` are the inventory's figures.

    ``missing`` of the units that are out are not in those figures any more: they come back into
    the store when their holds end.
    """

    in_store: int
    total: int
    missing: int
    holds: Sequence[Hold]

    def free(self, moment: datetime, at: datetime) -> int:
        """Units that are free at ``moment``, as far as can be known at ``at``."""
        lendable = min(self.in_store + self.missing, self.total)
        return max(0, lendable - _taken(self.holds, moment, at))


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
    borders = sorted({begins, *_changes(supplies, begins, until, at)})
    ends = [*borders[1:], until]
    found: list[Window] = []
    for border, end in zip(borders, ends, strict=True):
        available = sum(supply.free(border, at) for supply in supplies)
        if found and found[-1].available == available:
            found[-1] = Window(found[-1].begins, end, available)
        else:
            found.append(Window(border, end, available))
    return found


def overdue(supplies: Sequence[Supply], at: datetime) -> int:
    """Units that should be back by ``at`` and are not."""
    return sum(
        hold.quantity
        for supply in supplies
        for hold in supply.holds
        if hold.out and hold.until is not None and hold.until < at
    )


def _changes(
    supplies: Iterable[Supply], begins: datetime, until: datetime | None, at: datetime
) -> Iterable[datetime]:
    if until is None:
        return
    for supply in supplies:
        for hold in supply.holds:
            for moment in (hold.begins, hold.end(at)):
                if begins < moment < until:
                    yield moment


def _taken(holds: Iterable[Hold], moment: datetime, at: datetime) -> int:
    return sum(hold.quantity for hold in holds if hold.begins <= moment < hold.end(at))
