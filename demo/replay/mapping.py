"""From the rows of a case to commands, with what each of them must lead to. Pure.

The state machine here is the replay's own small reading of the domain's page, kept apart from
the domain on purpose: it says what must come out, and the running system is held against it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from demo.replay.data_file import (
    PAYMENT_HANDLED,
    PAYMENT_REQUESTED,
    REQUESTER,
    SAVED,
    STEP_ROLES,
    SUBMITTED,
    UNNAMED,
    Row,
)

TECHNICIAN = "technician"
EMPLOYEE = "employee"
LAST_STEP = "SUPERVISOR"
DEFAULT_PROJECT = "no project named"

Steps = tuple[str, ...]


class Action(StrEnum):
    """A command of the API, as the replay uses it."""

    CREATE = "create"
    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REQUEST_CHANGES = "request-changes"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    FULFIL = "fulfil"


_ALLOWED_FROM: dict[Action, frozenset[str]] = {
    Action.EDIT: frozenset({"draft", "changes_requested"}),
    Action.SUBMIT: frozenset({"draft", "changes_requested"}),
    Action.APPROVE: frozenset({"submitted"}),
    Action.REQUEST_CHANGES: frozenset({"submitted", "approved"}),
    Action.REJECT: frozenset({"submitted", "approved"}),
    Action.WITHDRAW: frozenset({"submitted", "changes_requested"}),
    Action.CANCEL: frozenset({"draft", "submitted", "changes_requested", "approved"}),
    Action.FULFIL: frozenset({"approved"}),
}

_LEADS_TO: dict[Action, tuple[str, str]] = {
    Action.SUBMIT: ("submitted", "requisition.submitted.v1"),
    Action.REQUEST_CHANGES: ("changes_requested", "requisition.changes_requested.v1"),
    Action.REJECT: ("rejected", "requisition.rejected.v1"),
    Action.WITHDRAW: ("draft", "requisition.withdrawn.v1"),
    Action.CANCEL: ("cancelled", "requisition.cancelled.v1"),
    Action.FULFIL: ("fulfilled", "requisition.line_fulfilled.v1"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a case.

    ``row`` and ``activity`` say which row it comes from, ``actor`` who gives it. ``steps`` (create
    and edit) names the policy. ``events`` are the stored names that must come out; ``refused``
    says that the rules must turn it down.
    """

    row: int
    activity: str
    action: Action
    actor: str
    events: tuple[str, ...] = ()
    refused: bool = False
    steps: Steps = ()
    amount: Decimal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CasePlan:
    """What a case asks for: its commands in order, and the state it must end in."""

    case: str
    project: str
    commands: tuple[Command, ...]
    final_state: str

    @property
    def policies(self) -> frozenset[Steps]:
        """The step sequences for which the case needs an approval policy."""
        return frozenset(command.steps for command in self.commands if command.steps)

    @property
    def events(self) -> Counter[str]:
        """How many events of each name the case must store."""
        return Counter(name for command in self.commands for name in command.events)


def plan(rows: Sequence[Row]) -> CasePlan:
    """The plan of one case, from its rows in order."""
    case = _Case()
    for index, row in enumerate(rows):
        case.carry_out(row, rows[index + 1 :])
    return CasePlan(
        case=rows[0].case,
        project=rows[0].project or DEFAULT_PROJECT,
        commands=tuple(case.commands),
        final_state=case.state,
    )


def plan_all(cases: dict[str, list[Row]]) -> list[CasePlan]:
    """The plans of all cases, in order."""
    return [plan(rows) for rows in cases.values()]


def policies_of(plans: Iterable[CasePlan]) -> list[Steps]:
    """All step sequences that the plans name, in a stable order."""
    return sorted({steps for each in plans for steps in each.policies})


def permission_of(role: str) -> str:
    """The permission string that an approval step of ``role`` needs."""
    return f"replay:{slug(role)}"


def slug(role: str) -> str:
    """A role of the file in lower case and hyphens: ``BUDGET OWNER`` is ``budget-owner``."""
    return role.lower().replace(" ", "-").replace("_", "-")


