"""Lines that ask for what the inventory has: which are taken, and what is noted of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from domain.caller import Caller
from domain.errors import InvalidField
from domain.ports import InventoryStanding
from domain.requisitions import commands, events, handlers
from domain.requisitions.content import Item, Line
from domain.requisitions.errors import NotRequester
from domain.requisitions.requisition import Requisition
from infrastructure.event_store.topics import decode
from infrastructure.ids import new_id, to_uuid
from tests.builders.people import APPROVER, NOW, REQUESTER
from tests.builders.requisitions import BATTERIES, CABLES, LAPTOPS, LINES, MODEL
from tests.domain.requisitions.test_handlers import Tenant

THERE: Final = LAPTOPS.item
NOT_THERE: Final = Item("model", new_id())


@pytest.fixture
async def tenant() -> Tenant:
    tenant = Tenant()
    await tenant.begin()
    tenant.facts.has_item("model", MODEL, remaining=4)
    return tenant


async def _add(tenant: Tenant, line: Line, by: Caller = REQUESTER) -> None:
    command = commands.AddLine(requisition_id=tenant.requisition_id, line=line, by=by, at=NOW)
    await handlers.add_line(command, tenant.store, tenant.facts)


async def _change(tenant: Tenant, item: Item) -> None:
    command = commands.ChangeLine(
        requisition_id=tenant.requisition_id,
        line_id=CABLES,
        changes={"item": item},
        by=REQUESTER,
        at=NOW,
    )
    await handlers.change_line(command, tenant.store, tenant.facts)


async def _draft(tenant: Tenant, item: Item) -> None:
    tenant.requisition_id = new_id()
    await tenant.draft(lines=(LINES[0], replace(LAPTOPS, item=item)))


WAYS: Final[dict[str, tuple[Callable[[Tenant, Item], Any], tuple[str | int, ...]]]] = {
    "draft": (_draft, ("lines", 1, "item")),
    "add": (lambda tenant, item: _add(tenant, replace(LAPTOPS, item=item)), ("item",)),
    "change": (_change, ("item",)),
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_inventory_has_can_be_asked_for(tenant: Tenant, way: str) -> None:
    ask, _ = WAYS[way]
    await ask(tenant, THERE)
    requisition = await tenant.store.load(Requisition, tenant.requisition_id)
    assert THERE in {line.item for line in requisition.lines.values()}


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_inventory_does_not_have_is_refused(tenant: Tenant, way: str) -> None:
    ask, path = WAYS[way]
    with pytest.raises(InvalidField, match="inventory has no such model") as refused:
        await ask(tenant, NOT_THERE)
    assert refused.value.path == (*path, "id")


@pytest.mark.parametrize("way", WAYS)
async def test_without_an_inventory_nothing_of_it_can_be_asked_for(
    tenant: Tenant, way: str
) -> None:
    tenant.facts.standing = InventoryStanding(connected=False, available=False)
    ask, path = WAYS[way]
    with pytest.raises(InvalidField) as refused:
        await ask(tenant, THERE)
    assert refused.value.code == "kind_not_available"
    assert refused.value.path == (*path, "kind")


async def test_who_may_not_change_the_requisition_learns_nothing_of_the_inventory(
    tenant: Tenant,
) -> None:
    with pytest.raises(NotRequester):
        await _add(tenant, replace(LAPTOPS, item=NOT_THERE), by=APPROVER)


async def _decided(tenant: Tenant) -> list[events.AvailabilityNoted]:
    key: Any = {"requisition_id": tenant.requisition_id, "at": NOW}
    submit = commands.SubmitRequisition(by=REQUESTER, **key)
    await handlers.submit(submit, tenant.store, tenant.facts)
    approve = commands.ApproveStep(by=APPROVER, **key)
    await handlers.approve(approve, tenant.store, tenant.facts)
    stream = tenant.store.streams[tenant.requisition_id]
    stored = [
        decode(to_uuid(tenant.requisition_id), version, topic, state)
        for version, (topic, state) in enumerate(stream, start=1)
    ]
    return [event for event in stored if isinstance(event, events.AvailabilityNoted)]


async def test_decisions_say_what_the_inventory_had_then(tenant: Tenant) -> None:
    tenant.facts.has_item("consumable", BATTERIES.item.id or "", remaining=7)
    await _add(tenant, LAPTOPS)
    await _add(tenant, BATTERIES)
    del tenant.facts.items["consumable", BATTERIES.item.id or ""]

    noted = await _decided(tenant)

    assert [(event.decision, event.inventory) for event in noted] == [
        ("submit", "known"),
        ("approve", "known"),
    ]
    assert noted[0].lines == [
        {"line_id": LAPTOPS.line_id, "remaining": 4},
        {"line_id": BATTERIES.line_id, "remaining": None},
    ]
    as_of = datetime.fromisoformat(noted[0].as_of or "")
    assert as_of == datetime(2026, 3, 1, 8, tzinfo=UTC)


async def test_decisions_are_taken_without_an_inventory_that_cannot_be_asked(
    tenant: Tenant,
) -> None:
    await _add(tenant, LAPTOPS)
    tenant.facts.standing = InventoryStanding(connected=True, available=False)

    noted = await _decided(tenant)

    assert [event.inventory for event in noted] == ["unknown", "unknown"]
    assert noted[0].lines == [{"line_id": LAPTOPS.line_id, "remaining": None}]
    assert noted[0].as_of is None


async def test_decisions_about_purchases_alone_do_not_look_at_the_inventory(
    tenant: Tenant,
) -> None:
    assert await _decided(tenant) == []
