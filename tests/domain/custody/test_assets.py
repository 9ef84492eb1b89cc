"""Changes of the inventory's own things: which operation each becomes, and what is refused."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any, Final

import pytest

from domain.assignments.content import Item
from domain.assignments.item_book import Hold, ItemBook
from domain.caller import Caller
from domain.custody import asset_commands as commands
from domain.custody import assets as handlers
from domain.custody.asset_commands import Standing
from domain.custody.asset_errors import (
    AssetInUse,
    AssetRemoved,
    LossOfAnAssignedAsset,
)
from domain.custody.errors import StatusLabelMissing
from domain.errors import InvalidField, InventoryUnavailable, NotFound, PermissionMissing
from domain.ids import book_id, uuid_of
from domain.inventory.changes import OperationWaiting
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import InventoryStanding, Receipt
from infrastructure.ids import derived_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import NOW, TECHNICIAN, TENANT, with_roles

MANAGER: Final = with_roles("manager", "inventory_manager")
PRINTER: Final = derived_id("test", "printer")
MK4: Final = derived_id("test", "model")
LAB: Final = derived_id("test", "lab")
ASSIGNMENT: Final = derived_id("test", "assignment")
OPERATION: Final = derived_id("test", "operation")
NEW: Final = derived_id("test", "new")
LABELS: Final = {"deployable": 2, "archived": 3, "retired": 7, "disposed": 8, "lost": 9}


class Desk:
    """An inventory with one printer, and somebody who changes it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.facts = MemoryFacts(self.store)
        self.facts.standing = InventoryStanding(
            connected=True, available=True, status_labels=LABELS
        )
        self.facts.has_thing("asset", PRINTER, 17)
        self.facts.has_thing("model", MK4, 4)
        self.facts.has_thing("location", LAB, 3)
        self.facts.has_thing("category", LAB, 2, type="Asset")

    async def create(self, by: Caller = MANAGER, **fields: Any) -> Receipt:
        named = {"serial_number": "SN-1", **fields}
        command = commands.CreateAsset(
            asset_id=NEW,
            operation_id=OPERATION,
            model_id=named.pop("model_id", MK4),
            quantity=named.pop("quantity", 1),
            project_id=named.pop("project_id", None),
            fields=commands.AssetFields(**named),  # type: ignore[typeddict-item]  # a test's own
            by=by,
            at=NOW,
        )
        return await handlers.create(command, self.store, self.facts)

    async def change(self, by: Caller = MANAGER, **changes: Any) -> Receipt:
        command = commands.ChangeAsset(
            asset_id=PRINTER,
            operation_id=OPERATION,
            changes=commands.AssetFields(**changes),  # type: ignore[typeddict-item]  # a test's own
            by=by,
            at=NOW,
        )
        return await handlers.change(command, self.store, self.facts)

    async def stand(self, standing: Standing, by: Caller = MANAGER) -> Receipt:
        command = commands.SetStanding(
            asset_id=PRINTER, operation_id=OPERATION, standing=standing, by=by, at=NOW
        )
        return await handlers.set_standing(command, self.store, self.facts)

    async def restore(self, by: Caller = MANAGER) -> Receipt:
        command = commands.RestoreAsset(asset_id=PRINTER, operation_id=OPERATION, by=by, at=NOW)
        return await handlers.restore(command, self.store, self.facts)

    async def delete(self, by: Caller = MANAGER) -> Receipt:
        command = commands.DeleteAsset(asset_id=PRINTER, operation_id=OPERATION, by=by, at=NOW)
        return await handlers.delete(command, self.store, self.facts)

    async def create_model(self, by: Caller = MANAGER, **fields: Any) -> Receipt:
        named: dict[str, Any] = {
            "name": "Raspberry Pi 5",
            "tracking_type": "serialized",
            "category_id": LAB,
            **fields,
        }
        command = commands.CreateModel(model_id=NEW, operation_id=OPERATION, by=by, at=NOW, **named)
        return await handlers.create_model(command, self.store, self.facts)

    async def keep(self, *, out: bool) -> None:
        """Let somebody have the printer, or wait for it."""
        id = book_id(TENANT, "asset", PRINTER)
        book = ItemBook.open(uuid_of(id), tenant_id=TENANT, item=Item("asset", PRINTER), at=NOW)
        begins = NOW if out else NOW + timedelta(days=1)
        book.hold(Hold(ASSIGNMENT, 1, begins, None), remaining=None, at=NOW)
        if out:
            book.hand_out(ASSIGNMENT, at=NOW)
        await self.store.save(book)

    async def operation(self) -> InventoryOperation:
        return await self.store.load(InventoryOperation, OPERATION)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_new_asset_becomes_an_operation_that_a_worker_finds(desk: Desk) -> None:
    receipt = await desk.create(
        name="MK4 #9", home_location_id=LAB, purchase_date=date(2026, 9, 1), requestable=True
    )
    operation = await desk.operation()
    assert receipt.id == OPERATION
    assert (operation.kind, operation.purpose) == (Kind.CREATE_ASSET, "create")
    assert (operation.subject_kind, operation.subject_id) == ("asset", NEW)
    assert operation.item == {"kind": "asset", "id": NEW, "external_id": None}
    assert operation.requested_by == MANAGER.user_id
    assert operation.wanted["fields"] == {
        "model_id": 4,
        "serial": "SN-1",
        "asset_tag": f"QM-{NEW[-10:]}",
        "status_id": 2,
        "name": "MK4 #9",
        "rtd_location_id": 3,
        "purchase_date": "2026-09-01",
        "requestable": True,
    }
    assert desk.store.rows == [OperationWaiting(TENANT, OPERATION, operation.thing, NOW)]


async def test_a_new_asset_keeps_the_tag_that_it_is_given(desk: Desk) -> None:
    await desk.create(asset_tag="3DP-0009")
    assert (await desk.operation()).wanted["fields"]["asset_tag"] == "3DP-0009"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_id", LAB),
        ("home_location_id", MK4),
        ("serial_number", " "),
        ("name", "x" * 201),
        ("quantity", 3),
        ("project_id", LAB),
    ],
)
async def test_a_new_asset_with_a_wrong_field_is_refused(
    desk: Desk, field: str, value: Any
) -> None:
    wrong: dict[str, Any] = {field: value}
    with pytest.raises(InvalidField) as refused:
        await desk.create(**wrong)
    assert refused.value.path == (field,)
    assert desk.store.topics == []


async def test_a_new_asset_has_a_serial_number() -> None:
    with pytest.raises(InvalidField) as refused:
        commands.CreateAsset(
            asset_id=NEW, operation_id=OPERATION, model_id=MK4, fields={}, by=MANAGER, at=NOW
        )
    assert refused.value.path == ("serial_number",)
    assert "Snipe-IT" in refused.value.detail


async def test_a_new_asset_needs_the_label_with_which_it_can_be_lent(desk: Desk) -> None:
    desk.facts.standing = InventoryStanding(connected=True, available=True)
    with pytest.raises(StatusLabelMissing) as refused:
        await desk.create()
    assert "deployable" in refused.value.detail
    assert "status_labels" in refused.value.help


async def test_a_new_model_is_of_a_category_of_assets(desk: Desk) -> None:
    await desk.create_model()
    operation = await desk.operation()
    assert operation.kind is Kind.CREATE_MODEL
    assert operation.item == {"kind": "model", "id": NEW, "external_id": None}
    assert operation.wanted == {"fields": {"name": "Raspberry Pi 5", "category_id": 2}}
    desk.facts.has_thing("category", MK4, 5, type="Consumable")
    with pytest.raises(InvalidField):
        await desk.create_model(category_id=MK4)


async def test_a_new_model_names_a_category(desk: Desk) -> None:
    for unknown in (None, NEW):
        with pytest.raises(InvalidField) as refused:
            await desk.create_model(category_id=unknown)
        assert refused.value.path == ("category_id",)


async def test_things_that_are_counted_are_added_in_the_inventory_itself(desk: Desk) -> None:
    with pytest.raises(InvalidField) as refused:
        await desk.create_model(tracking_type="countable")
    assert refused.value.path == ("tracking_type",)
    assert "Snipe-IT" in refused.value.detail


async def test_a_change_names_the_inventorys_fields(desk: Desk) -> None:
    await desk.change(name=None, serial_number="SN-2", notes="a <b> & c", model_id=MK4)
    operation = await desk.operation()
    assert (operation.kind, operation.purpose) == (Kind.CHANGE_ASSET, "edit")
    assert operation.thing == "asset:17"
    assert operation.wanted["fields"] == {
        "name": None,
        "serial": "SN-2",
        "notes": "a <b> & c",
        "model_id": 4,
    }


def test_a_change_of_nothing_cannot_be_asked() -> None:
    with pytest.raises(InvalidField):
        commands.ChangeAsset(
            asset_id=PRINTER, operation_id=OPERATION, changes={}, by=MANAGER, at=NOW
        )


async def test_the_home_of_an_asset_that_is_out_stays(desk: Desk) -> None:
    await desk.keep(out=True)
    with pytest.raises(AssetInUse):
        await desk.change(home_location_id=LAB)
    await desk.change(name="Still my name")
    desk.facts.has_thing("asset", PRINTER, 17, holder=("user", 3))
    with pytest.raises(AssetInUse):
        await desk.change(home_location_id=LAB)


@pytest.mark.parametrize(
    ("standing", "purpose", "label"),
    [
        (Standing.ARCHIVED, "archive", 3),
        (Standing.RETIRED, "retire", 7),
        (Standing.DISPOSED, "dispose", 8),
        (Standing.LOST, "mark_lost", 9),
    ],
)
async def test_what_becomes_of_an_asset_is_a_status_label(
    desk: Desk, standing: Standing, purpose: str, label: int
) -> None:
    await desk.stand(standing)
    operation = await desk.operation()
    assert (operation.kind, operation.purpose) == (Kind.SET_STATUS, purpose)
    assert operation.wanted == {"status_id": label}


