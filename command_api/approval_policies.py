"""Commands of approval policies."""

from typing import Annotated

from fastapi import Response
from pydantic import Field

from command_api.caller import Call, Requires
from command_api.fields import Body, IdText, Money, Name, Permission
from command_api.routing import creation, router
from domain.approval_policies import commands, handlers
from domain.approval_policies.commands import STEP_LIMIT
from domain.approval_policies.rules import WRITE
from infrastructure.ids import new_id

routes = router("approval policies")


class StepBody(Body):
    """A step: whoever holds the permission may decide it."""

    name: Name
    permission: Permission


class AppliesBody(Body):
    """Where a policy applies; to everything that is not named here."""

    min_amount: Money | None = None
    project_id: IdText | None = None


class PolicyBody(Body):
    """An approval policy to be.

    With ``require_live_availability``, what asks for things of the inventory is approved only
    while it is known how many are left.
    """

    name: Name
    steps: list[StepBody] = Field(min_length=1, max_length=STEP_LIMIT)
    applies: AppliesBody | None = None
    require_live_availability: bool = False


@routes.post("/approval-policies", **creation("add_approval_policy"))
async def add(body: PolicyBody, call: Annotated[Call, Requires(WRITE)]) -> Response:
    """Let requisitions go through these steps, where the policy applies."""
    policy_id = new_id()
    applies = body.applies or AppliesBody()
    return await call.run(
        handlers.add,
        lambda by: commands.AddPolicy(
            policy_id=policy_id,
            name=body.name,
            steps=tuple((step.name, step.permission) for step in body.steps),
            min_amount=applies.min_amount,
            project_id=applies.project_id,
            require_live_availability=body.require_live_availability,
            by=by,
            at=call.at,
        ),
        status=201,
        location="/api/v1/approval-policies/{id}",
    )