def steps_of_round(after: Sequence[Row]) -> Steps:
    """The policy steps for the submission that the rows ``after`` follow.

    These are the approvals given up to the final one. A refusal by an approver makes theirs the
    last step. Where the file does not tell who would have come next, the supervisor does. A
    second submission on the way is refused, so the round goes on.
    """
    steps: list[str] = []
    for row in after:
        verb, _, role = row.activity.partition(" by ")
        if verb in ("APPROVED", "FINAL_APPROVED"):
            steps.append(role)
        if verb == "FINAL_APPROVED" or (row.activity == PAYMENT_REQUESTED and steps):
            return tuple(steps)
        if verb == "REJECTED":
            return (*steps, role if role in STEP_ROLES else LAST_STEP)
    return (*steps, LAST_STEP)


class _Case:
    """Walks through the rows of one case and keeps the state that must hold."""

    def __init__(self) -> None:
        self.state = ""
        self.commands: list[Command] = []
        self._named: Steps = ()
        self._amount: Decimal | None = None
        self._to_approve = 0

    def carry_out(self, row: Row, after: Sequence[Row]) -> None:
        verb, _, role = row.activity.partition(" by ")
        if row.activity in (SUBMITTED, SAVED):
            self._write(row, steps_of_round(after))
            if row.activity == SUBMITTED:
                self._do(row, Action.SUBMIT, EMPLOYEE)
        elif verb in ("APPROVED", "FINAL_APPROVED"):
            self._approve(row, role)
        elif verb == "REJECTED":
            self._refuse(row, role, goes_on=bool(after))
        elif row.activity == PAYMENT_HANDLED:
            self._do(row, Action.FULFIL, TECHNICIAN)

    def _write(self, row: Row, steps: Steps) -> None:
        if not self.state:
            self._add(row, Action.CREATE, EMPLOYEE, "requisition.drafted.v1", steps=steps)
            self.state = "draft"
        elif self.state not in _ALLOWED_FROM[Action.EDIT]:
            if row.activity == SAVED:
                self._add(row, Action.EDIT, EMPLOYEE, refused=True, steps=steps)
            return
        else:
            changed = (steps, row.amount) != (self._named, self._amount)
            name = ("requisition.header_changed.v1",) if changed else ()
            self._add(row, Action.EDIT, EMPLOYEE, *name, steps=steps)
        self._named, self._amount = steps, row.amount

    def _approve(self, row: Row, role: str) -> None:
        if self.state not in _ALLOWED_FROM[Action.APPROVE]:
            self._do(row, Action.APPROVE, slug(role))
            return
        self._to_approve -= 1
        events = ["requisition.step_approved.v1"]
        if not self._to_approve:
            self.state = "approved"
            events.append("requisition.approved.v1")
        self._add(row, Action.APPROVE, slug(role), *events)

    def _refuse(self, row: Row, role: str, *, goes_on: bool) -> None:
        reason = f"{row.activity} in the file"
        if role == REQUESTER:
            action = Action.WITHDRAW if goes_on else Action.CANCEL
            actor = TECHNICIAN if self.state == "approved" and not goes_on else EMPLOYEE
        else:
            action = Action.REQUEST_CHANGES if goes_on else Action.REJECT
            after_approval = self.state == "approved" or role == UNNAMED
            actor = TECHNICIAN if after_approval else slug(role)
        self._do(row, action, actor, reason=reason)

    def _do(self, row: Row, action: Action, actor: str, *, reason: str | None = None) -> None:
        if self.state not in _ALLOWED_FROM[action]:
            # A technician may approve any step, so that the state refuses and not the permission.
            by = actor if actor == EMPLOYEE else TECHNICIAN
            self._add(row, action, by, refused=True, reason=reason)
            return
        self.state, event = _LEADS_TO[action]
        if action is Action.SUBMIT:
            self._to_approve = len(self._named)
        self._add(row, action, actor, event, reason=reason)

    def _add(
        self,
        row: Row,
        action: Action,
        actor: str,
        *events: str,
        refused: bool = False,
        steps: Steps = (),
        reason: str | None = None,
    ) -> None:
        self.commands.append(
            Command(
                row=row.number,
                activity=row.activity,
                action=action,
                actor=actor,
                events=events,
                refused=refused,
                steps=steps,
                amount=row.amount if steps else None,
                reason=reason,
            )
        )
