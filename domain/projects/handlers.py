"""One function for every command: load, ask, save."""

from domain.errors import InvalidField
from domain.identity import changes
from domain.ids import uuid_of
from domain.ports import Facts, Receipt, Store
from domain.projects import commands, rules
from domain.projects.project import Project


async def create(command: commands.CreateProject, store: Store, facts: Facts) -> Receipt:
    """Begin a project that its creator leads."""
    project = Project.create(
        uuid_of(command.project_id), command.name, command.description, command.by, command.at
    )
    tenant_id, user_id = command.by.tenant_id, command.by.user_id
    rows = (
        changes.ProjectAdded(tenant_id, command.project_id, command.name, project.version),
        changes.ProjectMemberSet(
            tenant_id, command.project_id, user_id, rules.LEAD, project.version
        ),
    )
    return await store.save(project, changes=rows)


async def set_member(command: commands.SetProjectMember, store: Store, facts: Facts) -> Receipt:
    """Let somebody in or change their part.

    Raises ``InvalidField`` for somebody outside the tenant, ``NotProjectLead`` and ``LastLead``.
    """
    project = await store.load(Project, command.project_id, command.expected_version)
    project.require_manager(command.by)
    member = await facts.member(command.user_id)
    if member is None:
        raise InvalidField(("user_id",), "There is no such member of the tenant.")
    project.set_member(command.user_id, command.role, command.by, command.at)
    row = changes.ProjectMemberSet(
        project.tenant_id, command.project_id, command.user_id, command.role, project.version
    )
    return await store.save(
        project, changes=(row,), unchanged=[(member.membership_id, member.version)]
    )


async def remove_member(
    command: commands.RemoveProjectMember, store: Store, facts: Facts
) -> Receipt:
    """Let somebody go. Raises ``ProjectMemberNotFound``, ``NotProjectLead`` and ``LastLead``."""
    project = await store.load(Project, command.project_id, command.expected_version)
    project.remove_member(command.user_id, command.by, command.at)
    row = changes.ProjectMemberGone(
        project.tenant_id, command.project_id, command.user_id, project.version
    )
    return await store.save(project, changes=(row,))
