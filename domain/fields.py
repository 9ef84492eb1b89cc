"""Checks and stored forms of the plain fields that commands of every module carry."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from domain.errors import InvalidField

Path = tuple[str | int, ...]

NAME_LIMIT: Final = 200
TEXT_LIMIT: Final = 2_000
AMOUNT_LIMIT: Final = Decimal("999999999999.99")
_PERMISSION: Final = re.compile(r"[a-z][a-z0-9_.-]*(:[a-z][a-z0-9_.-]*)+")


def check_text(path: Path, text: str, limit: int = TEXT_LIMIT) -> None:
    """Raise ``InvalidField`` for a text that is blank, too long or cannot be stored.

    ``limit`` counts characters.
    """
    if not text.strip():
        raise InvalidField(path, "This must not be blank.")
    if len(text) > limit:
        raise InvalidField(path, f"This is longer than {limit} characters.")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidField(path, "This holds a character that cannot be stored.")


def check_optional_text(path: Path, text: str | None, limit: int = TEXT_LIMIT) -> None:
    """As ``check_text``, where None is allowed."""
    if text is not None:
        check_text(path, text, limit)


def check_permission(path: Path, permission: str) -> None:
    """Raise ``InvalidField`` for a text that does not have the form of a permission."""
    if len(permission) > NAME_LIMIT or not _PERMISSION.fullmatch(permission):
        raise InvalidField(path, "A permission looks like requisitions:approve.")


def check_amount(path: Path, amount: Decimal | None) -> None:
    """Raise ``InvalidField`` for money that is negative, too much or finer than a cent."""
    if amount is None:
        return
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_LIMIT:
        raise InvalidField(path, f"This must be from 0 to {AMOUNT_LIMIT}.")
    if amount != amount.quantize(Decimal("0.01")):
        raise InvalidField(path, "This has more than two decimals.")


def check_period(path: Path, begin: datetime | None, end: datetime | None) -> None:
    """Raise ``InvalidField`` at ``path`` where a period ends before it begins."""
    if begin is not None and end is not None and begin > end:
        raise InvalidField(path, "This is before the beginning.")


def time_text(at: datetime) -> str:
    """RFC 3339 in UTC, as events hold it: ``2026-11-21T09:00:00Z``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def optional_time_text(at: datetime | None) -> str | None:
    """As ``time_text``, where None stays None."""
    return None if at is None else time_text(at)


def time_of(text: str | None) -> datetime | None:
    """The time that ``time_text`` wrote."""
    return None if text is None else datetime.fromisoformat(text)


def amount_text(amount: Decimal | None) -> str | None:
    """Money as events hold it: ``12.50``."""
    return None if amount is None else f"{abs(amount):.2f}"


def amount_of(text: str | None) -> Decimal | None:
    """The money that ``amount_text`` wrote."""
    return None if text is None else Decimal(text)
