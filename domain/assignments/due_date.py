"""The verbs of an assignment that concern when it is due back."""

from datetime import datetime, timedelta

from domain.assignments import events, rules
from domain.assignments.content import State
from domain.assignments.errors import DueNotLater, HeldByNobody, NoExtensionRequested, NotDue
from domain.assignments.events import EvidenceData
from domain.assignments.rules import Asked, Command
from domain.assignments.standing import Awaited
from domain.assignments.verbs import Verbs
from domain.fields import optional_time_text, time_text
from domain.ids import Id


class DueDate(Verbs):
    """Extensions, reminders, and being overdue."""

    def request_extension(self, due: datetime, reason: str | None, asked: Asked) -> None:
        """Ask to keep it longer. Raises ``DueNotLater`` and what the loan rules refuse."""
        rules.check(Command.REQUEST_EXTENSION, self.view(), asked)
        self._check_later(due, asked.at)
        self._add(
            events.ExtensionRequested,
            asked.at,
            due=time_text(due),
            by=asked.by.user_id,
            reason=reason,
        )

    def approve_extension(
        self, due: datetime | None, operation_id: Id | None, asked: Asked
    ) -> datetime:
        """Let it be kept until ``due`` (None: as asked for), which is returned.

        Without an operation the date is ours alone. Raises ``NoExtensionRequested, DueNotLater``.
        """
        rules.check(Command.APPROVE_EXTENSION, self.view(), asked)
        until = due or self.standing.extension
        if until is None:
            raise NoExtensionRequested
        self._check_later(until, asked.at)
        self._add(
            events.ExtensionApproved,
            asked.at,
            operation_id=operation_id,
            due=time_text(until),
            by=asked.by.user_id,
        )
        if operation_id is None:
            self._add_due(None, until, None, asked.at)
        return until

    def refuse_extension(self, reason: str, asked: Asked) -> None:
        """Leave it due as it is."""
        rules.check(Command.REFUSE_EXTENSION, self.view(), asked)
        self._add(events.ExtensionRefused, asked.at, by=asked.by.user_id, reason=reason)

    def due_changed(self, operation_id: Id, evidence: EvidenceData, at: datetime) -> None:
        """The inventory shows the new due date."""
        pending = self._pending(operation_id, Awaited.DUE)
        self._add_due(operation_id, pending.due, evidence, at)

    def due_failed(self, operation_id: Id, reason: str, at: datetime) -> None:
        """The inventory refused the new due date."""
        self._pending(operation_id, Awaited.DUE)
        self._add(events.DueDateFailed, at, operation_id=operation_id, reason=reason)

    def mark_overdue(self, at: datetime) -> None:
        """Say that the time it was due has passed. Raises ``NotDue`` and ``WrongState``."""
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE)
        due = self.standing.due
        if due is None or at <= due:
            raise NotDue
        if not self.standing.overdue:
            self._add(events.BecameOverdue, at, due=time_text(due))

    def remind(self, day: int, at: datetime) -> None:
        """Remind of the due date, ``day`` days after it, once.

        Raises ``WrongState``, ``NotDue``, and ``HeldByNobody`` while the inventory says that there
        is nothing to bring back.
        """
        rules.check_in_state(self.view(), State.ACTIVE, State.OVERDUE)
        due = self.standing.due
        if due is None or at < due + timedelta(days=day):
            raise NotDue
        if not self.standing.held:
            raise HeldByNobody
        if (day, time_text(due)) not in self.standing.reminded:
            self._add(events.ReminderFell, at, day=day, due=time_text(due))

    def _check_later(self, due: datetime, at: datetime) -> None:
        if due <= at or (self.standing.due is not None and due <= self.standing.due):
            raise DueNotLater

    def _add_due(
        self,
        operation_id: Id | None,
        due: datetime | None,
        evidence: EvidenceData | None,
        at: datetime,
    ) -> None:
        self._add(
            events.DueDateChanged,
            at,
            operation_id=operation_id,
            due=optional_time_text(due),
            evidence=evidence,
        )
