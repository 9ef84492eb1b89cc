"""GET /me: who the caller is, from the identity tables alone."""

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel

from domain.ids import Id
from query_api import answers
from query_api.reader import ANYBODY, Reading, reads
from query_api.routing import object_responses, router
from query_api.shapes import NamedModel

me = router("me")


class Me(BaseModel):
    """The caller, and what they may do in the tenant of their session."""

    id: Id
    username: str
    email: str
    tenant: NamedModel | None
    permissions: list[str]


@me.get("/me", operation_id="read_me", response_model=Me, responses=object_responses())
async def read_me(reading: Annotated[Reading, reads(ANYBODY)]) -> Response:
    """Who the caller is."""
    principal = reading.principal
    tenant = None
    if principal.tenant_id is not None:
        tenant = {"id": principal.tenant_id, "name": principal.tenant_name}
    body = {
        "id": principal.user_id,
        "username": principal.username,
        "email": principal.email,
        "tenant": tenant,
        "permissions": sorted(principal.permissions),
    }
    return answers.one(reading, body, principal.member_version, names=True)
