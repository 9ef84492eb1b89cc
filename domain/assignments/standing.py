"""Where an assignment stands: plain facts, and what follows from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.assignments.content import (
    EXTERNAL_RETURN,
    GONE,
    LOSS_KINDS,
    REASSERTED,
    RELINKED,
    Condition,
    Custodian,
    Received,
    State,
)
from domain.assignments.events import UnitData
from domain.ids import Id

ACCEPTED: Final = "accepted"
DECLINED: Final = "declined"
CONSUMED: Final = "consumed"
WRITTEN_OFF: Final = "written_off"


class Awaited(StrEnum):
    """What an operation in the inventory would mean for the assignment."""

    ISSUE = "issue"
    RETURN = "return"
    DUE = "due"
    LOSS = "loss"
    RECOVERY = "recovery"
    WRITE_OFF = "write_off"
    TURNED_UP = "turned_up"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_BACK = "transfer_back"
    EXTERNAL_RETURN = "external_return"
    REASSERT = "reassert"
    RELINK = "relink"


RETURNS: Final = frozenset({Awaited.RETURN, Awaited.RECOVERY, Awaited.EXTERNAL_RETURN})
"""What ends in a return."""

BACK: Final = RETURNS | {Awaited.WRITE_OFF}
"""After which fewer units are out."""

RESOLVING: Final[Mapping[str, Awaited]] = MappingProxyType(
    {
        EXTERNAL_RETURN: Awaited.EXTERNAL_RETURN,
        REASSERTED: Awaited.REASSERT,
        RELINKED: Awaited.RELINK,
    }
)
"""What the inventory is asked for when a drift is dealt with in each way."""

HANDING_OVER: Final = frozenset({Awaited.ISSUE, Awaited.REASSERT})
"""After which the custodian has it for certain: what comes back before is noted."""

TRANSFER: Final = frozenset({Awaited.TRANSFER_IN, Awaited.TRANSFER_OUT, Awaited.TRANSFER_BACK})


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation that the inventory has not answered: ``quantity`` units, or a new ``due``.

    ``rows`` are the checkout rows of an accessory that it takes back, ``outcome`` what is said of
    units that are written off.
    """

    operation_id: Id
    awaited: Awaited
    quantity: int = 0
    due: datetime | None = None
    by: Id | None = None
    rows: tuple[int, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer under way. ``check_in_id`` is the operation of its first half."""

    to: Custodian
    successor_id: Id
    check_in_id: Id
    by: Id


@dataclass(frozen=True, slots=True)
class Noted:
    """What came back before its hand-over was settled, and who took it."""

    back: Received
    by: Id


@dataclass(frozen=True, slots=True)
class Drift:
    """Who has the item according to the inventory (None: nobody), read at a time.

    ``unlisted`` are the checkout rows of units of an accessory that nobody has; others may be
    where we say.
    """

    actual: tuple[str, int] | None
    read_at: str
    unlisted: tuple[int, ...] = ()

    def held_by_nobody(self, outstanding: int) -> int:
        """How many of the units that are out nobody has, according to the inventory."""
        if self.actual is not None:
            return 0
        return len(self.unlisted) or outstanding


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an assignment stands.

    ``outstanding`` units are out or reserved; ``operations`` counts those ever asked for;
    ``failed_issues`` are those of a hand-over that came to nothing; ``rows`` are the inventory's
    checkout rows of an accessory, which it may not list any more: a drift names those;
    ``extension`` is the due date that the custodian asks for; ``reminded`` holds (day, due) of the
    reminders given; ``written_off`` is the outcome of units that never came back.
    """

    outstanding: int
    due: datetime | None
    told_to_collect: bool = False
    handed_over: bool = False
    cancelled: bool = False
    overdue: bool = False
    outcome: str | None = None
    pending: Mapping[Id, Pending] = field(default_factory=dict)
    operations: int = 0
    failed_issues: tuple[Id, ...] = ()
    answer: str | None = None
    extension: datetime | None = None
    renewals: int = 0
    loss: str | None = None
    recovered: bool = False
    noted: tuple[Noted, ...] = ()
    transfer: Transfer | None = None
    drift: Drift | None = None
    attention: str | None = None
    rows: tuple[int, ...] = ()
    reminded: frozenset[tuple[int, str]] = frozenset()
    written_off: str | None = None

    @property
    def state(self) -> State:  # noqa: PLR0911 - one line a state
        """The state that this adds up to."""
        if self.outcome is not None:
            return State.CLOSED
        if self.cancelled:
            return State.CANCELLED
        if not self.handed_over:
            return State.ISSUING if self.awaits(Awaited.ISSUE) else State.RESERVED
        if self.transfer is not None or self.awaits(Awaited.RELINK):
            return State.TRANSFERRING
        if self.awaits(*BACK) or self.noted:
            return State.RETURNING
        if self.loss is not None:
            return State.LOSS_PENDING
        return State.OVERDUE if self.overdue else State.ACTIVE

    @property
    def gone(self) -> bool:
        """Whether the inventory lists it as lost or stolen, as far as this assignment knows."""
        return self.outcome in LOSS_KINDS and not self.recovered

    @property
    def unreturned(self) -> int:
        """Units that are out, or about to be, and not on their way back."""
        on_the_way = sum(
            pending.quantity for pending in self.pending.values() if pending.awaited in BACK
        )
        return self.outstanding - on_the_way - sum(noted.back.quantity for noted in self.noted)

    @property
    def unlisted(self) -> tuple[int, ...]:
        """The checkout rows that the inventory does not list any more, as far as is noted."""
        return () if self.drift is None else self.drift.unlisted

    @property
    def held(self) -> int:
        """Units that are out, and of which the inventory does not say that nobody has them."""
        drift, outstanding = self.drift, self.outstanding
        return outstanding if drift is None else outstanding - drift.held_by_nobody(outstanding)

    @property
    def drifted_units(self) -> int:
        """Of how many units the inventory says otherwise: of all, where it is not about rows."""
        return len(self.unlisted) or self.outstanding

    def rows_back(self, quantity: int) -> tuple[int, ...]:
        """The checkout rows that the next ``quantity`` units come back under.

        What the inventory does not list any more comes first: somebody took it back over there.
        """
        return tuple(sorted(self._free_rows, key=lambda row: row not in self.unlisted)[:quantity])

    def rows_gone(self, quantity: int) -> tuple[int, ...]:
        """The checkout rows of the next ``quantity`` units that are gone: nobody took them back."""
        return tuple(sorted(self._free_rows, key=lambda row: row in self.unlisted)[:quantity])

    @property
    def _free_rows(self) -> list[int]:
        claimed = {row for pending in self.pending.values() for row in pending.rows}
        return [row for row in self.rows if row not in claimed]

    def awaits(self, *awaited: Awaited) -> bool:
        """Whether the inventory is being asked for one of these."""
        return any(pending.awaited in awaited for pending in self.pending.values())


def outcome_of(units: Iterable[UnitData]) -> str | None:
    """What is said of units none of which came back; None where some did."""
    conditions = {unit["condition"] for unit in units}
    if not conditions <= GONE:
        return None
    return CONSUMED if conditions == {Condition.CONSUMED} else WRITTEN_OFF
