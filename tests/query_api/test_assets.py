"""Assets, models, places, labels and stock, as the mirror of a real inventory holds them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest

from demo.snipe_it_simulator.hand_edits import apply
from demo.snipe_it_simulator.simulator import Simulator
from domain.assignments.content import Item
from domain.assignments.item_book import Hold
from domain.ids import Id, inventory_id, uuid_of
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.ids import new_id
from tests.builders.mirrored import mirrored, sweep
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import DAY, Custody
from tests.query_api.world import Person, World

TAGS: Final = [
    *(f"3DP-000{number}" for number in range(1, 7)),
    *(f"LAP-000{number}" for number in range(1, 8)),
    *(f"OSC-000{number}" for number in range(1, 4)),
]


@pytest.fixture
def server() -> Simulator:
    made = worlds.simulator()
    apply(made.inventory, {"do": "checkout", "id": 1, "to_type": "user", "to_id": 3})
    apply(made.inventory, {"do": "delete", "table": "hardware", "id": 5})
    return made


class Shelf:
    """The lab's inventory, seen over HTTP."""

    def __init__(self, client: httpx.AsyncClient, lab: Lab) -> None:
        self.client = client
        self.lab = lab

    def id(self, kind: str, number: int) -> Id:
        return inventory_id(self.lab.tenant_id, kind, number)

    async def get(self, path: str, who: Person | None = None, **headers: str) -> httpx.Response:
        caller = who or self.lab.member
        return await self.client.get(path, headers={**caller.headers, **headers})

    async def tags(self, query: str = "") -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            answer = await self.get(f"/assets?limit=3{query}{cursor}")
            assert answer.status_code == 200, answer.text
            found += [item["asset_tag"] for item in answer.json()["items"]]
            if answer.json()["next"] is None:
                return found
            cursor = f"&cursor={answer.json()['next']}"

    async def asset(self, number: int, who: Person | None = None) -> dict[str, Any]:
        answer = await self.get(f"/assets/{self.id('asset', number)}", who)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def names(self, path: str) -> list[str]:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]


@pytest.fixture
async def shelf(
    client: httpx.AsyncClient, lab: Lab, database: Database, server: Simulator
) -> Shelf:
    await mirrored(database, lab.tenant_id, server)
    return Shelf(client, lab)


async def test_the_list_shows_what_is_there_by_tag_page_by_page(shelf: Shelf) -> None:
    there = [tag for tag in TAGS if tag != "3DP-0005"]
    assert await shelf.tags() == there
    assert await shelf.tags("&sort=-asset_tag") == there[::-1]
    assert set(await shelf.tags("&sort=updated_at")) == set(there)
    assert await shelf.tags("&removed=true") == ["3DP-0005"]


async def test_a_list_is_narrowed(shelf: Shelf) -> None:
    assert await shelf.tags("&q=osc") == TAGS[-3:]
    assert await shelf.tags("&q=sn+3dp+0001") == ["3DP-0001"]
    of_mini = await shelf.tags(f"&model_id={shelf.id('model', 2)}")
    assert of_mini
    assert await shelf.tags("&q=mini") == of_mini
    assert await shelf.tags("&q=nothing") == []
    assert await shelf.tags("&asset_tag=LAP-0002") == ["LAP-0002"]
    assert await shelf.tags("&serial_number=SN-LAP-0002") == ["LAP-0002"]
    assert await shelf.tags(f"&model_id={shelf.id('model', 3)}") == TAGS[6:13]
    assert await shelf.tags(f"&status_label_id={shelf.id('status_label', 4)}") == ["3DP-0006"]
    assert "3DP-0001" not in await shelf.tags("&available=true")
    assert "3DP-0002" in await shelf.tags("&available=true")
    assert await shelf.tags(f"&model_id={new_id()}") == []
    assert await shelf.tags(f"&location_id={shelf.id('location', 2)}") == ["3DP-0001"]


