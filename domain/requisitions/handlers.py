"""One function for every command: load, ask, save.

What concerns the assignments that keep something for it, too, stands in
``domain.custody.allocation``. All of them raise ``NotFound``, ``VersionMismatch`` and the refusals of the verb that they ask.
"""

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import Path
from domain.ids import Id, uuid_of
from domain.ports import Facts, ProjectStanding, Receipt, Store
from domain.requisitions import commands, rules
from domain.requisitions.availability import availability_of
from domain.requisitions.content import INVENTORY_KINDS, Item
from domain.requisitions.errors import KindNotAvailable
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked, Command


async def draft(command: commands.DraftRequisition, store: Store, facts: Facts) -> Receipt:
    """Begin a requisition.

    Raises ``InvalidField`` for an unknown project, policy or person, and for an item that the
    inventory does not have.
    """
    standing = await facts.project_standing(command.project_id, command.by.user_id)
    if standing is None:
        raise InvalidField(("project_id",), "There is no such project.")
    asked = Asked(command.by, command.at, standing.role)
    rules.require_drafter(asked)
    await _check_policy(command.header.policy_id, facts)
    await _check_beneficiary(command.header.beneficiary_id, facts)
    for index, line in enumerate(command.lines):
        await _check_item(line.item, ("lines", index, "item"), facts)
    requisition = Requisition.draft(
        uuid_of(command.requisition_id),
        command.project_id,
        command.header,
        command.lines,
        asked,
        project_archived=standing.archived,
    )
    return await store.save(requisition, unchanged=[(standing.project_id, standing.version)])


async def clone(command: commands.CloneRequisition, store: Store, facts: Facts) -> Receipt:
    """Begin the same requisition again; the receipt is the new one's."""
    original = await store.load(Requisition, command.requisition_id, command.expected_version)
    standing = await standing_of(original.project_id, command.by, facts)
    requisition = original.clone(
        uuid_of(command.new_id),
        Asked(command.by, command.at, standing.role),
        project_archived=standing.archived,
    )
    return await store.save(requisition, unchanged=[(standing.project_id, standing.version)])


async def edit(command: commands.EditRequisition, store: Store, facts: Facts) -> Receipt:
    """Change the header. Raises ``InvalidField`` for an unknown policy or person."""
    await _check_policy(command.changes.get("policy_id"), facts)
    await _check_beneficiary(command.changes.get("beneficiary_id"), facts)
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.edit(Asked(command.by, command.at), **command.changes)
    return await store.save(requisition)


async def add_line(command: commands.AddLine, store: Store, facts: Facts) -> Receipt:
    """Ask for one more thing. Raises ``InvalidField`` for one that the inventory does not have."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.add_line(command.line, Asked(command.by, command.at))
    await _check_item(command.line.item, ("item",), facts)
    return await store.save(requisition, line_id=command.line.line_id)


async def change_line(command: commands.ChangeLine, store: Store, facts: Facts) -> Receipt:
    """Change a line. Raises ``InvalidField`` for an item that the inventory does not have."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.change_line(command.line_id, Asked(command.by, command.at), **command.changes)
    if "item" in command.changes:
        await _check_item(command.changes["item"], ("item",), facts)
    return await store.save(requisition, line_id=command.line_id)


async def remove_line(command: commands.RemoveLine, store: Store, facts: Facts) -> Receipt:
    """Ask for one thing less."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.remove_line(command.line_id, Asked(command.by, command.at))
    return await store.save(requisition, line_id=command.line_id)


async def submit(command: commands.SubmitRequisition, store: Store, facts: Facts) -> Receipt:
    """Ask for approval: the policy that applies now is pinned."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    standing = await standing_of(requisition.project_id, command.by, facts)
    requisition.submit(
        await facts.approval_policies(),
        Asked(command.by, command.at, standing.role),
        project_archived=standing.archived,
    )
    availability = await availability_of(requisition.lines, facts)
    requisition.note_availability(Command.SUBMIT, availability, command.at)
    return await store.save(requisition, unchanged=[(standing.project_id, standing.version)])


async def withdraw(command: commands.WithdrawRequisition, store: Store, facts: Facts) -> Receipt:
    """Take it back into a draft."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.withdraw(command.reason, Asked(command.by, command.at))
    return await store.save(requisition)


async def request_changes(command: commands.RequestChanges, store: Store, facts: Facts) -> Receipt:
    """Send it back to the requester."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.request_changes(command.reason, Asked(command.by, command.at))
    return await store.save(requisition)


async def approve(command: commands.ApproveStep, store: Store, facts: Facts) -> Receipt:
    """Approve the present step, and note what the inventory had of what was asked for."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    availability = await availability_of(requisition.lines, facts)
    asked = Asked(command.by, command.at)
    requisition.approve(command.approvals, command.note, asked, availability)
    requisition.note_availability(Command.APPROVE, availability, command.at)
    return await store.save(requisition)


async def reject(command: commands.RejectRequisition, store: Store, facts: Facts) -> Receipt:
    """Say no, for good."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    requisition.reject(command.reason, Asked(command.by, command.at))
    return await store.save(requisition)


async def delegate(command: commands.DelegateStep, store: Store, facts: Facts) -> Receipt:
    """Hand the present step to another member, as long as that membership stays as it is."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    target = await facts.member(command.to_user_id)
    requisition.delegate(target, command.until, Asked(command.by, command.at))
    unchanged = [(target.membership_id, target.version)] if target else []
    return await store.save(requisition, unchanged=unchanged)


async def fulfil(command: commands.FulfilLine, store: Store, facts: Facts) -> Receipt:
    """Meet units of a purchase line."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    asked = Asked(command.by, command.at)
    requisition.fulfil(command.line_id, command.quantity, command.note, asked)
    return await store.save(requisition, line_id=command.line_id)


async def close_short(command: commands.CloseLineShort, store: Store, facts: Facts) -> Receipt:
    """Give up units of a line."""
    requisition = await store.load(Requisition, command.requisition_id, command.expected_version)
    asked = Asked(command.by, command.at)
    requisition.close_short(command.line_id, command.quantity, command.reason, asked)
    return await store.save(requisition, line_id=command.line_id)


async def standing_of(project_id: Id, by: Caller, facts: Facts) -> ProjectStanding:
    """The place of ``by`` in the project of a requisition that exists."""
    standing = await facts.project_standing(project_id, by.user_id)
    if standing is None:
        raise LookupError(f"requisition of an unknown project {project_id}")
    return standing


async def _check_item(item: Item, path: Path, facts: Facts) -> None:
    if item.kind not in INVENTORY_KINDS or item.id is None:
        return
    if not (await facts.inventory()).connected:
        raise KindNotAvailable((*path, "kind"))
    if await facts.inventory_item(item.kind, item.id) is None:
        raise InvalidField((*path, "id"), f"The inventory has no such {item.kind}.")


async def _check_policy(policy_id: Id | None, facts: Facts) -> None:
    if policy_id is None:
        return
    if policy_id not in {policy.id for policy in await facts.approval_policies()}:
        raise InvalidField(("policy_id",), "There is no such approval policy.")


async def _check_beneficiary(beneficiary_id: Id | None, facts: Facts) -> None:
    if beneficiary_id is not None and await facts.member(beneficiary_id) is None:
        raise InvalidField(("beneficiary_id",), "There is no such member.")
