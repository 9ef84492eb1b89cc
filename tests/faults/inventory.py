"""A simulated Snipe-IT on a port of this machine, and operations that are to be done in it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import httpx
import psycopg
from psycopg.rows import dict_row

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Settings, Simulator
from domain.ids import Id
from domain.inventory_operations import queue
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.commands import Commands, Envelope, Handler
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.ids import new_id, to_uuid
from infrastructure.postgres import pool_of
from tests.builders.inventory import InventoryTables
from tests.builders.people import TENANT
from tests.faults.checks import ask
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Process, Processes, eventually
from tests.fixtures.simulator import served
from tests.snipe_it_recordings import SEED

CALL_S: Final = 1.0
LATE_S: Final = 2.0
LEASE_S: Final = 2 * CALL_S + CALL_S * 2 / 3

HAPPENED: Final = """
SELECT split_part(topic, '.', 2) FROM log.stored_events
WHERE topic LIKE 'inventory_operation.%%' AND originator_id = %s ORDER BY originator_version
"""


class Inventory:
    """The simulator, the tenant that is connected to it, and its workers."""

    def __init__(self, simulator: Simulator, url: str, database: Database, processes: Processes):
        self.simulator = simulator
        self.url = url
        self.database = database
        self._processes = processes
        self.tables = InventoryTables(database)
        self.tables.connect(url)

    def worker(self, **environment: str) -> Process:
        """One more worker, with short times."""
        return self._processes.start(
            "snipe-it-sync",
            QM_SNIPE_IT_ALLOWED_URLS=self.tables.entry(self.url),
            QM_SNIPE_IT_TOKEN_TEST=DEMO_TOKEN,
            QM_SNIPE_IT_CALL_S=str(CALL_S),
            QM_SNIPE_IT_LATE_S=str(LATE_S),
            QM_SNIPE_IT_CALLS_PER_MINUTE="6000",
            QM_SNIPE_IT_WATCH_EVERY_S="0.5",
            **environment,
        )

    def order(self, kind: str, **fault: Any) -> None:
        """Let the simulator misbehave."""
        answer = httpx.post(f"{self.url}/simulator/faults", json={"kind": kind, **fault}, timeout=5)
        assert answer.is_success, answer.text

    def heal(self) -> None:
        """No faults any more."""
        httpx.delete(f"{self.url}/simulator/faults", timeout=5).raise_for_status()

    def by_hand(self, **edit: Any) -> None:
        """Change it as people do in its own screens."""
        answer = httpx.post(f"{self.url}/simulator/edit", json=edit, timeout=5)
        assert answer.is_success, answer.text

    def request(self, *operations: InventoryOperation) -> list[Id]:
        """Let the workers have operations."""

        async def save(operation: InventoryOperation, store: Store, facts: Facts) -> Receipt:
            return await store.save(operation, changes=[queue.waiting(operation, operation.since)])

        return self.give(*[partial(save, operation) for operation in operations])

    def give(self, *handlers: Handler) -> list[Id]:
        """Give commands as the command API does."""

        async def run() -> list[Id]:
            url = self.database.url("command")
            async with pool_of(url, max_size=2) as pool, Writer(url) as writer:
                commands = Commands(pool, writer, FactSource(pool).of)
                answers = [await commands.run(_envelope(), handler) for handler in handlers]
            return [answer.receipt.id for answer in answers]

        return asyncio.run(run())

    def happened(self, operation_id: Id) -> list[str]:
        """What is stored about an operation, by the names of its events."""
        rows = ask(self.database, HAPPENED, to_uuid(operation_id))
        return [name for (name,) in rows]

    def wait_for(self, operation_id: Id, last: str) -> None:
        """Wait until this was the last thing that happened to an operation."""
        eventually(
            lambda: self.happened(operation_id)[-1] == last,
            f"{last} of {operation_id}",
        )

    def effects(self, operation_id: Id) -> int:
        """How often the inventory has written an operation down."""
        report = tuple(self.simulator.inventory.activity.values())
        return sum(operation_id in (row.user_agent or "") for row in report)

    def holder(self, asset_id: int) -> tuple[str | None, int | None]:
        """Who truly has an asset."""
        asset = self.simulator.inventory.assets[asset_id]
        return asset.assigned_type, asset.assigned_to

    def circuit(self) -> dict[str, Any] | None:
        """How the tenant's circuit stands."""
        query = "SELECT * FROM inventory.circuits"
        with psycopg.connect(self.database.superuser_url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchone()


@contextmanager
def serving(database: Database, processes: Processes) -> Iterator[Inventory]:
    """A simulator in a thread of its own, to which the tenant is connected."""
    settings = Settings(calls_per_minute=6000, before_write_s=0.02, between_writes_s=0.005)
    simulator = Simulator(read_dump(SEED), first_settings=settings)
    with served(simulator) as (url,):
        yield Inventory(simulator, url, database, processes)


def _envelope() -> Envelope:
    return Envelope(tenant_id=TENANT, actor_id=None, correlation_id=new_id())
