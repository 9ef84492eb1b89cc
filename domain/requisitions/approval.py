"""How far an approval has come, what a step may approve, and to whom it may be handed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.errors import InvalidField
from domain.ids import Id
from domain.ports import MemberFact
from domain.requisitions.approval_plan import StepData
from domain.requisitions.errors import (
    DelegateIsRequester,
    DelegateNotPermitted,
    DelegationLoop,
    MoreThanAsked,
    NothingApproved,
)
from domain.requisitions.quantities import Quantities
from domain.requisitions.rules import APPROVE, APPROVE_OWN, Delegation, Step


@dataclass(frozen=True, slots=True)
class Approval:
    """The plan that is in force and how far it has come.

    ``step`` is the present one, from 1; None when there is nothing to decide. With
    ``require_live_availability``, a step is approved only while it is known how many units of
    the lines' items are left.
    """

    policy_id: Id | None = None
    policy_name: str | None = None
    steps: tuple[Step, ...] = ()
    step: int | None = None
    require_live_availability: bool = False

    @classmethod
    def of(
        cls, policy_id: Id | None, policy_name: str | None, steps: Sequence[StepData]
    ) -> "Approval":
        """A plan at its first step."""
        return cls(policy_id, policy_name, tuple(Step(**step) for step in steps), step=1)

    @property
    def present_step(self) -> int:
        """The step to decide. Raises ``ValueError`` where there is none."""
        if self.step is None:
            raise ValueError("there is no step to decide")
        return self.step

    def approved(self, step: int, by: Id, at: datetime, note: str | None) -> "Approval":
        """After ``step`` was approved: at the next one, if there is one."""
        decided = self._with_step(
            step,
            replace(
                self.steps[step - 1],
                decision="approved",
                decided_by=by,
                decided_at=at,
                note=note,
            ),
        )
        return replace(decided, step=step + 1 if step < len(self.steps) else None)

    def rejected(self, by: Id, at: datetime) -> "Approval":
        """After the present step was rejected; after the last one, only closed."""
        if self.step is None:
            return self
        present = self.steps[self.step - 1]
        rejected = replace(present, decision="rejected", decided_by=by, decided_at=at)
        return self._with_step(self.step, rejected).closed()

    def delegated(self, step: int, delegation: Delegation) -> "Approval":
        """After ``step`` was handed to somebody else."""
        present = self.steps[step - 1]
        return self._with_step(
            step, replace(present, delegations=(*present.delegations, delegation))
        )

    def closed(self) -> "Approval":
        """With nothing left to decide."""
        return replace(self, step=None)

    def _with_step(self, number: int, step: Step) -> "Approval":
        steps = (*self.steps[: number - 1], step, *self.steps[number:])
        return replace(self, steps=steps)


NO_APPROVAL: Final = Approval()
"""Before submission, and after the requisition went back to the requester."""


@dataclass(frozen=True, slots=True)
class LineApproval:
    """How many units of a line an approver grants."""

    line_id: Id
    approved: int


def check_approvals(approvals: Sequence[LineApproval]) -> None:
    """Raise ``InvalidField`` for an amount below zero or a line named twice."""
    seen: set[Id] = set()
    for index, approval in enumerate(approvals):
        if approval.approved < 0:
            raise InvalidField(("lines", index, "approved"), "This must not be negative.")
        if approval.line_id in seen:
            raise InvalidField(("lines", index, "line_id"), "This line is named twice.")
        seen.add(approval.line_id)


def approved_units(
    step: int, lines: Mapping[Id, Quantities], approvals: Sequence[LineApproval]
) -> dict[Id, int]:
    """What the step approves of every line; a line that it does not name stays as it was.

    Before the first step (``step`` is 1) that is as requested. Raises ``InvalidField`` for a line
    that the requisition does not have, ``MoreThanAsked`` and ``NothingApproved``.
    """
    before = {
        line_id: line.requested if step == 1 else line.approved for line_id, line in lines.items()
    }
    approved = dict(before)
    for index, approval in enumerate(approvals):
        if approval.line_id not in before:
            raise InvalidField(("lines", index, "line_id"), "There is no such line.")
        if approval.approved > before[approval.line_id]:
            raise MoreThanAsked
        approved[approval.line_id] = approval.approved
    if not any(approved.values()):
        raise NothingApproved
    return approved


def check_delegation(
    step: Step, requester_id: Id, by: Id, target: MemberFact | None, at: datetime
) -> Id:
    """The user to whom ``by`` may hand ``step`` at ``at``: ``target``.

    Raises ``InvalidField`` for somebody who is no member, ``DelegateNotPermitted``,
    ``DelegateIsRequester`` and ``DelegationLoop``.
    """
    if target is None:
        raise InvalidField(("to_user_id",), "There is no such member.")
    if not target.permissions & {APPROVE, step.permission}:
        raise DelegateNotPermitted
    if target.user_id == requester_id and APPROVE_OWN not in target.permissions:
        raise DelegateIsRequester
    if target.user_id in {by, *_chain(step, at)}:
        raise DelegationLoop
    return target.user_id


def _chain(step: Step, at: datetime) -> set[Id]:
    in_force = [delegation for delegation in step.delegations if delegation.holds(at)]
    return {user for delegation in in_force for user in (delegation.by, delegation.to_user_id)}
