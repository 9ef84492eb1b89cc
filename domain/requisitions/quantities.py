"""The quantities of a line, and the state that follows from them.

For every line ``requested >= approved >= allocated + issuing + issued + closed_short``, all of
them at least 0. ``approved`` is 0 until a step has approved. Pure functions: the aggregate and
the projector of the read tables share them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.ids import Id


class State(StrEnum):
    """Where a requisition stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    FULFILLING = "fulfilling"
    FULFILLED = "fulfilled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Place(StrEnum):
    """Where approved units can be, other than open: the name of their quantity."""

    ALLOCATED = "allocated"
    ISSUING = "issuing"
    ISSUED = "issued"
    CLOSED_SHORT = "closed_short"


@dataclass(frozen=True, slots=True)
class Quantities:
    """The quantities of one line, in units."""

    requested: int
    approved: int = 0
    allocated: int = 0
    issuing: int = 0
    issued: int = 0
    closed_short: int = 0

    @property
    def taken(self) -> int:
        """Units that are spoken for: on their way out, out, or given up."""
        return self.allocated + self.issuing + self.issued + self.closed_short

    @property
    def open(self) -> int:
        """Approved units that nothing has been done about."""
        return self.approved - self.taken

    @property
    def is_sound(self) -> bool:
        """Whether the invariant of this module holds."""
        return (
            min(self.allocated, self.issuing, self.issued, self.closed_short) >= 0
            and self.requested >= self.approved >= self.taken
        )


def approve(
    quantities: Mapping[Id, Quantities], approved: Mapping[Id, int]
) -> dict[Id, Quantities]:
    """All lines, with what a step approved of each; a line that it does not name stays."""
    return {
        line_id: replace(line, approved=approved.get(line_id, line.approved))
        for line_id, line in quantities.items()
    }


def void_approval(quantities: Mapping[Id, Quantities]) -> dict[Id, Quantities]:
    """All lines, as before any step."""
    return {line_id: replace(line, approved=0) for line_id, line in quantities.items()}


def moved(
    line: Quantities, quantity: int, source: Place | None, destination: Place | None
) -> Quantities:
    """The line after ``quantity`` units left one place for another; None stands for open."""
    changes: dict[str, int] = {}
    if source is not None:
        changes[source] = getattr(line, source) - quantity
    if destination is not None:
        changes[destination] = getattr(line, destination) + quantity
    return replace(line, **changes)


def state_after_approval(lines: Iterable[Quantities]) -> State:
    """The state of a finally approved requisition, from the quantities of all its lines.

    Fulfilled once every approved unit is issued or closed short, cancelled where none of them
    was ever issued.
    """
    lines = tuple(lines)
    if not any(line.taken for line in lines):
        return State.APPROVED
    if any(line.open or line.allocated or line.issuing for line in lines):
        return State.FULFILLING
    if any(line.issued for line in lines):
        return State.FULFILLED
    return State.CANCELLED
