"""Events as answers show them: in the history of an object and in the audit of the tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import Select

from infrastructure.read_engine import Snapshot
from query_api import answers, names
from query_api.keyset import Cursors, PageQuery, Sort, Window
from query_api.names import Names
from query_api.reader import Reading
from query_api.shapes import NamedModel
from query_api.tenant_scope import TenantScope
from read_tables.history import history

NEWEST_FIRST: Final = Sort(id=history.c.position, id_field="position", descending=True)
OLDEST_FIRST: Final = Sort(id=history.c.position, id_field="position")


class EventItem(BaseModel):
    """Something that happened. ``actor`` is null for what the system did."""

    position: int
    version: int
    type: str
    at: datetime
    actor: NamedModel | None
    data: dict[str, Any]


class EventPage(BaseModel):
    """One page of events."""

    items: list[EventItem]
    next: str | None


async def event_page(
    reading: Reading, events: Select[Any], page: PageQuery, list_name: str, *, descending: bool
) -> Response:
    """One page of these rows of ``history``."""
    fingerprint = {"tenant": reading.scope.tenant_id}
    cursors = Cursors(reading.sources.secret, list_name, fingerprint)
    window = Window(page, NEWEST_FIRST if descending else OLDEST_FIRST, cursors)
    rows, following = window.shown(await reading.rows(window.cut(events)))
    known = await actors(reading.snapshot, reading.scope, rows)
    return answers.page(reading, [event_item(row, known) for row in rows], following)


async def actors(snapshot: Snapshot, scope: TenantScope, rows: Sequence[Any]) -> Names:
    """The names of those who did this."""
    return await names.look_up(snapshot, scope, (row.actor_id for row in rows))


def event_item(row: Any, known: Names) -> dict[str, Any]:
    """An event."""
    return {
        "position": row.position,
        "version": row.version,
        "type": row.type,
        "at": row.at,
        "actor": known.of_optional(row.actor_id),
        "data": row.data,
    }
