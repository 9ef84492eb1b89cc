"""Which policy a requisition goes through."""

from decimal import Decimal
from typing import Final

import pytest

from domain.errors import Refused
from domain.ids import Id
from domain.ports import PolicyFact
from domain.requisitions.approval_plan import DEFAULT_PLAN, choose
from infrastructure.ids import derived_id
from tests.builders.people import PROJECT

OTHER_PROJECT: Final = derived_id("test", "other project")
STEPS: Final = (("Approval", "requisitions:approve"),)


def _policy(name: str, minimum: str | None = None, project: Id | None = None) -> PolicyFact:
    return PolicyFact(derived_id("policy", name), name, STEPS, minimum, project)


ALL: Final = (
    _policy("anywhere"),
    _policy("anywhere, younger"),
    _policy("from 100", "100.00"),
    _policy("from 1000", "1000.00"),
    _policy("project", project=PROJECT),
    _policy("project, younger", project=PROJECT),
    _policy("project from 100", "100.00", PROJECT),
    _policy("project from 1000", "1000.00", PROJECT),
    _policy("other project", project=OTHER_PROJECT),
)
OF_THE_TENANT: Final = ("anywhere", "anywhere, younger", "from 100", "from 1000")


def _chosen(
    names: tuple[str, ...], amount: str | None, named: str | None = None, project: Id = PROJECT
) -> str | None:
    policies = [policy for policy in ALL if policy.name in names]
    worth = None if amount is None else Decimal(amount)
    wanted = None if named is None else derived_id("policy", named)
    try:
        return choose(policies, project, worth, wanted).policy_name
    except Refused as refused:
        return refused.code


EVERY: Final = tuple(policy.name for policy in ALL)


@pytest.mark.parametrize(
    ("names", "amount", "chosen"),
    [
        (EVERY, "5000", "project from 1000"),
        (EVERY, "1000", "project from 1000"),
        (EVERY, "999.99", "project from 100"),
        (EVERY, "99.99", "project"),
        (EVERY, None, "project from 1000"),
        (OF_THE_TENANT, "5000", "from 1000"),
        (OF_THE_TENANT, "100", "from 100"),
        (OF_THE_TENANT, "0", "anywhere"),
        (OF_THE_TENANT, None, "from 1000"),
        (("project", "from 1000"), "5000", "project"),
        (("from 100",), "50", None),
        (("other project",), "50", None),
        ((), "50", None),
    ],
)
def test_the_most_specific_policy_that_applies_is_taken_the_oldest_among_equals(
    names: tuple[str, ...], amount: str | None, chosen: str | None
) -> None:
    assert _chosen(names, amount) == chosen


@pytest.mark.parametrize(
    ("named", "amount", "chosen"),
    [
        ("project, younger", "50", "project, younger"),
        ("project", "50", "project"),
        ("project", "5000", "policy_less_specific"),
        ("anywhere", "50", "policy_less_specific"),
        ("from 1000", "5000", "policy_less_specific"),
        ("project from 100", "5000", "policy_less_specific"),
        ("project from 100", "50", "policy_does_not_apply"),
        ("other project", "50", "policy_does_not_apply"),
        ("never added", "50", "policy_does_not_apply"),
    ],
)
def test_the_requester_chooses_among_the_most_specific_only(
    named: str, amount: str, chosen: str
) -> None:
    assert _chosen(EVERY, amount, named) == chosen


def test_a_policy_that_is_named_but_gone_is_not_passed_over_for_the_default_step() -> None:
    assert _chosen((), "50", "project") == "policy_does_not_apply"


def test_where_no_policy_applies_one_step_needs_the_permission_to_approve() -> None:
    plan = choose((), PROJECT, None, None)
    assert plan is DEFAULT_PLAN
    assert plan.policy_id is None
    assert [step["permission"] for step in plan.steps] == ["requisitions:approve"]
