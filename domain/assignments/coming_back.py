"""The verbs of an assignment that concern its coming back, or being gone."""

from collections.abc import Sequence
from datetime import datetime

from domain.assignments import events, rules
from domain.assignments.content import ASSET, EXTERNAL_RETURN, OF_AN_ASSET, Check, Condition, Units
from domain.assignments.errors import ConditionUnfit, MoreThanOutstanding
from domain.assignments.events import EvidenceData
from domain.assignments.rules import Asked, Command
from domain.assignments.standing import BACK, Awaited
from domain.assignments.verbs import Verbs
from domain.ids import Id


class ComingBack(Verbs):
    """Returns and losses."""

    def receive(
        self,
        operation_id: Id,
        units: Sequence[Units],
        asked: Asked,
        *,
        checklist: Sequence[Check] = (),
        location_id: Id | None = None,
        note: str | None = None,
    ) -> None:
        """Take units back at the desk. Raises ``MoreThanOutstanding`` and ``ConditionUnfit``."""
        rules.check(Command.RETURN, self.view(), asked)
        quantity = sum(group.quantity for group in units)
        if not 1 <= quantity <= self.standing.unreturned:
            raise MoreThanOutstanding
        if self.item.kind == ASSET and any(group.condition not in OF_AN_ASSET for group in units):
            raise ConditionUnfit
        self._add(
            events.ReturnReceived,
            asked.at,
            operation_id=operation_id,
            quantity=quantity,
            units=[group.data for group in units],
            checklist=[point.data for point in checklist],
            location_id=location_id,
            note=note,
            by=asked.by.user_id,
        )
        spoilt = [group.data for group in units if group.condition is not Condition.OK]
        if spoilt:
            self._add(events.DamageRecorded, asked.at, units=spoilt, by=asked.by.user_id)

    def returned(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows that these units are back."""
        pending = self._pending(operation_id, *BACK)
        if pending.awaited is Awaited.EXTERNAL_RETURN:
            self._add(
                events.DriftResolved,
                at,
                how=EXTERNAL_RETURN,
                operation_id=operation_id,
                by=pending.by,
            )
        outstanding = self.standing.outstanding - pending.quantity
        self._add(
            events.Returned,
            at,
            operation_id=operation_id,
            quantity=pending.quantity,
            outstanding=outstanding,
            evidence=evidence,
        )
        if outstanding == 0:
            self._add(events.Closed, at, outcome="returned")

    def return_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused the return: the custodian is on record as before."""
        self._pending(operation_id, Awaited.RETURN, Awaited.RECOVERY)
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
        """Take back what was said to be gone."""
        rules.check(Command.RECOVER, self.view(), asked)
        self._add(events.Recovered, asked.at, operation_id=operation_id, by=asked.by.user_id)
