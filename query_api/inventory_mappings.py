"""GET /inventory/mappings: what of ours stands for what of the inventory, and what for nothing."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    String,
    Subquery,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    union_all,
)

from domain.errors import PermissionMissing
from domain.ids import Id
from domain.inventory.errors import MappingNotFound
from domain.inventory.rules import USER
from domain.permissions import INVENTORY_MANAGE
from infrastructure.identity import tables as identity
from infrastructure.inventory.kinds import TABLES
from infrastructure.inventory.tables import connections, mappings, metadata
from query_api import answers
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope

inventory_mappings = router("inventory")

Kind = Literal[
    "asset",
    "model",
    "accessory",
    "consumable",
    "location",
    "status_label",
    "category",
    "supplier",
    "company",
    "user",
]

_DIGITS: Final = 19


class Mapping(BaseModel):
    """Our ``id`` and the inventory's ``external_id`` of one thing.

    Without ``external_id``, what is ours stands for nothing there; without ``id``, nothing of ours
    stands for that thing. ``deleted_at`` is when a thing was found to be gone.
    """

    kind: Kind
    id: Id | None
    external_id: int | None
    name: str | None
    matched: bool
    matched_by: str | None
    since: datetime | None
    deleted_at: datetime | None


class MappingPage(BaseModel):
    """One page of mappings."""

    items: list[Mapping]
    next: str | None


@inventory_mappings.get(
    "/inventory/mappings",
    operation_id="list_inventory_mappings",
    response_model=MappingPage,
    responses=page_responses(),
)
async def list_inventory_mappings(
    reading: Annotated[Reading, reads(INVENTORY_MANAGE)],
    page: Page,
    kind: Annotated[Kind | None, Query(description="Only things of this kind.")] = None,
    matched: Annotated[
        bool | None,
        Query(description="false: the report of what did not match, on both sides."),
    ] = None,
) -> Response:
    """What stands for what in the inventory; with `matched=false`, all that still stands alone."""
    fingerprint = {"tenant": reading.scope.tenant_id, "kind": kind, "matched": matched}
    cursors = Cursors(reading.sources.secret, "inventory mappings", fingerprint)
    found = _all(reading.scope)
    window = Window(page, Sort(id=found.c.key, id_field="key"), cursors)
    statement = reading.scope.values(found)
    if kind is not None:
        statement = statement.where(found.c.kind == kind)
    if matched is not None:
        statement = statement.where(found.c.matched == matched)
    rows, following = window.shown(await reading.rows(window.cut(statement)))
    return answers.page(reading, [_mapping(row) for row in rows], following)


@inventory_mappings.get(
    "/inventory/mappings/{mapping_id}",
    operation_id="read_inventory_mapping",
    response_model=Mapping,
    responses=object_responses(403, 404),
)
async def read_inventory_mapping(
    reading: Annotated[Reading, reads(BY_OBJECT)], mapping_id: IdInPath
) -> Response:
    """What one id of ours stands for. Changes of it name the connection's version."""
    found = _all(reading.scope)
    version = reading.scope.select(connections, connections.c.version).scalar_subquery()
    row = await reading.row(
        reading.scope.values(found)
        .add_columns(func.coalesce(version, 1).label("version"))
        .where(found.c.id == mapping_id)
    )
    if row is None:
        raise MappingNotFound
    if not reading.caller.may(INVENTORY_MANAGE):
        raise PermissionMissing(INVENTORY_MANAGE)
    return answers.one(reading, _mapping(row), row.version, names=True)


def _all(scope: TenantScope) -> Subquery:
    """Every mapping, every member that stands for nothing, every thing that nothing stands for."""
    things, ours, known = _things(scope), _ours(scope), identity.users.c
    label = func.coalesce(things.c.name, known.username)
    of_ours = (
        scope.values(ours)
        .with_only_columns(
            ours.c.kind,
            ours.c.id,
            ours.c.external_id,
            label.label("name"),
            ours.c.external_id.is_not(None).label("matched"),
            ours.c.matched_by,
            ours.c.since,
            things.c.deleted_at,
            _key(ours.c.kind, cast(ours.c.id, String())),
        )
        .outerjoin(
            things,
            and_(things.c.kind == ours.c.kind, things.c.external_id == ours.c.external_id),
        )
        .outerjoin(identity.users, and_(ours.c.kind == USER, known.id == ours.c.id))
    )
    alone = (
        scope.values(things)
        .with_only_columns(
            things.c.kind,
            things.c.id,
            things.c.external_id,
            things.c.name,
            literal(False).label("matched"),  # noqa: FBT003  a value of SQL
            _no(Text()).label("matched_by"),
            _no(DateTime(timezone=True)).label("since"),
            things.c.deleted_at,
            # A sign that stands behind every id, and numbers of one length: in their order.
            _key(
                things.c.kind,
                "~" + func.lpad(cast(things.c.external_id, Text()), _DIGITS, "0"),
            ),
        )
        .where(things.c.id.is_(None), things.c.deleted_at.is_(None))
    )
    return union_all(of_ours, alone).subquery("mapping")


def _ours(scope: TenantScope) -> Subquery:
    own, member = mappings.c, identity.members.c
    mapped = scope.select(mappings, own.id).where(own.id == member.user_id)
    unmapped = scope.select(
        identity.members,
        literal(USER).label("kind"),
        member.user_id.label("id"),
        _no(BigInteger()).label("external_id"),
        _no(Text()).label("matched_by"),
        _no(DateTime(timezone=True)).label("since"),
    ).where(~mapped.exists())
    decided = scope.select(mappings, own.kind, own.id, own.external_id, own.matched_by, own.since)
    return union_all(decided, unmapped).subquery("ours")


def _things(scope: TenantScope) -> Subquery:
    return union_all(*(_mirrored(scope, kind) for kind in TABLES)).subquery("thing")


def _mirrored(scope: TenantScope, kind: str) -> Select[Any]:
    table = metadata.tables[f"inventory.{TABLES[kind]}"]
    column = table.c
    label: ColumnElement[Any]
    match kind:
        case "asset":
            label = func.coalesce(column.name, column.tag)
        case "user":
            label = column.username
        case _:
            label = column.name
    return scope.select(
        table,
        literal(kind).label("kind"),
        column.external_id,
        column.id,
        label.label("name"),
        column.deleted_at,
    )


def _key(kind: ColumnElement[str], rest: ColumnElement[str]) -> ColumnElement[str]:
    key: ColumnElement[str] = (kind + ":" + rest).collate("C").label("key")
    return key


def _no(kind: Any) -> ColumnElement[Any]:
    return cast(null(), kind)


def _mapping(row: Any) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "id": row.id,
        "external_id": row.external_id,
        "name": row.name,
        "matched": row.matched,
        "matched_by": row.matched_by,
        "since": row.since,
        "deleted_at": row.deleted_at,
    }
