"""GET /projects, one of them, and its members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import BaseModel
from sqlalchemy import Row, Select

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.permissions import PROJECTS_READ, REQUISITIONS_CREATE, REQUISITIONS_READ
from infrastructure.identity import tables as identity
from query_api import answers, names, parked
from query_api.errors import ProjectionParked
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.names import Names
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath, NamedModel
from read_tables.projects import project_members
from read_tables.projects import projects as table

projects = router("projects")

_PROJECTION: Final = ("projects",)
# Without projects:read the list shows the caller's own projects.
_LISTERS: Final = (PROJECTS_READ, REQUISITIONS_CREATE, REQUISITIONS_READ)

_SORTS: Final = {
    name: Sort(id=table.c.id, key=table.c[field], field=field, descending=name.startswith("-"))
    for field in ("name", "created_at", "updated_at")
    for name in (field, f"-{field}")
}
_MEMBERS: Final = Sort(id=project_members.c.user_id, id_field="user_id")


class ProjectItem(BaseModel):
    """A project as it stands in a list: without its members."""

    id: Id
    name: str
    description: str | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class ProjectPage(BaseModel):
    """One page of projects."""

    items: list[ProjectItem]
    next: str | None


class Member(BaseModel):
    """A member of a project."""

    user: NamedModel
    role: Literal["member", "lead"]
    since: datetime


class MemberPage(BaseModel):
    """One page of members."""

    items: list[Member]
    next: str | None


class Project(ProjectItem):
    """A project on a page of its own."""

    members: list[Member]


@dataclass(frozen=True, slots=True)
class FoundProject:
    """A project that the caller may see."""

    reading: Reading
    row: Row[Any]


async def _visible(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=_PROJECTION)], project_id: IdInPath
) -> FoundProject:
    own = identity.project_members
    role = (
        reading.scope.select(own, own.c.role)
        .where(own.c.project_id == table.c.id, own.c.user_id == reading.caller.user_id)
        .scalar_subquery()
    )
    is_parked = parked.is_parked(reading.scope, table.c.id, reading.projections)
    row = await reading.row(
        reading.scope.select(
            table, *table.c, role.label("own_role"), is_parked.label("parked")
        ).where(table.c.id == project_id)
    )
    if row is None:
        await parked.refuse_if_parked(reading, project_id)
        raise NotFound("There is no such project.")
    if row.own_role is None and not reading.caller.may(PROJECTS_READ):
        raise PermissionMissing(PROJECTS_READ)
    if row.parked:
        raise ProjectionParked(reading.position)
    return FoundProject(reading, row)


Visible = Annotated[FoundProject, Depends(_visible)]


@projects.get(
    "/projects",
    operation_id="list_projects",
    response_model=ProjectPage,
    responses=page_responses(),
)
async def list_projects(
    reading: Annotated[Reading, reads(*_LISTERS, projections=_PROJECTION)],
    page: Page,
    sort: Annotated[
        Literal["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"], Query()
    ] = "name",
) -> Response:
    """The projects of the tenant; without `projects:read`, those that the caller is a member of."""
    fingerprint = {"tenant": reading.scope.tenant_id, "sort": sort}
    cursors = Cursors(reading.sources.secret, "projects", fingerprint)
    window = Window(page, _SORTS[sort], cursors)
    rows, following = window.shown(await reading.rows(window.cut(_seen_by(reading))))
    return answers.page(reading, [_item(row) for row in rows], following)


@projects.get(
    "/projects/{project_id}",
    operation_id="read_project",
    response_model=Project,
    responses=object_responses(403, 404),
)
async def read_project(found: Visible) -> Response:
    """One project with its members."""
    members = await found.reading.rows(_members_of(found).order_by(project_members.c.user_id))
    known = await _names_of(found.reading, members)
    body = {**_item(found.row), "members": [_member(member, known) for member in members]}
    return answers.one(found.reading, body, found.row.version, names=True)


@projects.get(
    "/projects/{project_id}/members",
    operation_id="list_project_members",
    response_model=MemberPage,
    responses=page_responses(404),
)
async def list_project_members(found: Visible, page: Page) -> Response:
    """The members of a project, in the order of their ids."""
    reading = found.reading
    fingerprint = {"tenant": reading.scope.tenant_id}
    cursors = Cursors(reading.sources.secret, f"members of {found.row.id}", fingerprint)
    window = Window(page, _MEMBERS, cursors)
    rows, following = window.shown(await reading.rows(window.cut(_members_of(found))))
    known = await _names_of(reading, rows)
    return answers.page(reading, [_member(row, known) for row in rows], following)


def _seen_by(reading: Reading) -> Select[Any]:
    if reading.caller.may(PROJECTS_READ):
        return reading.scope.select(table)
    joined = identity.project_members
    own = reading.scope.select(joined, joined.c.project_id.label("id"))
    return reading.scope.page(
        table, own.where(joined.c.user_id == reading.caller.user_id).subquery("own")
    )


def _members_of(found: FoundProject) -> Select[Any]:
    members = found.reading.scope.select(project_members)
    return members.where(project_members.c.project_id == found.row.id)


async def _names_of(reading: Reading, members: Sequence[Row[Any]]) -> Names:
    return await names.look_up(reading.snapshot, reading.scope, (row.user_id for row in members))


def _item(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "archived_at": row.archived_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
    }


def _member(row: Any, known: Names) -> dict[str, Any]:
    return {"user": known.of(row.user_id), "role": row.role, "since": row.since}
