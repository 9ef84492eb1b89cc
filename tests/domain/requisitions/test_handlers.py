"""The handlers: what they ask of the facts, and what they save."""

from dataclasses import replace
from typing import Final

import pytest

from domain.approval_policies import handlers as policy_handlers
from domain.approval_policies.commands import AddPolicy
from domain.caller import Caller
from domain.custody import allocation
from domain.errors import InvalidField, NotFound, VersionMismatch
from domain.identity.changes import RolesGranted
from domain.ids import Id
from domain.ports import Receipt
from domain.projects import handlers as project_handlers
from domain.projects.commands import CreateProject, RemoveProjectMember, SetProjectMember
from domain.requisitions import commands, handlers
from domain.requisitions.approval import LineApproval
from domain.requisitions.content import Header, Line
from domain.requisitions.errors import (
    NotProjectMember,
    PolicyDoesNotApply,
    ProjectArchived,
)
from domain.requisitions.quantities import State
from domain.requisitions.requisition import Requisition
from infrastructure.ids import new_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    NOW,
    OTHER_APPROVER,
    PROJECT,
    REQUESTER,
    TECHNICIAN,
    membership_of,
)
from tests.builders.requisitions import (
    AFTER,
    CABLES,
    HEADER,
    LINES,
    OSCILLOSCOPES,
    line,
    line_id,
)

ROLES: Final = {
    REQUESTER: ("requester",),
    APPROVER: ("approver",),
    OTHER_APPROVER: ("approver",),
    TECHNICIAN: ("technician",),
    ADMINISTRATOR: ("tenant_admin",),
}