async def test_an_asset_is_found_by_the_name_of_its_model(shelf: Shelf) -> None:
    by_model = await shelf.tags("&q=thinkpad")
    assert by_model == TAGS[6:13]
    assert await shelf.tags("&q=thinkpad+0003") == ["LAP-0003"]


async def test_words_follow_what_the_mirror_reads(
    shelf: Shelf, database: Database, server: Simulator
) -> None:
    apply(
        server.inventory,
        {"do": "set", "table": "hardware", "id": 7, "fields": {"name": "Straße O'Dell"}},
    )
    await sweep(database, shelf.lab.tenant_id, server)
    assert await shelf.tags("&q=STRASS") == []
    assert await shelf.tags("&q=STRAß") == ["LAP-0001"]
    assert await shelf.tags("&q=o'dell") == ["LAP-0001"]


async def test_one_asset_in_full(shelf: Shelf) -> None:
    shown = await shelf.asset(7)
    assert (shown["asset_tag"], shown["serial_number"]) == ("LAP-0001", "SN-LAP-0001")
    assert shown["model"] == {"id": shelf.id("model", 3), "name": "ThinkPad T14"}
    assert shown["model_id"] == shelf.id("model", 3)
    assert (shown["tracking_type"], shown["quantity"], shown["status"]) == (
        "serialized",
        1,
        "active",
    )
    assert shown["home_location"] == {"id": shelf.id("location", 3), "name": "IT Storeroom"}
    assert shown["custom_fields"] == {"MAC Address": "00:11:22:33:44:01"}
    assert shown["external_id"] == 7
    assert shown["available"] is True
    assert shown["sync"] is None
    assert shown["as_of"].endswith("Z")


@pytest.mark.parametrize(
    ("begins", "until", "leaving", "available"),
    [(-1, 1, False, False), (1, 2, False, True), (-2, -1, False, True), (-2, -1, True, False)],
)
async def test_what_is_held_for_now_is_not_to_be_had(
    shelf: Shelf, world: World, begins: int, until: int, leaving: bool, available: bool
) -> None:
    drill = Item("asset", shelf.id("asset", 7))
    now = datetime.now(UTC)
    hold = Hold(new_id(), 1, now + begins * DAY, now + until * DAY, leaving=leaving)
    Custody(world, shelf.lab.tenant_id).hold(shelf.lab.technician, drill, hold)

    assert (await shelf.asset(7))["available"] is available
    assert ("LAP-0001" in await shelf.tags("&available=true")) is available
    assert "LAP-0001" in await shelf.tags()


async def test_the_status_is_what_the_connection_chose_the_label_for(shelf: Shelf) -> None:
    statuses = {number: (await shelf.asset(number))["status"] for number in (2, 5, 6, 12, 13, 15)}
    assert statuses == {
        2: "active",
        5: "removed",
        6: "lost",
        12: "pending",
        13: "retired",
        15: "repair",
    }


async def test_who_has_an_asset_is_told_to_those_who_may_read_assignments(
    shelf: Shelf,
) -> None:
    shown = await shelf.asset(1)
    assert (shown["holder"], shown["available"]) == (None, False)
    told = await shelf.asset(1, shelf.lab.technician)
    assert told["holder"] == {"kind": "user", "id": None, "name": "Ben Baker"}


async def test_an_asset_names_its_assignment_and_what_waits_for_the_inventory(
    shelf: Shelf, world: World
) -> None:
    lab, printer = shelf.lab, shelf.id("asset", 2)
    operation = InventoryOperation.request(
        uuid_of(new_id()),
        tenant_id=lab.tenant_id,
        kind=Kind.SET_STATUS,
        purpose="retire",
        subject_kind="asset",
        subject_id=printer,
        item={"kind": "asset", "id": printer, "external_id": 2},
        target=None,
        wanted={"status_id": 3},
        requested_by=lab.admin.id,
        at=world.now,
    )
    world.store(operation, lab.admin)
    shown = await shelf.asset(2)
    assert shown["sync"]["state"] == "pending"
    listed = (await shelf.get("/assets?asset_tag=3DP-0002")).json()["items"]
    assert listed[0]["sync"] == shown["sync"]
    assert (await shelf.asset(3))["sync"] is None


