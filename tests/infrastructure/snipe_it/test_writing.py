"""What each write sends, and what it does to the server."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from demo.snipe_it_simulator.hand_edits import apply
from infrastructure.snipe_it.answers import Done, NotFound, Refusal, Refused
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.writing import FieldNotEditable, Target, operation_note
from tests.infrastructure.snipe_it.worlds import (
    CONNECTION,
    OPERATION,
    client,
    in_memory,
    simulator,
)

BEN = Target(HolderType.USER, 3)
NOTE = f"op-{OPERATION}"


async def test_a_checkout_sends_what_the_server_asks_for_and_no_time() -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"status": "success"})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        await snipe_it.write.check_out_asset(
            1, BEN, OPERATION, expected_checkin=date(2026, 12, 15), note="REQ-7"
        )
        await snipe_it.write.check_in_asset(1, OPERATION)
    assert sent == [
        {
            "assigned_user": 3,
            "checkout_to_type": "user",
            "note": f"REQ-7 {NOTE}",
            "expected_checkin": "2026-12-15",
        },
        {"note": NOTE},
    ]


async def test_a_checkout_can_be_found_by_its_operation() -> None:
    server = simulator()
    async with in_memory(server) as snipe_it:
        assert isinstance(await snipe_it.write.check_out_asset(1, BEN, OPERATION), Done)
        rows = [row async for row in snipe_it.read.activity_of("asset", 1, OPERATION)]
    (row,) = rows
    assert row.note == NOTE
    assert row.user_agent == f"Quartermaster/1 {OPERATION}"
    assert row.source == "api"


async def test_a_checkout_to_each_kind_of_target() -> None:
    async with in_memory(simulator()) as snipe_it:
        for asset_id, target in (
            (1, BEN),
            (2, Target(HolderType.LOCATION, 2)),
            (3, Target(HolderType.ASSET, 14)),
        ):
            assert isinstance(
                await snipe_it.write.check_out_asset(asset_id, target, OPERATION), Done
            )
            asset = await snipe_it.read.asset(asset_id)
            assert asset is not None
            assert asset.assigned_to is not None
            assert (asset.assigned_to.type, asset.assigned_to.id) == (target.type, target.id)


async def test_an_asset_that_is_out_is_not_available() -> None:
    async with in_memory(simulator()) as snipe_it:
        await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        answer = await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        assert isinstance(answer, Refused)
        assert answer.kind is Refusal.NOT_AVAILABLE
        missing = await snipe_it.write.check_out_asset(99999, BEN, OPERATION)
        assert isinstance(missing, NotFound)


async def test_a_check_in_with_label_and_place() -> None:
    async with in_memory(simulator()) as snipe_it:
        await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        answer = await snipe_it.write.check_in_asset(
            1, OPERATION, status_id=4, location_id=3, note="damaged"
        )
        assert isinstance(answer, Done)
        asset = await snipe_it.read.asset(1)
        assert asset is not None
        assert asset.assigned_to is None
        assert asset.status is not None
        assert asset.status.name == "Broken"
        assert asset.location is not None
        assert asset.location.id == 3
        again = await snipe_it.write.check_in_asset(1, OPERATION)
        assert isinstance(again, Refused)
        assert again.kind is Refusal.ALREADY_CHECKED_IN


async def test_an_edit_changes_what_it_names() -> None:
    async with in_memory(simulator()) as snipe_it:
        changes = {
            "status_id": 4,
            "expected_checkin": date(2026, 12, 24),
            "_snipeit_mac_address_1": "00:11:22:33:44:99",
        }
        assert isinstance(await snipe_it.write.change_asset(7, changes, OPERATION), Done)
        asset = await snipe_it.read.asset(7)
        assert asset is not None
        assert asset.status is not None
        assert asset.status.id == 4
        assert asset.expected_checkin == date(2026, 12, 24)
        assert asset.custom_fields["MAC Address"].value == "00:11:22:33:44:99"
        rows = [row async for row in snipe_it.read.activity_of("asset", 7, OPERATION)]
        assert [row.action for row in rows] == ["update"]


@pytest.mark.parametrize("name", ["assigned_user", "assigned_to", "id", "MAC Address"])
async def test_an_edit_that_would_hand_an_asset_out_is_never_sent(name: str) -> None:
    server = simulator()
    async with in_memory(server) as snipe_it:
        with pytest.raises(FieldNotEditable):
            await snipe_it.write.change_asset(1, {name: 3}, OPERATION)
        with pytest.raises(FieldNotEditable):
            await snipe_it.write.create_asset({name: 3}, OPERATION)
    assert server.seen == []


async def test_a_new_asset_joins_the_connections_company() -> None:
    connection = replace(CONNECTION, company_id=1)
    fields = {"asset_tag": "NEW-1", "model_id": 1, "status_id": 2, "notes": "a <b> & c"}
    async with in_memory(simulator(), connection) as snipe_it:
        answer = await snipe_it.write.create_asset(fields, OPERATION)
        assert isinstance(answer, Done)
        asset = await snipe_it.read.asset(answer.body["payload"]["id"])
        assert asset is not None
        assert asset.company is not None
        assert asset.company.name == "Riverside Maker Lab"
        assert asset.notes == "a <b> & c"


async def test_accessories_go_out_by_number_and_come_back_by_row() -> None:
    async with in_memory(simulator()) as snipe_it:
        write, read = snipe_it.write, snipe_it.read
        assert isinstance(await write.check_out_accessory(1, BEN, 2, OPERATION), Done)
        rows = await read.accessory_checkouts(1)
        assert [row.note for row in rows] == [NOTE, NOTE]
        assert isinstance(await write.check_in_accessory(rows[0].id, OPERATION), Done)
        stock = await read.accessory(1)
        assert stock is not None
        assert (stock.quantity, stock.remaining) == (10, 9)
        too_many = await write.check_out_accessory(1, BEN, 50, OPERATION)
        assert isinstance(too_many, Refused)
        assert too_many.kind is Refusal.NO_STOCK


async def test_a_row_id_is_not_used_twice() -> None:
    async with in_memory(simulator()) as snipe_it:
        write, read = snipe_it.write, snipe_it.read
        await write.check_out_accessory(1, BEN, 1, OPERATION)
        (first,) = [row.id for row in await read.accessory_checkouts(1)]
        await write.check_in_accessory(first, OPERATION)
        await write.check_out_accessory(1, BEN, 1, OPERATION)
        (second,) = [row.id for row in await read.accessory_checkouts(1)]
    assert second != first


async def test_consumables_go_for_good() -> None:
    async with in_memory(simulator()) as snipe_it:
        write = snipe_it.write
        assert isinstance(await write.check_out_consumable(1, 3, 2, OPERATION), Done)
        stock = await snipe_it.read.consumable(1)
        assert stock is not None
        assert stock.remaining == 1
        none_left = await write.check_out_consumable(1, 3, 2, OPERATION)
        assert isinstance(none_left, Refused)
        assert none_left.kind is Refusal.NO_STOCK


async def _open(snipe_it: SnipeIt) -> Any:
    return await snipe_it.write.open_maintenance(
        6, 1, "Repair", "Replace hotend", date(2026, 11, 20), OPERATION, notes="ISSUE-55"
    )


async def test_a_maintenance_is_opened_found_by_its_operation_and_closed() -> None:
    async with in_memory(simulator()) as snipe_it:
        assert isinstance(await _open(snipe_it), Done)
        (found,) = [one async for one in snipe_it.read.maintenances(6)]
        assert found.notes == f"ISSUE-55 {NOTE}"
        closed = await snipe_it.write.close_maintenance(
            found.id, date(2026, 11, 21), OPERATION, cost="12.50"
        )
        assert isinstance(closed, Done)
        after = await snipe_it.read.maintenance(found.id)
        assert after is not None
        assert (after.completed_on, after.cost) == (date(2026, 11, 21), "12.50")


async def test_an_asset_is_removed_and_brought_back() -> None:
    async with in_memory(simulator()) as snipe_it:
        write, read = snipe_it.write, snipe_it.read
        assert isinstance(await write.delete_asset(1, OPERATION), Done)
        gone = await read.asset(1)
        assert gone is not None
        assert gone.deleted_at is not None
        assert isinstance(await write.delete_asset(1, OPERATION), NotFound)
        assert isinstance(await write.restore_asset(1, OPERATION), Done)
        back = await read.asset(1)
        assert back is not None
        assert back.deleted_at is None
        again = await write.restore_asset(1, OPERATION)
        assert isinstance(again, Refused)
        rows = [row async for row in read.activity_of("asset", 1, OPERATION)]
        assert [row.action for row in rows] == ["delete", "restore"]


async def test_an_asset_that_was_removed_while_out_cannot_be_brought_back() -> None:
    async with in_memory(simulator()) as snipe_it:
        await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        await snipe_it.write.delete_asset(1, OPERATION)
        answer = await snipe_it.write.restore_asset(1, OPERATION)
        assert isinstance(answer, Refused)
        assert "Error restoring" in answer.message


async def test_a_new_model_is_read_back_by_its_number() -> None:
    async with in_memory(simulator()) as snipe_it:
        answer = await snipe_it.write.create_model("Raspberry Pi <5>", 2, OPERATION)
        assert isinstance(answer, Done)
        model = await snipe_it.read.model(answer.body["payload"]["id"])
        assert model is not None
        assert (model.name, model.assets_count) == ("Raspberry Pi <5>", 0)
        assert model.category is not None
        assert model.category.id == 2
        nameless = await snipe_it.write.create_model("", 2, OPERATION)
        assert isinstance(nameless, Refused)
        assert nameless.kind is Refusal.VALIDATION


async def test_a_hand_edit_in_between_is_seen_by_a_read_back() -> None:
    server = simulator()
    async with in_memory(server) as snipe_it:
        await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        apply(server.inventory, {"do": "checkin", "id": 1})
        apply(server.inventory, {"do": "checkout", "id": 1, "to_type": "user", "to_id": 4})
        asset = await snipe_it.read.asset(1)
    assert asset is not None
    assert asset.assigned_to is not None
    assert asset.assigned_to.id == 4


def test_a_note_is_the_text_and_the_operation() -> None:
    assert operation_note("7f3a9c2e-1d") == "op-7f3a9c2e-1d"
    assert operation_note("7f3a9c2e-1d", "REQ-1001") == "REQ-1001 op-7f3a9c2e-1d"
