"""Gives the commands that are due by the clock, for everything that a read table says is due."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_

from domain.errors import Refused
from domain.ids import Id
from domain.ports import Clock, Facts, Receipt, Store
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.event_store.commands import Commands, Envelope
from infrastructure.ids import derived_id

PAGE: Final = 100

logger = logging.getLogger(__name__)

Handle = Callable[[Any, Store, Facts], Awaitable[Receipt]]


@dataclass(frozen=True, slots=True)
class Due:
    """A command that is due: ``handle`` carries it out, ``what`` tells it from every other one.

    ``what`` names the thing and the time that has come. The same process and ``what`` make the
    same command id, so it does not matter how often or by how many timers a command is given.
    """

    what: tuple[str, ...]
    command: Any
    handle: Handle


@dataclass(frozen=True, slots=True)
class Process:
    """When a time has come, ask for something.

    ``find`` selects rows with an ``id`` and a ``tenant_id``, given the time; ``by`` is the column
    of the time by which they are read, oldest first; ``ask`` makes the command for a row.
    """

    name: str
    find: Callable[[datetime], Select[Any]]
    by: ColumnElement[Any]
    id: ColumnElement[Any]
    ask: Callable[[Row[Any], datetime], Due]

    async def run(self, reader: AllTenantsReader, commands: Commands, clock: Clock) -> int:
        """Give every command that is due now. Returns how many had an effect.

        Raises ``StoreUnavailable`` and ``OutcomeUnknown``; what is left is done the next time.
        """
        given = 0
        async for row in self._all_due(reader, clock()):
            given += await self._give(row, commands, clock())
        return given

    async def _give(self, row: Row[Any], commands: Commands, at: datetime) -> bool:
        due = self.ask(row, at)
        command_id = derived_id(self.name, *due.what)
        envelope = Envelope(
            tenant_id=row.tenant_id,
            actor_id=None,
            correlation_id=command_id,
            command_id=command_id,
            turn=_turn_of(row),
        )
        try:
            answer = await commands.run(envelope, partial(due.handle, due.command))
        except Refused as refused:
            logger.info("%s: not %s: %s", self.name, row.id, refused.code)
            return False
        return not answer.replayed

    async def _all_due(self, reader: AllTenantsReader, now: datetime) -> AsyncIterator[Row[Any]]:
        first = self.find(now).add_columns(self.by.label("due_by")).limit(PAGE)
        first = first.order_by(self.by, self.id)
        page = await reader.rows(first)
        while page:
            for row in page:
                yield row
            last = tuple_(literal(page[-1].due_by), literal(page[-1].id, self.id.type))
            page = await reader.rows(first.where(tuple_(self.by, self.id) > last))


def _turn_of(row: Row[Any]) -> Id:
    id: Id = row.id
    return id
