"""What a lab of the running system lends: printers, and assignments in every state.

The inventory's answers come from beside the system, through the handlers that its worker uses:
nothing here waits for a worker.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from pydantic import SecretStr

from command_api.services import open_services
from domain.ids import Id
from infrastructure.event_store.commands import Commands
from infrastructure.settings import CommandSettings
from tests.builders import inventory_answers
from tests.builders.inventory_rows import add_printer, stock_shelf
from tests.fixtures.postgres import Database
from tests.flows.live import Person

FIRST_PRINTER: Final = 1000


def in_days(days: int) -> str:
    """A time from now on, as a body has it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


class Lending:
    """Hands things out: ``technician`` does, ``custodian`` gets them."""

    def __init__(
        self,
        database: Database,
        tenant_id: Id,
        technician: Person,
        custodian: Person,
        commands: Commands,
        runner: asyncio.Runner,
    ) -> None:
        self.shelf = stock_shelf(database, tenant_id, custodian.id)
        self._database = database
        self._technician = technician
        self._custodian = custodian
        self._commands = commands
        self._runner = runner
        self._numbers = count(FIRST_PRINTER)

    def printer(self) -> Id:
        """One more printer, which nobody has."""
        return add_printer(self._database, self.shelf, next(self._numbers))

    def to_lend(self, **more: Any) -> dict[str, Any]:
        """The body of a new assignment of a printer of its own."""
        return {
            "item": {"kind": "asset", "id": self.printer()},
            "custodian": {"kind": "user", "id": self._custodian.id},
            "due": in_days(7),
            **more,
        }

    def reserved(self) -> Id:
        """A printer that is kept for the custodian."""
        return str(self._technician.post("/assignments", self.to_lend())["id"])

    def issuing(self) -> Id:
        """A printer that is being handed over."""
        return str(self._technician.post("/assignments", self.to_lend(issue=True))["id"])

    def active(self) -> Id:
        """A printer that the inventory shows with the custodian."""
        assignment_id = self.issuing()
        self.confirm(assignment_id)
        return assignment_id

    def longer(self) -> Id:
        """One whose custodian wants to keep it."""
        assignment_id = self.active()
        path = f"/assignments/{assignment_id}/request-extension"
        self._custodian.post(path, {"due": in_days(14)})
        return assignment_id

    def lost(self) -> Id:
        """One whose custodian has lost it."""
        assignment_id = self.active()
        self._custodian.post(f"/assignments/{assignment_id}/report-loss", {"kind": "lost"})
        return assignment_id

    def drifted(self) -> Id:
        """One that the inventory shows with nobody."""
        assignment_id = self.active()
        self._runner.run(inventory_answers.drift(self._commands, self._tenant_id, assignment_id))
        return assignment_id

    def returned(self) -> Id:
        """One that is back."""
        assignment_id = self.active()
        self._technician.post(f"/assignments/{assignment_id}/return", {"location_id": None})
        self.confirm(assignment_id)
        return assignment_id

    def confirm(self, assignment_id: Id) -> None:
        """Let the inventory have done what an assignment waits for."""
        self._runner.run(inventory_answers.confirm(self._commands, self._tenant_id, assignment_id))

    def falling_short(self) -> Id:
        """An operation that somebody has to look at."""
        return self._runner.run(inventory_answers.fall_short(self._commands, self._tenant_id))

    @property
    def _tenant_id(self) -> Id:
        return self.shelf.tenant_id


@contextmanager
def commands_beside(database: Database) -> Iterator[tuple[Commands, asyncio.Runner]]:
    """The command path of a process beside the system, and the loop that it runs in."""
    settings = CommandSettings(
        command_database_url=SecretStr(database.url("command")), secret_key=SecretStr("k" * 40)
    )
    with asyncio.Runner() as runner:
        exits = AsyncExitStack()
        services = runner.run(exits.enter_async_context(open_services(settings)))
        try:
            yield services.commands, runner
        finally:
            runner.run(exits.aclose())
