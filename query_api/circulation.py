"""GET /asset-circulations and one of them: who had which item when, step by step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel, BeforeValidator
from sqlalchemy import ColumnElement, Select, exists, true, union

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from query_api import answers, names, parked
from query_api.assignments.models import CustodianModel, ItemKind, ItemModel
from query_api.assignments.visibility import (
    LISTERS,
    READ,
    is_own,
    led_projects,
    seen_by,
    sees_all,
)
from query_api.inventory_names import LOCATION, Custodians, Thing, look_up_things
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdFilter, NamedModel, Time
from read_tables.assignments import assignments
from read_tables.circulation import circulation as table

circulation = router("assignments")

C: Final = table.c
CUSTODY: Final = ("custody",)
TypeName = Literal[
    "issue", "return", "move", "loss", "receive", "confirm", "decline", "loss_report", "recover"
]
SORTS: Final = {
    name: Sort(id=C.position, id_field="position", descending=name.startswith("-"))
    for name in ("-position", "position")
}


class CirculationItem(BaseModel):
    """One step of custody.

    ``confirmed`` ones rest on the inventory's own word, read at ``read_at``. ``attested`` ones
    rest on the word of an inventory manager instead, who had the operation resolved without
    proof: nobody read the inventory for them. After both another custodian is on record. All
    others are what people reported, and leave the same custodian on record; nobody, as long as
    the hand-over that they speak of has not come to pass.
    """

    position: int
    at: datetime
    type: TypeName
    confirmed: bool
    attested: bool
    item: ItemModel
    quantity: int
    assignment_id: Id
    project: NamedModel | None
    by: NamedModel | None
    custodian_before: CustodianModel | None
    custodian_after: CustodianModel | None
    location: NamedModel | None
    operation_id: Id | None
    read_at: datetime | None
    note: str | None


class CirculationPage(BaseModel):
    """One page of the feed."""

    items: list[CirculationItem]
    next: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """From ``since`` on, up to but without ``until``."""

    item_kind: str | None
    asset_id: Id | None
    item_id: Id | None
    assignment_id: Id | None
    project_id: Id | None
    type: str | None
    confirmed: bool | None
    since: datetime | None
    until: datetime | None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What every row of the list meets."""
        equal = (
            (C.item_kind, "asset" if self.asset_id is not None else self.item_kind),
            (C.item_id, self.asset_id),
            (C.item_id, self.item_id),
            (C.assignment_id, self.assignment_id),
            (C.project_id, self.project_id),
            (C.type, self.type),
            (C.confirmed, self.confirmed),
        )
        met: list[ColumnElement[bool]] = [
            column == value for column, value in equal if value is not None
        ]
        if self.since is not None:
            met.append(C.at >= self.since)
        if self.until is not None:
            met.append(C.at < self.until)
        return met


async def _filters(
    item_kind: Annotated[ItemKind | None, Query()] = None,
    asset_id: IdFilter = None,
    item_id: IdFilter = None,
    assignment_id: IdFilter = None,
    project_id: IdFilter = None,
    type: Annotated[TypeName | None, Query()] = None,
    confirmed: Annotated[
        Literal["true", "false"] | None, Query(description="Whether the inventory has said so.")
    ] = None,
    since: Annotated[Time | None, Query(alias="from", description="RFC 3339, included.")] = None,
    until: Annotated[Time | None, Query(description="RFC 3339, not included.")] = None,
) -> Filters:
    return Filters(
        item_kind=item_kind,
        asset_id=asset_id,
        item_id=item_id,
        assignment_id=assignment_id,
        project_id=project_id,
        type=type,
        confirmed=None if confirmed is None else confirmed == "true",
        since=since,
        until=until,
    )


@circulation.get(
    "/asset-circulations",
    operation_id="list_asset_circulations",
    response_model=CirculationPage,
    responses=page_responses(),
)
async def list_asset_circulations(
    reading: Annotated[Reading, reads(*LISTERS, projections=CUSTODY)],
    filters: Annotated[Filters, Depends(_filters)],
    page: Page,
    sort: Annotated[
        Literal["-position", "position"], Query(description="`-` is newest first.")
    ] = "-position",
) -> Response:
    """The custody feed, as far as the caller may see the assignments that it is made of."""
    fingerprint = {
        "tenant": reading.scope.tenant_id,
        "sort": sort,
        "filters": [getattr(filters, name) for name in Filters.__slots__],
    }
    cursors = Cursors(reading.sources.secret, "asset circulations", fingerprint)
    window = Window(page, SORTS[sort], cursors)
    seen = steps_seen(reading, filters.conditions(), window)
    rows, following = window.shown(await reading.rows(seen))
    known = await _look_up(reading, rows)
    return answers.page(reading, [_item(row, known) for row in rows], following)


