"""Who may give which command to an assignment, and what stands in its way.

Pure functions over a view that the aggregate and a row of the read tables can both make: the
aggregate's verbs call ``check``, a command route calls ``require`` before it looks at the body,
and the query of transitions calls ``require`` and ``obstacle``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain import permissions
from domain.assignments.content import ASSET, CONSUMABLE, USER, State
from domain.assignments.errors import (
    AssetOnly,
    DuePassed,
    HandedOn,
    InventoryAsked,
    MoreThanOutstanding,
    NoDrift,
    NoDueDate,
    NoExtensionRequested,
    NotCustodian,
    NotLost,
    TooEarlyToRenew,
    TooManyRenewals,
    WrongState,
)
from domain.caller import Caller
from domain.errors import RuleBroken
from domain.ids import Id

ISSUE: Final = permissions.ASSIGNMENTS_ISSUE
ISSUE_OFFLINE: Final = permissions.ASSIGNMENTS_ISSUE_OFFLINE
RETURN: Final = permissions.ASSIGNMENTS_RETURN
EXTEND: Final = permissions.ASSIGNMENTS_EXTEND
MANAGE: Final = permissions.INVENTORY_MANAGE

OUT_OR_COMING_BACK: Final = (State.ACTIVE, State.OVERDUE, State.RETURNING)


@dataclass(frozen=True, slots=True)
class LoanRules:
    """How often, and how long before it is due, a custodian may ask to keep something longer."""

    max_renewals: int = 2
    renew_window: timedelta = timedelta(days=14)


LOAN_RULES: Final = LoanRules()


class Command(StrEnum):
    """What people can ask of an assignment that exists."""

    ISSUE = "issue"
    CANCEL = "cancel"
    ACCEPT = "accept"
    DECLINE = "decline"
    REQUEST_EXTENSION = "request-extension"
    APPROVE_EXTENSION = "approve-extension"
    REFUSE_EXTENSION = "refuse-extension"
    RETURN = "return"
    CLOSE = "close"
    REPORT_LOSS = "report-loss"
    CONFIRM_LOSS = "confirm-loss"
    RECOVER = "recover"
    TRANSFER = "transfer"
    RESOLVE_DRIFT = "resolve-drift"


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """What the rules look at.

    ``asked`` is whether the inventory has yet to answer an operation of it, ``unreturned`` the
    units that are out and not on their way back, ``extension`` the due date asked for,
    ``drifted`` whether the inventory has said otherwise, ``held_by_another`` whether it has said
    that somebody else has the item, ``gone`` whether it lists it so,
    ``being_handed_over`` whether it is asked to say that the custodian has it, maybe once more.
    """

    state: State
    item_kind: str
    custodian_kind: str
    custodian_id: Id
    due: datetime | None
    unreturned: int
    asked: bool
    extension: datetime | None
    renewals: int
    drifted: bool
    held_by_another: bool
    gone: bool
    being_handed_over: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """By whom and when a command is given."""

    by: Caller
    at: datetime


def check(command: Command, view: AssignmentView, asked: Asked) -> None:
    """Raise the reason why ``command`` cannot be carried out: ``Forbidden`` or ``RuleBroken``."""
    require(command, view, asked.by)
    check_state(command, view, asked.at)


def check_state(command: Command, view: AssignmentView, at: datetime) -> None:
    """Raise the ``RuleBroken`` that stands in the way of ``command``, whoever gives it."""
    for guard in _RULES[command].guards:
        guard(view, at)


def require(command: Command, view: AssignmentView, by: Caller) -> None:
    """Raise a ``Forbidden`` unless the caller may give ``command``."""
    _RULES[command].who(view, by)


def obstacle(command: Command, view: AssignmentView, at: datetime) -> RuleBroken | None:
    """The rule that stands in the way of ``command``, whoever gives it; None where none does."""
    try:
        check_state(command, view, at)
    except RuleBroken as broken:
        return broken
    return None


def is_custodian(view: AssignmentView, by: Caller) -> bool:
    """Whether the caller has the item."""
    return view.custodian_kind == USER and view.custodian_id == by.user_id


def check_in_state(view: AssignmentView, *states: State) -> None:
    """Raise ``WrongState`` unless the assignment is in one of these states."""
    if view.state not in states:
        wanted = " or ".join(states)
        raise WrongState(f"This needs the state {wanted}, the assignment is {view.state}.")


_Who = Callable[[AssignmentView, Caller], None]
_Guard = Callable[[AssignmentView, datetime], None]


def _needs(permission: str) -> _Who:
    def needs(_view: AssignmentView, by: Caller) -> None:
        by.require(permission)

    return needs


def _custodian_or(permission: str) -> _Who:
    def custodian_or(view: AssignmentView, by: Caller) -> None:
        if not is_custodian(view, by):
            by.require(permission)

    return custodian_or


def _custodian(view: AssignmentView, by: Caller) -> None:
    if not is_custodian(view, by):
        raise NotCustodian


def _state(*states: State) -> _Guard:
    def in_state(view: AssignmentView, _at: datetime) -> None:
        check_in_state(view, *states)

    return in_state


def _nothing_asked(view: AssignmentView, _at: datetime) -> None:
    if view.asked:
        raise InventoryAsked


def _taken_back(view: AssignmentView, _at: datetime) -> None:
    """Whatever is here is taken back; a consumable is used up by its hand-over."""
    if view.state is State.TRANSFERRING:
        raise HandedOn
    if not view.being_handed_over or view.item_kind == CONSUMABLE:
        check_in_state(view, *OUT_OR_COMING_BACK)


def _missed(view: AssignmentView, _at: datetime) -> None:
    """What is back at the desk is not missed."""
    if view.state is State.TRANSFERRING:
        raise HandedOn
    if view.state is not State.ISSUING:
        check_in_state(view, State.ACTIVE, State.OVERDUE)
    if view.unreturned < 1:
        raise WrongState("It is back at the desk already.")


def _lost(view: AssignmentView, _at: datetime) -> None:
    if not view.gone:
        check_in_state(view, State.LOSS_PENDING)


def _not_elsewhere(view: AssignmentView, _at: datetime) -> None:
    """What somebody else has is not lost."""
    if view.held_by_another:
        raise NotLost


def _due_ahead(view: AssignmentView, at: datetime) -> None:
    if view.due is not None and view.due <= at:
        raise DuePassed


def _units_out(view: AssignmentView, _at: datetime) -> None:
    if view.unreturned < 1:
        raise MoreThanOutstanding


def _asset(view: AssignmentView, _at: datetime) -> None:
    if view.item_kind != ASSET:
        raise AssetOnly


def _has_due(view: AssignmentView, _at: datetime) -> None:
    if view.due is None:
        raise NoDueDate


def _renewable(view: AssignmentView, at: datetime) -> None:
    if view.renewals >= LOAN_RULES.max_renewals:
        raise TooManyRenewals
    if view.due is not None and at < view.due - LOAN_RULES.renew_window:
        raise TooEarlyToRenew


def _extension_requested(view: AssignmentView, _at: datetime) -> None:
    if view.extension is None:
        raise NoExtensionRequested


def _drifted(view: AssignmentView, _at: datetime) -> None:
    if not view.drifted:
        raise NoDrift


@dataclass(frozen=True, slots=True)
class _Rule:
    who: _Who
    guards: tuple[_Guard, ...]


_RESERVED: Final = _state(State.RESERVED)
_OUT: Final = _state(State.ACTIVE, State.OVERDUE)
_COMING_OR_OUT: Final = _state(State.ISSUING, State.ACTIVE, State.OVERDUE)

_RULES: Final[Mapping[Command, _Rule]] = MappingProxyType(
    {
        Command.ISSUE: _Rule(_needs(ISSUE), (_RESERVED, _due_ahead)),
        Command.CANCEL: _Rule(_needs(ISSUE), (_state(State.RESERVED, State.ISSUING),)),
        Command.ACCEPT: _Rule(_custodian_or(ISSUE), (_COMING_OR_OUT,)),
        Command.DECLINE: _Rule(_custodian, (_COMING_OR_OUT,)),
        Command.REQUEST_EXTENSION: _Rule(
            _custodian_or(EXTEND), (_OUT, _nothing_asked, _has_due, _renewable)
        ),
        Command.APPROVE_EXTENSION: _Rule(_needs(EXTEND), (_OUT, _nothing_asked, _has_due)),
        Command.REFUSE_EXTENSION: _Rule(_needs(EXTEND), (_OUT, _extension_requested)),
        Command.RETURN: _Rule(_needs(RETURN), (_taken_back, _units_out)),
        Command.CLOSE: _Rule(_needs(RETURN), (_taken_back, _units_out)),
        Command.REPORT_LOSS: _Rule(_custodian_or(RETURN), (_missed, _asset)),
        Command.CONFIRM_LOSS: _Rule(
            _needs(MANAGE), (_state(State.LOSS_PENDING), _nothing_asked, _not_elsewhere)
        ),
        Command.RECOVER: _Rule(_needs(RETURN), (_lost, _nothing_asked)),
        Command.TRANSFER: _Rule(_needs(ISSUE), (_OUT, _nothing_asked)),
        Command.RESOLVE_DRIFT: _Rule(_needs(MANAGE), (_OUT, _drifted, _nothing_asked)),
    }
)


def require_issuer(by: Caller) -> None:
    """Raise ``PermissionMissing`` unless the caller reserves and issues."""
    by.require(ISSUE)
