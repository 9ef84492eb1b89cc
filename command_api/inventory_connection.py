"""Commands of the connection to the inventory, and of what stands for what there."""

from typing import Annotated, Final

from fastapi import Response
from pydantic import Field

from command_api import errors
from command_api.caller import Call, Requires, Scene
from command_api.fields import Body, IdText, Name, PathId, Text
from command_api.routing import action, creation, router
from domain.inventory import commands, handlers
from domain.inventory.commands import LARGEST_NUMBER
from domain.inventory.errors import MappingNotFound
from domain.inventory.rules import connection_id
from domain.permissions import INVENTORY_MANAGE
from infrastructure.ids import new_id

routes = router("inventory")

ExternalId = Annotated[int, Field(ge=1, le=LARGEST_NUMBER, examples=[17])]
_MAPPING: Final = "/api/v1/inventory/mappings"


class ConnectionBody(Body):
    """How the tenant's Snipe-IT is reached. The token itself is never sent here."""

    base_url: Text = Field(
        description="The server, which the operator has listed for this tenant.",
        examples=["https://snipe.school.example"],
    )
    token_source: Text = Field(
        description="Where the server's token stands, as the operator lists it beside the server:"
        " env:NAME or file:/path; env:QM_SNIPE_IT_TOKEN where nothing is listed.",
        examples=["env:QM_SNIPE_IT_TOKEN"],
    )
    company_id: ExternalId | None = None
    server_zone: Name = Field("UTC", description="The server's APP_TIMEZONE.")
    status_labels: dict[str, ExternalId] = Field(
        default_factory=dict,
        max_length=20,
        description="The label's number for each purpose: archived, retired, disposed, lost,"
        " stolen, repair, deployable.",
        examples=[{"deployable": 2, "repair": 5}],
    )
    moved: bool = Field(
        default=False,
        description="The inventory at this address is the one that was at another before: its"
        " things have the numbers that they had. Without it another address is refused once ids"
        " stand for things.",
    )


class MappingBody(Body):
    """What stands for what. Without ``id`` the thing gets a new one; a user needs a member's."""

    kind: Name = Field(examples=["user"])
    external_id: ExternalId
    id: IdText | None = None


async def _mapped(scene: Scene) -> None:
    """Raise 404, then 403, unless the caller may take this mapping away."""
    if await scene.facts.mapping(scene.ids["id"]) is None:
        raise MappingNotFound
    scene.caller.require(INVENTORY_MANAGE)


@routes.put("/inventory/connection", **action("set_inventory_connection", of=errors.of_new))
async def set_connection(
    body: ConnectionBody, call: Annotated[Call, Requires(INVENTORY_MANAGE)]
) -> Response:
    """Connect the tenant's Snipe-IT, or reach it in another way; the mirror follows by itself."""
    return await call.run(
        handlers.set_connection,
        lambda by: commands.SetConnection(
            base_url=body.base_url,
            token_source=body.token_source,
            company_id=body.company_id,
            server_zone=body.server_zone,
            status_labels=body.status_labels,
            moved=body.moved,
            allowed=call.services.inventory_servers,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=connection_id(call.caller.tenant_id),
    )


@routes.post("/inventory/mappings", **creation("link_inventory_mapping", of=errors.of_existing))
async def link(body: MappingBody, call: Annotated[Call, Requires(INVENTORY_MANAGE)]) -> Response:
    """Let an id of ours stand for a thing of the inventory. The receipt is the connection's."""
    mapped_id = body.id or new_id()
    return await call.run(
        handlers.link,
        lambda by: commands.LinkMapping(
            kind=body.kind,
            id=mapped_id,
            external_id=body.external_id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=201,
        location=f"{_MAPPING}/{mapped_id}",
        turn=connection_id(call.caller.tenant_id),
    )


@routes.delete(
    "/inventory/mappings/{id}", **action("unlink_inventory_mapping", of=errors.of_versioned)
)
async def unlink(
    id: PathId, call: Annotated[Call, Requires(INVENTORY_MANAGE, first=_mapped)]
) -> Response:
    """Let an id stand for nothing; no later sync undoes it. If-Match names the connection."""
    return await call.run(
        handlers.unlink,
        lambda by: commands.UnlinkMapping(id=id, by=by, at=call.at, expected_version=call.version),
        turn=connection_id(call.caller.tenant_id),
        version_needed=True,
    )
