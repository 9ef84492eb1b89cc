"""GET /inventory/connection: where the tenant's inventory is, and how fresh our picture of it is."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import and_

from domain.inventory.errors import NotConnected
from domain.permissions import INVENTORY_MANAGE
from infrastructure.inventory.tables import connections, mirror_kinds, mirror_states
from query_api import answers
from query_api.reader import Reading, reads
from query_api.routing import object_responses, router

inventory_connection = router("inventory")

_MAY: Final = reads(INVENTORY_MANAGE)


class MirroredKind(BaseModel):
    """What the mirror holds of one kind of thing, read completely at ``as_of``."""

    kind: str
    as_of: datetime
    things: int


class Mirror(BaseModel):
    """How far the mirror is: ``as_of`` by the activity report, ``swept_at`` in full.

    It has not been able to read since ``failing_since``: ``error`` is the class of why, ``message``
    the whole of it.
    """

    as_of: datetime | None
    swept_at: datetime | None
    error: str | None
    message: str | None
    failing_since: datetime | None
    kinds: list[MirroredKind]


class Connection(BaseModel):
    """How the tenant's Snipe-IT is reached. ``token_source`` is where its token stands."""

    base_url: str
    token_source: str
    company_id: int | None
    server_zone: str
    status_labels: dict[str, int]
    set_at: datetime
    mirror: Mirror
    version: int


@inventory_connection.get(
    "/inventory/connection",
    operation_id="read_inventory_connection",
    response_model=Connection,
    responses=object_responses(403, 404),
)
async def read_inventory_connection(reading: Annotated[Reading, _MAY]) -> Response:
    """The tenant's connection to its Snipe-IT."""
    scope = reading.scope
    mirrored = (
        mirror_states.c.as_of,
        mirror_states.c.swept_at,
        mirror_states.c.error,
        mirror_states.c.message,
        mirror_states.c.failing_since,
    )
    row = await reading.row(
        scope.select(connections, *connections.c, *mirrored).outerjoin(
            mirror_states,
            and_(scope.owns(mirror_states), mirror_states.c.base_url == connections.c.base_url),
        )
    )
    if row is None:
        raise NotConnected
    kinds = await reading.rows(scope.select(mirror_kinds).order_by(mirror_kinds.c.kind))
    return answers.one(reading, _connection(row, kinds), row.version, names=True)


def _connection(row: Any, kinds: Any) -> dict[str, Any]:
    return {
        "base_url": row.base_url,
        "token_source": row.token_source,
        "company_id": row.company_id,
        "server_zone": row.server_zone,
        "status_labels": row.status_labels,
        "set_at": row.set_at,
        "mirror": {
            "as_of": row.as_of,
            "swept_at": row.swept_at,
            "error": row.error,
            "message": row.message,
            "failing_since": row.failing_since,
            "kinds": [
                {"kind": kind.kind, "as_of": kind.as_of, "things": kind.things} for kind in kinds
            ],
        },
        "version": row.version,
    }
