"""What is looked at before a command on an asset of the inventory: 404, 403, then 412."""

from command_api.caller import Call, Look, Scene
from domain.assignments.content import ASSET
from domain.errors import NotFound
from infrastructure.http.problems import Problem


def asset_there(permission: str) -> Look:
    """The check that the asset in the path is there, and that the caller holds ``permission``."""

    async def look(scene: Scene) -> None:
        if await scene.facts.inventory_thing(ASSET, scene.ids["id"]) is None:
            raise NotFound("There is no such asset.")
        scene.caller.require(permission)

    return look


def without_version(call: Call) -> None:
    """Raise 412 where If-Match names a version.

    The inventory keeps none, and answers no request for one: nobody could keep the promise.
    """
    if call.if_match not in (None, "*"):
        raise Problem(
            412,
            "version_mismatch",
            "An asset of the inventory has no version.",
            help="Leave If-Match out.",
        )
