"""How long an operation is tried, and what people may do about one that needs them.

Pure functions over what the aggregate and a row of the read tables both know.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import RuleBroken
from domain.inventory_operations.errors import GivenUp, WrongState
from domain.inventory_operations.kinds import State
from domain.permissions import INVENTORY_MANAGE

MANAGE: Final = INVENTORY_MANAGE
MOST_TRIES: Final = 10
LONGEST: Final = timedelta(hours=24)
THROTTLED: Final = "throttled"
"""Reason of an attempt that the inventory was too busy for; such a one does not count."""

OPEN: Final = frozenset({State.PENDING, State.IN_FLIGHT, State.VERIFYING})
"""The states in which a worker is still at it."""


class Command(StrEnum):
    """What people can ask of an operation."""

    RETRY = "retry"
    RESOLVE = "resolve"
    ABANDON = "abandon"


def obstacle(command: Command, state: State, *, given_up: bool) -> RuleBroken | None:
    """What stands in the way of a command, None where nothing does."""
    if state is not State.NEEDS_ATTENTION:
        return WrongState("The operation does not need attention.")
    if given_up and command is not Command.ABANDON:
        return GivenUp()
    return None


def check(command: Command, state: State, *, given_up: bool) -> None:
    """Raise ``WrongState`` or ``GivenUp`` where something stands in the way."""
    found = obstacle(command, state, given_up=given_up)
    if found is not None:
        raise found


def exhausted(tries: int, since: datetime, at: datetime) -> bool:
    """Whether what has failed up to ``at`` is enough: ten tries, or a day."""
    return tries >= MOST_TRIES or at - since >= LONGEST
