"""Models that several routes show, and the form of ids in paths and filters."""

import re
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator

from domain.ids import PLATFORM_TENANT, ULID_FORM, Id

_NAMES_NOTHING: Final[Id] = PLATFORM_TENANT
_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _id_in_path(text: str) -> Id:
    """The id; a text that is no ULID names nothing, so that its page is 404."""
    return text if re.fullmatch(ULID_FORM, text) else _NAMES_NOTHING


def _rfc3339(value: object) -> object:
    if isinstance(value, str) and not _TIME.fullmatch(value):
        raise ValueError("not a time of RFC 3339, such as 2026-11-21T09:00:00Z")
    return value


IdInPath = Annotated[
    Id,
    Path(description="A ULID.", json_schema_extra={"pattern": ULID_FORM}),
    AfterValidator(_id_in_path),
]
IdFilter = Annotated[Id | None, Query(pattern=ULID_FORM, description="A ULID.")]
Time = Annotated[datetime, BeforeValidator(_rfc3339)]


class NamedModel(BaseModel):
    """Another object, with its name if it has one."""

    id: Id
    name: str | None
