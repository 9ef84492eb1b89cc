"""GET /roles: the roles that the tenant can grant, shipped and its own."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel

from domain.identity.roles import SHIPPED_ROLES
from domain.permissions import USERS_READ
from infrastructure.identity import tables as identity
from query_api import answers
from query_api.reader import Reading, reads
from query_api.routing import page_responses, router

roles = router("roles")


class RoleItem(BaseModel):
    """A role: a bundle of permissions. ``shipped`` ones exist in every tenant."""

    name: str
    permissions: list[str]
    shipped: bool


class RolePage(BaseModel):
    """All roles."""

    items: list[RoleItem]
    next: None


@roles.get("/roles", operation_id="list_roles", response_model=RolePage, responses=page_responses())
async def list_roles(reading: Annotated[Reading, reads(USERS_READ)]) -> Response:
    """The roles that can be granted in the tenant: shipped ones first, then by name."""
    own = identity.roles.c
    found = await reading.rows(
        reading.scope.select(identity.roles, own.name, own.permissions).order_by(own.name)
    )
    shipped = [_item(name, held, shipped=True) for name, held in sorted(SHIPPED_ROLES.items())]
    return answers.page(
        reading, shipped + [_item(row.name, row.permissions, shipped=False) for row in found], None
    )


def _item(name: str, permissions: Iterable[str], *, shipped: bool) -> dict[str, object]:
    return {"name": name, "permissions": sorted(permissions), "shipped": shipped}
