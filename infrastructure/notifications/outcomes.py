"""What became of an attempt to send something."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has taken it. ``status`` is its answer's number, where it has one."""

    status: int | None = None


@dataclass(frozen=True, slots=True)
class NotNow:
    """It may go another time, not before ``after_s`` where the other side has said so."""

    error: str
    status: int | None = None
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """It would fail every time. ``gone`` where the other side wants nothing any longer."""

    error: str
    status: int | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class NotWanted:
    """There is nobody to send it to any longer."""

    reason: str


Outcome = Sent | NotNow | Never | NotWanted
