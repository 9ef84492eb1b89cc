"""GET /me/notifications: what concerns the caller, newest first; and what they want to be told.

What stands in the feed is made from the log; whom it is for is decided when it is read, so who
has just been given the care of the inventory sees what needs it, and who has lost it does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, and_, distinct, func, not_
from sqlalchemy.dialects.postgresql import distinct_on

from domain.ids import Id
from domain.notifications.kinds import Channel, Kind, notification_id
from domain.notifications.notices import TOLD_PERMISSIONS, holders_id, leads_id
from infrastructure.identity import tables as identity
from infrastructure.notifications import tables as told
from query_api import answers
from query_api.inventory_names import Things, look_up_things
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.names import any_of
from query_api.reader import ANYBODY, Reading, reads
from query_api.routing import object_responses, page_responses, router
from read_tables.notifications import notifications as table

notifications = router("notifications")

_PROJECTION: Final = ("notifications",)
_NEWEST_FIRST: Final = Sort(id=table.c.position, id_field="position", descending=True)
_MARKS: Final = told.read_marks

KindName = Literal[
    "requisition_decided",
    "ready_to_collect",
    "due_soon",
    "overdue",
    "returned",
    "written_off",
    "declined",
    "sync_needs_attention",
]


class SubjectModel(BaseModel):
    """What it is about: ``requisition``, ``assignment`` or ``inventory_operation``."""

    kind: str
    id: Id


class TheItemModel(BaseModel):
    """The thing concerned; its name and tag are the inventory's, as the mirror last saw them."""

    kind: str
    id: Id | None
    name: str | None
    tag: str | None


class Notification(BaseModel):
    """Something that the caller is told of. ``data`` depends on the kind."""

    id: Id
    position: int
    kind: KindName
    at: datetime
    subject: SubjectModel
    item: TheItemModel | None
    data: dict[str, Any]
    read_at: datetime | None


class NotificationPage(BaseModel):
    """One page of notifications, and how many are unread in all."""

    items: list[Notification]
    next: str | None
    unread: int


class Channels(BaseModel):
    """On which ways the caller is told."""

    in_app: bool
    email: bool


