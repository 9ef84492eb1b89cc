"""Projects and their members: what is stored, and what is refused."""

import pytest

from domain.caller import Caller
from domain.errors import InvalidField, PermissionMissing
from domain.identity.changes import ProjectMemberGone, ProjectMemberSet, RolesGranted
from domain.ports import Receipt
from domain.projects import commands, handlers
from domain.projects.errors import LastLead, NotProjectLead, ProjectMemberNotFound
from domain.projects.project import Project
from infrastructure.ids import new_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    NOW,
    OTHER_MEMBER,
    PROJECT,
    REQUESTER,
    STRANGER,
    TENANT,
    membership_of,
)


class Tenant:
    """A tenant with a project that its administrator leads."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.facts = MemoryFacts(self.store)
        for member in (ADMINISTRATOR, REQUESTER, OTHER_MEMBER, APPROVER):
            self.store.rows.append(RolesGranted(TENANT, member.user_id, (), version=0))

    async def create(self, by: Caller = ADMINISTRATOR) -> Receipt:
        command = commands.CreateProject(project_id=PROJECT, name="Laser", by=by, at=NOW)
        return await handlers.create(command, self.store, self.facts)

    async def set_member(
        self, user: Caller, role: str = "member", by: Caller = ADMINISTRATOR
    ) -> Receipt:
        command = commands.SetProjectMember(
            project_id=PROJECT, user_id=user.user_id, role=role, by=by, at=NOW
        )
        return await handlers.set_member(command, self.store, self.facts)

    async def remove_member(self, user: Caller, by: Caller = ADMINISTRATOR) -> Receipt:
        command = commands.RemoveProjectMember(
            project_id=PROJECT, user_id=user.user_id, by=by, at=NOW
        )
        return await handlers.remove_member(command, self.store, self.facts)

    async def members(self) -> dict[str, str]:
        return (await self.store.load(Project, PROJECT)).members


@pytest.fixture
async def tenant() -> Tenant:
    tenant = Tenant()
    await tenant.create()
    return tenant


async def test_who_creates_a_project_leads_it(tenant: Tenant) -> None:
    assert tenant.store.topics == ["project.created.v1", "project.member_set.v1"]
    assert await tenant.members() == {ADMINISTRATOR.user_id: "lead"}
    row = tenant.store.rows[-1]
    assert row == ProjectMemberSet(TENANT, PROJECT, ADMINISTRATOR.user_id, "lead", 2)


async def test_a_project_is_created_with_the_permission_only() -> None:
    with pytest.raises(PermissionMissing):
        await Tenant().create(by=REQUESTER)


async def test_members_come_change_and_go(tenant: Tenant) -> None:
    await tenant.set_member(REQUESTER)
    assert tenant.store.guards == [(membership_of(REQUESTER.user_id), 0)]
    await tenant.set_member(REQUESTER, "lead")
    receipt = await tenant.remove_member(REQUESTER)
    assert receipt.version == 5
    assert tenant.store.rows[-1] == ProjectMemberGone(TENANT, PROJECT, REQUESTER.user_id, 5)
    assert list(await tenant.members()) == [ADMINISTRATOR.user_id]


async def test_the_same_part_again_changes_nothing(tenant: Tenant) -> None:
    first = await tenant.set_member(REQUESTER)
    again = await tenant.set_member(REQUESTER)
    assert first.version == again.version


async def test_a_lead_changes_the_members_without_any_permission(tenant: Tenant) -> None:
    await tenant.set_member(REQUESTER, "lead")
    await tenant.set_member(OTHER_MEMBER, by=REQUESTER)
    with pytest.raises(NotProjectLead):
        await tenant.set_member(APPROVER, by=OTHER_MEMBER)
    with pytest.raises(NotProjectLead):
        await tenant.remove_member(REQUESTER, by=OTHER_MEMBER)


async def test_who_may_not_change_the_members_is_told_so_before_a_wrong_field(
    tenant: Tenant,
) -> None:
    with pytest.raises(NotProjectLead):
        await tenant.set_member(STRANGER, by=OTHER_MEMBER)


async def test_only_members_of_the_tenant_join(tenant: Tenant) -> None:
    with pytest.raises(InvalidField) as refused:
        await tenant.set_member(STRANGER)
    assert refused.value.path == ("user_id",)


async def test_a_project_keeps_a_lead(tenant: Tenant) -> None:
    with pytest.raises(LastLead):
        await tenant.remove_member(ADMINISTRATOR)
    with pytest.raises(LastLead):
        await tenant.set_member(ADMINISTRATOR, "member")
    await tenant.set_member(REQUESTER, "lead")
    await tenant.remove_member(ADMINISTRATOR)


async def test_who_is_not_a_member_cannot_be_removed(tenant: Tenant) -> None:
    with pytest.raises(ProjectMemberNotFound):
        await tenant.remove_member(REQUESTER)


def test_wrong_fields_are_refused_with_their_paths() -> None:
    with pytest.raises(InvalidField) as refused:
        commands.CreateProject(project_id=new_id(), name=" ", by=ADMINISTRATOR, at=NOW)
    assert refused.value.path == ("name",)
    with pytest.raises(InvalidField) as refused:
        commands.CreateProject(
            project_id=new_id(), name="x", description="", by=ADMINISTRATOR, at=NOW
        )
    assert refused.value.path == ("description",)
    with pytest.raises(InvalidField) as refused:
        commands.SetProjectMember(
            project_id=new_id(), user_id=new_id(), role="king", by=ADMINISTRATOR, at=NOW
        )
    assert refused.value.path == ("role",)
