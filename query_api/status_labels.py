"""GET /status-labels and one of them: what the inventory can say of an asset."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import Select

from domain.ids import Id
from infrastructure.inventory.tables import connections
from infrastructure.inventory.tables import status_labels as table
from query_api import answers
from query_api.keyset import Page
from query_api.mirrored import READ, by_name, one_of, page_of
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope

status_labels = router("inventory")

_SORTS: Final = by_name(table)


class StatusLabel(BaseModel):
    """A status label. ``purposes`` are those that the connection has chosen it for."""

    id: Id
    external_id: int
    name: str | None
    type: str
    purposes: list[str]
    color: str | None
    notes: str | None
    removed_at: datetime | None
    as_of: datetime


class StatusLabelPage(BaseModel):
    """One page of status labels."""

    items: list[StatusLabel]
    next: str | None


@status_labels.get(
    "/status-labels",
    operation_id="list_status_labels",
    response_model=StatusLabelPage,
    responses=page_responses(),
)
async def list_status_labels(
    reading: Annotated[Reading, reads(READ)],
    page: Page,
    sort: Annotated[Literal["name", "-name"], Query()] = "name",
) -> Response:
    """The status labels of the inventory, with what each of them stands for here."""
    found = _labels(reading.scope).where(table.c.deleted_at.is_(None))
    return await page_of(
        reading, page, _SORTS[sort], "status labels", {"sort": sort}, found, _label
    )


@status_labels.get(
    "/status-labels/{status_label_id}",
    operation_id="read_status_label",
    response_model=StatusLabel,
    responses=object_responses(403, 404),
)
async def read_status_label(
    reading: Annotated[Reading, reads(BY_OBJECT)], status_label_id: IdInPath
) -> Response:
    """One status label."""
    found = _labels(reading.scope).where(table.c.id == status_label_id)
    return answers.unversioned(reading, _label(await one_of(reading, found, "status label")))


def _labels(scope: TenantScope) -> Select[Any]:
    chosen = scope.select(connections, connections.c.status_labels).scalar_subquery()
    return scope.select(table, *table.c, chosen.label("chosen")).where(table.c.id.is_not(None))


def _label(row: Any) -> dict[str, Any]:
    chosen: dict[str, int] = row.chosen or {}
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "type": row.type,
        "purposes": sorted(name for name, number in chosen.items() if number == row.external_id),
        "color": row.color,
        "notes": row.notes,
        "removed_at": row.deleted_at,
        "as_of": row.as_of,
    }
