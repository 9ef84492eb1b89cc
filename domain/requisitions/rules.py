"""Who may give which command to a requisition, and what stands in its way.

Pure functions over a view that the aggregate and a row of the read tables can both make: the
aggregate's verbs call ``check``, a command route calls ``require`` before it looks at the body,
and the query of transitions calls ``require`` and ``obstacle``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain import permissions
from domain.caller import Caller
from domain.errors import Forbidden, RuleBroken
from domain.ids import Id
from domain.requisitions.errors import (
    AlreadyIssued,
    AvailabilityUnknown,
    BeingIssued,
    NoLines,
    NotAllocated,
    NotApprover,
    NotInInventory,
    NotProjectMember,
    NotRequester,
    OwnRequisition,
    ProjectArchived,
    WrongState,
)
from domain.requisitions.quantities import Quantities, State

CREATE: Final = permissions.REQUISITIONS_CREATE
APPROVE: Final = permissions.REQUISITIONS_APPROVE
APPROVE_OWN: Final = permissions.REQUISITIONS_APPROVE_OWN
FULFIL: Final = permissions.REQUISITIONS_FULFIL
ISSUE: Final = permissions.ASSIGNMENTS_ISSUE
PROJECT_LEAD: Final = "lead"


class Command(StrEnum):
    """What can be asked of a requisition that exists."""

    EDIT = "edit"
    ADD_LINE = "add-line"
    CHANGE_LINE = "change-line"
    REMOVE_LINE = "remove-line"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    REQUEST_CHANGES = "request-changes"
    APPROVE = "approve"
    REJECT = "reject"
    DELEGATE = "delegate"
    CANCEL = "cancel"
    CLONE = "clone"
    FULFIL = "fulfil"
    CLOSE_SHORT = "close-short"
    ALLOCATE = "allocate"
    DEALLOCATE = "deallocate"
    EXPIRE = "expire"


OFFERED: Final = tuple(command for command in Command if command is not Command.EXPIRE)
"""The commands that people give; the system alone lets a requisition expire."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """A step handed to somebody else, until a time or for good."""

    by: Id
    to_user_id: Id
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether it has not ended at ``at``."""
        return self.until is None or at < self.until


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the plan. ``decision`` is None, ``approved`` or ``rejected``."""

    name: str
    permission: str
    decision: str | None = None
    decided_by: Id | None = None
    decided_at: datetime | None = None
    note: str | None = None
    delegations: tuple[Delegation, ...] = ()

    def delegate(self, at: datetime) -> Id | None:
        """Who decides the step in somebody's place: the last delegation counts, until it ends."""
        if self.delegations and self.delegations[-1].holds(at):
            return self.delegations[-1].to_user_id
        return None


