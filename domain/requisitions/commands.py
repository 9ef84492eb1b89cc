"""What can be asked of requisitions, as plain facts.

A command with a field that no requisition could accept cannot be made: it raises
``InvalidField`` with the path of that field in the request's body. Times are UTC.
``expected_version`` comes from If-Match; None means any.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.caller import Caller
from domain.fields import check_optional_text, check_period, check_text
from domain.ids import Id
from domain.requisitions.approval import LineApproval, check_approvals
from domain.requisitions.content import (
    Header,
    HeaderChanges,
    Line,
    LineChanges,
    check_header,
    check_line,
    check_line_changes,
    check_lines,
    check_quantity,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRequisition:
    """Begin a requisition under a new id; its lines carry new ids, too."""

    requisition_id: Id
    project_id: Id
    header: Header
    lines: tuple[Line, ...]
    by: Caller
    at: datetime

    def __post_init__(self) -> None:
        check_header(self.header)
        check_lines(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequisition:
    """Begin the same requisition again, under ``new_id``."""

    requisition_id: Id
    new_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequisition:
    """Change the header fields that are named."""

    requisition_id: Id
    changes: HeaderChanges
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_header(replace(Header(purpose="unchanged"), **self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLine:
    """Ask for one more thing, under a new line id."""

    requisition_id: Id
    line: Line
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_line(self.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """Change the fields of a line that are named."""

    requisition_id: Id
    line_id: Id
    changes: LineChanges
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_line_changes(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLine:
    """Ask for one thing less."""

    requisition_id: Id
    line_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequisition:
    """Ask for approval."""

    requisition_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawRequisition:
    """Take it back into a draft."""

    requisition_id: Id
    by: Caller
    at: datetime
    reason: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_optional_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestChanges:
    """Send it back to the requester."""

    requisition_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveStep:
    """Approve the present step; a line that is not named stays as the step before left it."""

    requisition_id: Id
    by: Caller
    at: datetime
    approvals: tuple[LineApproval, ...] = ()
    note: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_approvals(self.approvals)
        check_optional_text(("note",), self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectRequisition:
    """Say no, for good."""

    requisition_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegateStep:
    """Hand the present step to another member, until a time or for good."""

    requisition_id: Id
    to_user_id: Id
    by: Caller
    at: datetime
    until: datetime | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequisition:
    """Call it off."""

    requisition_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilLine:
    """Meet ``quantity`` units of a purchase line."""

    requisition_id: Id
    line_id: Id
    quantity: int
    by: Caller
    at: datetime
    note: str | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        check_optional_text(("note",), self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLineShort:
    """Give up ``quantity`` units of a line."""

    requisition_id: Id
    line_id: Id
    quantity: int
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        check_text(("reason",), self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireRequisition:
    """Give up what was not handed over in time; the system asks for this."""

    requisition_id: Id
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateLine:
    """Let a new assignment keep units of an item for a line.

    ``begins`` and ``due`` are when the requisition needs them, where they are None; ``quantity``
    is 1 for an asset. ``substitution_reason`` says why the item is not what the line asks for.
    ``custodian`` (kind and id) gets it: the beneficiary, or else the requester, where it is None.
    """

    requisition_id: Id
    line_id: Id
    assignment_id: Id
    item_kind: str
    item_id: Id
    by: Caller
    at: datetime
    quantity: int = 1
    substitution_reason: str | None = None
    begins: datetime | None = None
    due: datetime | None = None
    custodian: tuple[str, Id] | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_quantity(self.quantity)
        check_optional_text(("substitution_reason",), self.substitution_reason)
        check_period(("due",), self.begins, self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeallocateLine:
    """Give up what an assignment keeps for a line."""

    requisition_id: Id
    line_id: Id
    assignment_id: Id
    reason: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("reason",), self.reason)
