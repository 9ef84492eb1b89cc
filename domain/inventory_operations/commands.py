"""What can be asked of an inventory operation.

Workers give the first ones, under the ``fence`` of the lease that they hold; people the last.
What also concerns the operation's subject is in ``domain.custody.outcomes``.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.caller import Caller
from domain.ids import Id


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Begin to do it; if nothing more is heard, another worker looks at it from ``again_at`` on."""

    operation_id: Id
    fence: int
    again_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class StartVerification:
    """Begin to read back what became of it; ``again_at`` as above."""

    operation_id: Id
    fence: int
    again_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordAcceptance:
    """The inventory says that it was done; ``created_external_id`` where it made something."""

    operation_id: Id
    fence: int
    created_external_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordAlreadyApplied:
    """The inventory is as wanted already."""

    operation_id: Id
    fence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordUnknownOutcome:
    """It may have happened, or may still happen."""

    operation_id: Id
    fence: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """It certainly did not happen; try again at ``retry_at``."""

    operation_id: Id
    fence: int
    reason: str
    retry_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordNotApplied:
    """The read-back shows that it did not and will not happen; try again at ``retry_at``."""

    operation_id: Id
    fence: int
    retry_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class RetryOperation:
    """Let it be tried again, as if it were new."""

    operation_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class RequestResolution:
    """Let the inventory be read for proof that it is done."""

    operation_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None
