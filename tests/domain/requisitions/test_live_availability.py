"""A policy can have things of the inventory approved only while it is known what is left."""

from collections.abc import Callable
from typing import Final

import pytest

from domain.approval_policies import handlers as policy_handlers
from domain.approval_policies.commands import AddPolicy
from domain.ids import Id
from domain.ports import InventoryStanding
from domain.requisitions import commands, handlers, rules
from domain.requisitions.content import Line
from domain.requisitions.errors import AvailabilityUnknown
from domain.requisitions.quantities import State
from domain.requisitions.requisition import Requisition
from infrastructure.ids import new_id
from tests.builders.people import ADMINISTRATOR, APPROVER, NOW, PROJECT, REQUESTER
from tests.builders.requisitions import LAPTOPS, LINES, LIVE_TWO_STEPS, MODEL, asked, drafted
from tests.domain.requisitions.test_handlers import Tenant

DOWN: Final = InventoryStanding(connected=True, available=False, reason="down", retry_after_s=45)
NONE: Final = InventoryStanding(connected=False, available=False, reason="not_connected")
MIXED: Final = (*LINES, LAPTOPS)
DECIDED: Final = [
    "drafted",
    "submitted",
    "live_availability_required",
    "availability_noted",
    "step_approved",
    "approved",
    "availability_noted",
]


@pytest.fixture
async def tenant() -> Tenant:
    tenant = Tenant()
    await tenant.begin()
    tenant.facts.has_item("model", MODEL, remaining=4)
    return tenant


async def _policy(tenant: Tenant, name: str, *, live: bool, project_id: Id | None = None) -> None:
    command = AddPolicy(
        policy_id=new_id(),
        name=name,
        steps=(("Desk", "requisitions:approve"),),
        project_id=project_id,
        require_live_availability=live,
        by=ADMINISTRATOR,
        at=NOW,
    )
    await policy_handlers.add(command, tenant.store, tenant.facts)


async def _submitted(tenant: Tenant, lines: tuple[Line, ...] = MIXED, *, live: bool = True) -> None:
    await _policy(tenant, "Desk", live=live)
    tenant.requisition_id = new_id()
    await tenant.draft(lines=lines)
    await tenant.submit()


def _is_down(tenant: Tenant) -> None:
    tenant.facts.standing = DOWN


def _is_not_connected(tenant: Tenant) -> None:
    tenant.facts.standing = NONE


def _has_no_such_item(tenant: Tenant) -> None:
    tenant.facts.items.clear()


def _does_not_say_how_many(tenant: Tenant) -> None:
    tenant.facts.has_item("model", MODEL, remaining=None)


@pytest.mark.parametrize(
    ("the_inventory", "retry_after_s"),
    [
        (_is_down, 45),
        (_is_not_connected, 30),
        (_has_no_such_item, 30),
        (_does_not_say_how_many, 30),
    ],
)
async def test_nothing_is_approved_and_nothing_stored_while_it_is_not_known_what_is_left(
    tenant: Tenant, the_inventory: Callable[[Tenant], None], retry_after_s: int
) -> None:
    await _submitted(tenant)
    the_inventory(tenant)

    with pytest.raises(AvailabilityUnknown) as refused:
        await tenant.approve()

    assert refused.value.code == "inventory_unavailable"
    assert refused.value.retry_after_s == retry_after_s
    assert tenant.happened() == DECIDED[:4]


async def test_it_is_approved_once_that_is_known(tenant: Tenant) -> None:
    _is_down(tenant)
    await _submitted(tenant)
    tenant.facts.standing = InventoryStanding(connected=True, available=True)

    await tenant.approve()

    assert tenant.happened() == DECIDED
    assert (await tenant.requisition()).state == State.APPROVED


async def test_purchases_alone_do_not_ask_for_it(tenant: Tenant) -> None:
    await _submitted(tenant, LINES)
    _is_down(tenant)
    await tenant.approve()
    assert (await tenant.requisition()).state == State.APPROVED


async def test_other_policies_do_not_ask_for_it(tenant: Tenant) -> None:
    await _submitted(tenant, live=False)
    _is_down(tenant)
    await tenant.approve()
    assert "live_availability_required" not in tenant.happened()
    assert (await tenant.requisition()).state == State.APPROVED


async def test_a_later_change_of_the_policies_changes_nothing(tenant: Tenant) -> None:
    await _submitted(tenant, live=False)
    await _policy(tenant, "Stricter", live=True)
    _is_down(tenant)
    await tenant.approve()
    assert (await tenant.requisition()).state == State.APPROVED


async def test_a_new_submission_goes_by_the_policy_that_applies_then(tenant: Tenant) -> None:
    await _submitted(tenant)
    withdraw = commands.WithdrawRequisition(
        requisition_id=tenant.requisition_id, by=REQUESTER, at=NOW
    )
    await handlers.withdraw(withdraw, tenant.store, tenant.facts)
    await _policy(tenant, "More specific", live=False, project_id=PROJECT)
    await tenant.submit()
    _is_down(tenant)
    await tenant.approve()
    assert (await tenant.requisition()).state == State.APPROVED


async def test_who_forgets_to_look_does_not_approve(tenant: Tenant) -> None:
    await _submitted(tenant)
    requisition = await tenant.requisition()
    with pytest.raises(AvailabilityUnknown):
        requisition.approve((), None, asked(APPROVER))


def test_what_is_decided_is_in_the_wrong_state_whatever_is_known() -> None:
    requisition = drafted(LAPTOPS)
    requisition.submit((LIVE_TWO_STEPS,), asked(REQUESTER), project_archived=False)
    codes = [_obstacle(requisition)]
    requisition.reject("No", asked(APPROVER))
    codes.append(_obstacle(requisition))
    assert codes == ["inventory_unavailable", "wrong_state"]


def _obstacle(requisition: Requisition) -> str | None:
    found = rules.obstacle(rules.Command.APPROVE, requisition.view())
    return None if found is None else found.code
