"""One function for every command: load, ask, save."""

from domain.approval_policies import commands, rules
from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.errors import InvalidField
from domain.fields import amount_text
from domain.identity import changes
from domain.ids import uuid_of
from domain.ports import Facts, Receipt, Store


async def add(command: commands.AddPolicy, store: Store, facts: Facts) -> Receipt:
    """Add a policy. Raises ``InvalidField`` for an unknown project, and ``PolicyNameTaken``."""
    rules.require_writer(command.by)
    if command.project_id is not None:
        standing = await facts.project_standing(command.project_id, command.by.user_id)
        if standing is None:
            raise InvalidField(("applies", "project_id"), "There is no such project.")
    policy = ApprovalPolicy.add(
        uuid_of(command.policy_id),
        tenant_id=command.by.tenant_id,
        name=command.name,
        steps=command.steps,
        min_amount=amount_text(command.min_amount),
        project_id=command.project_id,
        require_live_availability=command.require_live_availability,
        at=command.at,
    )
    row = changes.PolicyAdded(
        policy.tenant_id,
        command.policy_id,
        policy.name,
        policy.steps,
        policy.min_amount,
        policy.project_id,
        policy.require_live_availability,
    )
    return await store.save(policy, changes=(row,))
