"""What stands in the way of commands, as answers show it."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from domain.errors import Forbidden, Refused


class Obstacle(BaseModel):
    """A refusal that the command would meet."""

    code: str
    detail: str
    help: str | None


class Transition(BaseModel):
    """A command, and whether it would be carried out: nothing in ``blocked_by`` if so."""

    command: str
    allowed: bool
    blocked_by: list[Obstacle]


class Transitions(BaseModel):
    """Every command that can be given to an object."""

    items: list[Transition]


def transition(command: str, *refusals: Refused | None) -> dict[str, Any]:
    """A command, with what it would meet: None is nothing."""
    blocked_by = [_obstacle(refusal) for refusal in refusals if refusal is not None]
    return {"command": command, "allowed": not blocked_by, "blocked_by": blocked_by}


def forbidden(check: Callable[[], None]) -> Forbidden | None:
    """What ``check`` forbids the caller; None where it forbids nothing."""
    try:
        check()
    except Forbidden as refused:
        return refused
    return None


def _obstacle(refusal: Refused) -> dict[str, Any]:
    return {"code": refusal.code, "detail": refusal.detail, "help": refusal.help or None}
