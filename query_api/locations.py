"""GET /locations and one of them: the places of the inventory, to which things can be lent."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import Select

from domain.ids import Id
from infrastructure.inventory.tables import locations as table
from query_api import answers
from query_api.keyset import Page
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

locations = router("locations")

_PARENT: Final = table.alias("parent")
_SORTS: Final = by_name(table)


class Location(BaseModel):
    """A place, within another one where it has a ``parent``."""

    id: Id
    external_id: int
    name: str | None
    parent: RefModel | None
    city: str | None
    country: str | None
    updated_at: datetime | None
    removed_at: datetime | None
    as_of: datetime


class LocationPage(BaseModel):
    """One page of places."""

    items: list[Location]
    next: str | None


@locations.get(
    "/locations",
    operation_id="list_locations",
    response_model=LocationPage,
    responses=page_responses(),
)
async def list_locations(
    reading: Annotated[Reading, reads(READ)],
    page: Page,
    q: Search = None,
    sort: Annotated[Literal["name", "-name"], Query()] = "name",
) -> Response:
    """The places that the inventory has."""
    met = told_by(reading.scope, "location", table.c.external_id, q)
    found = _places(reading.scope).where(table.c.deleted_at.is_(None), *met)
    return await page_of(
        reading, page, _SORTS[sort], "locations", {"q": q, "sort": sort}, found, _location
    )


@locations.get(
    "/locations/{location_id}",
    operation_id="read_location",
    response_model=Location,
    responses=object_responses(403, 404),
)
async def read_location(
    reading: Annotated[Reading, reads(BY_OBJECT)], location_id: IdInPath
) -> Response:
    """One place."""
    found = _places(reading.scope).where(table.c.id == location_id)
    return answers.unversioned(reading, _location(await one_of(reading, found, "location")))


def _places(scope: TenantScope) -> Select[Any]:
    parent = _PARENT.c
    return (
        scope.select(table, *table.c, parent.id.label("parent_id"), parent.name.label("within"))
        .outerjoin(_PARENT, numbered(table, _PARENT, table.c.parent_external_id))
        .where(table.c.id.is_not(None))
    )


def _location(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "parent": ref(row.parent_external_id, row.parent_id, row.within),
        "city": row.city,
        "country": row.country,
        "updated_at": row.updated_at,
        "removed_at": row.deleted_at,
        "as_of": row.as_of,
    }
