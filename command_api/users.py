"""Commands of the users of a tenant."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from command_api.caller import Call, Requires, Scene, membership_id
from command_api.fields import Body, PathId
from command_api.routing import action, creation, router
from domain.errors import NotFound
from domain.identity import commands, handlers
from domain.identity.commands import EMAIL_LIMIT, USERNAME_LIMIT
from domain.identity.passwords import LONGEST, SHORTEST, check_password
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from domain.permissions import USERS_WRITE
from infrastructure.ids import new_id

routes = router("users")

ROLES_OF_A_MEMBER = 20

RoleNames = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": sorted(SHIPPED_ROLES)})]],
    Field(max_length=ROLES_OF_A_MEMBER, description="Shipped roles, or the tenant's own."),
]


class Credentials(Body):
    """With what a person signs in."""

    username: str = Field(
        min_length=1, max_length=USERNAME_LIMIT, json_schema_extra={"pattern": "^[!-?A-~]+$"}
    )
    email: str = Field(
        max_length=EMAIL_LIMIT,
        json_schema_extra={"pattern": r"^[a-z0-9.]{1,60}@[a-z0-9]{1,60}\.[a-z]{2,10}$"},
    )
    password: str = Field(min_length=SHORTEST, max_length=LONGEST, repr=False)

    def user(self, user_id: Id, password_hash: str) -> commands.NewUser:
        """As the domain knows it. Raises ``InvalidField``."""
        return commands.NewUser(
            user_id=user_id,
            username=self.username,
            email=self.email,
            password_hash=password_hash,
        )

    def check(self) -> None:
        """Raise ``InvalidField`` for what cannot be accepted, before the costly hash."""
        self.user("", "")
        check_password(self.password, self.username, self.email)


class UserBody(Credentials):
    """A user to be, with the roles they have in your tenant."""

    roles: RoleNames


class RolesBody(Body):
    """Exactly these roles."""

    roles: RoleNames


async def is_member(scene: Scene) -> None:
    """Raise 404 where the user in the path is no member of the caller's tenant."""
    if await scene.facts.member(scene.ids["id"]) is None:
        raise NotFound


@routes.post("/users", **creation("add_user"))
async def add(body: UserBody, call: Annotated[Call, Requires(USERS_WRITE)]) -> Response:
    """Make a user who can sign in at once, as a member of your tenant."""
    body.check()
    password_hash = await call.services.passwords.hash(body.password)
    user_id = new_id()
    return await call.run(
        handlers.add_user,
        lambda by: commands.AddUser(
            user=body.user(user_id, password_hash),
            membership_id=membership_id(by.tenant_id, user_id),
            roles=tuple(body.roles),
            by=by,
            at=call.at,
        ),
        status=201,
        location="/api/v1/users/{id}",
    )


@routes.put("/users/{id}/roles", **action("set_roles"))
async def set_roles(
    id: PathId, body: RolesBody, call: Annotated[Call, Requires(USERS_WRITE, first=is_member)]
) -> Response:
    """Let a member hold exactly these roles; a right that is taken is gone at once."""
    return await call.run(
        handlers.set_roles,
        lambda by: commands.SetRoles(
            membership_id=membership_id(by.tenant_id, id),
            user_id=id,
            roles=tuple(body.roles),
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=membership_id(call.caller.tenant_id, id),
    )
