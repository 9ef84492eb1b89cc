"""Commands of projects."""

from typing import Annotated, Final, Literal

from fastapi import Response

from command_api.caller import Call, Requires, Scene
from command_api.fields import Body, IdText, Name, PathId, Text
from command_api.routing import action, creation, router
from domain.projects import commands, handlers
from domain.projects.errors import ProjectMemberNotFound
from domain.projects.project import Project
from domain.projects.rules import WRITE
from infrastructure.ids import new_id

routes = router("projects")

LOCATION: Final = "/api/v1/projects/{id}"


class ProjectBody(Body):
    """A project to be."""

    name: Name
    description: Text | None = None


class MemberBody(Body):
    """Who, and as what."""

    user_id: IdText
    role: Literal["member", "lead"]


async def manages(scene: Scene) -> None:
    """Raise 404, then 403, unless the caller may change the members of the project in the path."""
    project = await scene.store.load(Project, scene.ids["id"])
    if "user_id" in scene.ids and scene.ids["user_id"] not in project.members:
        raise ProjectMemberNotFound
    project.require_manager(scene.caller)


@routes.post("/projects", **creation("create_project"))
async def create(body: ProjectBody, call: Annotated[Call, Requires(WRITE)]) -> Response:
    """Begin a project; you lead it."""
    project_id = new_id()
    return await call.run(
        handlers.create,
        lambda by: commands.CreateProject(
            project_id=project_id,
            name=body.name,
            description=body.description,
            by=by,
            at=call.at,
        ),
        status=201,
        location=LOCATION,
    )


@routes.post("/projects/{id}/members", **action("set_project_member"))
async def set_member(
    id: PathId, body: MemberBody, call: Annotated[Call, Requires(None, first=manages)]
) -> Response:
    """Let a member of the tenant in, or change their part. For leads, or with projects:write."""
    return await call.run(
        handlers.set_member,
        lambda by: commands.SetProjectMember(
            project_id=id,
            user_id=body.user_id,
            role=body.role,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.delete("/projects/{id}/members/{user_id}", **action("remove_project_member"))
async def remove_member(
    id: PathId, user_id: PathId, call: Annotated[Call, Requires(None, first=manages)]
) -> Response:
    """Let somebody go. For leads, or with projects:write."""
    return await call.run(
        handlers.remove_member,
        lambda by: commands.RemoveProjectMember(
            project_id=id,
            user_id=user_id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )
