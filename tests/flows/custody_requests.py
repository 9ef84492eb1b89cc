"""Approved requisitions of one lab, over HTTP, and what is kept for their lines."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from tests.flows.custody import Lab

MK4: Final = 1
PRINTERS: Final = (1, 2, 3)
COUNTED: Final = (("accessory", 1), ("accessory", 2), ("consumable", 1))

Ask = Callable[[], httpx.Response]


class Requests:
    """One requisition at a time, each with a line for printers and for everything counted."""

    def __init__(self, lab: Lab, chance: random.Random) -> None:
        self._lab = lab
        self._chance = chance
        self._path = ""
        self._lines: list[dict[str, Any]] = []
        self._project_id: str | None = None

    def allocate(self) -> Ask:
        """Keep something for a line, right or wrong; now and then of a new requisition."""
        if not self._path or self._chance.random() < 0.1:
            self._ask()
        line = self._chance.choice(self._lines)
        person = self._chance.choice(tuple(self._lab.members.values()))
        body = {
            **self._item_for(line),
            "custodian": {"kind": "user", "id": person.id},
            "due": (datetime.now(UTC) + timedelta(days=5)).isoformat(),
        }
        path = f"{self._path}/lines/{line['id']}/allocate"
        return lambda: self._lab.technician.command("POST", path, body)

    def _item_for(self, line: dict[str, Any]) -> dict[str, Any]:
        kind = line["item"]["kind"]
        if kind == "model":
            return {"asset_id": self._lab.ids["asset", self._chance.choice(PRINTERS)]}
        quantity = self._chance.randint(1, 2)
        return {"item_kind": kind, "item_id": line["item"]["id"], "quantity": quantity}

    def _ask(self) -> None:
        """Ask for some of everything, and have it approved."""
        ana, ids = self._lab.members["ana"], self._lab.ids
        wanted = [{"item": {"kind": "model", "id": ids["model", MK4]}, "quantity": 3}]
        wanted += [
            {"item": {"kind": kind, "id": ids[kind, number]}, "quantity": 4}
            for kind, number in COUNTED
        ]
        body = {"project_id": self._project(), "purpose": "Print the gripper", "lines": wanted}
        self._path = f"/requisitions/{ana.post('/requisitions', body)['id']}"
        ana.post(f"{self._path}/submit")
        receipt = self._lab.technician.post(f"{self._path}/approve")
        self._lines = ana.get(self._path, position=receipt["position"])["lines"]

    def _project(self) -> str:
        if self._project_id is None:
            admin, ana = self._lab.admin, self._lab.members["ana"]
            self._project_id = str(admin.post("/projects", {"name": "Robot arm"})["id"])
            path = f"/projects/{self._project_id}/members"
            admin.post(path, {"user_id": ana.id, "role": "member"})
        return self._project_id
