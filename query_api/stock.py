"""GET /accessories, /consumables and one of each: things of the inventory that are counted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, Table

from domain.ids import Id
from infrastructure.inventory import tables as inventory
from query_api import answers
from query_api.keyset import Page, PageQuery
from query_api.mirrored import (
    READ,
    RefModel,
    Search,
    by_name,
    numbered,
    one_of,
    page_of,
    ref,
    told_by,
)
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope

stock = router("stock")

ByName = Annotated[Literal["name", "-name"], Query()]
_CATEGORY: Final = inventory.categories
_PLACE: Final = inventory.locations


class StockItem(BaseModel):
    """A thing that is counted: ``remaining`` of ``quantity`` units were left at ``as_of``."""

    id: Id
    external_id: int
    name: str | None
    tracking_type: Literal["countable"]
    item_number: str | None
    category: RefModel | None
    location: RefModel | None
    quantity: int
    remaining: int
    updated_at: datetime | None
    removed_at: datetime | None
    as_of: datetime


class StockPage(BaseModel):
    """One page of things that are counted."""

    items: list[StockItem]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Accessories or consumables: they differ in where they stand and in their number's name."""

    name: str
    plural: str
    table: Table
    number: ColumnElement[Any]

    async def page(self, reading: Reading, page: PageQuery, q: str | None, sort: str) -> Response:
        """One page of them."""
        column = self.table.c
        met = told_by(reading.scope, self.name, column.external_id, q)
        found = self._things(reading.scope).where(column.deleted_at.is_(None), *met)
        order = by_name(self.table)[sort]
        filters = {"q": q, "sort": sort}
        return await page_of(reading, page, order, self.plural, filters, found, _thing)

    async def one(self, reading: Reading, id: Id) -> Response:
        """One of them. Raises ``NotFound`` and ``PermissionMissing``."""
        found = self._things(reading.scope).where(self.table.c.id == id)
        return answers.unversioned(reading, _thing(await one_of(reading, found, self.name)))

    def _things(self, scope: TenantScope) -> Select[Any]:
        column = self.table.c
        return (
            scope.select(
                self.table,
                *column,
                self.number.label("number"),
                _CATEGORY.c.id.label("category_id"),
                _CATEGORY.c.name.label("category_name"),
                _PLACE.c.id.label("location_id"),
                _PLACE.c.name.label("location_name"),
            )
            .outerjoin(_CATEGORY, numbered(self.table, _CATEGORY, column.category_external_id))
            .outerjoin(_PLACE, numbered(self.table, _PLACE, column.location_external_id))
            .where(column.id.is_not(None))
        )


_ACCESSORIES: Final = _Kind(
    "accessory", "accessories", inventory.accessories, inventory.accessories.c.model_number
)
_CONSUMABLES: Final = _Kind(
    "consumable", "consumables", inventory.consumables, inventory.consumables.c.item_number
)


@stock.get(
    "/accessories",
    operation_id="list_accessories",
    response_model=StockPage,
    responses=page_responses(),
)
async def list_accessories(
    reading: Annotated[Reading, reads(READ)], page: Page, q: Search = None, sort: ByName = "name"
) -> Response:
    """The accessories of the inventory: things that come back."""
    return await _ACCESSORIES.page(reading, page, q, sort)


@stock.get(
    "/accessories/{accessory_id}",
    operation_id="read_accessory",
    response_model=StockItem,
    responses=object_responses(403, 404),
)
async def read_accessory(
    reading: Annotated[Reading, reads(BY_OBJECT)], accessory_id: IdInPath
) -> Response:
    """One accessory."""
    return await _ACCESSORIES.one(reading, accessory_id)


@stock.get(
    "/consumables",
    operation_id="list_consumables",
    response_model=StockPage,
    responses=page_responses(),
)
async def list_consumables(
    reading: Annotated[Reading, reads(READ)], page: Page, q: Search = None, sort: ByName = "name"
) -> Response:
    """The consumables of the inventory: things that are used up."""
    return await _CONSUMABLES.page(reading, page, q, sort)


@stock.get(
    "/consumables/{consumable_id}",
    operation_id="read_consumable",
    response_model=StockItem,
    responses=object_responses(403, 404),
)
async def read_consumable(
    reading: Annotated[Reading, reads(BY_OBJECT)], consumable_id: IdInPath
) -> Response:
    """One consumable."""
    return await _CONSUMABLES.one(reading, consumable_id)


def _thing(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "tracking_type": "countable",
        "item_number": row.number,
        "category": ref(row.category_external_id, row.category_id, row.category_name),
        "location": ref(row.location_external_id, row.location_id, row.location_name),
        "quantity": row.quantity,
        "remaining": row.remaining,
        "updated_at": row.updated_at,
        "removed_at": row.deleted_at,
        "as_of": row.as_of,
    }
