"""Models that several routes show, and the form of ids in paths and filters."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import BaseModel

from domain.ids import Id

ULID_FORM: Final = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"

IdInPath = Annotated[Id, Path(pattern=ULID_FORM, description="A ULID.")]
IdFilter = Annotated[Id | None, Query(pattern=ULID_FORM, description="A ULID.")]


class NamedModel(BaseModel):
    """Another object, with its name if it has one."""

    id: Id
    name: str | None