async def test_a_purpose_without_a_label_says_how_to_choose_one(desk: Desk) -> None:
    with pytest.raises(StatusLabelMissing) as refused:
        await desk.stand(Standing.STOLEN)
    assert "stolen" in refused.value.detail
    assert "PUT /inventory/connection" in refused.value.help


@pytest.mark.parametrize("out", [True, False])
@pytest.mark.parametrize("standing", [Standing.ARCHIVED, Standing.RETIRED, Standing.DISPOSED])
async def test_what_is_out_or_reserved_is_not_taken_out_of_use(
    desk: Desk, standing: Standing, out: bool
) -> None:
    await desk.keep(out=out)
    with pytest.raises(AssetInUse) as refused:
        await desk.stand(standing)
    assert ASSIGNMENT in refused.value.detail
    with pytest.raises(AssetInUse):
        await desk.delete()


async def test_what_somebody_has_by_the_inventorys_word_is_not_removed(desk: Desk) -> None:
    desk.facts.has_thing("asset", PRINTER, 17, holder=("user", 3))
    with pytest.raises(AssetInUse):
        await desk.delete()


async def test_the_loss_of_an_assigned_asset_is_told_to_its_assignment(desk: Desk) -> None:
    await desk.keep(out=True)
    with pytest.raises(LossOfAnAssignedAsset) as refused:
        await desk.stand(Standing.LOST)
    assert ASSIGNMENT in refused.value.detail


async def test_what_is_only_reserved_can_get_lost(desk: Desk) -> None:
    await desk.keep(out=False)
    await desk.stand(Standing.LOST)
    assert (await desk.operation()).wanted == {"status_id": 9}


async def test_the_removal_rests_on_the_book_as_it_is(desk: Desk) -> None:
    await desk.delete()
    assert (await desk.operation()).kind is Kind.DELETE_ASSET
    assert desk.store.guards == [(book_id(TENANT, "asset", PRINTER), 0)]


async def test_a_removed_asset_is_restored_and_any_other_made_deployable(desk: Desk) -> None:
    await desk.restore()
    operation = await desk.operation()
    assert (operation.kind, operation.wanted) == (Kind.SET_STATUS, {"status_id": 2})
    other = Desk()
    other.facts.has_thing("asset", PRINTER, 17, removed=True)
    await other.restore()
    operation = await other.operation()
    assert (operation.kind, operation.purpose) == (Kind.RESTORE_ASSET, "restore")


async def test_a_removed_asset_is_not_changed(desk: Desk) -> None:
    desk.facts.has_thing("asset", PRINTER, 17, removed=True)
    for change in ("change", "retire", "delete"):
        with pytest.raises(AssetRemoved):
            await EVERY[change](desk, MANAGER)


Ask = Callable[[Desk, Caller], Awaitable[Receipt]]
EVERY: Final[dict[str, Ask]] = {
    "create": lambda desk, by: desk.create(by),
    "create model": lambda desk, by: desk.create_model(by),
    "change": lambda desk, by: desk.change(by, name="x"),
    "retire": lambda desk, by: desk.stand(Standing.RETIRED, by),
    "restore": lambda desk, by: desk.restore(by),
    "delete": lambda desk, by: desk.delete(by),
}


@pytest.mark.parametrize("ask", EVERY.values(), ids=EVERY)
async def test_nothing_is_promised_while_the_inventory_cannot_be_asked(
    desk: Desk, ask: Ask
) -> None:
    desk.facts.standing = InventoryStanding(
        connected=True, available=False, retry_after_s=45, status_labels=LABELS
    )
    with pytest.raises(InventoryUnavailable) as refused:
        await ask(desk, MANAGER)
    assert refused.value.retry_after_s == 45
    desk.facts.standing = InventoryStanding(connected=False, available=False)
    with pytest.raises(InventoryUnavailable):
        await ask(desk, MANAGER)
    assert desk.store.topics == []


@pytest.mark.parametrize("ask", EVERY.values(), ids=EVERY)
async def test_who_may_not_write_assets_changes_none(desk: Desk, ask: Ask) -> None:
    with pytest.raises(PermissionMissing):
        await ask(desk, TECHNICIAN)
    assert desk.store.topics == []


@pytest.mark.parametrize("ask", list(EVERY.values())[2:], ids=list(EVERY)[2:])
async def test_what_the_inventory_never_had_is_not_found(desk: Desk, ask: Ask) -> None:
    del desk.facts.known["asset", PRINTER]
    for by in (MANAGER, TECHNICIAN):
        with pytest.raises(NotFound):
            await ask(desk, by)
