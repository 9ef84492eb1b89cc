"""From a wish to a broken printer on the repair shelf: every step as the inventory has it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.faults.checks import assert_tables_equal_a_fresh_replay, wait_until_projected
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes
from tests.flows.custody import (
    Inventory,
    Lab,
    inventory_of,
    open_inventories,
    open_lab,
    running_system,
)

PRINTER, MK4 = 1, 1
ANA = ("user", 2)
DUE_IN = timedelta(seconds=10)
CHECKOUT = "/api/v1/hardware/1/checkout"


@pytest.fixture
def lab(database: Database, processes: Processes) -> Iterator[Lab]:
    inventory = Inventory(inventory_of())
    with (
        open_inventories(inventory),
        running_system(
            database,
            processes,
            [inventory],
            QM_SNIPE_IT_CALL_S="5",
            QM_SNIPE_IT_LATE_S="10",
        ) as system,
    ):
        system.worker()
        yield open_lab(system, inventory, "ana")


def test_a_printer_is_asked_for_lent_kept_too_long_and_comes_back_broken(lab: Lab) -> None:
    requisition, line_id = an_approved_requisition(lab)
    assignment = an_allocated_printer(lab, requisition, line_id)
    hand_over(lab, assignment, requisition)
    accept(lab, assignment)
    let_it_fall_due_and_extend(lab, assignment)
    take_it_back_damaged(lab, assignment)
    tells_its_whole_story(lab, assignment)
    lab.judge()
    wait_until_projected(lab.system.database)
    assert_tables_equal_a_fresh_replay(lab.system.database)
    assert lab.system.processes.start("verify").wait_for_exit() == 0


def an_approved_requisition(lab: Lab) -> tuple[str, str]:
    ana = lab.members["ana"]
    project_id = lab.admin.post("/projects", {"name": "Robot arm"})["id"]
    lab.admin.post(f"/projects/{project_id}/members", {"user_id": ana.id, "role": "member"})
    receipt = ana.post(
        "/requisitions",
        {
            "project_id": project_id,
            "purpose": "Print the gripper",
            "lines": [{"item": {"kind": "model", "id": lab.ids["model", MK4]}, "quantity": 1}],
        },
    )
    path = f"/requisitions/{receipt['id']}"
    ana.post(f"{path}/submit")
    receipt = lab.technician.post(f"{path}/approve")
    shown = ana.get(path, position=receipt["position"])
    assert shown["state"] == "approved"
    (line,) = shown["lines"]
    assert line["item"]["name"] == "Prusa MK4"
    return path, str(line["id"])


def an_allocated_printer(lab: Lab, requisition: str, line_id: str) -> str:
    answer = lab.technician.command(
        "POST",
        f"{requisition}/lines/{line_id}/allocate",
        {"asset_id": lab.ids["asset", PRINTER], "due": (datetime.now(UTC) + DUE_IN).isoformat()},
    )
    assert answer.status_code == httpx.codes.CREATED, answer.text
    path = answer.headers["location"].removeprefix("/api/v1")
    position = answer.json()["position"]
    shown = lab.members["ana"].get(path, position=position)
    assert shown["state"] == "reserved"
    assert (shown["item"]["tag"], shown["issued"]) == ("3DP-0001", 0)
    assert _line(lab, requisition, position)["allocated"] == 1
    assert lab.inventory.holder(PRINTER) is None
    return str(path)


def hand_over(lab: Lab, assignment: str, requisition: str) -> None:
    lab.inventory.order("slow", method="POST", path=CHECKOUT, seconds=1)

    answer = lab.technician.command("POST", f"{assignment}/issue", {})

    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    position = answer.json()["position"]
    shown = lab.admin.get(assignment, position=position)
    assert (shown["state"], shown["issued"], shown["evidence"]) == ("issuing", 0, None)
    assert shown["sync"]["state"] == "pending"
    assert _line(lab, requisition, position)["issued"] == 0
    assert lab.inventory.holder(PRINTER) is None

    shown = _wait(lab, assignment, "active")
    assert (shown["issued"], shown["outstanding"], shown["sync"]) == (1, 1, None)
    assert shown["evidence"]["assigned_to"] == list(ANA)
    assert lab.inventory.holder(PRINTER) == ANA
    (note,) = lab.inventory.checkouts(PRINTER)
    assert _operations(lab, assignment, "issue")["id"] in str(note)
    fulfilled = lab.members["ana"].get(requisition)
    assert fulfilled["state"] == "fulfilled"
    assert [line["issued"] for line in fulfilled["lines"]] == [1]


def accept(lab: Lab, assignment: str) -> None:
    ana = lab.members["ana"]
    receipt = ana.post(f"{assignment}/accept", {"terms": "Back in one piece"})
    shown = ana.get(assignment, position=receipt["position"])
    assert shown["accepted_at"] is not None
    assert shown["acceptance"]["accepted_by"]["name"] == "ana"


def let_it_fall_due_and_extend(lab: Lab, assignment: str) -> None:
    ana = lab.members["ana"]
    shown = _wait(lab, assignment, "overdue")
    was_due = shown["due"]
    assert was_due < datetime.now(UTC).isoformat()
    later = (datetime.now(UTC) + timedelta(days=7)).replace(microsecond=0)
    receipt = ana.post(f"{assignment}/request-extension", {"due": later.isoformat()})
    shown = ana.get(assignment, position=receipt["position"])
    assert (shown["extension"]["state"], shown["due"]) == ("requested", was_due)

    lab.inventory.order("slow", method="PATCH", path="/api/v1/hardware/1", seconds=1)
    answer = lab.technician.command("POST", f"{assignment}/approve-extension", {})

    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    shown = ana.get(assignment, position=answer.json()["position"])
    assert (shown["extension"]["state"], shown["due"]) == ("approved", was_due)
    shown = _wait(lab, assignment, "active")
    assert datetime.fromisoformat(shown["due"]) == later
    asset = lab.inventory.simulator.inventory.assets[PRINTER]
    assert asset.expected_checkin == later.date()


def take_it_back_damaged(lab: Lab, assignment: str) -> None:
    answer = lab.technician.command(
        "POST",
        f"{assignment}/return",
        {"units": [{"quantity": 1, "condition": "damaged", "note": "The nozzle is blocked"}]},
    )
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    shown = _wait(lab, assignment, "closed")
    assert (shown["outcome"], shown["returned"], shown["outstanding"]) == ("returned", 1, 0)
    (taken,) = shown["returns"]
    assert taken["confirmed_at"] is not None
    assert [unit["condition"] for unit in taken["units"]] == ["damaged"]
    asset = lab.inventory.simulator.inventory.assets[PRINTER]
    assert lab.inventory.holder(PRINTER) is None
    assert lab.inventory.simulator.inventory.rows["statuslabels"][asset.status_id]["name"] == (
        "Out for Repair"
    )


def tells_its_whole_story(lab: Lab, assignment: str) -> None:
    history = lab.admin.get(f"{assignment}/history", limit="500")["items"]
    told = sorted((entry["position"], entry["type"]) for entry in history)
    names = [name.split(".")[1] for _, name in told]
    for before, after in (
        ("reserved", "issue_requested"),
        ("issue_requested", "issued"),
        ("issued", "accepted"),
        ("accepted", "became_overdue"),
        ("became_overdue", "extension_requested"),
        ("extension_requested", "due_date_changed"),
        ("due_date_changed", "return_received"),
        ("return_received", "returned"),
    ):
        assert names.index(before) < names.index(after), names


def _wait(lab: Lab, assignment: str, state: str) -> dict[str, Any]:
    id = assignment.rpartition("/")[2]
    return lab.wait_for(id, lambda shown: shown["state"] == state, state)


def _line(lab: Lab, requisition: str, position: int) -> dict[str, Any]:
    (line,) = lab.members["ana"].get(requisition, position=position)["lines"]
    shown: dict[str, Any] = line
    return shown


def _operations(lab: Lab, assignment: str, purpose: str) -> dict[str, Any]:
    id = assignment.rpartition("/")[2]
    (one,) = lab.admin.get("/inventory/operations", subject_id=id, purpose=purpose)["items"]
    found: dict[str, Any] = one
    return found
