"""GET /audit: the log of the tenant, as JSON by pages, or all of it as NDJSON or CSV."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Select

from domain.ids import Id
from domain.permissions import AUDIT_READ
from query_api import answers
from query_api.errors import POSITION_HEADER, BadParameter, NotAcceptable
from query_api.event_items import OLDEST_FIRST, EventItem, actors, event_item
from query_api.keyset import Cursors, Page, Window
from query_api.names import Names
from query_api.reader import Reading, reads
from query_api.routing import page_responses, router
from query_api.shapes import IdFilter, Time
from read_tables.history import history

audit = router("audit")

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
_OFFERED: Final = (JSON, NDJSON, CSV)
_BATCH: Final = 1000

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS: Final = (
    "position",
    "at",
    "type",
    "aggregate_kind",
    "aggregate_id",
    "version",
    "actor_id",
    "actor_name",
    "correlation_id",
    "data",
)


class AuditItem(EventItem):
    """An event of the tenant, with what it happened to and what it was caused by."""

    aggregate_id: Id
    aggregate_kind: str
    correlation_id: str


class AuditPage(BaseModel):
    """One page of the log."""

    items: list[AuditItem]
    next: str | None


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the log is narrowed to: from ``since`` on, up to but without ``until``."""

    aggregate_id: Id | None
    actor_id: Id | None
    type: str | None
    since: datetime | None
    until: datetime | None


async def _filters(
    aggregate_id: IdFilter = None,
    actor_id: IdFilter = None,
    type: Annotated[
        str | None, Query(max_length=200, description="Such as requisition.submitted.v1.")
    ] = None,
    since: Annotated[Time | None, Query(alias="from", description="RFC 3339, included.")] = None,
    until: Annotated[Time | None, Query(description="RFC 3339, not included.")] = None,
) -> AuditFilters:
    if type is not None and "\x00" in type:
        raise BadParameter("type", "No event has such a name.")
    return AuditFilters(aggregate_id, actor_id, type, since, until)


@audit.get(
    "/audit",
    operation_id="list_audit",
    response_model=AuditPage,
    responses=page_responses(406)
    | {
        200: {
            "description": "A page as JSON; or all that match, as NDJSON or CSV.",
            "content": {
                NDJSON: {"schema": {"type": "string"}},
                CSV: {"schema": {"type": "string"}},
            },
        }
    },
)
async def list_audit(
    reading: Annotated[Reading, reads(AUDIT_READ, projections=("history",))],
    filters: Annotated[AuditFilters, Depends(_filters)],
    page: Page,
    accept: Annotated[
        str | None, Header(description="application/json, application/x-ndjson or text/csv")
    ] = None,
) -> Response:
    """All that happened in the tenant, the first event first.

    `limit`, `cursor` and `offset` are for pages of JSON; the other forms hold all that match.
    """
    form = _preferred(accept)
    fingerprint = {"tenant": reading.scope.tenant_id, "filters": _key(filters)}
    cursors = Cursors(reading.sources.secret, "audit", fingerprint)
    matching = _matching(reading, filters)
    if form == JSON:
        window = Window(page, OLDEST_FIRST, cursors)
        rows, following = window.shown(await reading.rows(window.cut(matching)))
        known = await actors(reading.snapshot, reading.scope, rows)
        return answers.page(reading, [_item(row, known) for row in rows], following)
    headers = {POSITION_HEADER: str(reading.position), "Vary": "Accept"}
    if form == CSV:
        headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return StreamingResponse(
            _stream(reading, matching, _csv, _csv_line(_COLUMNS)),
            media_type=f"{CSV}; charset=utf-8",
            headers=headers,
        )
    return StreamingResponse(
        _stream(reading, matching, _ndjson, b""), media_type=NDJSON, headers=headers
    )


def _matching(reading: Reading, filters: AuditFilters) -> Select[Any]:
    event = history.c
    equal = (
        (event.aggregate_id, filters.aggregate_id),
        (event.actor_id, filters.actor_id),
        (event.type, filters.type),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if filters.since is not None:
        conditions.append(event.at >= filters.since)
    if filters.until is not None:
        conditions.append(event.at < filters.until)
    return reading.scope.select(history).where(*conditions)


async def _stream(
    reading: Reading,
    matching: Select[Any],
    form: Callable[[Sequence[Any], Names], bytes],
    head: bytes,
) -> AsyncIterator[bytes]:
    """Everything up to the position of the answer, in short snapshots: a slow reader holds none.

    The log only grows, so what they show together is what one long snapshot would have shown.
    """
    if head:
        yield head
    position = 0
    engine, tenant = reading.sources.engine, reading.scope.tenant_id
    event = history.c
    upto = matching.where(event.position <= reading.position).order_by(event.position)
    while True:
        async with engine.snapshot() as snapshot:
            await snapshot.enter(tenant)
            rows = await snapshot.rows(upto.where(event.position > position).limit(_BATCH))
            known = await actors(snapshot, reading.scope, rows)
        if rows:
            position = rows[-1].position
            yield form(rows, known)
        if len(rows) < _BATCH:
            return


def _item(row: Any, known: Names) -> dict[str, Any]:
    return {
        **event_item(row, known),
        "aggregate_id": row.aggregate_id,
        "aggregate_kind": row.aggregate_kind,
        "correlation_id": row.correlation_id,
    }


def _ndjson(rows: Sequence[Any], known: Names) -> bytes:
    return b"".join(answers.json_bytes(_item(row, known)) + b"\n" for row in rows)


def _csv(rows: Sequence[Any], known: Names) -> bytes:
    return b"".join(_csv_line(_cells(row, known)) for row in rows)


def _cells(row: Any, known: Names) -> list[object]:
    return [
        row.position,
        row.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        row.type,
        row.aggregate_kind,
        row.aggregate_id,
        row.version,
        row.actor_id or "",
        known.by_id.get(row.actor_id, "") if row.actor_id else "",
        row.correlation_id,
        answers.json_bytes(row.data).decode(),
    ]


def _csv_line(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow([_safe(cell) for cell in cells])
    return line.getvalue().encode()


def _safe(cell: object) -> object:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell


def _preferred(accept: str | None) -> str:
    """The form that the client likes best of those offered. Raises ``NotAcceptable``."""
    wishes = [_wish(part) for part in (accept or "*/*").split(",")]
    best, best_quality = "", 0.0
    for offered in _OFFERED:
        quality = _quality(offered, wishes)
        if quality > best_quality:
            best, best_quality = offered, quality
    if not best:
        raise NotAcceptable(*_OFFERED)
    return best


def _wish(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.lower().split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
    return name, quality


def _quality(offered: str, wishes: Sequence[tuple[str, float]]) -> float:
    """How much a form is liked: by its own name, else by its family, else by anything."""
    family = f"{offered.partition('/')[0]}/*"
    for name in (offered, family, "*/*"):
        for wish, quality in wishes:
            if wish == name:
                return quality
    return 0.0


def _key(filters: AuditFilters) -> list[Any]:
    return [
        filters.aggregate_id,
        filters.actor_id,
        filters.type,
        filters.since,
        filters.until,
    ]
