"""The clocks of a process: what time it is, and how long something takes."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def since_boot() -> float:
    """Seconds since the machine began, those counted in which it or the process stood still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
