"""The inventory that the demo starts with."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import demo
from demo.snipe_it_simulator.__main__ import DEMO_INVENTORY
from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.reduce import read_folder, reduce, write
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Settings, Simulator

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


LIVE_COUNTS = {
    "models": {"assets_count", "remaining"},
    "users": {"assets_count"},
    "locations": {
        "assets_count",
        "rtd_assets_count",
        "assigned_assets_count",
        "users_count",
    },
    "statuslabels": {"assets_count"},
    "categories": {"assets_count", "item_count"},
    "suppliers": {"assets_count"},
}
"""Counts over the whole inventory that the reduction was made from."""
DUMPED_AT = datetime(2026, 11, 21, 2, 50, tzinfo=UTC)


@pytest.mark.parametrize("name", [one for one in LISTS if one != "maintenances"])
async def test_each_row_of_the_demo_is_given_as_the_live_server_gave_it(name: str) -> None:
    """Another live server's rows than those of the recordings, with other display settings."""
    dump = read_dump(DEMO_INVENTORY)
    settings = Settings(base_url="https://snipeit.example")
    simulator = Simulator(dump, clock=lambda: DUMPED_AT, first_settings=settings)
    rows = {row["id"]: row for row in await _rows(simulator, name)}
    recorded = {row["id"]: row for row in dump[name.rsplit("/", maxsplit=1)[-1]]}
    assert rows.keys() == recorded.keys()
    left_out = LIVE_COUNTS.get(name, set())
    for row_id, row in recorded.items():
        assert _compared(rows[row_id], left_out) == _compared(row, left_out)


async def _rows(simulator: Simulator, name: str) -> list[dict[str, Any]]:
    transport = httpx.ASGITransport(SimulatorApp(simulator))
    headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as http:
        for query in ("", "?status=Archived") if name == "hardware" else ("",):
            found += (await http.get(f"/api/v1/{name}{query}")).json()["rows"]
    return found


def _compared(value: Any, left_out: set[str]) -> Any:
    """Without display forms of times, which a setting of the server decides."""
    if isinstance(value, dict):
        return {
            key: _compared(one, left_out)
            for key, one in value.items()
            if key != "formatted" and key not in left_out
        }
    return [_compared(one, left_out) for one in value] if isinstance(value, list) else value


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
    done = subprocess.run(
        [*command, str(tmp_path), str(tmp_path / "demo.json.gz")],
        capture_output=True,
        check=True,
        cwd=Path(demo.__file__).parent.parent,
        text=True,
        timeout=60,
    )
    assert "91 hardware" in done.stdout
