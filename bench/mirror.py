"""The mirror of an inventory, in full and by what is new, beside the same calls without us.

The code of the mirror's process, in the benchmark's own. The bare reading repeats the calls that
ours made, one after the other as ours does, and stores nothing.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic import SecretStr

from bench.lending import CALLS_PER_MINUTE, LIFTED, environment_of, lender_at
from bench.report import Figure, say
from bench.snipe_it import ASSETS, TOKEN, Inventory, connections, read, simulated
from bench.stack import Stack
from domain.ids import Id
from infrastructure.inventory.mirror_store import MirrorStore
from infrastructure.postgres import pool_of
from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.reading import Reader
from infrastructure.snipe_it.settings import Connection
from infrastructure.snipe_it.transport import Call, Check, Transport
from infrastructure.snipe_it.writing import Writer
from workers.mirror.main import POOL_SIZE
from workers.mirror.tenant import TenantMirror

ROUNDS: Final = 3
CHANGES: Final = (0, 1, 50)
_WHAT: Final = {0: "nothing new", 1: "one change"}


class Recording(Transport):
    """Remembers the calls."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.calls: list[Call] = []

    async def send(self, call: Call, check: Check = lambda: None) -> Answer:
        """As the transport does."""
        self.calls.append(call)
        return await super().send(call, check)


@dataclass(slots=True)
class Reading:
    """What was measured of one kind of reading."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    calls: int = 0

    def figure(self, what: str) -> Figure:
        """The medians."""
        ours, bare = (1000 * statistics.median(each) for each in (self.ours, self.bare))
        rounds = ", ".join(
            f"{1000 * a:,.0f}/{1000 * b:,.0f}" for a, b in zip(self.ours, self.bare, strict=True)
        )
        note = f"calls: {self.calls}, one after the other; {LIFTED}; rounds: {rounds}"
        return Figure(what, ours, "ms", "ms bare", bare, ours / bare, note=note)


def measure(stack: Stack) -> Sequence[Figure]:
    """Full readings, into an empty mirror and again, and readings of what is new."""
    with simulated() as inventory:
        environment = environment_of(stack, inventory)
        with (
            stack.command_api(environment) as port,
            lender_at(stack, port, inventory) as lender,
        ):
            tenant_id = lender.cast.tenant_id
        readings = asyncio.run(
            _readings(environment["QM_WORKER_DATABASE_URL"], tenant_id, inventory)
        )
    return [reading.figure(what) for what, reading in readings.items()]


def mirror_once(environment: Mapping[str, str], tenant_id: Id, inventory: Inventory) -> None:
    """Read everything of a tenant's inventory."""

    async def sweep() -> None:
        async with AsyncExitStack() as exits:
            mirror, _ = await _mirror(
                exits, environment["QM_WORKER_DATABASE_URL"], tenant_id, inventory
            )
            await mirror.sweep()

    asyncio.run(sweep())


async def _readings(url: str, tenant_id: Id, inventory: Inventory) -> Mapping[str, Reading]:
    first, again = Reading(), Reading()
    newer = {count: Reading() for count in CHANGES}
    async with AsyncExitStack() as exits:
        mirror, transport = await _mirror(exits, url, tenant_id, inventory)
        say(f"{ASSETS:,} assets in full")
        await _read(first, mirror.sweep, transport, inventory)
        for _ in range(ROUNDS):
            await _read(again, mirror.sweep, transport, inventory)
        for turn in range(ROUNDS):
            for count, reading in newer.items():
                say(f"what is new, changes: {count}, round {turn + 1}")
                changed = range(1 + 100 * turn, 1 + 100 * turn + count)
                inventory.rename(changed, f"renamed {turn} {count}")
                await _read(reading, mirror.catch_up, transport, inventory)
    return {
        f"{ASSETS:,} assets in full, into an empty mirror": first,
        f"{ASSETS:,} assets in full, again": again,
        **{_WHAT.get(count, f"{count} changes"): reading for count, reading in newer.items()},
    }


async def _mirror(
    exits: AsyncExitStack, url: str, tenant_id: Id, inventory: Inventory
) -> tuple[TenantMirror, Recording]:
    pool = await exits.enter_async_context(pool_of(url, max_size=POOL_SIZE))
    connection = Connection(inventory.base_url, SecretStr(TOKEN), calls_per_minute=CALLS_PER_MINUTE)
    transport = await exits.enter_async_context(Recording(connection))
    snipe_it = SnipeIt(
        connection,
        transport,
        Reader(transport, connection),
        Writer(transport, connection),
    )
    return TenantMirror(snipe_it, MirrorStore(pool, tenant_id), _now), transport


async def _read(
    reading: Reading,
    ours: Callable[[], Awaitable[object]],
    transport: Recording,
    inventory: Inventory,
) -> None:
    transport.calls.clear()
    reading.ours.append(await _seconds(ours))
    calls = tuple(transport.calls)
    reading.calls = len(calls)
    async with connections(inventory, 1) as (connection,):

        async def bare() -> None:
            for call in calls:
                await read(connection, call)

        reading.bare.append(await _seconds(bare))


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.monotonic()
    await work()
    return time.monotonic() - begun


def _now() -> datetime:
    return datetime.now(UTC)
