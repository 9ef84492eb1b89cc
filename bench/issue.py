"""From the last approval to an issue that the inventory has confirmed and the query API shows.

Approve, keep an asset for the line, hand it over; then the assignment is looked at until it is
active. Bare is the three calls that the hand-over consists of in the inventory, with nobody to
ask for leave, nothing kept and nothing to look it up in. The two take turns.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import httpx

from bench.lending import LIFTED, Lender, environment_of, lender_at
from bench.load import quantile
from bench.mirror import mirror_once
from bench.processes import running
from bench.report import Figure, say
from bench.snipe_it import Inventory, connections, hand_out, simulated
from bench.stack import QUARTERMASTER, Stack

WARM_UP: Final = 3
SAMPLES: Final = 50
WITHIN_S: Final = 20.0
LOOK_EVERY_S: Final = 0.01
_BARE_FROM: Final = 1001
STEPS: Final = [{"name": "Only look", "permission": "requisitions:approve"}]


class NotIssued(Exception):
    """An issue was not confirmed in time."""


def measure(stack: Stack) -> Sequence[Figure]:
    """The times of ours and of the bare calls."""
    ours: list[float] = []
    bare: list[float] = []
    with ExitStack() as exits:
        inventory = exits.enter_context(simulated())
        environment = environment_of(stack, inventory)
        ports = exits.enter_context(stack.everything(environment))
        lender = exits.enter_context(lender_at(stack, ports.command, inventory))
        mirror_once(environment, lender.cast.tenant_id, inventory)
        lender.link_holder()
        exits.enter_context(running([*QUARTERMASTER, "snipe-it-sync"], environment))
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{ports.query}/api/v1", timeout=30, trust_env=False
        )
        client.headers["Authorization"] = f"Bearer {lender.cast.tokens['technician']}"
        person = _Person(lender, exits.enter_context(client), inventory.model)
        for number in range(1, WARM_UP + SAMPLES + 1):
            if number % 20 == 1:
                say(f"{number - 1} of {WARM_UP + SAMPLES} issued")
            ours.append(person.time_an_issue(number))
            bare.append(asyncio.run(_bare(inventory, _BARE_FROM + number)))
    return _figures(sorted(ours[WARM_UP:]), sorted(bare[WARM_UP:]))


def _figures(ours: Sequence[float], bare: Sequence[float]) -> Sequence[Figure]:
    note = f"{len(ours)} one after the other, through RabbitMQ; {LIFTED}"
    return [
        Figure(
            f"approve → issue proven and visible, {label}", a, "ms", "ms bare", b, a / b, note=note
        )
        for label, share in (("p50", 0.5), ("p99", 0.99))
        for a, b in [(1000 * quantile(ours, share), 1000 * quantile(bare, share))]
    ]


class _Person:
    """Plays all parts, one after the other."""

    def __init__(self, lender: Lender, query_api: httpx.Client, model: int) -> None:
        self._lender = lender
        self._model_id = lender.id_of("model", model)
        self._query_api = query_api
        policy = {"name": "One step", "steps": STEPS}
        self._policy_id = lender.ask("admin", "POST", "/approval-policies", policy).json()["id"]

    def time_an_issue(self, number: int) -> float:
        """Seconds from the approval until the query API shows the issue."""
        path, line_id = self._submitted()
        asset_id = self._lender.id_of("asset", number)
        begun = time.monotonic()
        self._lender.ask("approver", "POST", f"{path}/approve")
        allocated = self._lender.ask(
            "technician", "POST", f"{path}/lines/{line_id}/allocate", {"asset_id": asset_id}
        )
        assignment_id = allocated.headers["Location"].rpartition("/")[2]
        self._lender.ask("technician", "POST", f"/assignments/{assignment_id}/issue")
        self._wait_until_active(assignment_id)
        return time.monotonic() - begun

    def _submitted(self) -> tuple[str, str]:
        """The path of a requisition that waits for its approval, and its line."""
        draft = {
            "project_id": self._lender.cast.project_id,
            "policy_id": self._policy_id,
            "purpose": "A bench to measure on",
        }
        made = self._lender.ask("employee", "POST", "/requisitions", draft).json()
        path = f"/requisitions/{made['id']}"
        item = {"kind": "model", "id": self._model_id}
        line = self._lender.ask(
            "employee", "POST", f"{path}/lines", {"item": item, "quantity": 1}
        ).json()
        self._lender.ask("employee", "POST", f"{path}/submit")
        return path, line["line_id"]

    def _wait_until_active(self, assignment_id: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        answer = None
        while time.monotonic() < deadline:
            answer = self._query_api.get(f"/assignments/{assignment_id}")
            if answer.is_success and answer.json()["state"] == "active":
                return
            time.sleep(LOOK_EVERY_S)
        shown = "nothing" if answer is None else answer.text[:300]
        raise NotIssued(f"assignment {assignment_id}: {shown}")


async def _bare(inventory: Inventory, number: int) -> float:
    async with connections(inventory, 1) as (connection,):
        begun = time.monotonic()
        await hand_out(connection, number)
        return time.monotonic() - begun
