"""Read your own write: a request can wait until the read tables have seen a position."""

import re
from dataclasses import dataclass
from typing import Final

from query_api.errors import BadHeader

DEFAULT_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 30.0
_LARGEST_POSITION: Final = 2**63 - 1
_DIGITS: Final = re.compile(r"[0-9]{1,19}")
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*([0-9]{1,6})\s*(?=$|[,;])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MinPosition:
    """The position that an answer must have seen, and how long to wait for it, in seconds."""

    position: int
    wait_s: float


def min_position(position: str | None, prefer: str | None) -> MinPosition:
    """What the headers ``Min-Position`` and ``Prefer`` ask for.

    Raises ``BadHeader`` for a position that is not a whole number. A preference that is not
    understood is passed over, as RFC 7240 wants it.
    """
    if position is None:
        return MinPosition(0, 0.0)
    if not _DIGITS.fullmatch(position) or int(position) > _LARGEST_POSITION:
        raise BadHeader("Min-Position", "This must be a whole number.", "invalid_position")
    wait = _WAIT.search(prefer or "")
    wait_s = DEFAULT_WAIT_S if wait is None else min(float(wait[1]), LONGEST_WAIT_S)
    return MinPosition(int(position), wait_s)
