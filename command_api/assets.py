"""Commands that change the inventory's own things. Each answers with its inventory operation."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import Response

from command_api.asset_bodies import AssetBody, AssetChangesBody, ModelBody
from command_api.asset_checks import asset_there, without_version
from command_api.caller import Call, Requires
from command_api.errors import of_new
from command_api.fields import Empty, PathId
from command_api.routing import inventory_action, router
from domain.custody import asset_commands as commands
from domain.custody import assets as handlers
from domain.custody.asset_commands import Standing
from domain.permissions import ASSETS_WRITE
from infrastructure.ids import new_id

routes = router("assets")

OPERATION: Final = "/api/v1/inventory/operations/{id}"

WritesAsset = Annotated[Call, Requires(ASSETS_WRITE, first=asset_there(ASSETS_WRITE))]
WritesAssets = Annotated[Call, Requires(ASSETS_WRITE)]


@routes.post("/asset-models", **inventory_action("create_asset_model", of=of_new))
async def create_model(body: ModelBody, call: WritesAssets) -> Response:
    """Add a model of assets to the inventory."""
    model_id, operation_id = new_id(), new_id()
    return await call.run(
        handlers.create_model,
        lambda by: commands.CreateModel(
            model_id=model_id,
            operation_id=operation_id,
            name=body.name,
            tracking_type=body.tracking_type,
            category_id=body.category_id,
            by=by,
            at=call.at,
        ),
        status=202,
        location=OPERATION,
    )


@routes.post("/assets", **inventory_action("create_asset", of=of_new))
async def create(body: AssetBody, call: WritesAssets) -> Response:
    """Add an asset to the inventory. Its id is the operation's `subject`."""
    asset_id, operation_id = new_id(), new_id()
    return await call.run(
        handlers.create,
        lambda by: commands.CreateAsset(
            asset_id=asset_id,
            operation_id=operation_id,
            model_id=body.model_id,
            fields=body.fields(),
            quantity=body.quantity,
            project_id=body.project_id,
            by=by,
            at=call.at,
        ),
        status=202,
        location=OPERATION,
    )


@routes.patch("/assets/{id}", **inventory_action("change_asset"))
async def change(id: PathId, body: AssetChangesBody, call: WritesAsset) -> Response:
    """Change fields of an asset in the inventory."""
    without_version(call)
    operation_id = new_id()
    return await call.run(
        handlers.change,
        lambda by: commands.ChangeAsset(
            asset_id=id,
            operation_id=operation_id,
            changes=body.changes(),
            by=by,
            at=call.at,
        ),
        status=202,
        location=OPERATION,
    )


@routes.delete("/assets/{id}", **inventory_action("delete_asset"))
async def delete(id: PathId, call: WritesAsset) -> Response:
    """Remove an asset that nobody has or waits for. It can be restored."""
    without_version(call)
    operation_id = new_id()
    return await call.run(
        handlers.delete,
        lambda by: commands.DeleteAsset(asset_id=id, operation_id=operation_id, by=by, at=call.at),
        status=202,
        location=OPERATION,
    )


@routes.post("/assets/{id}/restore", **inventory_action("restore_asset"))
async def restore(id: PathId, call: WritesAsset, _body: Empty | None = None) -> Response:
    """Bring an asset back to where it can be lent."""
    without_version(call)
    operation_id = new_id()
    return await call.run(
        handlers.restore,
        lambda by: commands.RestoreAsset(asset_id=id, operation_id=operation_id, by=by, at=call.at),
        status=202,
        location=OPERATION,
    )


def _becomes(standing: Standing, description: str) -> Callable[..., Coroutine[Any, Any, Response]]:
    """The route of what becomes of an asset: they differ in nothing but the word."""

    async def route(id: PathId, call: WritesAsset, _body: Empty | None = None) -> Response:
        without_version(call)
        operation_id = new_id()
        return await call.run(
            handlers.set_standing,
            lambda by: commands.SetStanding(
                asset_id=id, operation_id=operation_id, standing=standing, by=by, at=call.at
            ),
            status=202,
            location=OPERATION,
        )

    route.__doc__ = description
    return route


for _path, _operation_id, _standing, _description in (
    ("archive", "archive_asset", Standing.ARCHIVED, "Put an asset away that nobody has."),
    ("retire", "retire_asset", Standing.RETIRED, "Take an asset that nobody has out of use."),
    ("dispose", "dispose_asset", Standing.DISPOSED, "Say that an asset was disposed of."),
    ("mark-lost", "mark_asset_lost", Standing.LOST, "Say that an asset is lost."),
    ("mark-stolen", "mark_asset_stolen", Standing.STOLEN, "Say that an asset was stolen."),
):
    routes.add_api_route(
        f"/assets/{{id}}/{_path}",
        _becomes(_standing, _description),
        methods=["POST"],
        **inventory_action(_operation_id),
    )