async def test_an_assets_etag_names_the_whole_answer(shelf: Shelf) -> None:
    path = f"/assets/{shelf.id('asset', 7)}"
    first = await shelf.get(path)
    same = await shelf.get(path, None, **{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


async def test_models_say_how_many_could_be_handed_out(shelf: Shelf) -> None:
    answer = await shelf.get(f"/asset-models/{shelf.id('model', 3)}")
    shown = answer.json()
    assert (shown["name"], shown["tracking_type"]) == ("ThinkPad T14", "serialized")
    assert (shown["assets"], shown["available"]) == (7, 5)
    assert shown["category"]["name"] == "Laptops"
    assert await shelf.names("/asset-models?q=prusa") == ["Prusa MINI+", "Prusa MK4"]
    assert await shelf.names("/asset-models?sort=-name&limit=1") == ["ThinkPad T14"]


async def test_places_labels_categories_and_stock(shelf: Shelf) -> None:
    assert await shelf.names("/locations") == ["IT Storeroom", "Main Lab", "Wood Shop"]
    assert await shelf.names("/locations?q=wood") == ["Wood Shop"]
    assert "Laptops" in await shelf.names("/asset-categories")
    broken = (await shelf.get(f"/status-labels/{shelf.id('status_label', 3)}")).json()
    assert (broken["name"], broken["purposes"]) == ("Archived", ["archived", "retired"])
    accessories = (await shelf.get("/accessories")).json()["items"]
    assert {item["tracking_type"] for item in accessories} == {"countable"}
    assert all(item["remaining"] <= item["quantity"] for item in accessories)
    one = await shelf.get(f"/consumables/{shelf.id('consumable', 1)}")
    assert one.json()["quantity"] == 3


KINDS: Final[Sequence[tuple[str, str]]] = (
    ("assets", "asset"),
    ("asset-models", "model"),
    ("asset-categories", "category"),
    ("locations", "location"),
    ("status-labels", "status_label"),
    ("accessories", "accessory"),
    ("consumables", "consumable"),
)


async def test_ids_of_one_kind_name_nothing_of_another(shelf: Shelf) -> None:
    numbers = {"category": 2}
    for path, kind in KINDS:
        for other, other_kind in KINDS:
            id = shelf.id(other_kind, numbers.get(other_kind, 1))
            answer = await shelf.get(f"/{path}/{id}")
            assert answer.status_code == (200 if path == other else 404), (path, other, kind)


async def test_another_tenant_sees_nothing_of_it(shelf: Shelf) -> None:
    neighbour = shelf.lab.neighbour
    for path, kind in KINDS:
        answer = await shelf.get(f"/{path}", neighbour)
        assert (answer.status_code, answer.json()["items"]) == (200, []), path
        number = 2 if kind == "category" else 1
        answer = await shelf.get(f"/{path}/{shelf.id(kind, number)}", neighbour)
        assert answer.status_code == 404, path


async def test_a_cursor_of_one_list_is_not_of_another(shelf: Shelf) -> None:
    following = (await shelf.get("/assets?limit=1")).json()["next"]
    for path in ("/assets?q=osc", "/assets?sort=-asset_tag", "/asset-models?"):
        answer = await shelf.get(f"{path}&cursor={following}")
        assert answer.status_code == 422, path
        assert answer.json()["code"] == "bad_cursor"


async def test_a_list_goes_on_after_the_longest_names(shelf: Shelf, world: World) -> None:
    world.execute(
        "UPDATE inventory.models SET name = repeat('\U0001f4f7', 199) || external_id % 10"
    )
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        answer = await shelf.get(f"/asset-models?sort=name&limit=1{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert len(seen) > 1
    assert seen == sorted(await shelf.names("/asset-models"))
