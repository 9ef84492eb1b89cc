"""Approval policies: what is stored, and what is refused."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from domain.approval_policies import commands, handlers
from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.errors import InvalidField, PermissionMissing
from domain.fields import Path
from domain.identity.changes import PolicyAdded, ProjectAdded
from infrastructure.ids import new_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import ADMINISTRATOR, NOW, PROJECT, REQUESTER, TENANT

GOOD: Final = commands.AddPolicy(
    policy_id=new_id(),
    name="Dear things",
    steps=(("Lab", "requisitions:approve"), ("Budget", "budget:approve")),
    min_amount=Decimal(1000),
    project_id=PROJECT,
    by=ADMINISTRATOR,
    at=NOW,
)


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.rows.append(ProjectAdded(TENANT, PROJECT, "Laser", version=1))
    return store


async def test_a_policy_is_stored_with_where_it_applies(store: MemoryStore) -> None:
    receipt = await handlers.add(GOOD, store, MemoryFacts(store))
    assert receipt.id == GOOD.policy_id
    assert store.topics == ["approval_policy.added.v1"]
    assert store.rows[-1] == PolicyAdded(
        TENANT,
        GOOD.policy_id,
        "Dear things",
        GOOD.steps,
        "1000.00",
        PROJECT,
        require_live_availability=False,
    )


async def test_a_policy_can_ask_to_know_what_the_inventory_has(store: MemoryStore) -> None:
    asked = replace(GOOD, require_live_availability=True)
    receipt = await handlers.add(asked, store, MemoryFacts(store))
    assert receipt.version == 2
    assert store.topics == [
        "approval_policy.added.v1",
        "approval_policy.live_availability_required.v1",
    ]
    assert (await store.load(ApprovalPolicy, GOOD.policy_id)).require_live_availability
    (fact,) = await MemoryFacts(store).approval_policies()
    assert fact.require_live_availability


async def test_a_policy_applies_to_a_known_project_only(store: MemoryStore) -> None:
    with pytest.raises(InvalidField) as refused:
        await handlers.add(replace(GOOD, project_id=new_id()), store, MemoryFacts(store))
    assert refused.value.path == ("applies", "project_id")


async def test_a_policy_is_added_with_the_permission_only(store: MemoryStore) -> None:
    with pytest.raises(PermissionMissing):
        await handlers.add(replace(GOOD, by=REQUESTER), store, MemoryFacts(store))


@pytest.mark.parametrize(
    ("name", "steps", "min_amount", "path"),
    [
        (" ", GOOD.steps, None, ("name",)),
        ("x", (), None, ("steps",)),
        ("x", GOOD.steps * 11, None, ("steps",)),
        ("x", (("", "a:b"),), None, ("steps", 0, "name")),
        ("x", (("Lab", "approve"),), None, ("steps", 0, "permission")),
        ("x", GOOD.steps, Decimal(-1), ("applies", "min_amount")),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(
    name: str, steps: tuple[tuple[str, str], ...], min_amount: Decimal | None, path: Path
) -> None:
    with pytest.raises(InvalidField) as refused:
        replace(GOOD, name=name, steps=steps, min_amount=min_amount)
    assert refused.value.path == path
