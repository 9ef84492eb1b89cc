"""What is looked at before a fault of a request to a requisition is answered: 404, then 403."""

from command_api.caller import Look, Scene
from domain.requisitions import rules
from domain.requisitions.errors import LineNotFound
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked, Command


def may(command: Command) -> Look:
    """The check of whether the caller may give ``command`` to the requisition in the path."""

    async def look(scene: Scene) -> None:
        requisition = await scene.store.load(Requisition, scene.ids["id"])
        if "line_id" in scene.ids and scene.ids["line_id"] not in requisition.lines:
            raise LineNotFound
        project_id, user_id = requisition.project_id, scene.caller.user_id
        standing = await scene.facts.project_standing(project_id, user_id)
        role = None if standing is None else standing.role
        rules.require(command, requisition.view(), Asked(scene.caller, scene.at, role))

    return look
