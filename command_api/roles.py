"""Commands of a tenant's roles."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from command_api.caller import Call, Requires
from command_api.fields import SOME_TEXT, Body, Permission
from command_api.routing import creation, router
from domain.identity import commands, handlers
from domain.identity.commands import ROLE_NAME_LIMIT, ROLE_PERMISSION_LIMIT
from domain.permissions import TENANT_MANAGE
from infrastructure.ids import derived_id

routes = router("roles")


class RoleBody(Body):
    """A role to be: permissions under one name."""

    name: str = Field(
        min_length=1,
        max_length=ROLE_NAME_LIMIT,
        examples=["Budget holder"],
        json_schema_extra=SOME_TEXT,
    )
    permissions: list[Permission] = Field(min_length=1, max_length=ROLE_PERMISSION_LIMIT)


@routes.post("/roles", **creation("add_role"))
async def add(body: RoleBody, call: Annotated[Call, Requires(TENANT_MANAGE)]) -> Response:
    """Bundle permissions, such as those of a policy's steps, so that they can be granted."""
    return await call.run(
        handlers.add_role,
        lambda by: commands.AddRole(
            role_id=derived_id("role", by.tenant_id, body.name),
            name=body.name,
            permissions=tuple(body.permissions),
            by=by,
            at=call.at,
        ),
        status=201,
        location="/api/v1/roles",
    )
