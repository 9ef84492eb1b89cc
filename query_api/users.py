"""GET /users: the members of the tenant, from the identity tables."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import Select

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.permissions import USERS_READ
from infrastructure.identity import tables as identity
from query_api import answers
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope

users = router("users")

_MEMBER_ID: Final = identity.members.c.user_id
_SORTS: Final = {
    "id": Sort(id=_MEMBER_ID),
    "-id": Sort(id=_MEMBER_ID, descending=True),
}


class User(BaseModel):
    """A member of the tenant."""

    id: Id
    username: str
    email: str
    roles: list[str]


class UserPage(BaseModel):
    """One page of users."""

    items: list[User]
    next: str | None


@users.get("/users", operation_id="list_users", response_model=UserPage, responses=page_responses())
async def list_users(
    reading: Annotated[Reading, reads(USERS_READ)],
    page: Page,
    sort: Annotated[
        Literal["id", "-id"], Query(description="Ids rise with the time of creation.")
    ] = "id",
) -> Response:
    """The members of the tenant."""
    fingerprint = {"tenant": reading.scope.tenant_id, "sort": sort}
    window = Window(page, _SORTS[sort], Cursors(reading.sources.secret, "users", fingerprint))
    found = await reading.rows(window.cut(_members(reading.scope)))
    rows, following = window.shown(found)
    return answers.page(reading, [_user(row) for row in rows], following)


@users.get(
    "/users/{user_id}",
    operation_id="read_user",
    response_model=User,
    responses=object_responses(403, 404),
)
async def read_user(reading: Annotated[Reading, reads(BY_OBJECT)], user_id: IdInPath) -> Response:
    """One member of the tenant; oneself, without any permission."""
    row = await reading.row(_members(reading.scope).where(identity.members.c.user_id == user_id))
    if row is None:
        raise NotFound("There is no such user.")
    if user_id != reading.caller.user_id and not reading.caller.may(USERS_READ):
        raise PermissionMissing(USERS_READ)
    return answers.one(reading, _user(row), row.version, names=True)


def _members(scope: TenantScope) -> Select[Any]:
    user, member = identity.users.c, identity.members.c
    columns = (member.user_id.label("id"), user.username, user.email, member.roles, member.version)
    members = scope.select(identity.members, *columns)
    return members.join(identity.users, user.id == member.user_id)


def _user(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "username": row.username,
        "email": row.email,
        "roles": sorted(row.roles),
    }
