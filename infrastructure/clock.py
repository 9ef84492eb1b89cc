"""The clocks of a process: what time it is, and how long something takes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.ports import Clock

FOLLOWING: Final = 0.05
"""By how much of the time that passes a steady clock may be set right: a minute stays a minute to
within 3 s, and an hour is made up for in 20."""


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def since_boot() -> float:
    """Seconds since the machine began, those counted in which it or the process stood still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SteadyClock:
    """The time of day for those who measure by it how long something has taken.

    It is carried on by the time that passes and follows the machine's clock slowly, so a step of
    that shortens no wait, and one that was wrong at the start is right in the end. It never goes
    back.
    """

    def __init__(self, machine: Clock = utc_now, passing: Callable[[], float] = since_boot) -> None:
        self._machine = machine
        self._passing = passing
        self._told = machine()
        self._told_at = passing()

    def __call__(self) -> datetime:
        """What time it is."""
        at = self._passing()
        passed = timedelta(seconds=at - self._told_at)
        most = passed * FOLLOWING
        carried = self._told + passed
        off = self._machine() - carried
        self._told, self._told_at = carried + max(-most, min(off, most)), at
        return self._told
