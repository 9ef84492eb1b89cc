"""Drives the running system through the plans of all cases, several cases at a time.

Safe to kill: every command's idempotency key is made from its case and row, so a second run is
answered with the first run's receipts and goes on from there.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from demo.replay.api import Api, ReplayStopped, Reply
from demo.replay.mapping import Action, CasePlan, Command
from demo.replay.tenant import Crew

# An edit that comes too late may also find that the version it knows is gone.
_REFUSED = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that the system turned down, as it had to."""

    case: str
    row: int
    action: str
    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A case that did not go as its plan says. ``what`` tells how."""

    case: str
    what: str


@dataclass(slots=True)
class Outcome:
    """What a run has seen: how many commands were answered, and what was out of the ordinary."""

    commands: int = 0
    replayed: int = 0
    position: int = 0
    seconds: float = 0.0
    refusals: list[Refusal] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


async def drive(
    api: Api,
    crew: Crew,
    plans: Sequence[CasePlan],
    *,
    at_once: int,
    on_command: Callable[[], None] = lambda: None,
) -> Outcome:
    """Carry out all plans, ``at_once`` cases side by side; ``on_command`` is told of each answer.

    Raises ``ReplayStopped`` if the system stops answering.
    """
    outcome = Outcome(position=crew.position)
    waiting = iter(plans)
    begin = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(_work(waiting, _Driver(api, crew, outcome, on_command)))
    except* ReplayStopped as stopped:
        raise stopped.exceptions[0] from None
    outcome.seconds = time.monotonic() - begin
    return outcome


async def _work(waiting: Iterator[CasePlan], driver: "_Driver") -> None:
    for plan in waiting:
        await driver.carry_out(plan)


class _Driver:
    """Carries out one case after another."""

    def __init__(
        self, api: Api, crew: Crew, outcome: Outcome, on_command: Callable[[], None]
    ) -> None:
        self._api = api
        self._crew = crew
        self._outcome = outcome
        self._on_command = on_command

    async def carry_out(self, plan: CasePlan) -> None:
        case = _RunningCase(plan)
        for command in plan.commands:
            if command.action is Action.FULFIL:
                case.line_id = await self._line_of(case)
            reply = await self._send(case, command)
            self._on_command()
            if not self._note(case, command, reply):
                return

    async def _send(self, case: "_RunningCase", command: Command) -> Reply:
        method, path = case.route(command)
        return await self._api.command(
            method,
            path,
            token=self._crew.tokens[command.actor],
            key=f"replay-{case.plan.case}-{command.row}-{command.action.value}",
            body=_body(case.plan, command, self._crew),
            version=case.version if command.action is Action.EDIT else None,
        )

    def _note(self, case: "_RunningCase", command: Command, reply: Reply) -> bool:
        """Keep what ``reply`` tells; False if the case cannot go on."""
        self._outcome.commands += 1
        self._outcome.replayed += reply.replayed
        answer = f"row {command.row}: {command.action.value} was answered {reply.status}"
        if reply.ok and not command.refused:
            case.take(reply.body)
            self._outcome.position = max(self._outcome.position, case.position)
            return True
        if command.refused and reply.status in _REFUSED:
            self._outcome.refusals.append(
                Refusal(case.plan.case, command.row, command.action.value, reply.status, reply.code)
            )
            return True
        if command.refused:
            answer = f"{answer} where a refusal is due"
        self._outcome.differences.append(Difference(case.plan.case, f"{answer} {reply.code}"))
        return False

    async def _line_of(self, case: "_RunningCase") -> str:
        """The id of the case's only line, which no receipt tells: read it as a technician does."""
        reply = await self._api.read(
            f"/requisitions/{case.requisition_id}/lines",
            token=self._crew.tokens["technician"],
            position=case.position,
        )
        lines = reply.body.get("items", [])
        return str(lines[0]["id"]) if lines else "unknown"


class _RunningCase:
    """A case under way: its requisition's id, version and last position."""

    def __init__(self, plan: CasePlan) -> None:
        self.plan = plan
        self.requisition_id = ""
        self.line_id = ""
        self.version = 0
        self.position = 0

    def take(self, receipt: Mapping[str, Any]) -> None:
        self.requisition_id = str(receipt["id"])
        self.version = int(receipt["version"])
        self.position = int(receipt["position"])

    def route(self, command: Command) -> tuple[str, str]:
        path = f"/requisitions/{self.requisition_id}"
        match command.action:
            case Action.CREATE:
                return "POST", "/requisitions"
            case Action.EDIT:
                return "PATCH", path
            case Action.FULFIL:
                return "POST", f"{path}/lines/{self.line_id}/fulfil"
            case _:
                return "POST", f"{path}/{command.action.value}"


def purpose_of(case: str) -> str:
    """The purpose of the requisition that stands for ``case``."""
    return f"Request for payment, case {case}"


def case_of(purpose: str) -> str:
    """The case that a requisition of this purpose stands for."""
    return purpose.rpartition(" ")[2]


def _body(plan: CasePlan, command: Command, crew: Crew) -> dict[str, Any]:
    match command.action:
        case Action.CREATE:
            item = {"kind": "purchase", "description": purpose_of(plan.case)}
            return {
                "project_id": crew.projects[plan.project],
                "purpose": purpose_of(plan.case),
                "lines": [{"item": item, "quantity": 1}],
                **_terms(command, crew),
            }
        case Action.EDIT:
            return _terms(command, crew)
        case Action.FULFIL:
            return {"quantity": 1}
        case _:
            return {"reason": command.reason} if command.reason else {}


def _terms(command: Command, crew: Crew) -> dict[str, Any]:
    amount = None if command.amount is None else float(command.amount)
    return {"policy_id": crew.policies[command.steps], "amount": amount}