class Tenant:
    """A tenant with its people, one project that the requester is a member of, and a requisition."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.facts = MemoryFacts(self.store)
        self.requisition_id = new_id()

    async def begin(self) -> None:
        for caller, roles in ROLES.items():
            row = RolesGranted(caller.tenant_id, caller.user_id, roles, version=0)
            self.store.rows.append(row)
        create = CreateProject(project_id=PROJECT, name="Laser", by=ADMINISTRATOR, at=NOW)
        await project_handlers.create(create, self.store, self.facts)
        await self.join(REQUESTER)
        await self.draft()

    async def join(self, user: Caller, role: str = "member") -> Receipt:
        command = SetProjectMember(
            project_id=PROJECT, user_id=user.user_id, role=role, by=ADMINISTRATOR, at=NOW
        )
        return await project_handlers.set_member(command, self.store, self.facts)

    async def leave(self, user: Caller) -> Receipt:
        command = RemoveProjectMember(
            project_id=PROJECT, user_id=user.user_id, by=ADMINISTRATOR, at=NOW
        )
        return await project_handlers.remove_member(command, self.store, self.facts)

    async def draft(
        self,
        header: Header = HEADER,
        by: Caller = REQUESTER,
        project_id: Id = PROJECT,
        lines: tuple[Line, ...] = LINES,
    ) -> Receipt:
        command = commands.DraftRequisition(
            requisition_id=self.requisition_id,
            project_id=project_id,
            header=header,
            lines=lines,
            by=by,
            at=NOW,
        )
        return await handlers.draft(command, self.store, self.facts)

    async def submit(self, expected_version: int | None = None) -> Receipt:
        command = commands.SubmitRequisition(
            requisition_id=self.requisition_id,
            by=REQUESTER,
            at=NOW,
            expected_version=expected_version,
        )
        return await handlers.submit(command, self.store, self.facts)

    async def approve(self, *approvals: LineApproval) -> Receipt:
        command = commands.ApproveStep(
            requisition_id=self.requisition_id, approvals=approvals, by=APPROVER, at=NOW
        )
        return await handlers.approve(command, self.store, self.facts)

    async def fulfil(self, line_id: Id, quantity: int) -> Receipt:
        command = commands.FulfilLine(
            requisition_id=self.requisition_id,
            line_id=line_id,
            quantity=quantity,
            by=TECHNICIAN,
            at=NOW,
        )
        return await handlers.fulfil(command, self.store, self.facts)

    async def cancel(self, by: Caller) -> Receipt:
        command = commands.CancelRequisition(
            requisition_id=self.requisition_id, reason="Over", by=by, at=NOW
        )
        return await allocation.cancel(command, self.store, self.facts)

    async def requisition(self) -> Requisition:
        return await self.store.load(Requisition, self.requisition_id)

    def happened(self) -> list[str]:
        return [
            topic.removeprefix("requisition.").removesuffix(".v1")
            for topic, _ in self.store.streams[self.requisition_id]
        ]


@pytest.fixture
async def tenant() -> Tenant:
    tenant = Tenant()
    await tenant.begin()
    return tenant


async def test_a_requisition_goes_from_draft_to_hand_over(tenant: Tenant) -> None:
    await tenant.submit()
    await tenant.approve(LineApproval(CABLES, 0))
    receipt = await tenant.fulfil(OSCILLOSCOPES, 3)
    assert tenant.happened() == [
        "drafted",
        "submitted",
        "step_approved",
        "approved",
        "line_fulfilled",
    ]
    assert (await tenant.requisition()).state == State.FULFILLED
    assert receipt.id == tenant.requisition_id
    assert receipt.version == 5
    assert receipt.line_id == OSCILLOSCOPES


async def test_a_draft_and_a_submission_rest_on_the_project_as_it_is(tenant: Tenant) -> None:
    version = len(tenant.store.streams[PROJECT])
    assert tenant.store.guards == [(PROJECT, version)]
    await tenant.submit()
    assert tenant.store.guards == [(PROJECT, version)]


async def test_an_unknown_project_policy_or_person_is_a_wrong_field(tenant: Tenant) -> None:
    tenant.requisition_id = new_id()
    unknown = new_id()
    with pytest.raises(InvalidField) as refused:
        await tenant.draft(project_id=unknown)
    assert refused.value.path == ("project_id",)
    with pytest.raises(InvalidField) as refused:
        await tenant.draft(replace(HEADER, policy_id=unknown))
    assert refused.value.path == ("policy_id",)
    with pytest.raises(InvalidField) as refused:
        await tenant.draft(replace(HEADER, beneficiary_id=unknown))
    assert refused.value.path == ("beneficiary_id",)
    await tenant.draft(replace(HEADER, beneficiary_id=APPROVER.user_id))


async def test_an_edit_names_no_unknown_policy_or_person_either(tenant: Tenant) -> None:
    for field in ("policy_id", "beneficiary_id"):
        command = commands.EditRequisition(
            requisition_id=tenant.requisition_id,
            changes={"policy_id": new_id()}
            if field == "policy_id"
            else {"beneficiary_id": new_id()},
            by=REQUESTER,
            at=NOW,
        )
        with pytest.raises(InvalidField) as refused:
            await handlers.edit(command, tenant.store, tenant.facts)
        assert refused.value.path == (field,)


async def test_who_is_not_a_member_of_the_project_is_told_so_before_anything_else(
    tenant: Tenant,
) -> None:
    tenant.requisition_id = new_id()
    with pytest.raises(NotProjectMember):
        await tenant.draft(replace(HEADER, policy_id=new_id()), by=APPROVER)


async def test_who_has_left_the_project_cannot_submit(tenant: Tenant) -> None:
    await tenant.leave(REQUESTER)
    with pytest.raises(NotProjectMember):
        await tenant.submit()
    assert tenant.happened() == ["drafted"]


async def test_nothing_is_submitted_for_an_archived_project(tenant: Tenant) -> None:
    tenant.facts.archived.add(PROJECT)
    with pytest.raises(ProjectArchived):
        await tenant.submit()


async def test_a_named_policy_must_apply_when_the_requisition_is_submitted(
    tenant: Tenant,
) -> None:
    policy_id = new_id()
    other_project = new_id()
    await project_handlers.create(
        CreateProject(project_id=other_project, name="Other", by=ADMINISTRATOR, at=NOW),
        tenant.store,
        tenant.facts,
    )
    await policy_handlers.add(
        AddPolicy(
            policy_id=policy_id,
            name="Other",
            steps=(("Approval", "requisitions:approve"),),
            project_id=other_project,
            by=ADMINISTRATOR,
            at=NOW,
        ),
        tenant.store,
        tenant.facts,
    )
    edit = commands.EditRequisition(
        requisition_id=tenant.requisition_id,
        changes={"policy_id": policy_id},
        by=REQUESTER,
        at=NOW,
    )
    await handlers.edit(edit, tenant.store, tenant.facts)
    with pytest.raises(PolicyDoesNotApply):
        await tenant.submit()


async def test_a_command_for_an_older_version_is_refused(tenant: Tenant) -> None:
    with pytest.raises(VersionMismatch) as refused:
        await tenant.submit(expected_version=7)
    assert (refused.value.expected, refused.value.actual) == (7, 1)
    await tenant.submit(expected_version=1)


async def test_what_is_not_there_is_not_found(tenant: Tenant) -> None:
    tenant.requisition_id = PROJECT
    with pytest.raises(NotFound):
        await tenant.submit()


async def test_a_delegation_rests_on_the_membership_of_the_delegate(tenant: Tenant) -> None:
    await tenant.submit()
    command = commands.DelegateStep(
        requisition_id=tenant.requisition_id,
        to_user_id=OTHER_APPROVER.user_id,
        until=AFTER,
        by=APPROVER,
        at=NOW,
    )
    await handlers.delegate(command, tenant.store, tenant.facts)
    assert tenant.store.guards == [(membership_of(OTHER_APPROVER.user_id), 0)]
    assert tenant.happened()[-1] == "delegated"


async def test_a_step_is_not_delegated_to_somebody_unknown(tenant: Tenant) -> None:
    await tenant.submit()
    command = commands.DelegateStep(
        requisition_id=tenant.requisition_id, to_user_id=new_id(), by=APPROVER, at=NOW
    )
    with pytest.raises(InvalidField):
        await handlers.delegate(command, tenant.store, tenant.facts)


async def test_a_lead_cancels_what_was_approved(tenant: Tenant) -> None:
    await tenant.join(OTHER_APPROVER, role="lead")
    await tenant.submit()
    await tenant.approve()
    await tenant.cancel(OTHER_APPROVER)
    assert (await tenant.requisition()).state == State.CANCELLED


async def test_lines_are_worked_on_by_their_id(tenant: Tenant) -> None:
    store, facts, id = tenant.store, tenant.facts, tenant.requisition_id
    new = line("new")
    added = await handlers.add_line(
        commands.AddLine(requisition_id=id, line=new, by=REQUESTER, at=NOW), store, facts
    )
    changed = await handlers.change_line(
        commands.ChangeLine(
            requisition_id=id, line_id=CABLES, changes={"quantity": 2}, by=REQUESTER, at=NOW
        ),
        store,
        facts,
    )
    removed = await handlers.remove_line(
        commands.RemoveLine(requisition_id=id, line_id=line_id("new"), by=REQUESTER, at=NOW),
        store,
        facts,
    )
    assert [receipt.line_id for receipt in (added, changed, removed)] == [
        new.line_id,
        CABLES,
        new.line_id,
    ]
    assert [receipt.version for receipt in (added, changed, removed)] == [2, 3, 4]


async def test_it_goes_back_and_forth_until_it_is_rejected(tenant: Tenant) -> None:
    store, facts, id = tenant.store, tenant.facts, tenant.requisition_id
    await tenant.submit()
    withdraw = commands.WithdrawRequisition(requisition_id=id, by=REQUESTER, at=NOW)
    await handlers.withdraw(withdraw, store, facts)
    await tenant.submit()
    request = commands.RequestChanges(requisition_id=id, reason="Why?", by=APPROVER, at=NOW)
    await handlers.request_changes(request, store, facts)
    await tenant.submit()
    reject = commands.RejectRequisition(requisition_id=id, reason="No", by=APPROVER, at=NOW)
    await handlers.reject(reject, store, facts)
    assert tenant.happened() == [
        "drafted",
        "submitted",
        "withdrawn",
        "submitted",
        "changes_requested",
        "submitted",
        "rejected",
    ]


async def test_what_is_not_to_be_had_is_closed_short(tenant: Tenant) -> None:
    await tenant.submit()
    await tenant.approve(LineApproval(OSCILLOSCOPES, 0))
    command = commands.CloseLineShort(
        requisition_id=tenant.requisition_id,
        line_id=CABLES,
        quantity=10,
        reason="Sold out",
        by=TECHNICIAN,
        at=NOW,
    )
    receipt = await handlers.close_short(command, tenant.store, tenant.facts)
    assert receipt.line_id == CABLES
    assert (await tenant.requisition()).state == State.CANCELLED


async def test_the_system_lets_a_requisition_expire(tenant: Tenant) -> None:
    await tenant.submit()
    await tenant.approve()
    command = commands.ExpireRequisition(requisition_id=tenant.requisition_id, at=AFTER)
    await allocation.expire(command, tenant.store, tenant.facts)
    assert (await tenant.requisition()).state == State.EXPIRED


async def test_the_receipt_of_a_clone_is_the_new_ones(tenant: Tenant) -> None:
    new = new_id()
    command = commands.CloneRequisition(
        requisition_id=tenant.requisition_id, new_id=new, by=REQUESTER, at=NOW
    )
    receipt = await handlers.clone(command, tenant.store, tenant.facts)
    clone = await tenant.store.load(Requisition, new)
    assert (receipt.id, receipt.version) == (new, 1)
    assert clone.cloned_from == tenant.requisition_id


async def test_a_requisition_of_an_unknown_project_is_a_fault_and_no_refusal(
    tenant: Tenant,
) -> None:
    tenant.store.rows.clear()
    with pytest.raises(LookupError):
        await tenant.submit()
