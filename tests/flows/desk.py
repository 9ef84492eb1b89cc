"""A lab of the running system with people, and objects in every state that they can be in."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx

from infrastructure.event_store.commands import Commands
from tests.fixtures.postgres import Database
from tests.flows.inventory_elsewhere import InventoryElsewhere
from tests.flows.lending import Lending, commands_beside
from tests.flows.live import PASSWORD, Live, Person, add_user, sign_up

LINE: Final = {"item": {"kind": "purchase", "description": "Oscilloscope"}, "quantity": 3}
WEBHOOK: Final = {"url": "https://hooks.example.org/lending", "events": ["requisition.*"]}


@dataclass(frozen=True)
class Ready:
    """A request that must succeed: what stands in for the generated parts, and who sends it."""

    by: Person
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


class Desk:
    """One lab with a member who asks, somebody who approves, and its administrator."""

    def __init__(
        self, live: Live, database: Database, commands: Commands, runner: asyncio.Runner
    ) -> None:
        self._numbers = count(1)
        self._live = live
        self.admin = sign_up(live, "ada", "Lab")
        self.member = add_user(self.admin, "mia", "requester")
        self.approver = add_user(self.admin, "tom", "technician")
        self.project_id = self._create("/projects", {"name": "Robot arm"})
        self.policy_id = self._create(
            "/approval-policies",
            {
                "name": "One step",
                "steps": [{"name": "Desk", "permission": "requisitions:approve"}],
                "applies": {"project_id": self.project_id, "min_amount": 0},
            },
        )
        self._join(self.project_id, self.member.id)
        self.requisition_id, _ = self.fulfilled()
        tenant_id = str(self.admin.get("/me")["tenant"]["id"])
        self.lending = Lending(database, tenant_id, self.approver, self.member, commands, runner)
        self.elsewhere = InventoryElsewhere(live, database)
        self.webhook_id = self.webhook()
        self._lend()
        self.notification_id = self._told()

    def asking(self, operation_id: str) -> Person:
        """Who sends what was generated: somebody whose token may end with it."""
        return self.stranger() if operation_id == "sign_out" else self.admin

    def name(self) -> str:
        """A name that nothing has yet."""
        return f"n{next(self._numbers)}"

    def user(self) -> dict[str, Any]:
        """A user who is not there yet."""
        name = self.name()
        return {"username": name, "email": f"{name}@lab.example", "password": PASSWORD}

    def stranger(self) -> Person:
        """Somebody who just signed up by themselves."""
        return sign_up(self._live, self.name(), "Elsewhere")

    def project(self) -> tuple[str, str]:
        """A project and one of its members."""
        project_id = self._create("/projects", {"name": self.name()})
        return project_id, self._join(project_id, self.member.id)

    def draft(self, line: Mapping[str, Any] = LINE) -> tuple[str, str]:
        """A draft with two lines, and one of the two: ``line``."""
        requisition_id = str(self.member.post("/requisitions", self.asked())["id"])
        added = self.member.post(f"/requisitions/{requisition_id}/lines", line)
        return requisition_id, str(added["line_id"])

    def submitted(self, line: Mapping[str, Any] = LINE) -> tuple[str, str]:
        """A submitted requisition and one of its lines."""
        requisition_id, line_id = self.draft(line)
        self.member.post(f"/requisitions/{requisition_id}/submit")
        return requisition_id, line_id

    def approved(self, line: Mapping[str, Any] = LINE) -> tuple[str, str]:
        """An approved requisition and one of its lines."""
        requisition_id, line_id = self.submitted(line)
        self.approver.post(f"/requisitions/{requisition_id}/approve")
        return requisition_id, line_id

    def fulfilled(self) -> tuple[str, str]:
        """A requisition of which one line is met."""
        requisition_id, line_id = self.approved()
        self.approver.post(
            f"/requisitions/{requisition_id}/lines/{line_id}/fulfil", {"quantity": 3}
        )
        return requisition_id, line_id

    def asked(self) -> dict[str, Any]:
        """The body of a new requisition; its policy is named, as another of its kind may come."""
        return {
            "project_id": self.project_id,
            "policy_id": self.policy_id,
            "purpose": "Measure things",
            "lines": [LINE],
        }

    def webhook(self) -> str:
        """A webhook that nothing was sent to."""
        return self._create("/webhooks", WEBHOOK)

    def wanted(self) -> tuple[str, str]:
        """An approved requisition for printers, and one of its lines."""
        item = {"kind": "model", "id": self.lending.shelf.model}
        return self.approved({"item": item, "quantity": 2})

    def allocated(self) -> tuple[str, str, str]:
        """The same, with a printer that is kept for it: the assignment is the last."""
        requisition_id, line_id = self.wanted()
        path = f"/requisitions/{requisition_id}/lines/{line_id}/allocate"
        answer = self.approver.command("POST", path, {"asset_id": self.lending.printer()})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return requisition_id, line_id, answer.headers["Location"].rpartition("/")[2]

    def step(self) -> str:
        """The position of the newest step of custody."""
        return str(self.admin.get("/asset-circulations")["items"][0]["position"])

    def _lend(self) -> None:
        """Have something of everything that can be read of what is lent."""
        lending = self.lending
        self.assignment_id = lending.drifted()
        for make in (lending.longer, lending.lost, lending.returned, lending.issuing):
            make()
        self.operation_id = lending.falling_short()
        self.allocated()

    def _told(self) -> str:
        """Something that the member was told of."""
        receipt = self.admin.post("/projects", {"name": self.name()})
        feed = self.member.get("/me/notifications", position=receipt["position"])
        return str(feed["items"][0]["id"])

    def _create(self, path: str, body: Mapping[str, Any]) -> str:
        return str(self.admin.post(path, body)["id"])

    def _join(self, project_id: str, user_id: str) -> str:
        body = {"user_id": user_id, "role": "member"}
        self.admin.post(f"/projects/{project_id}/members", body)
        return user_id


Maker = Callable[[Desk], Ready]
"""Makes a request ready that must be answered with a 2xx."""


@contextmanager
def open_desk(live: Live, database: Database) -> Iterator[Desk]:
    """A desk for the length of the block."""
    with commands_beside(database) as (commands, runner):
        yield Desk(live, database, commands, runner)


def wait_until_visible(desk: Desk) -> None:
    """Return once the queries show all that the desk has made so far."""
    receipt = desk.admin.post("/projects", {"name": desk.name()})
    desk.admin.get(f"/projects/{receipt['id']}", position=receipt["position"])
    desk.admin.get(f"/requisitions/{desk.requisition_id}", position=receipt["position"])


def sent_with(ready: Ready) -> dict[str, str]:
    """The headers of a ready request."""
    return {**ready.by.headers, **ready.headers}


def is_success(status: int) -> bool:
    """Whether a status is a 2xx."""
    return httpx.codes.is_success(status)
