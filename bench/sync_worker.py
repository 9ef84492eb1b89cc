"""Hand-overs through the sync worker, beside the bare calls that each of them consists of.

The operations wait in the queue before the workers start, and become due all at once. Bare is as
many at once as the workers can have under way, without a log, a lease or a proof that is kept.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final
from urllib.parse import urlsplit

import psycopg

from bench.lending import LIFTED, Lender, environment_of, lender_at
from bench.mirror import mirror_once
from bench.processes import running
from bench.report import Figure, say
from bench.snipe_it import Inventory, hand_out_all, simulated
from bench.stack import QUARTERMASTER, Stack
from infrastructure.inventory.changes import WORK_BELL
from workers.snipe_it_sync.worker import AT_ONCE

OPERATIONS: Final = {1: 80, 4: 120, 16: 120}
"""Hand-overs by number of workers."""

CLIENTS: Final = 8
WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.02

_HOLD_BACK: Final = "UPDATE inventory.work SET due_at = clock_timestamp() + interval '1 hour'"
_RELEASE: Final = "UPDATE inventory.work SET due_at = clock_timestamp()"
_WAITING: Final = "SELECT count(*) FROM inventory.work"
_LISTENING: Final = "SELECT count(*) FROM pg_stat_activity WHERE query = %s"


class NotDone(Exception):
    """The workers did not do in time what they had to."""


def measure(stack: Stack) -> Sequence[Figure]:
    """Operations a second with one worker, with some, and with many."""
    with simulated() as inventory:
        environment = environment_of(stack, inventory)
        with (
            stack.command_api(environment) as port,
            lender_at(stack, port, inventory) as lender,
            _database(stack, environment) as database,
        ):
            mirror_once(environment, lender.cast.tenant_id, inventory)
            lender.link_holder()
            run = _Run(inventory, lender, database, environment)
            return [run.with_workers(workers) for workers in OPERATIONS]


class _Run:
    """Takes new assets for each round."""

    def __init__(
        self,
        inventory: Inventory,
        lender: Lender,
        database: psycopg.Connection,
        environment: Mapping[str, str],
    ) -> None:
        self._inventory = inventory
        self._lender = lender
        self._database = database
        self._environment = environment
        self._taken = 0

    def with_workers(self, workers: int) -> Figure:
        """Ours, then bare."""
        count, at_once = OPERATIONS[workers], workers * AT_ONCE
        say(f"sync workers: {workers}; {count} hand-overs are asked for")
        self._ask_for(self._take(count))
        with ExitStack() as exits:
            for _ in range(workers):
                exits.enter_context(running([*QUARTERMASTER, "snipe-it-sync"], self._environment))
            self._wait_until_listening(workers)
            say("they are done")
            ours = count / self._seconds()
        if self._inventory.lent() != self._taken:
            raise NotDone(f"{self._inventory.lent()} of {self._taken} assets were handed over")
        say("the same calls, bare")
        bare = count / asyncio.run(hand_out_all(self._inventory, self._take(count), at_once))
        return Figure(
            f"hand-overs proven, {workers} worker {'process' if workers == 1 else 'processes'}",
            ours,
            "/s",
            "/s bare",
            bare,
            ours / bare,
            note=f"{count} of one tenant, each process {AT_ONCE} at once; bare {at_once} at once;"
            f" {LIFTED}",
        )

    def _take(self, count: int) -> range:
        first = self._taken + 1
        self._taken += count
        return range(first, first + count)

    def _ask_for(self, numbers: Sequence[int]) -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._ask_for_one, numbers))
        self._database.execute(_HOLD_BACK)

    def _ask_for_one(self, number: int) -> None:
        body = {
            "item": {"kind": "asset", "id": self._lender.id_of("asset", number)},
            "custodian": {"kind": "user", "id": self._lender.custodian_id},
            "issue": True,
        }
        self._lender.ask("technician", "POST", "/assignments", body)

    def _wait_until_listening(self, workers: int) -> None:
        self._wait_for(_LISTENING, workers, (f'LISTEN "{WORK_BELL}"',))

    def _seconds(self) -> float:
        begun = time.monotonic()
        self._database.execute(_RELEASE)
        self._database.execute("SELECT pg_notify(%s, '')", (WORK_BELL,))
        self._wait_for(_WAITING, 0)
        return time.monotonic() - begun

    def _wait_for(self, query: str, wanted: int, values: Sequence[str] = ()) -> None:
        deadline = time.monotonic() + WITHIN_S
        found = None
        while time.monotonic() < deadline:
            row = self._database.execute(query.encode(), values).fetchone()
            found = None if row is None else row[0]
            if found == wanted:
                return
            time.sleep(_LOOK_EVERY_S)
        raise NotDone(f"{found} instead of {wanted} after {WITHIN_S:.0f} s: {query}")


@contextmanager
def _database(stack: Stack, environment: Mapping[str, str]) -> Iterator[psycopg.Connection]:
    name = urlsplit(environment["QM_WORKER_DATABASE_URL"]).path.lstrip("/")
    url = stack.postgres.superuser_url(name)
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        yield connection
