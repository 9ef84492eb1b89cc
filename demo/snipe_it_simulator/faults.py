"""Faults that can be ordered: which calls they hit, how often, and what they do.

The list of kinds is the documentation of ``POST /simulator/faults``.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a fault does. "Applied" means that the call takes effect all the same."""

    MAINTENANCE = "maintenance"
    """503 with ``messages: 503``, for everything, ``/health`` included. Not applied."""
    DATABASE_DOWN = "database_down"
    """302 to ``/setup``, ``/health`` 500. Not applied."""
    BAD_GATEWAY = "bad_gateway"
    """502 of the reverse proxy, HTML. Not applied."""
    BAD_GATEWAY_AFTER = "bad_gateway_after"
    """502 of the reverse proxy although the call was applied."""
    GATEWAY_TIMEOUT = "gateway_timeout"
    """504 of the reverse proxy at once; applied ``seconds`` later."""
    ERROR_BEFORE = "error_before"
    """500, not applied: a lock wait timeout."""
    ERROR_AFTER = "error_after"
    """500 although the call was applied."""
    REFUSE = "refuse"
    """200 with status error and ``message``. Not applied."""
    HTML = "html"
    """200 with an HTML page, as after a followed redirect. Not applied."""
    THROTTLE = "throttle"
    """429 as if the budget were spent; with ``Retry-After`` where ``seconds`` are given, as a proxy
    answers. Not applied."""
    UNAUTHORIZED = "unauthorized"
    """401. Not applied."""
    FORBIDDEN = "forbidden"
    """403. Not applied."""
    SLOW = "slow"
    """Waits ``seconds`` before it begins."""
    LATE = "late"
    """Checks at once, waits ``seconds``, then writes: applied after a client that gave up."""
    SLOW_ANSWER = "slow_answer"
    """Applied at once, answered after ``seconds``."""
    CUT = "cut"
    """Applied, then half of the body and the end of the connection."""
    DROP_BEFORE = "drop_before"
    """The connection ends without an answer. Not applied."""
    DROP_AFTER = "drop_after"
    """The connection ends without an answer, although the call was applied."""


@dataclass
class Fault:
    """Hits calls whose method is ``method`` (any, if empty) and whose path matches ``path``.

    ``path`` is a regular expression over the whole path; ``times`` None means until cleared;
    the first ``skip`` calls that would be hit are let through.
    """

    kind: Kind
    method: str = ""
    path: str = ".*"
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    message: str = "That asset is not available for checkout!"

    def hits(self, method: str, path: str) -> bool:
        """Whether a call is one of those meant."""
        return self.method in {"", method} and re.fullmatch(self.path, path) is not None


@dataclass
class Faults:
    """The faults in force, in the order in which they were given, and how often each kind hit."""

    ordered: list[Fault] = field(default_factory=list)
    hits: Counter[Kind] = field(default_factory=Counter)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, used up by one."""
        for fault in self.ordered:
            if not fault.hits(method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            self._use(fault)
            return fault
        return None

    def _use(self, fault: Fault) -> None:
        self.hits[fault.kind] += 1
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self.ordered.remove(fault)
