"""`quartermaster demo`: the whole story, played by real processes, and how it stops."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.embedded_system import DataFolder
from demo.tenant import ADMINISTRATOR
from infrastructure.embedded.machine import free_port
from tests.cli.running import System, quartermaster, system

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]

PLAYED_WITHIN_S = 400.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system(tmp_path_factory.mktemp("demo") / "data", free_port()) as one:
        one.until_ready()
        yield one


@pytest.fixture
def admin(running: System) -> Iterator[httpx.Client]:
    """The administrator's view of the running system."""
    password = DataFolder(running.data).demo_password()
    with httpx.Client(base_url=f"{running.origin}/api/v1", trust_env=False, timeout=30) as client:
        form = {"username": ADMINISTRATOR, "password": password}
        token = client.post("/me/signin", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def items(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def snipe_it(running: System, path: str) -> Any:
    """What the demo's Snipe-IT says of itself, beside its API."""
    url = DataFolder(running.data).inventory_url
    return httpx.get(f"{url}/simulator/{path}", trust_env=False, timeout=30).json()


def story(running: System, *words: str) -> subprocess.CompletedProcess[str]:
    return quartermaster(running.data, running.port, "demo", *words, within_s=PLAYED_WITHIN_S)


def test_the_story_is_told_to_its_end_and_is_true(running: System, admin: httpx.Client) -> None:
    told = story(running)

    assert (told.returncode, told.stderr) == (0, ""), told.stdout + told.stderr
    assert told.stdout.rstrip().endswith("proved in Snipe-IT, and at rest.")
    assert "503 inventory_unavailable, Retry-After: " in told.stdout
    assert "Out for Repair" in told.stdout

    requisitions = items(admin, "/requisitions")
    assert {one["purpose"]: one["state"] for one in requisitions} == {
        "Film the robot": "fulfilled",
        "Mend the camera": "fulfilled",
    }
    loans = items(admin, "/assignments?sort=created_at")
    assert [(one["state"], one["sync"]) for one in loans] == [("closed", None)] * 3
    operations = items(admin, "/inventory/operations?sort=requested_at")
    assert {one["state"] for one in operations} == {"synced"}
    assert len(operations) == 7
    assert _events_of(admin, loans[0]["id"]) >= {
        "assignment.issued.v1",
        "assignment.became_overdue.v1",
        "assignment.damage_recorded.v1",
        "assignment.returned.v1",
    }
    assert _positions(told.stdout) <= {one["position"] for one in _audit(admin)}


def test_snipe_it_is_left_as_it_was_found(running: System, admin: httpx.Client) -> None:
    lent = {one["item"]["tag"] for one in items(admin, "/assignments")}
    assert len(lent) == 3
    there = {
        row["asset_tag"]: (row["assigned_to"], row["status_label"]["name"])
        for row in snipe_it(running, "assets")["rows"]
        if row["asset_tag"] in lent
    }
    assert there == dict.fromkeys(lent, (None, "Ready to Deploy"))
    assert snipe_it(running, "faults") == {"faults": []}


def test_what_does_not_happen_in_time_ends_it_in_one_line(
    running: System, admin: httpx.Client
) -> None:
    before = {one["id"] for one in items(admin, "/requisitions")}
    worker = running.wait_for("snipe-it-sync")
    worker.suspend()
    try:
        told = story(running, "--patience", "3")
    finally:
        worker.resume()

    assert told.returncode == 1
    assert told.stderr.startswith("quartermaster: this did not happen within 3 s: Snipe-IT")
    assert "'state': 'issuing'" in told.stderr
    assert told.stderr.count("\n") == 1
    assert len({one["id"] for one in items(admin, "/requisitions")} - before) == 1
    until_it_is_proved(admin)


def until_it_is_proved(admin: httpx.Client) -> None:
    """The same assets as in the first story are handed over again, by the same worker."""
    until = time.monotonic() + PLAYED_WITHIN_S / 4
    while waiting := items(admin, "/inventory/operations?state=pending"):
        assert time.monotonic() < until, waiting
        time.sleep(0.2)
    loans = items(admin, "/assignments?sort=-created_at")
    assert {one["state"] for one in loans[:2]} <= {"active", "overdue"}
    assert {one["item"]["id"] for one in loans[:2]} <= {one["item"]["id"] for one in loans[2:]}


def test_a_system_that_is_not_the_demo_is_left_alone(running: System, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(running.data / "inventory", other / "inventory")
    (other / "secrets").mkdir(mode=0o700)
    (other / "secrets" / "demo").write_text("another", encoding="ascii")

    told = quartermaster(other, running.port, "demo")

    assert (told.returncode, told.stdout) == (1, "")
    assert f"{running.origin} is not the demo of this data folder" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_system_that_does_not_run_is_named_in_one_line(running: System, tmp_path: Path) -> None:
    nowhere = quartermaster(running.data, free_port(), "demo")
    empty = quartermaster(tmp_path / "empty", running.port, "demo")

    assert (nowhere.returncode, empty.returncode) == (1, 1)
    assert "does not answer (ConnectError). Start the system with `make up`" in nowhere.stderr
    assert f"there is no demo in {tmp_path / 'empty'}" in empty.stderr
    assert nowhere.stderr.count("\n") == empty.stderr.count("\n") == 1
    assert not (tmp_path / "empty").exists()


def _audit(admin: httpx.Client) -> list[dict[str, Any]]:
    answer = admin.get("/audit", headers={"Accept": "application/x-ndjson"})
    return [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]


def _events_of(admin: httpx.Client, aggregate_id: str) -> set[str]:
    return {one["type"] for one in _audit(admin) if one["aggregate_id"] == aggregate_id}


def _positions(told: str) -> set[int]:
    """Of the events that it told."""
    found = {int(number) for number in re.findall(r"^ +(\d+) \w+\.\w+\.v1 by ", told, re.MULTILINE)}
    assert len(found) > 50
    return found
