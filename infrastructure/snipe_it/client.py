"""The Snipe-IT client: reads and writes over one connection."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from infrastructure.snipe_it.budget import Allowance, Budget
from infrastructure.snipe_it.reading import Reader
from infrastructure.snipe_it.settings import Connection
from infrastructure.snipe_it.transport import Check, Guarded, Transport
from infrastructure.snipe_it.writing import Writer


@dataclass(frozen=True, slots=True)
class SnipeIt:
    """One connection's reads, writes and transport. They share its rate-limit budget."""

    connection: Connection
    transport: Transport
    read: Reader
    write: Writer

    def guarded(self, prepare: Callable[[], Awaitable[None]], check: Check) -> "SnipeIt":
        """The same connection, whose writes leave only while ``check`` lets them.

        ``prepare`` is awaited before each write. What either raises, the write raises, and
        nothing was sent.
        """
        sender = Guarded(self.transport, prepare, check)
        return replace(self, write=Writer(sender, self.connection))


@asynccontextmanager
async def open_snipe_it(
    connection: Connection, allowance: Allowance | None = None
) -> AsyncIterator[SnipeIt]:
    """Open a connection for as long as the block runs. Nothing is sent by opening it.

    ``allowance`` is what all processes that use the same token may do together.
    """
    budget = Budget(connection.calls_per_minute, allowance)
    async with Transport(connection, budget=budget) as transport:
        reader = Reader(transport, connection)
        writer = Writer(transport, connection)
        yield SnipeIt(connection, transport, reader, writer)
