"""How long things take and how long is waited between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tenacity import RetryCallState, wait_exponential_jitter
from tenacity.wait import wait_base

from domain.ids import Id
from infrastructure.clock import since_boot
from infrastructure.snipe_it.settings import Deadlines

Pause = Callable[[int], float]
"""Seconds to wait after the so-and-so-many-th failure in a row."""

BETWEEN_TRIES: Final = wait_exponential_jitter(multiplier=1, max=300, jitter=1)
"""Of one operation: from a second to five minutes."""

BETWEEN_PROBES: Final = wait_exponential_jitter(multiplier=5, max=300, jitter=2)
"""Of a server that does not answer."""


REMEMBERED_S: Final = 24 * 3600.0
"""Much longer than anything is waited for."""


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

    def until_next_look(self, waited_s: float, so_far_s: float) -> float:
        """How long to wait before looking again: each time as long as it has taken so far.

        ``so_far_s`` by the clocks, which say how often others have looked; whether it is over is
        said by how long this process has waited, alone.
        """
        return min(max(self.first_look_s, waited_s, so_far_s), max(self.late_s - waited_s, 0.0))


class Waits:
    """How long this process has known that the outcome of a call is open, for each operation.

    No clock is asked: it may be set meanwhile, and that of another process may be another. So what
    another process, or an earlier one, has left open is waited for anew.
    """

    def __init__(self, passing: Callable[[], float] = since_boot) -> None:
        self._passing = passing
        self._known: dict[Id, tuple[datetime, float]] = {}

    def waited_s(self, operation_id: Id, unsettled_at: datetime) -> float:
        """Seconds since this was first asked of a call that was left open at that time."""
        now = self._passing()
        known = self._known.get(operation_id)
        if known is None or known[0] != unsettled_at:
            self._forget_the_old(now)
            known = self._known[operation_id] = (unsettled_at, now)
        return now - known[1]

    def _forget_the_old(self, now: float) -> None:
        kept = {id: one for id, one in self._known.items() if now - one[1] < REMEMBERED_S}
        self._known = kept
