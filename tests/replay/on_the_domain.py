"""A plan carried out by the real aggregate, in memory."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from eventsourcing.utils import get_topic

from demo.replay.data_file import STEP_ROLES
from demo.replay.mapping import (
    EMPLOYEE,
    TECHNICIAN,
    Action,
    CasePlan,
    Command,
    Steps,
    permission_of,
    slug,
)
from domain.caller import Caller
from domain.errors import RuleBroken
from domain.ports import PolicyFact
from domain.requisitions.content import Header, Item, Line
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked
from infrastructure.ids import derived_id, new_id
from tests.builders.people import NOW, PROJECT, person, with_roles

_TECHNICIAN: Final = with_roles(TECHNICIAN, "technician")
_ALL_STEPS: Final = [permission_of(role) for role in STEP_ROLES]
_CREW: Final[dict[str, Caller]] = {
    EMPLOYEE: with_roles(EMPLOYEE, "requester"),
    TECHNICIAN: person(TECHNICIAN, *_TECHNICIAN.permissions, *_ALL_STEPS),
    **{slug(role): person(role, permission_of(role)) for role in STEP_ROLES},
}


class DomainRun:
    """What the aggregate makes of a plan: its state, its events by name, the refused rows."""

    def __init__(self, plan: CasePlan) -> None:
        self.policies = [_policy(steps) for steps in sorted(plan.policies)]
        self.line = Line(new_id(), Item("purchase", description="A payment"), 1)
        self.refused: list[int] = []
        self.requisition = self._create(plan.commands[0])
        for number, command in enumerate(plan.commands[1:], start=1):
            asked = Asked(_CREW[command.actor], NOW + timedelta(minutes=number), "member")
            try:
                self._order(command, asked)()
            except RuleBroken:
                self.refused.append(command.row)

    @property
    def state(self) -> str:
        return self.requisition.state.value

    @property
    def events(self) -> Counter[str]:
        return Counter(get_topic(type(event)) for event in self.requisition.pending_events)

    def _create(self, command: Command) -> Requisition:
        asked = Asked(_CREW[command.actor], NOW, "member")
        header = Header("A payment", amount=command.amount, policy_id=_policy(command.steps).id)
        return Requisition.draft(
            uuid4(), PROJECT, header, [self.line], asked, project_archived=False
        )

    def _order(self, command: Command, asked: Asked) -> Callable[[], None]:
        it = self.requisition
        reason = command.reason or ""
        policy_id = _policy(command.steps).id
        amount = command.amount or Decimal(0)
        orders: dict[Action, Callable[[], None]] = {
            Action.EDIT: lambda: it.edit(asked, policy_id=policy_id, amount=amount),
            Action.SUBMIT: lambda: it.submit(self.policies, asked, project_archived=False),
            Action.APPROVE: lambda: it.approve((), None, asked),
            Action.REQUEST_CHANGES: lambda: it.request_changes(reason, asked),
            Action.REJECT: lambda: it.reject(reason, asked),
            Action.WITHDRAW: lambda: it.withdraw(reason, asked),
            Action.CANCEL: lambda: it.cancel(reason, asked),
            Action.FULFIL: lambda: it.fulfil(self.line.line_id, 1, None, asked),
        }
        return orders[command.action]


def _policy(steps: Steps) -> PolicyFact:
    return PolicyFact(
        id=derived_id("policy", *steps),
        name=" then ".join(steps),
        steps=tuple((role, permission_of(role)) for role in steps),
        min_amount=None,
        project_id=None,
    )