def _position(text: str) -> int:
    """The position; a text that is none names nothing, so that its page is 404."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text, re.ASCII) else 0


PositionInPath = Annotated[
    int, Path(description="The `position` of a step."), BeforeValidator(_position)
]


@circulation.get(
    "/asset-circulations/{position}",
    operation_id="read_asset_circulation",
    response_model=CirculationItem,
    responses=object_responses(403, 404),
)
async def read_asset_circulation(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=CUSTODY)],
    position: PositionInPath,
) -> Response:
    """One step of custody, named by its position in the log. It never changes."""
    row = await reading.row(step_at(reading, position))
    if row is None:
        await parked.refuse_if_parked_at(reading, position)
        raise NotFound("There is no such step.")
    if not row.visible:
        raise PermissionMissing(READ)
    known = await _look_up(reading, [row])
    return answers.one(reading, _item(row, known), row.position, names=True)


def step_at(reading: Reading, position: int) -> Select[Any]:
    """The step at a position, and whether the caller may see it."""
    scope, caller = reading.scope, reading.caller
    lent = assignments.c
    of_seen = exists(
        scope.select(assignments, lent.id).where(lent.id == C.assignment_id, seen_by(scope, caller))
    )
    visible = true() if sees_all(caller) else of_seen
    return scope.select(table, *C, visible.label("visible")).where(C.position == position)


def steps_seen(
    reading: Reading, conditions: Sequence[ColumnElement[bool]], window: Window
) -> Select[Any]:
    """The page of those who see all; else what each assignment that they may see adds to it."""
    scope, caller = reading.scope, reading.caller
    steps = scope.select(table).where(*conditions)
    if sees_all(caller):
        return window.cut(steps)
    lent = assignments.c
    own = scope.select(assignments, lent.id).where(is_own(caller)).subquery("own")
    led = led_projects(scope, caller).subquery("led")
    parts = [
        scope.each(one, window.begin(steps.where(met)).lateral(name))
        for one, met, name in (
            (own, C.assignment_id == own.c.id, "of_own"),
            (led, C.project_id == led.c.project_id, "of_led"),
        )
    ]
    found = union(*parts).subquery("found")
    order = Sort(id=found.c.position, descending=window.sort.descending).order()
    shown = scope.values(found).order_by(*order).limit(window.page.limit + 1)
    return shown.offset(window.page.offset)


async def _look_up(reading: Reading, rows: Sequence[Any]) -> Custodians:
    users: set[Id | None] = {row.by for row in rows}
    things: set[Thing] = {(row.item_kind, row.item_id) for row in rows}
    things.update((LOCATION, row.location_id) for row in rows if row.location_id is not None)
    for row in rows:
        for custodian in (row.custodian_before, row.custodian_after):
            if custodian is None:
                continue
            if custodian["kind"] == LOCATION:
                things.add((LOCATION, custodian["id"]))
            else:
                users.add(custodian["id"])
    projects = {row.project_id for row in rows}
    known = await names.look_up(reading.snapshot, reading.scope, users, projects)
    return Custodians(known, await look_up_things(reading, things))


def _item(row: Any, known: Custodians) -> dict[str, Any]:
    return {
        "position": row.position,
        "at": row.at,
        "type": row.type,
        "confirmed": row.confirmed,
        "attested": row.attested,
        "item": known.things.of(row.item_kind, row.item_id),
        "quantity": row.quantity,
        "assignment_id": row.assignment_id,
        "project": known.users.of_optional(row.project_id),
        "by": known.users.of_optional(row.by),
        "custodian_before": known.of_optional(row.custodian_before),
        "custodian_after": known.of_optional(row.custodian_after),
        "location": _location(row, known),
        "operation_id": row.operation_id,
        "read_at": row.read_at,
        "note": row.note,
    }


def _location(row: Any, known: Custodians) -> dict[str, Any] | None:
    if row.location_id is None:
        return None
    return {"id": row.location_id, "name": known.things.name_of(LOCATION, row.location_id)}
