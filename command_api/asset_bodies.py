"""The bodies of commands that change the inventory's own things."""

from datetime import date
from typing import Annotated, Final, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from command_api.fields import Body, IdText, Name, Text
from domain.assignments.content import UNITS_LIMIT
from domain.custody.asset_commands import AssetFields

_NO_ASSET_FIELD: Final = frozenset({"model_id", "quantity", "project_id"})


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise ValueError("a date is text")  # noqa: TRY004  pydantic reads ValueError
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date has the form 2026-11-21") from None


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-21"]}),
]


class AssetBody(Body):
    """An asset to be: one thing, with a serial number.

    Things that are counted are accessories and consumables, and added in Snipe-IT itself. Without
    a tag it gets one.
    """

    model_id: IdText
    serial_number: Name | None = None
    quantity: Annotated[int, Field(ge=1, le=UNITS_LIMIT)] = 1
    project_id: IdText | None = Field(
        None, description="An asset is on a project while it is assigned in it: null here."
    )
    name: Name | None = None
    asset_tag: Name | None = None
    home_location_id: IdText | None = None
    notes: Text | None = None
    order_number: Name | None = None
    purchase_date: Day | None = None
    requestable: bool | None = None

    def fields(self) -> AssetFields:
        """The fields that are given, without those that no asset of the inventory has."""
        named = {name: getattr(self, name) for name in self.model_fields_set - _NO_ASSET_FIELD}
        given = {name: value for name, value in named.items() if value is not None}
        return cast("AssetFields", given)


class AssetChangesBody(Body):
    """The fields of an asset to change; the others stay, and null empties one."""

    model_id: IdText = Field(default_factory=str)
    serial_number: Name = Field(default_factory=str)
    asset_tag: Name = Field(default_factory=str)
    name: Name | None = None
    home_location_id: IdText | None = None
    notes: Text | None = None
    order_number: Name | None = None
    purchase_date: Day | None = None
    requestable: bool = False

    def changes(self) -> AssetFields:
        """The fields that the body names."""
        named = {name: getattr(self, name) for name in self.model_fields_set}
        return cast("AssetFields", named)


class ModelBody(Body):
    """A model of assets to be, of a category: one of GET /asset-categories.

    Only serialized models can be added; what is counted is added in Snipe-IT itself.
    """

    name: Name
    tracking_type: Literal["serialized", "countable"]
    category_id: IdText | None = None
