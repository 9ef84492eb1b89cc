"""Fields of request bodies: read strictly, described truly, checked for good by the domain."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from domain.fields import AMOUNT_LIMIT, NAME_LIMIT, TEXT_LIMIT
from domain.ids import ULID_FORM

_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LAST_SECOND: Final = time(23, 59, 59)

PERMISSION: Final = "^[a-z][a-z0-9_.-]*(:[a-z][a-z0-9_.-]*)+$"
SOME_TEXT: Final[dict[str, Any]] = {"pattern": r"^[^\x00-\x20\x7f-\xa0\ud800-\udfff]"}
"""Narrower than what is accepted: a text that begins with a visible character always is."""


class Body(BaseModel):
    """A JSON body: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Empty(Body):
    """``{}``, or no body at all."""


def _moment(value: object, clock: time) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is text")  # noqa: TRY004  pydantic reads ValueError
    if _DATE.fullmatch(value):
        return datetime.combine(date.fromisoformat(value), clock, UTC)
    if not _TIME.fullmatch(value):
        raise ValueError("a time has the form 2026-11-21T09:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is out of range") from None


def _moment_from(value: object) -> datetime:
    return _moment(value, time.min)


def _moment_until(value: object) -> datetime:
    return _moment(value, _LAST_SECOND)


def _money(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("money is a number")  # noqa: TRY004  pydantic reads ValueError
    return Decimal(repr(value))


_TIME_SCHEMA: Final = {
    "type": "string",
    "anyOf": [{"format": "date-time"}, {"format": "date"}],
    "examples": ["2026-11-21T09:00:00Z", "2026-11-21"],
}

IdText = Annotated[str, Field(pattern=ULID_FORM, examples=["01JD8Y4Z3N6V8M2K5T7W9XQ1RC"])]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT, json_schema_extra=SOME_TEXT)]
Text = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT, json_schema_extra=SOME_TEXT)]
Permission = Annotated[
    str, Field(pattern=PERMISSION, max_length=100, examples=["requisitions:approve"])
]
Begin = Annotated[datetime, BeforeValidator(_moment_from), WithJsonSchema(_TIME_SCHEMA)]
"""RFC 3339; a date is the beginning of that day in UTC."""
End = Annotated[datetime, BeforeValidator(_moment_until), WithJsonSchema(_TIME_SCHEMA)]
"""RFC 3339; a date is the last second of that day in UTC."""
Money = Annotated[
    Decimal,
    BeforeValidator(_money),
    WithJsonSchema(
        {
            "type": "number",
            "minimum": 0,
            "maximum": float(AMOUNT_LIMIT),
            "multipleOf": 0.01,
            "examples": [249.9],
        }
    ),
]
"""A number with two decimals."""

PathId = Annotated[str, Path(json_schema_extra={"pattern": ULID_FORM})]
"""An id in the path. One that is no ULID names nothing: 404."""


class ReasonBody(Body):
    """Why."""

    reason: Text
