"""Reading a file of approval events: checked row by row, with a clear word on what is wrong.

The file is a gzipped CSV with the columns of ``COLUMNS``. Rows of one case stand in order.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

COLUMNS = ("case", "at", "activity", "role", "resource", "project", "unit", "amount")

REQUESTER = "EMPLOYEE"
UNNAMED = "MISSING"
STEP_ROLES = ("PRE_APPROVER", "ADMINISTRATION", "BUDGET OWNER", "SUPERVISOR", "DIRECTOR")
PAYMENT_REQUESTED = "Request Payment"
PAYMENT_HANDLED = "Payment Handled"
SUBMITTED = f"SUBMITTED by {REQUESTER}"
SAVED = f"SAVED by {REQUESTER}"

ACTIVITIES: frozenset[str] = frozenset(
    [
        SUBMITTED,
        SAVED,
        PAYMENT_REQUESTED,
        PAYMENT_HANDLED,
        *(f"{verb} by {role}" for verb in ("APPROVED", "FINAL_APPROVED") for role in STEP_ROLES),
        *(f"REJECTED by {role}" for role in (*STEP_ROLES, REQUESTER, UNNAMED)),
    ]
)

_AMOUNT = re.compile(r"\d{1,12}\.\d{2}")


class MalformedFile(Exception):
    """The file cannot be replayed; the message names the line and, where known, the column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the file. ``number`` counts the rows of its case from 1."""

    case: str
    number: int
    at: datetime
    activity: str
    project: str
    amount: Decimal


def read_cases(path: Path) -> dict[str, list[Row]]:
    """All rows of the file at ``path``, by case, in the order in which cases begin.

    Raises ``MalformedFile`` for anything that is not such a file.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            return parse_cases(lines)
    except MalformedFile as error:
        raise MalformedFile(f"{path}, {error}") from None
    except FileNotFoundError:
        raise MalformedFile(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise MalformedFile(f"{path} is a folder; a gzipped CSV file is needed.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise MalformedFile(f"{path} is not a sound gzip file.") from None
    except EOFError:
        raise MalformedFile(f"{path} ends too early: the gzip file is cut off.") from None
    except UnicodeDecodeError as error:
        raise MalformedFile(f"{path} is not UTF-8 text: {error.reason}.") from None


def parse_cases(lines: Iterable[str]) -> dict[str, list[Row]]:
    """The rows in ``lines`` (header first), by case. Raises ``MalformedFile``."""
    reader = csv.reader(lines, strict=True)
    cases: dict[str, list[Row]] = {}
    try:
        _check_header(next(reader, None))
        for fields in reader:
            row = _row(fields, reader.line_num, cases)
            cases.setdefault(row.case, []).append(row)
    except csv.Error as error:
        raise MalformedFile(f"line {reader.line_num}: not CSV: {error}.") from None
    if not cases:
        raise MalformedFile("line 2: the file has a header and no events.")
    return cases


def _check_header(header: list[str] | None) -> None:
    if header is None:
        raise MalformedFile("line 1: the file is empty.")
    for place, (found, wanted) in enumerate(zip(header, COLUMNS, strict=False), start=1):
        if found != wanted:
            raise MalformedFile(
                f"line 1, column {place}: the header says {found!r} where {wanted!r} belongs."
            )
    if len(header) != len(COLUMNS):
        raise MalformedFile(f"line 1: {len(header)} columns where {len(COLUMNS)} are needed.")


def _row(fields: list[str], line: int, cases: dict[str, list[Row]]) -> Row:
    if len(fields) != len(COLUMNS):
        raise MalformedFile(f"line {line}: {len(fields)} columns where {len(COLUMNS)} are needed.")
    field = dict(zip(COLUMNS, fields, strict=True))
    earlier = cases.get(field["case"], [])
    row = Row(
        case=field["case"],
        number=len(earlier) + 1,
        at=_time(field["at"], line),
        activity=field["activity"],
        project=field["project"],
        amount=_amount(field["amount"], line),
    )
    for column, trouble in _troubles(row, earlier):
        raise MalformedFile(f"line {line}, column {column!r}: {trouble}.")
    return row


def _troubles(row: Row, earlier: list[Row]) -> Iterator[tuple[str, str]]:
    if not row.case.strip():
        yield "case", "the case is empty"
    if row.activity not in ACTIVITIES:
        yield "activity", f"unknown activity {row.activity!r}"
    if not earlier and row.activity not in (SUBMITTED, SAVED):
        yield "activity", f"a case cannot begin with {row.activity!r}"
    if earlier and row.at < earlier[-1].at:
        yield "at", f"earlier than the row before it in case {row.case}"
    if earlier and row.project != earlier[-1].project:
        yield "project", f"another project than the row before it in case {row.case}"


def _time(text: str, line: int) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise MalformedFile(f"line {line}, column 'at': {text!r} is not a time.") from None
    if at.tzinfo is None:
        raise MalformedFile(f"line {line}, column 'at': {text!r} has no time zone.")
    return at


def _amount(text: str, line: int) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise MalformedFile(
            f"line {line}, column 'amount': {text!r} is not an amount with two decimals."
        )
    return Decimal(text)
