"""Reads single fields out of Snipe-IT's JSON: text, times, dates, references."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any, Final
from zoneinfo import ZoneInfo

from infrastructure.snipe_it.answers import cut
from infrastructure.snipe_it.errors import UnexpectedForm
from infrastructure.snipe_it.records import Holder, HolderType, Ref

logger = logging.getLogger(__name__)

NAMED: Final = 10
"""How many of the records with an odd date are named in the log."""
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When something was deleted of which nobody can read when."""
_DAY: Final = re.compile(r"(-?\d{4,})-(\d\d)-(\d\d)")
_ANY_ZONE: Final = timedelta(days=1)
"""By how much a moment may be another in UTC."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the server sent it, and the zone its times are in.

    A date that no calendar has, such as ``-0001-11-30``, counts as none: that is what a server
    makes of its database's ``0000-00-00``. ``odd`` has the names of such fields once they were got.

    The getters raise UnexpectedForm where the field has another type than it should. It names the
    field and the type, and never tells the value: that is people's own.
    """

    values: Mapping[str, Any]
    zone: ZoneInfo
    odd: set[str] = field(default_factory=set, compare=False)

    def id(self) -> int:
        """The record's own id, which every record has."""
        return self.number("id")

    def number(self, name: str) -> int:
        """An integer that is always there."""
        value = self.values.get(name)
        if not isinstance(value, int):
            raise _odd(name, "a whole number", value)
        return value

    def count(self, name: str) -> int:
        """An integer that counts something; absent counts as none."""
        return 0 if self.values.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        return bool(self.values.get(name))

    def text(self, name: str) -> str | None:
        """Unescaped text; None where it is absent or empty."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str | int | float):
            raise _odd(name, "text", value)
        return unescape(str(value))

    def required(self, name: str) -> str:
        """Unescaped text, empty where it is absent."""
        return self.text(name) or ""

    def row(self, name: str) -> "Row | None":
        """An embedded record, None where it is absent (PHP writes some of those as [])."""
        value = self.values.get(name)
        if not value:
            return None
        if not isinstance(value, dict):
            raise _odd(name, "an object", value)
        return Row(value, self.zone)

    def ref(self, name: str) -> Ref | None:
        """Id and name of another record."""
        row = self.row(name)
        return None if row is None else Ref(row.id(), row.required("name"))

    def time(self, name: str) -> datetime | None:
        """A moment, in aware UTC."""
        text = self._part(name, "datetime")
        return None if text is None else server_time(text, self.zone, name)

    def deleted_at(self) -> datetime | None:
        """When the record was deleted; None for one that was not."""
        at = self.time("deleted_at")
        return LONG_AGO if "deleted_at" in self.odd else at

    def date(self, name: str) -> date | None:
        """A calendar date; a moment counts as the server's date of it."""
        text = self._part(name, "date") or self._part(name, "datetime")
        return None if text is None else _date(text, name)

    def holder(self, name: str) -> Holder | None:
        """Who or what something is assigned to."""
        row = self.row(name)
        if row is None:
            return None
        try:
            kind = HolderType(row.required("type"))
        except ValueError as error:
            raise UnexpectedForm(f"{name} is of a type that is not known.") from error
        return Holder(kind, row.id(), row.required("name"), row.text("username"), row.text("email"))

    def _part(self, name: str, part: str) -> str | None:
        row = self.row(name)
        text = None if row is None else row.text(part)
        if text is None or _has_a_day(text, timedelta() if part == "date" else _ANY_ZONE):
            return text
        self.odd.add(name)
        return None


def tell_of_odd_dates(path: str, ids: Sequence[int]) -> None:
    """Log which records of a reading have some, if any."""
    if ids:
        some = ", ".join(str(id) for id in ids[:NAMED])
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        logger.warning("%s: dates that no calendar has count as none, of %s%s", path, some, more)


def server_time(text: str, zone: ZoneInfo, name: str = "a time") -> datetime:
    """Aware UTC of a naive server time such as ``2026-11-21 01:34:52``, in the field ``name``.

    The hour that a clock change repeats is read as its first pass; the text cannot tell.
    Raises UnexpectedForm, also for a time that is beyond the calendar once it is in UTC.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnexpectedForm(f"{name} should be a server time.") from error


def _has_a_day(text: str, within: timedelta) -> bool:
    """Whether a text in the form of a date is in our calendar; of others nothing is said."""
    form = _DAY.match(text)
    if form is None:
        return True
    year, month, day = (int(part) for part in form.groups())
    try:
        return date.min + within <= date(year, month, day) <= date.max - within
    except (ValueError, OverflowError):
        return False


def _date(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise UnexpectedForm(f"{name} should be a date.") from error


def _odd(name: str, wanted: str, value: object) -> UnexpectedForm:
    """A field has another type. Some fields are named by people, so the name is cut as well."""
    kind = "nothing" if value is None else _KINDS.get(type(value), "something else")
    return UnexpectedForm(f"{cut(name)} should be {wanted}, not {kind}.")


_KINDS: Final = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
"""JSON's types, as a sentence names them."""
