"""What became of an inventory operation, as commands: the worker's and an inventory manager's.

``fence`` is that of the attempt or verification which found it out.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.caller import Caller
from domain.fields import check_text
from domain.ids import Id
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveOperation:
    """The read-back shows it: the subject may claim it, with this evidence."""

    operation_id: Id
    fence: int
    evidence: EvidenceData
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseOperation:
    """The inventory refuses it for good; ``gone`` where the thing can no longer be handed out.

    ``evidence`` is what it shows.
    """

    operation_id: Id
    fence: int
    reason: str
    message: str
    gone: bool
    evidence: EvidenceData
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAttention:
    """It needs a person."""

    operation_id: Id
    fence: int
    problem: Problem
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonOperation:
    """An inventory manager gives it up: for the subject that is as a refusal."""

    operation_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestOperation:
    """An inventory manager vouches for it: the subject claims it on their word."""

    operation_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLateEffect:
    """It happened after it had been given up, or while a person was asked."""

    operation_id: Id
    evidence: EvidenceData
    at: datetime
