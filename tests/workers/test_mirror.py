"""The mirror of one tenant: what it holds, what stands for what, and how it is kept up."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from demo.snipe_it_simulator.hand_edits import apply
from demo.snipe_it_simulator.simulator import Simulator
from domain.ids import inventory_id
from domain.inventory.changes import MappingRemoved
from infrastructure.ids import to_uuid
from infrastructure.inventory.changes import write
from infrastructure.inventory.mirror_store import MirrorStore
from infrastructure.postgres import pool_of
from tests.builders.inventory import InventoryTables
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from tests.workers.mirrors import mirror_of
from workers.mirror.tenant import TenantMirror


@pytest.fixture
def tables(database: Database) -> InventoryTables:
    found = InventoryTables(database)
    found.connect(worlds.CONNECTION.base_url)
    return found


@pytest.fixture
def server() -> Simulator:
    return worlds.simulator()


@pytest.fixture
async def mirror(tables: InventoryTables, server: Simulator) -> AsyncIterator[TenantMirror]:
    async with worlds.over_tcp(server) as snipe_it, mirror_of(tables, snipe_it) as found:
        yield found


Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def edit(server: Simulator) -> Edit:
    return lambda change: apply(server.inventory, change)


async def test_a_sweep_holds_everything_that_there_is_archived_assets_too(
    mirror: TenantMirror, tables: InventoryTables, server: Simulator
) -> None:
    seen: dict[str, int] = {}
    await mirror.sweep(seen.__setitem__)

    inventory = server.inventory
    assert len(tables.rows("assets")) == len(inventory.assets) == seen["asset"]
    for table, theirs in {
        "models": "models",
        "users": "users",
        "locations": "locations",
        "status_labels": "statuslabels",
        "categories": "categories",
        "accessories": "accessories",
        "consumables": "consumables",
        "suppliers": "suppliers",
        "companies": "companies",
    }.items():
        assert len(tables.rows(table)) == len(inventory.rows[theirs]), table
    assert {row["status_type"] for row in tables.rows("assets")} >= {"archived", "deployable"}
    laptop = tables.rows("assets", "tag = 'LAP-0001'")[0]
    assert laptop["model_external_id"] == 3
    assert laptop["can_check_out"] is True
    assert laptop["custom_fields"]["MAC Address"]["column"] == "_snipeit_mac_address_1"
    assert laptop["as_of"] is not None


async def test_everything_but_users_gets_an_id_of_ours_and_keeps_it(
    mirror: TenantMirror, tables: InventoryTables
) -> None:
    await mirror.sweep()
    first = {row["external_id"]: row["id"] for row in tables.rows("assets")}
    await mirror.sweep()

    assert first == {row["external_id"]: row["id"] for row in tables.rows("assets")}
    assert first[1] == to_uuid(inventory_id(TENANT, "asset", 1))
    assert all(row["id"] for table in ("models", "locations") for row in tables.rows(table))
    assert all(row["id"] is None for row in tables.rows("users"))
    mapped = tables.rows("mappings", "kind = 'asset'")
    assert {row["external_id"]: row["id"] for row in mapped} == first


async def test_members_stand_for_users_by_mail_then_by_name_and_never_for_two(
    mirror: TenantMirror, tables: InventoryTables, server: Simulator
) -> None:
    users = server.inventory.rows["users"]
    users[2]["email"], users[3]["email"] = "Ana@Lab.example", "ben@lab.example"
    users[4]["email"] = users[5]["email"] = "both@lab.example"
    by_mail = tables.add_member("somebody", "ana@lab.example")
    by_name = tables.add_member("BEN", "private@home.example")
    unclear = tables.add_member("nobody", "both@lab.example")
    await mirror.sweep()

    mapped = {row["id"]: row for row in tables.rows("mappings", "kind = 'user'")}
    assert mapped[to_uuid(by_mail)]["external_id"] == 2
    assert mapped[to_uuid(by_mail)]["matched_by"] == "email"
    assert mapped[to_uuid(by_name)]["external_id"] == 3
    assert mapped[to_uuid(by_name)]["matched_by"] == "username"
    assert to_uuid(unclear) not in mapped
    assert tables.row("users", 2)["id"] == to_uuid(by_mail)


async def test_who_joins_later_is_matched_and_who_was_unlinked_is_left_alone(
    mirror: TenantMirror, tables: InventoryTables
) -> None:
    unlinked = tables.add_member("ana", "a@x.example")
    await mirror.sweep()
    tables.unlink(unlinked)
    joined = tables.add_member("ben", "b@x.example")
    assert await mirror.catch_up() == 0
    await mirror.sweep()

    assert tables.row("users", 2)["id"] is None
    assert tables.row("users", 3)["id"] == to_uuid(joined)


async def test_a_user_who_was_made_again_is_the_same_member(
    mirror: TenantMirror, tables: InventoryTables, server: Simulator, edit: Edit
) -> None:
    ana = tables.add_member("ana", "a@x.example")
    await mirror.sweep()
    old = server.inventory.rows["users"][2]
    edit({"do": "delete", "table": "users", "id": 2})
    edit({"do": "add", "table": "users", "row": {**old, "id": 50, "deleted_at": None}})
    await mirror.sweep()

    assert tables.row("users", 50)["id"] == to_uuid(ana)
    assert tables.row("users", 2)["id"] is None


async def test_what_the_report_tells_is_read_again_and_nothing_else(
    mirror: TenantMirror, tables: InventoryTables, server: Simulator, edit: Edit
) -> None:
    await mirror.sweep()
    before = tables.state()
    edit({"do": "checkout", "id": 7, "to_type": "user", "to_id": 3})
    server.seen.clear()

    assert await mirror.catch_up() == 1

    laptop = tables.row("assets", 7)
    assert (laptop["holder_kind"], laptop["holder_external_id"]) == ("user", 3)
    assert laptop["can_check_out"] is False
    assert [call.path for call in server.seen if "hardware" in call.path] == ["/api/v1/hardware/7"]
    after = tables.state()
    assert before is not None
    assert after is not None
    assert after["last_activity_id"] > before["last_activity_id"]
    assert after["as_of"] > before["as_of"]
    assert laptop["as_of"] > tables.row("assets", 8)["as_of"]


async def test_where_much_has_happened_the_whole_list_is_read(
    mirror: TenantMirror, server: Simulator, edit: Edit, tables: InventoryTables
) -> None:
    await mirror.sweep()
    for asset_id in range(1, 6):
        fields = {"name": f"Number {asset_id}"}
        edit({"do": "set", "table": "hardware", "id": asset_id, "fields": fields})
    server.seen.clear()

    assert await mirror.catch_up() == 5

    assert not [call for call in server.seen if call.path.startswith("/api/v1/hardware/")]
    assert tables.row("assets", 5)["name"] == "Number 5"


async def test_nothing_new_costs_one_call(mirror: TenantMirror, server: Simulator) -> None:
    await mirror.sweep()
    server.seen.clear()

    assert await mirror.catch_up() == 0
    assert [call.path for call in server.seen] == ["/api/v1/reports/activity"]


@pytest.mark.parametrize("same", ["serial", "asset_tag"])
async def test_an_asset_that_was_made_again_keeps_our_id(
    same: str, mirror: TenantMirror, tables: InventoryTables, server: Simulator, edit: Edit
) -> None:
    edit({"do": "set", "table": "hardware", "id": 7, "fields": {"serial": "SN-7"}})
    await mirror.sweep()
    ours = tables.row("assets", 7)["id"]
    edit({"do": "delete", "table": "hardware", "id": 7})
    again = {"serial": "SN-7"} if same == "serial" else {"asset_tag": "LAP-0001"}
    made: dict[str, Any] = {"asset_tag": "NEW", "serial": None, **again}
    other = server.inventory.assets[8]
    server.inventory.assets[900] = replace(other, id=900, **made)
    await mirror.sweep()

    assert tables.row("assets", 900)["id"] == ours
    assert tables.row("assets", 7)["id"] is None
    assert tables.row("assets", 7)["deleted_at"] is not None
    (mapping,) = tables.rows("mappings", "id = %s", ours)
    assert mapping["external_id"] == 900
    assert mapping["matched_by"] == ("serial" if same == "serial" else "tag")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("SN-OLD", "SN-QUITE-ANOTHER", False),
        ("SN-OLD", " sn-old ", True),
        (" ", "SN-NEW", True),
    ],
)
async def test_a_tag_that_is_stuck_on_another_thing_carries_no_history_over(
    old: str | None,
    new: str | None,
    same: bool,
    mirror: TenantMirror,
    tables: InventoryTables,
    server: Simulator,
    edit: Edit,
) -> None:
    edit({"do": "set", "table": "hardware", "id": 7, "fields": {"serial": old}})
    await mirror.sweep()
    ours = tables.row("assets", 7)["id"]
    edit({"do": "delete", "table": "hardware", "id": 7})
    asset = server.inventory.assets[8]
    server.inventory.assets[900] = replace(asset, id=900, asset_tag="LAP-0001", serial=new)
    await mirror.sweep()

    assert (tables.row("assets", 900)["id"] == ours) is same
    assert tables.row("assets", 900)["id"] is not None
    assert tables.row("assets", 7)["id"] == (None if same else ours)


async def test_an_asset_that_comes_back_after_another_took_its_id_gets_one_of_its_own(
    mirror: TenantMirror, tables: InventoryTables, server: Simulator, edit: Edit
) -> None:
    await mirror.sweep()
    ours = [tables.row("assets", 7)["id"]]
    for again in (900, 901):
        edit({"do": "delete", "table": "hardware", "id": 7})
        asset = server.inventory.assets[8]
        tag = server.inventory.assets[7].asset_tag
        server.inventory.assets[again] = replace(asset, id=again, asset_tag=tag, serial=None)
        await mirror.sweep()
        assert tables.row("assets", again)["id"] == ours[-1]
        assert tables.row("assets", 7)["id"] is None
        edit({"do": "restore", "id": 7})
        edit({"do": "set", "table": "hardware", "id": 7, "fields": {"asset_tag": f"OLD-{again}"}})
        await mirror.sweep()
        ours.append(tables.row("assets", 7)["id"])
    await mirror.sweep()

    assert ours == [to_uuid(inventory_id(TENANT, "asset", 7, count)) for count in range(3)]
    living = [row["id"] for row in tables.rows("assets")]
    assert None not in living
    assert len(living) == len(set(living))


async def test_an_id_that_was_taken_away_by_hand_is_not_made_up_for_by_another(
    mirror: TenantMirror, tables: InventoryTables
) -> None:
    await mirror.sweep()
    taken_away = MappingRemoved(TENANT, "location", inventory_id(TENANT, "location", 2), 2)
    async with await psycopg.AsyncConnection.connect(tables.database.url("worker")) as connection:
        await write(connection, taken_away)
    await mirror.sweep()

    assert tables.row("locations", 2)["id"] is None
    assert not tables.rows("mappings", "kind = 'location' AND external_id = 2")


async def test_what_is_gone_is_marked_and_what_comes_back_is_there(
    mirror: TenantMirror, tables: InventoryTables, edit: Edit
) -> None:
    await mirror.sweep()
    edit({"do": "delete", "table": "hardware", "id": 9})
    edit({"do": "delete", "table": "locations", "id": 2})
    await mirror.catch_up()
    assert tables.row("assets", 9)["deleted_at"] is not None
    await mirror.sweep()
    assert tables.row("locations", 2)["deleted_at"] is not None

    edit({"do": "restore", "id": 9})
    await mirror.catch_up()
    assert tables.row("assets", 9)["deleted_at"] is None
    assert tables.row("assets", 9)["id"] is not None


async def test_what_is_read_after_the_clock_was_set_back_is_not_lost(
    tables: InventoryTables, server: Simulator, edit: Edit
) -> None:
    async with worlds.in_memory(server) as snipe_it:
        async with mirror_of(tables, snipe_it, wrong_by=timedelta(hours=1)) as mirror:
            await mirror.sweep()
        async with mirror_of(tables, snipe_it) as mirror:
            edit({"do": "set", "table": "hardware", "id": 7, "fields": {"name": "Renamed"}})
            edit({"do": "delete", "table": "hardware", "id": 8})
            assert await mirror.catch_up() == 2
            assert tables.row("assets", 7)["name"] == "Renamed"
            assert tables.row("assets", 8)["deleted_at"] is not None

            edit({"do": "set", "table": "locations", "id": 1, "fields": {"name": "Elsewhere"}})
            edit({"do": "delete", "table": "locations", "id": 2})
            await mirror.sweep()
    assert tables.row("locations", 1)["name"] == "Elsewhere"
    assert tables.row("locations", 2)["deleted_at"] is not None
    now = datetime.now(UTC)
    assert all(row["as_of"] <= now for row in tables.rows("assets"))


@pytest.mark.parametrize("wrong_by", [timedelta(), timedelta(hours=1), timedelta(hours=-1)])
async def test_of_two_readings_the_one_that_began_later_is_believed(
    wrong_by: timedelta, tables: InventoryTables
) -> None:
    now = datetime.now(UTC)
    async with pool_of(tables.database.url("worker")) as pool:
        store = MirrorStore(pool, tables.tenant_id)
        earlier, later = await store.begin(now + wrong_by), await store.begin(now)
        await store.put("supplier", [{"external_id": 1, "name": "As it is"}], later)
        await store.put("supplier", [{"external_id": 1, "name": "As it was"}], earlier)
        await store.put("supplier", [{"external_id": 2, "name": "Gone since"}], earlier)

        assert await store.unseen("supplier", earlier) == []
        await store.put_away("supplier", [1], earlier)
        assert tables.row("suppliers", 1)["name"] == "As it is"
        assert tables.row("suppliers", 1)["as_of"] == now
        assert tables.row("suppliers", 1)["deleted_at"] is None
        assert await store.unseen("supplier", later) == [2]


async def test_a_report_that_was_set_back_is_not_trusted(
    mirror: TenantMirror, server: Simulator, edit: Edit
) -> None:
    edit({"do": "set", "table": "hardware", "id": 1, "fields": {"name": "New"}})
    await mirror.sweep()
    server.reset()

    assert await mirror.catch_up() is None


async def test_only_the_companys_things_are_mirrored(
    tables: InventoryTables, server: Simulator
) -> None:
    server.inventory.rows["companies"][9] = {"id": 9, "name": "Ours"}
    server.inventory.assets[7].company_id = 9
    async with worlds.in_memory(server) as snipe_it, mirror_of(tables, snipe_it) as mirror:
        await mirror.sweep()
    server.seen.clear()
    connection = replace(worlds.CONNECTION, company_id=9)
    async with (
        worlds.in_memory(server, connection) as snipe_it,
        mirror_of(tables, snipe_it) as mirror,
    ):
        await mirror.sweep()
        living = tables.rows("assets", "deleted_at IS NULL")
        assert [row["external_id"] for row in living] == [7]
        assert not [call for call in server.seen if call.path.startswith("/api/v1/hardware/")]
        server.inventory.assets[7].company_id = None
        await mirror.sweep()
    assert tables.row("assets", 7)["deleted_at"] is not None
