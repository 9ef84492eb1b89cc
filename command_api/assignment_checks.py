"""What is looked at before a fault of a request to an assignment is answered: 404, then 403."""

from command_api.caller import Look, Scene
from domain.assignments import rules
from domain.assignments.assignment import Assignment
from domain.assignments.rules import Command


def may(command: Command) -> Look:
    """The check of whether the caller may give ``command`` to the assignment in the path."""

    async def look(scene: Scene) -> None:
        assignment = await scene.store.load(Assignment, scene.ids["id"])
        rules.require(command, assignment.view(), scene.caller)

    return look
