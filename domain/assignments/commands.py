"""What can be asked of assignments, as plain facts.

A command with a field that no assignment could accept cannot be made: it raises
``InvalidField`` with the path of that field in the request's body. Times are UTC.
``expected_version`` comes from If-Match; None means any. Those without ``by`` are the system's.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.assignments.content import (
    LOSS_KINDS,
    RESOLUTIONS,
    Check,
    Custodian,
    Terms,
    Units,
    check_custodian,
    check_returned,
    check_terms,
)
from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import check_optional_text, check_text
from domain.ids import Id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveItem:
    """Keep an item for somebody under a new id, and hand it over at once if ``issue``."""

    assignment_id: Id
    terms: Terms
    by: Caller
    at: datetime
    issue: bool = False

    def __post_init__(self) -> None:
        check_terms(self.terms)
        if self.terms.due is not None and self.terms.due <= self.at:
            raise InvalidField(("due",), "This lies in the past.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservation:
    """Give it up before it is handed over."""

    assignment_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseReservation:
    """Give up what was never collected."""

    assignment_id: Id
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TellToCollect:
    """Say that the time of a reservation is near."""

    assignment_id: Id
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAssignment:
    """Hand over what is reserved."""

    assignment_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptAssignment:
    """The custodian agrees to have it; ``witnessed`` where the caller saw them do so."""

    assignment_id: Id
    by: Caller
    at: datetime
    terms: str | None = None
    witnessed: bool = False
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_optional_text(("terms",), self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineAssignment:
    """The custodian does not want it."""

    assignment_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestExtension:
    """Ask to keep it until ``due``."""

    assignment_id: Id
    due: datetime
    by: Caller
    at: datetime
    reason: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_optional_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveExtension:
    """Let it be kept until ``due``; None: as was asked for."""

    assignment_id: Id
    by: Caller
    at: datetime
    due: datetime | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseExtension:
    """Leave it due as it is."""

    assignment_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOverdue:
    """Say that the time it was due has passed."""

    assignment_id: Id
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindOfDue:
    """Remind of the due date, ``day`` days after it (before it: negative)."""

    assignment_id: Id
    day: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAssignment:
    """Take units back at the desk; no ``units``: all that are out, in order."""

    assignment_id: Id
    by: Caller
    at: datetime
    units: tuple[Units, ...] = ()
    checklist: tuple[Check, ...] = ()
    location_id: Id | None = None
    note: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_returned(self.units, self.checklist)
        check_optional_text(("note",), self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLoss:
    """Say that it is ``lost`` or ``stolen``."""

    assignment_id: Id
    kind: str
    by: Caller
    at: datetime
    note: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in LOSS_KINDS:
            raise InvalidField(("kind",), "This is lost or stolen.")
        check_optional_text(("note",), self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmLoss:
    """Agree that it is gone."""

    assignment_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverAssignment:
    """Take back what was said to be gone."""

    assignment_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAssignment:
    """Hand it on to somebody else, under a new id."""

    assignment_id: Id
    successor_id: Id
    to: Custodian
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_custodian(self.to, ("to",))


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectDrift:
    """The inventory has said twice that ``actual`` has it; None: nobody.

    ``version`` is what the assignment was at before that was read.
    """

    assignment_id: Id
    version: int
    actual: tuple[str, int] | None
    read_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectUnitsDrift:
    """The inventory has said twice that the checkout rows ``unlisted`` are no longer out.

    ``version`` is what the assignment was at before that was read.
    """

    assignment_id: Id
    version: int
    unlisted: tuple[int, ...]
    read_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftVanished:
    """The inventory agrees with the assignment again."""

    assignment_id: Id
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveDrift:
    """Decide about a drift: ``external_return``, ``reasserted`` or ``relinked``."""

    assignment_id: Id
    how: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        if self.how not in RESOLUTIONS:
            raise InvalidField(("how",), f"This is {' or '.join(RESOLUTIONS)}.")
