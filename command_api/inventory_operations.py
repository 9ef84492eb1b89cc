"""What an inventory manager decides about an operation that needs attention."""

from typing import Annotated

from fastapi import Response

from command_api.caller import Call, Requires, Scene
from command_api.fields import PathId, ReasonBody
from command_api.routing import action, also, inventory_action, router
from domain.custody import outcomes
from domain.custody.commands import AbandonOperation, AttestOperation
from domain.inventory_operations import commands
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.rules import MANAGE

routes = router("inventory operations")


class ResolveBody(ReasonBody):
    """Why it counts as done. ``attested``: on the manager's word, without proof."""

    attested: bool = False


async def _manages(scene: Scene) -> None:
    """Raise 404, then 403, unless the caller may decide about the operation in the path."""
    await scene.store.load(InventoryOperation, scene.ids["id"])
    scene.caller.require(MANAGE)


Managed = Annotated[Call, Requires(MANAGE, first=_manages)]


@routes.post("/inventory/operations/{id}/retry", **inventory_action("retry_inventory_operation"))
async def retry(id: PathId, body: ReasonBody, call: Managed) -> Response:
    """Let it be tried again, as if it were new."""
    return await call.run(
        outcomes.retry,
        lambda by: commands.RetryOperation(
            operation_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post(
    "/inventory/operations/{id}/resolve",
    **also(inventory_action("resolve_inventory_operation"), 200),
)
async def resolve(id: PathId, body: ResolveBody, call: Managed) -> Response:
    """Let the inventory be read for proof (202), or vouch for it without (200)."""
    if body.attested:
        return await call.run(
            outcomes.attest,
            lambda by: AttestOperation(
                operation_id=id,
                reason=body.reason,
                by=by,
                at=call.at,
                expected_version=call.version,
            ),
            turn=id,
        )
    return await call.run(
        outcomes.request_resolution,
        lambda by: commands.RequestResolution(
            operation_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/inventory/operations/{id}/abandon", **action("abandon_inventory_operation"))
async def abandon(id: PathId, body: ReasonBody, call: Managed) -> Response:
    """Give it up: what asked for it goes on as if the inventory had refused."""
    return await call.run(
        outcomes.abandon,
        lambda by: AbandonOperation(
            operation_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )
