"""The verbs of an assignment that concern an inventory which says otherwise."""

from datetime import datetime

from domain.assignments import events, rules
from domain.assignments.content import (
    ASSET,
    REASSERTED,
    RELINKED,
    VANISHED,
    State,
)
from domain.assignments.errors import HeldByAnother, HeldByNobody
from domain.assignments.events import EvidenceData
from domain.assignments.rules import Asked, Command
from domain.assignments.standing import RESOLVING, Awaited
from domain.assignments.verbs import Verbs
from domain.fields import time_text
from domain.ids import Id


class Drifting(Verbs):
    """Drift, and how it is dealt with."""

    def detect_drift(self, actual: tuple[str, int] | None, read_at: datetime, at: datetime) -> None:
        """Note who has it according to the inventory. Says nothing new: nothing happens."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE, State.LOSS_PENDING)
        known = self.standing.drift
        if not self.standing.pending and (known is None or known.actual != actual):
            self._add(events.DriftDetected, at, actual=actual, read_at=time_text(read_at))

    def detect_units_drift(
        self, unlisted: tuple[int, ...], read_at: datetime, at: datetime
    ) -> None:
        """Note which checkout rows the inventory does not list any more; known ones are known."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE)
        if not self.standing.pending and unlisted != self.standing.unlisted:
            self._add(
                events.UnitsDriftDetected, at, unlisted=list(unlisted), read_at=time_text(read_at)
            )

    def drift_vanished(self, at: datetime) -> None:
        """The inventory agrees again."""
        if self.standing.drift is not None and not self.standing.pending:
            self._add(events.DriftResolved, at, how=VANISHED, operation_id=None, by=None)

    @property
    def found_with(self) -> tuple[str, int]:
        """Who has it according to the inventory. Raises ``HeldByNobody``."""
        drift = self.standing.drift
        if drift is None or drift.actual is None:
            raise HeldByNobody
        return drift.actual

    def resolve_drift(self, how: str, operation_id: Id, asked: Asked) -> None:
        """Take it as returned, have the inventory say again who has it, or agree with it.

        Raises ``HeldByAnother`` for the first two where the inventory shows it with somebody else:
        nothing is taken from anybody. ``HeldByNobody`` for the last where it does not.
        """
        rules.check(Command.RESOLVE_DRIFT, self.view(), asked)
        drift = self.standing.drift
        if how != RELINKED and drift is not None and drift.actual is not None:
            raise HeldByAnother
        if how == RELINKED and drift is not None and drift.actual is None:
            raise HeldByNobody
        self._add(
            events.DriftResolutionRequested,
            asked.at,
            how=how,
            operation_id=operation_id,
            by=asked.by.user_id,
        )

    def reasserted(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows it with the custodian again."""
        pending = self._pending(operation_id, Awaited.REASSERT)
        if self.item.kind != ASSET:
            self._add(events.UnitsReasserted, at, operation_id=operation_id, evidence=evidence)
        self._add(
            events.DriftResolved, at, how=REASSERTED, operation_id=operation_id, by=pending.by
        )

    def drift_resolution_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused it: the drift stands."""
        self._pending(operation_id, *RESOLVING.values())
        self._add(events.DriftResolutionFailed, at, operation_id=operation_id, reason=reason)
