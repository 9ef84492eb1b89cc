"""What can be asked of the inventory's own things, as plain facts.

A command with a field that the inventory could not accept cannot be made: it raises
``InvalidField`` with the path of that field in the request's body. ``operation_id`` is the new
operation that brings the change to the inventory.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypedDict

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, TEXT_LIMIT, check_optional_text, check_text
from domain.ids import Id

_LIMITS: Final = {
    "name": NAME_LIMIT,
    "serial_number": NAME_LIMIT,
    "asset_tag": NAME_LIMIT,
    "order_number": NAME_LIMIT,
    "notes": TEXT_LIMIT,
}
_NEVER_EMPTY: Final = frozenset({"serial_number", "asset_tag"})

COUNTED: Final = (
    "Things that are counted are accessories and consumables, which are not added from here: add"
    " them in Snipe-IT itself, and they appear with the next sweep."
)

ON_A_PROJECT: Final = (
    "The inventory knows no projects. An asset is on a project while it is assigned in it: name"
    " the project in POST /assets/{id}/assignments."
)


class Standing(StrEnum):
    """What becomes of an asset that is no longer lent out; each has a status label."""

    ARCHIVED = "archived"
    RETIRED = "retired"
    DISPOSED = "disposed"
    LOST = "lost"
    STOLEN = "stolen"


PURPOSES: Final[Mapping[Standing, str]] = MappingProxyType(
    {
        Standing.ARCHIVED: "archive",
        Standing.RETIRED: "retire",
        Standing.DISPOSED: "dispose",
        Standing.LOST: "mark_lost",
        Standing.STOLEN: "mark_stolen",
    }
)
"""As the purpose of an operation names them."""

GONE: Final = frozenset({Standing.LOST, Standing.STOLEN})
"""Those that are found out, not decided: what is kept of the asset does not stand against them."""

PUT_AWAY: Final = frozenset(PURPOSES[one] for one in Standing if one not in GONE)
"""Purposes that are decided on, for what nobody has."""


class AssetFields(TypedDict, total=False):
    """Fields of an asset as people name them; None empties one that may be empty."""

    name: str | None
    serial_number: str
    asset_tag: str
    model_id: Id
    home_location_id: Id | None
    notes: str | None
    order_number: str | None
    purchase_date: date | None
    requestable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAsset:
    """Add an asset, under an id of ours: one thing, with a serial number.

    What is counted, and what project an asset is on, is not in an asset of the inventory.
    """

    asset_id: Id
    operation_id: Id
    model_id: Id
    fields: AssetFields
    by: Caller
    at: datetime
    quantity: int = 1
    project_id: Id | None = None

    def __post_init__(self) -> None:
        if self.quantity != 1:
            raise InvalidField(("quantity",), COUNTED)
        if "serial_number" not in self.fields:
            raise InvalidField(("serial_number",), f"An asset has a serial number. {COUNTED}")
        if self.project_id is not None:
            raise InvalidField(("project_id",), ON_A_PROJECT)
        _check(self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAsset:
    """Change the fields that are named."""

    asset_id: Id
    operation_id: Id
    changes: AssetFields
    by: Caller
    at: datetime

    def __post_init__(self) -> None:
        if not self.changes:
            raise InvalidField((), "Name at least one field to change.")
        _check(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStanding:
    """Say what has become of an asset."""

    asset_id: Id
    operation_id: Id
    standing: Standing
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAsset:
    """Bring an asset back: one that was removed, or one that is archived, retired, lost, …"""

    asset_id: Id
    operation_id: Id
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAsset:
    """Remove an asset from the inventory."""

    asset_id: Id
    operation_id: Id
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateModel:
    """Add a model of assets, under an id of ours. The inventory wants it to have a category."""

    model_id: Id
    operation_id: Id
    name: str
    tracking_type: Literal["serialized", "countable"]
    category_id: Id | None
    by: Caller
    at: datetime

    def __post_init__(self) -> None:
        check_text(("name",), self.name, NAME_LIMIT)
        if self.tracking_type != "serialized":
            raise InvalidField(("tracking_type",), COUNTED)
        if self.category_id is None:
            raise InvalidField(("category_id",), "Name one of GET /asset-categories.")


def _check(fields: AssetFields) -> None:
    for name, limit in _LIMITS.items():
        if name not in fields:
            continue
        text = fields[name]  # type: ignore[literal-required]  # a name of the table above
        if name in _NEVER_EMPTY:
            check_text((name,), text, limit)
        else:
            check_optional_text((name,), text, limit)
