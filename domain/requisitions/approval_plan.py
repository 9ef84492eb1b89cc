"""Which approval policy a requisition goes through.

Among the policies that apply only the most specific count, so that nobody avoids an approval by
naming an easier policy: one for this project and an amount, then one for the project, then one
for an amount (the higher is the more specific), then one for everything. An amount that is not
said may be any: leaving it out does not avoid the policies for large ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypedDict

from domain.fields import amount_of
from domain.ids import Id
from domain.ports import PolicyFact
from domain.requisitions.errors import PolicyDoesNotApply, PolicyLessSpecific


class StepData(TypedDict):
    """A step as it is pinned into the submit event."""

    name: str
    permission: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that a submitted requisition goes through, and where they come from."""

    policy_id: Id | None
    policy_name: str | None
    steps: tuple[StepData, ...]
    require_live_availability: bool = False


DEFAULT_PLAN: Final = Plan(
    None, None, (StepData(name="Approval", permission="requisitions:approve"),)
)
"""Where no policy applies."""


def choose(
    policies: Sequence[PolicyFact], project_id: Id, amount: Decimal | None, named: Id | None
) -> Plan:
    """The plan for a requisition of this project and amount.

    ``policies`` are all of the tenant's, oldest first; ``named`` is the requester's choice, which
    counts among the most specific only; without one, the oldest of them is taken. Raises
    ``PolicyDoesNotApply`` and ``PolicyLessSpecific``.
    """
    applying = [policy for policy in policies if _applies(policy, project_id, amount)]
    if named is not None and named not in {policy.id for policy in applying}:
        raise PolicyDoesNotApply
    if not applying:
        return DEFAULT_PLAN
    highest = max(_specificity(policy) for policy in applying)
    candidates = [policy for policy in applying if _specificity(policy) == highest]
    if named is None:
        return _plan(candidates[0])
    for policy in candidates:
        if policy.id == named:
            return _plan(policy)
    raise PolicyLessSpecific


def _applies(policy: PolicyFact, project_id: Id, amount: Decimal | None) -> bool:
    fits_project = policy.project_id is None or policy.project_id == project_id
    minimum = amount_of(policy.min_amount)
    return fits_project and (minimum is None or amount is None or amount >= minimum)


def _specificity(policy: PolicyFact) -> tuple[bool, bool, Decimal]:
    minimum = amount_of(policy.min_amount)
    return policy.project_id is not None, minimum is not None, minimum or Decimal(0)


def _plan(policy: PolicyFact) -> Plan:
    steps = tuple(StepData(name=name, permission=permission) for name, permission in policy.steps)
    return Plan(policy.id, policy.name, steps, policy.require_live_availability)