@dataclass(frozen=True, slots=True)
class RequisitionView:
    """What the rules look at.

    ``step`` is the present step, from 1, while submitted; else None. ``steps`` is the plan of the
    last submission, ``lines`` the quantities of every line, ``in_inventory`` whether one of them
    asks for something that is in it, ``project_archived`` a fact about the project that it asks for.
    ``availability_known`` is whether somebody has just seen what is left of all its items, else
    the inventory is worth another try after ``retry_after_s``.
    """

    state: State
    requester_id: Id
    step: int | None
    steps: tuple[Step, ...]
    lines: tuple[Quantities, ...]
    in_inventory: bool = False
    project_archived: bool = False
    require_live_availability: bool = False
    availability_known: bool = False
    retry_after_s: int | None = None

    @property
    def needs_availability(self) -> bool:
        """Whether its approval rests on what the inventory has."""
        return self.require_live_availability and self.in_inventory


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom and when a command is given, and the caller's place in the project.

    ``project_role`` is None for those who are not members of it.
    """

    by: Caller
    at: datetime
    project_role: str | None = None


def check(command: Command, view: RequisitionView, asked: Asked) -> None:
    """Raise the reason why ``command`` cannot be carried out: ``Forbidden``, or as ``check_state``."""
    require(command, view, asked)
    check_state(command, view)


def check_state(command: Command, view: RequisitionView) -> None:
    """Raise what stands in the way of ``command``, whoever gives it.

    That is a ``RuleBroken``, or ``AvailabilityUnknown``.
    """
    for guard in _RULES[command].guards:
        guard(view)


def require(command: Command, view: RequisitionView, asked: Asked) -> None:
    """Raise a ``Forbidden`` unless the caller may give ``command``."""
    _RULES[command].who(view, asked)


def obstacle(command: Command, view: RequisitionView) -> RuleBroken | AvailabilityUnknown | None:
    """What stands in the way of ``command``, whoever gives it; None where nothing does."""
    try:
        check_state(command, view)
    except (RuleBroken, AvailabilityUnknown) as refused:
        return refused
    return None


def require_drafter(asked: Asked) -> None:
    """Raise a ``Forbidden`` unless the caller may draft a requisition in the project."""
    asked.by.require(CREATE)
    if asked.project_role is None:
        raise NotProjectMember


def check_project_open(*, archived: bool) -> None:
    """Raise ``ProjectArchived`` for an archived project."""
    if archived:
        raise ProjectArchived


def deciding_step(view: RequisitionView) -> Step | None:
    """The step whose approvers have the say: the present one, after approval the last.

    None where no plan is in force: before submission and after changes were requested.
    """
    if not view.steps or view.state in (State.DRAFT, State.CHANGES_REQUESTED):
        return None
    return view.steps[-1 if view.step is None else view.step - 1]


def _requester(view: RequisitionView, asked: Asked) -> None:
    asked.by.require(CREATE)
    if asked.by.user_id != view.requester_id:
        raise NotRequester


def _requester_in_project(view: RequisitionView, asked: Asked) -> None:
    _requester(view, asked)
    require_drafter(asked)


def _approver(view: RequisitionView, asked: Asked) -> None:
    step = deciding_step(view)
    permission = APPROVE if step is None else step.permission
    if not asked.by.may(permission) and not _is_delegate(step, asked):
        raise NotApprover
    if asked.by.user_id == view.requester_id and not asked.by.may(APPROVE_OWN):
        raise OwnRequisition


def _is_delegate(step: Step | None, asked: Asked) -> bool:
    return (
        step is not None and step.delegate(asked.at) == asked.by.user_id and asked.by.may(APPROVE)
    )


def _fulfiller(_view: RequisitionView, asked: Asked) -> None:
    asked.by.require(FULFIL)


def _issuer(_view: RequisitionView, asked: Asked) -> None:
    asked.by.require(ISSUE)


def _canceller(view: RequisitionView, asked: Asked) -> None:
    is_requester = asked.by.user_id == view.requester_id
    if view.state in _BEFORE_APPROVAL:
        if not is_requester:
            raise NotRequester
    elif view.state in _APPROVED or not is_requester:
        _lead_or_fulfiller(asked)


def _lead_or_fulfiller(asked: Asked) -> None:
    if asked.project_role != PROJECT_LEAD:
        asked.by.require(FULFIL)


def _nobody(_view: RequisitionView, _asked: Asked) -> None:
    raise Forbidden("The system does this when the time has come.")


def _state(*states: State) -> "_Guard":
    def in_state(view: RequisitionView) -> None:
        if view.state not in states:
            raise WrongState(f"This needs the state {' or '.join(states)}, it is {view.state}.")

    return in_state


def _has_lines(view: RequisitionView) -> None:
    if not view.lines:
        raise NoLines


def _availability_known(view: RequisitionView) -> None:
    if view.needs_availability and not view.availability_known:
        raise AvailabilityUnknown(retry_after_s=view.retry_after_s)


def _nothing_issuing(view: RequisitionView) -> None:
    if any(line.issuing for line in view.lines):
        raise BeingIssued


def _something_in_inventory(view: RequisitionView) -> None:
    if not view.in_inventory:
        raise NotInInventory


def _something_allocated(view: RequisitionView) -> None:
    if not any(line.allocated for line in view.lines):
        _nothing_issuing(view)
        raise NotAllocated


def _nothing_issued(view: RequisitionView) -> None:
    if any(line.issued for line in view.lines):
        raise AlreadyIssued


def _project_open(view: RequisitionView) -> None:
    check_project_open(archived=view.project_archived)


_BEFORE_APPROVAL: Final = (State.DRAFT, State.SUBMITTED, State.CHANGES_REQUESTED)
_APPROVED: Final = (State.APPROVED, State.FULFILLING)

_Who = Callable[[RequisitionView, Asked], None]
_Guard = Callable[[RequisitionView], None]


@dataclass(frozen=True, slots=True)
class _Rule:
    who: _Who
    guards: tuple[_Guard, ...] = ()


_EDITABLE: Final = _state(State.DRAFT, State.CHANGES_REQUESTED)
_IN_APPROVAL: Final = _state(State.SUBMITTED)
_BEFORE_HANDOVER: Final = _state(State.SUBMITTED, State.APPROVED)
_IN_FULFILMENT: Final = _state(*_APPROVED)

_RULES: Final[Mapping[Command, _Rule]] = MappingProxyType(
    {
        Command.EDIT: _Rule(_requester, (_EDITABLE,)),
        Command.ADD_LINE: _Rule(_requester, (_EDITABLE,)),
        Command.CHANGE_LINE: _Rule(_requester, (_EDITABLE,)),
        Command.REMOVE_LINE: _Rule(_requester, (_EDITABLE,)),
        Command.SUBMIT: _Rule(_requester_in_project, (_EDITABLE, _has_lines, _project_open)),
        Command.WITHDRAW: _Rule(_requester, (_state(State.SUBMITTED, State.CHANGES_REQUESTED),)),
        Command.REQUEST_CHANGES: _Rule(_approver, (_BEFORE_HANDOVER,)),
        Command.APPROVE: _Rule(_approver, (_IN_APPROVAL, _availability_known)),
        Command.REJECT: _Rule(_approver, (_BEFORE_HANDOVER,)),
        Command.DELEGATE: _Rule(_approver, (_IN_APPROVAL,)),
        Command.CANCEL: _Rule(
            _canceller,
            (_state(*_BEFORE_APPROVAL, *_APPROVED), _nothing_issuing, _nothing_issued),
        ),
        Command.CLONE: _Rule(_requester_in_project, (_project_open,)),
        Command.FULFIL: _Rule(_fulfiller, (_IN_FULFILMENT,)),
        Command.CLOSE_SHORT: _Rule(_fulfiller, (_IN_FULFILMENT,)),
        Command.ALLOCATE: _Rule(_issuer, (_IN_FULFILMENT, _something_in_inventory)),
        Command.DEALLOCATE: _Rule(_issuer, (_IN_FULFILMENT, _something_allocated)),
        Command.EXPIRE: _Rule(_nobody, (_IN_FULFILMENT, _nothing_issuing)),
    }
)
