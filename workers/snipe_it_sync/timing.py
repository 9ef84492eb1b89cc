"""How long things take and how long is waited between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tenacity import RetryCallState, wait_exponential_jitter
from tenacity.wait import wait_base

from infrastructure.snipe_it.settings import Deadlines

Pause = Callable[[int], float]
"""Seconds to wait after the so-and-so-many-th failure in a row."""

BETWEEN_TRIES: Final = wait_exponential_jitter(multiplier=1, max=300, jitter=1)
"""Of one operation: from a second to five minutes."""

BETWEEN_PROBES: Final = wait_exponential_jitter(multiplier=5, max=300, jitter=2)
"""Of a server that does not answer."""


def pause_by(wait: wait_base) -> Pause:
    """A wait strategy, asked for nothing but its seconds."""

    def pause(failures: int) -> float:
        state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]  # a strategy looks at the count alone
        state.attempt_number = failures
        return float(wait(state))

    return pause


@dataclass(frozen=True, slots=True)
class Timing:
    """The worker's times, in seconds.

    ``late_s``: for so long a call may still take effect after nobody waits for its answer any
    more. A server ends its own calls before: PHP after 30 s, a lock wait after 50 s.
    """

    late_s: float = 60.0
    first_look_s: float = 2.0
    lease_margin_s: float = 10.0
    throttled_s: float = 61.0
    unreachable_s: float = 60.0
    pause: Pause = field(default_factory=lambda: pause_by(BETWEEN_TRIES))

    def lease_s(self, deadlines: Deadlines) -> float:
        """A lease outlives the longest call, with the wait that may precede it."""
        return deadlines.queue + deadlines.total + self.lease_margin_s

    def final_at(self, unsettled_at: datetime) -> datetime:
        """From when on what has not happened no longer will."""
        return unsettled_at + timedelta(seconds=self.late_s)

    def until_next_look(self, unsettled_at: datetime, at: datetime) -> float:
        """How long to wait before looking again: each time as long as it has taken so far."""
        so_far = (at - unsettled_at).total_seconds()
        left = (self.final_at(unsettled_at) - at).total_seconds()
        return min(max(self.first_look_s, so_far), max(left, 0.0))
