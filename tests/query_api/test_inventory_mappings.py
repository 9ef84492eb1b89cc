"""What the connection shows, and the report of what did not match on either side."""

from typing import Any

import httpx
import pytest

from infrastructure.ids import new_id, to_uuid
from tests.builders.inventory import TOKEN_SOURCE, InventoryTables
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.world import World

SERVER = "https://snipe.school.example"


@pytest.fixture
def tables(database: Database, lab: Lab) -> InventoryTables:
    found = InventoryTables(database, lab.tenant_id)
    found.connect(SERVER)
    return found


async def read(client: httpx.AsyncClient, lab: Lab, path: str) -> Any:
    answer = await client.get(path, headers=lab.admin.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_connection_shows_where_the_token_is_and_how_fresh_the_mirror(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables, world: World
) -> None:
    shown = await read(client, lab, "/inventory/connection")
    assert (shown["base_url"], shown["token_source"]) == (SERVER, TOKEN_SOURCE)
    assert shown["mirror"]["as_of"] is None

    world.execute(
        "INSERT INTO inventory.mirror_states (tenant_id, base_url, as_of, swept_at)"
        " VALUES (:tenant, :url, now(), now())",
        tenant=to_uuid(lab.tenant_id),
        url=SERVER,
    )
    world.execute(
        "INSERT INTO inventory.mirror_kinds VALUES (:tenant, 'asset', now(), 2000)",
        tenant=to_uuid(lab.tenant_id),
    )
    mirror = (await read(client, lab, "/inventory/connection"))["mirror"]
    assert mirror["as_of"] is not None
    assert [(kind["kind"], kind["things"]) for kind in mirror["kinds"]] == [("asset", 2000)]


async def test_everybody_is_told_the_class_of_why_the_mirror_waits_and_managers_the_sentence(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables, world: World
) -> None:
    sentence = "file:/run/secrets/snipe cannot be read."
    world.execute(
        "INSERT INTO inventory.mirror_states (tenant_id, base_url, error, message, failing_since)"
        " VALUES (:tenant, :url, 'token_missing', :message, now())",
        tenant=to_uuid(lab.tenant_id),
        url=SERVER,
        message=sentence,
    )
    mirror = (await read(client, lab, "/inventory/connection"))["mirror"]
    assert (mirror["error"], mirror["message"]) == ("token_missing", sentence)
    shown = await client.get("/inventory/status", headers=lab.nobody.headers)
    assert shown.json()["mirror"]["error"] == "token_missing"
    assert "/run/secrets" not in shown.text


async def test_a_mirror_of_another_server_is_no_mirror_of_this_one(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables, world: World
) -> None:
    world.execute(
        "INSERT INTO inventory.mirror_states (tenant_id, base_url, as_of)"
        " VALUES (:tenant, 'https://old.example', now())",
        tenant=to_uuid(lab.tenant_id),
    )
    assert (await read(client, lab, "/inventory/connection"))["mirror"]["as_of"] is None


async def test_without_a_connection_there_is_none_to_show(
    client: httpx.AsyncClient, lab: Lab
) -> None:
    answer = await client.get("/inventory/connection", headers=lab.admin.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "inventory_not_connected")


async def test_the_report_names_what_stands_alone_on_both_sides(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables
) -> None:
    taken = new_id()
    tables.put_user(5, "ana")
    tables.put_location(7, taken)
    tables.put_location(8)
    tables.unlink(taken)
    report = await read(client, lab, "/inventory/mappings?matched=false")

    alone = {(one["kind"], one["id"], one["external_id"], one["name"]) for one in report["items"]}
    assert ("user", None, 5, "ana") in alone
    assert ("location", None, 8, "Room 8") in alone
    assert ("location", taken, None, None) in alone
    assert ("user", lab.member.id, None, "member") in alone
    assert not any(one["matched"] for one in report["items"])


async def test_what_matches_is_listed_by_kind_and_found_by_its_id(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables
) -> None:
    room = new_id()
    tables.put_location(7, room)
    tables.put_user(5, "ana")
    listed = await read(client, lab, "/inventory/mappings?matched=true&kind=location")
    (one,) = listed["items"]
    assert (one["id"], one["external_id"], one["name"]) == (room, 7, "Room 7")
    assert one["matched_by"] == "first_seen"
    assert await read(client, lab, f"/inventory/mappings/{room}") == one


async def test_pages_show_everything_once(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables
) -> None:
    for number in range(1, 12):
        tables.put_location(number, new_id() if number % 2 else None)
    whole = (await read(client, lab, "/inventory/mappings"))["items"]
    page = await read(client, lab, "/inventory/mappings?limit=4")
    paged = page["items"]
    while page["next"] is not None:
        page = await read(client, lab, f"/inventory/mappings?limit=4&cursor={page['next']}")
        paged += page["items"]
    assert paged == whole
    assert sum(one["kind"] == "location" for one in whole) == 11


async def test_another_tenant_sees_nothing_of_it(
    client: httpx.AsyncClient, lab: Lab, tables: InventoryTables
) -> None:
    tables.put_location(7, room := new_id())
    tables.put_user(5, "ana")
    others = await client.get("/inventory/mappings", headers=lab.neighbour.headers)
    assert [one["name"] for one in others.json()["items"]] == ["neighbour"]
    hidden = await client.get(f"/inventory/mappings/{room}", headers=lab.neighbour.headers)
    assert hidden.status_code == 404
