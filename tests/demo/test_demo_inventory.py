"""The inventory that the demo starts with."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import demo
from demo.snipe_it_simulator.__main__ import DEMO_INVENTORY
from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.reduce import read_folder, reduce, write
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Simulator

LISTS = (
    "hardware",
    "models",
    "users",
    "locations",
    "statuslabels",
    "categories",
    "suppliers",
    "companies",
    "accessories",
    "consumables",
    "reports/activity",
    "maintenances",
)


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_of_the_demo_can_be_read(name: str) -> None:
    transport = httpx.ASGITransport(SimulatorApp(Simulator(read_dump(DEMO_INVENTORY))))
    headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as http:
        body = (await http.get(f"/api/v1/{name}")).json()
    assert len(body["rows"]) == body["total"]


def test_the_demo_has_assets_in_every_state_but_is_small() -> None:
    inventory = Simulator(read_dump(DEMO_INVENTORY)).inventory
    assets = list(inventory.assets.values())
    assert 60 <= len(assets) <= 100
    assert {inventory.status_type(one) for one in assets} >= {"deployable", "pending", "archived"}
    assert {one.assigned_type for one in assets} == {None, "user", "location"}
    assert len(inventory.rows["accessories"]) == 4
    assert len(inventory.rows["consumables"]) == 3
    assert any(one["type"] == "undeployable" for one in inventory.rows["statuslabels"].values())


def test_the_token_belongs_to_somebody_who_may_do_everything() -> None:
    simulator = Simulator(read_dump(DEMO_INVENTORY))
    owner = simulator.access.owner(simulator.inventory, f"Bearer {DEMO_TOKEN}")
    assert owner is not None
    assert simulator.access.may(owner, "assets.delete")


def test_reducing_what_is_reduced_changes_nothing(tmp_path: Path) -> None:
    tables = read_dump(DEMO_INVENTORY)
    for name, rows in {**tables, "hardware-archived": []}.items():
        write({"rows": rows}, tmp_path / f"{name}.json.gz")
    target = tmp_path / "again.json.gz"
    write(reduce(read_folder(tmp_path)), target)
    assert read_dump(target) == tables
    assert target.read_bytes() == DEMO_INVENTORY.read_bytes()


def test_the_script_says_what_it_kept(tmp_path: Path) -> None:
    for name, rows in {**read_dump(DEMO_INVENTORY), "hardware-archived": []}.items():
        write({"rows": rows}, tmp_path / f"{name}.json.gz")
    command = [sys.executable, "-m", "demo.snipe_it_simulator.reduce"]
    done = subprocess.run(  # noqa: S603 - our own script
        [*command, str(tmp_path), str(tmp_path / "demo.json.gz")],
        capture_output=True,
        check=True,
        cwd=Path(demo.__file__).parent.parent,
        text=True,
        timeout=60,
    )
    assert "91 hardware" in done.stdout
