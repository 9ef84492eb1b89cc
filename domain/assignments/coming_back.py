"""The verbs of an assignment that concern its coming back, or being gone."""

from datetime import datetime

from domain.assignments import events, rules
from domain.assignments.content import (
    ASSET,
    EXTERNAL_RETURN,
    OF_AN_ASSET,
    Received,
    State,
)
from domain.assignments.errors import ConditionUnfit, InventoryAsked, MoreThanOutstanding
from domain.assignments.events import EvidenceData
from domain.assignments.rules import Asked, Command
from domain.assignments.standing import HANDING_OVER, RETURNS, Awaited, Pending
from domain.assignments.verbs import Verbs
from domain.ids import Id


class ComingBack(Verbs):
    """Returns and losses."""

    def receive(self, operation_id: Id, back: Received, asked: Asked) -> None:
        """Take units back at the desk, or none of those that are gone, in a call of their own.

        Raises ``MoreThanOutstanding``, ``ConditionUnfit`` and ``InventoryAsked``.
        """
        self._check_back(back, asked)
        rules.check_in_state(self.view(), *rules.OUT_OR_COMING_BACK)
        if self.is_being_handed_over:
            raise InventoryAsked
        self._received(operation_id, back, asked.by.user_id, asked.at)

    @property
    def is_being_handed_over(self) -> bool:
        """Whether the inventory is asked to say that the custodian has it, maybe once more."""
        return self.standing.awaits(*HANDING_OVER)

    def note_return(self, back: Received, asked: Asked) -> None:
        """Take units back whose hand-over is not settled: what it comes to decides about them.

        Raises ``MoreThanOutstanding`` and ``ConditionUnfit``.
        """
        self._check_back(back, asked)
        if not self.is_being_handed_over:
            rules.check_in_state(self.view(), State.ISSUING)
        self._add(events.ReturnNoted, asked.at, **back.fields, by=asked.by.user_id)

    def receive_noted(self, operation_id: Id, at: datetime) -> None:
        """Return the first of what came back before its hand-over was settled, which it is now."""
        noted = self.standing.noted[0]
        self._received(operation_id, noted.back, noted.by, at)

    def _check_back(self, back: Received, asked: Asked) -> None:
        rules.check(Command.RETURN, self.view(), asked)
        if not 1 <= back.quantity <= self.standing.unreturned:
            raise MoreThanOutstanding
        if self.item.kind == ASSET and any(
            group.condition not in OF_AN_ASSET for group in back.units
        ):
            raise ConditionUnfit

    def _received(self, operation_id: Id, back: Received, by: Id, at: datetime) -> None:
        self._add(events.ReturnReceived, at, operation_id=operation_id, **back.fields, by=by)
        if back.spoilt:
            units = [group.data for group in back.spoilt]
            self._add(events.DamageRecorded, at, units=units, by=by)

    def returned(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows that these units are back."""
        pending = self._pending(operation_id, *RETURNS)
        self._no_longer_out(events.Returned, pending, evidence, at)
        if pending.awaited is Awaited.EXTERNAL_RETURN:
            self._add(
                events.DriftResolved,
                at,
                how=EXTERNAL_RETURN,
                operation_id=operation_id,
                by=pending.by,
            )
        self._close_without_units(at)

    def written_off(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory no longer shows these units, which are gone, with the custodian."""
        pending = self._pending(operation_id, Awaited.WRITE_OFF)
        self._no_longer_out(events.WrittenOff, pending, evidence, at, outcome=pending.outcome)
        self._close_without_units(at)

    def _no_longer_out(
        self,
        event: type[events.Event],
        pending: Pending,
        evidence: EvidenceData,
        at: datetime,
        **more: str | None,
    ) -> None:
        drift = self.standing.drift
        self._add(
            event,
            at,
            operation_id=pending.operation_id,
            quantity=pending.quantity,
            outstanding=self.standing.outstanding - pending.quantity,
            evidence=evidence,
            **more,
        )
        still = [row for row in drift.unlisted if row in self.standing.rows] if drift else []
        if drift is not None and still:
            self._add(events.UnitsDriftReduced, at, unlisted=still, read_at=drift.read_at)

    def _close_without_units(self, at: datetime) -> None:
        if self.standing.outstanding == 0:
            self._add(events.Closed, at, outcome=self.standing.written_off or "returned")

    def return_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """It came to nothing in the inventory: the custodian is on record as before."""
        self._pending(
            operation_id, Awaited.RETURN, Awaited.RECOVERY, Awaited.TURNED_UP, Awaited.WRITE_OFF
        )
        self._add(events.ReturnFailed, at, operation_id=operation_id, reason=reason)

    def report_loss(self, kind: str, note: str | None, asked: Asked) -> None:
        """Say that it is ``lost`` or ``stolen``."""
        rules.check(Command.REPORT_LOSS, self.view(), asked)
        self._add(events.LossReported, asked.at, kind=kind, note=note, by=asked.by.user_id)

    def confirm_loss(self, operation_id: Id, asked: Asked) -> None:
        """Agree that it is gone, and have the inventory list it so."""
        rules.check(Command.CONFIRM_LOSS, self.view(), asked)
        self._add(
            events.LossConfirmationRequested,
            asked.at,
            operation_id=operation_id,
            by=asked.by.user_id,
        )

    def loss_confirmed(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory lists it as gone."""
        self._pending(operation_id, Awaited.LOSS)
        kind = self.standing.loss
        self._add(events.LossConfirmed, at, operation_id=operation_id, kind=kind, evidence=evidence)
        self._add(events.Closed, at, outcome=kind)

    def loss_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused to list it as gone."""
        self._pending(operation_id, Awaited.LOSS)
        self._add(events.LossFailed, at, operation_id=operation_id, reason=reason)

    def recover(self, operation_id: Id, asked: Asked) -> None:
        """Take back what was said to be gone, or what is listed so."""
        rules.check(Command.RECOVER, self.view(), asked)
        self._add(events.Recovered, asked.at, operation_id=operation_id, by=asked.by.user_id)

    def asset_recovered(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory has back what it listed as gone."""
        self._pending(operation_id, Awaited.TURNED_UP)
        self._add(events.AssetRecovered, at, operation_id=operation_id, evidence=evidence)