class Preferences(BaseModel):
    """What the caller is told, and how."""

    requisition_decided: Channels
    ready_to_collect: Channels
    due_soon: Channels
    overdue: Channels
    returned: Channels
    written_off: Channels
    declined: Channels
    sync_needs_attention: Channels


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose feed it is: what stands for them, since when, and what they have seen of it."""

    audiences: Sequence[Id]
    unwanted: Sequence[str]
    beginning: int
    seen_upto: int
    seen_at: datetime | None


@notifications.get(
    "/me/notifications",
    operation_id="list_notifications",
    response_model=NotificationPage,
    responses=page_responses(),
)
async def list_notifications(
    reading: Annotated[Reading, reads(ANYBODY, projections=_PROJECTION)],
    page: Page,
    unread: Annotated[
        Literal["true", "false"] | None, Query(description="Only those not read yet, or read.")
    ] = None,
    kind: Annotated[KindName | None, Query()] = None,
) -> Response:
    """What concerns the caller, newest first. Kinds that they have switched off are left out."""
    reader = await _reader(reading)
    fingerprint = {
        "tenant": reading.scope.tenant_id,
        "user": reading.caller.user_id,
        "filters": [unread, kind],
    }
    cursors = Cursors(reading.sources.secret, "notifications", fingerprint)
    window = Window(page, _NEWEST_FIRST, cursors)
    found = _for(reading, reader, *table.c, _MARKS.c.at.label("marked_at"))
    if kind is not None:
        found = found.where(table.c.kind == kind)
    if unread is not None:
        is_unread = _is_unread(reader)
        found = found.where(is_unread if unread == "true" else not_(is_unread))
    # One event may reach somebody in two ways: as custodian, and as lead of the project.
    found = found.ext(distinct_on(table.c.position))
    rows, following = window.shown(await reading.rows(window.cut(found)))
    counted = await reading.row(
        _for(reading, reader, func.count(distinct(table.c.position)).label("unread")).where(
            _is_unread(reader)
        )
    )
    things = await look_up_things(
        reading, [(item["kind"], item["id"]) for row in rows if (item := _item_of(row))]
    )
    items = [_item(row, reader, things) for row in rows]
    return answers.page(reading, items, following, {"unread": counted.unread if counted else 0})


@notifications.get(
    "/me/notification-preferences",
    operation_id="read_notification_preferences",
    response_model=Preferences,
    responses=object_responses(),
)
async def read_preferences(reading: Annotated[Reading, reads(ANYBODY)]) -> Response:
    """What the caller is told, and how."""
    off = await _switched_off(reading)
    body = {
        kind.value: {channel.value: (kind, channel) not in off for channel in Channel}
        for kind in Kind
    }
    return answers.one(reading, body, 1, names=True)


async def _reader(reading: Reading) -> _Reader:
    scope, user_id = reading.scope, reading.caller.user_id
    member, upto = identity.project_members, told.read_upto
    led = await reading.rows(
        scope.select(member, member.c.project_id).where(
            member.c.user_id == user_id, member.c.role == "lead"
        )
    )
    audiences = [user_id, *(leads_id(row.project_id) for row in led)]
    audiences += [
        holders_id(reading.caller.tenant_id, permission)
        for permission in TOLD_PERMISSIONS
        if reading.caller.may(permission)
    ]
    beginning = await reading.row(scope.values(told.beginning))
    seen = await reading.row(scope.select(upto).where(upto.c.user_id == user_id))
    off = await _switched_off(reading)
    return _Reader(
        audiences=audiences,
        unwanted=sorted(kind for kind, channel in off if channel == Channel.IN_APP),
        beginning=0 if beginning is None else beginning.position,
        seen_upto=0 if seen is None else seen.position,
        seen_at=None if seen is None else seen.at,
    )


async def _switched_off(reading: Reading) -> set[tuple[str, str]]:
    off = told.switched_off
    rows = await reading.rows(
        reading.scope.select(off, off.c.kind, off.c.channel).where(
            off.c.user_id == reading.caller.user_id
        )
    )
    return {(row.kind, row.channel) for row in rows}


def _for(reading: Reading, reader: _Reader, *columns: ColumnElement[Any]) -> Select[Any]:
    """The rows of a reader's feed, each with its mark if it has one."""
    mark = and_(
        reading.scope.owns(_MARKS),
        _MARKS.c.user_id == reading.caller.user_id,
        _MARKS.c.position == table.c.position,
    )
    return (
        reading.scope.select(table, *columns)
        .outerjoin(_MARKS, mark)
        .where(
            table.c.audience_id == any_of(list(reader.audiences)),
            table.c.position > reader.beginning,
            table.c.kind.not_in(reader.unwanted),
        )
    )


def _is_unread(reader: _Reader) -> ColumnElement[bool]:
    return and_(table.c.position > reader.seen_upto, _MARKS.c.at.is_(None))


def _item_of(row: Any) -> dict[str, Any] | None:
    item: dict[str, Any] | None = row.data.get("item")
    return item if item and item["id"] is not None else None


def _item(row: Any, reader: _Reader, things: Things) -> dict[str, Any]:
    item = row.data.get("item")
    if item is not None:
        known = None if item["id"] is None else things.of(item["kind"], item["id"])
        names = {"name": known and known["name"], "tag": known and known["tag"]}
        item = {"kind": item["kind"], "id": item["id"], **names}
    read_at = row.marked_at
    if read_at is None and row.position <= reader.seen_upto:
        read_at = reader.seen_at
    return {
        "id": notification_id(row.position),
        "position": row.position,
        "kind": row.kind,
        "at": row.at,
        "subject": {"kind": row.aggregate_kind, "id": row.aggregate_id},
        "item": item,
        "data": {name: value for name, value in row.data.items() if name != "item"},
        "read_at": read_at,
    }
