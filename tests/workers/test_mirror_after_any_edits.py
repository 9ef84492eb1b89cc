"""Whatever people do by hand: increments and a slow sweep end where a first sweep begins."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from demo.snipe_it_simulator.hand_edits import UnknownEdit, apply
from demo.snipe_it_simulator.inventory import Inventory
from domain.ids import Id
from infrastructure.ids import derived_id
from infrastructure.inventory.kinds import TABLES
from infrastructure.inventory.tables import metadata
from tests.builders.inventory import InventoryTables
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from tests.workers.mirrors import mirror_of

OTHER_TENANT: Final[Id] = derived_id("test", "other tenant")
ROUNDS: Final = 4
EDITS_A_ROUND: Final = 12
OF_OURS: Final = frozenset({"tenant_id", "id", "as_of", "deleted_at"})

Draw = Callable[[Random, Inventory], dict[str, Any]]


def _asset(random: Random, inventory: Inventory) -> int:
    return random.choice(sorted(inventory.assets))


def _user(random: Random, inventory: Inventory) -> int:
    return random.choice(sorted(inventory.rows["users"]))


DRAWS: Final[tuple[Draw, ...]] = (
    lambda random, found: {
        "do": "checkout",
        "id": _asset(random, found),
        "to_type": "user",
        "to_id": _user(random, found),
    },
    lambda random, found: {"do": "checkin", "id": _asset(random, found)},
    lambda random, found: {
        "do": "set",
        "table": "hardware",
        "id": _asset(random, found),
        "fields": {"status_id": random.randint(1, 5), "name": f"Name {random.random()}"},
    },
    lambda random, found: {"do": "delete", "table": "hardware", "id": _asset(random, found)},
    lambda random, found: {"do": "restore", "id": _asset(random, found)},
    lambda random, found: {
        "do": "set",
        "table": "users",
        "id": _user(random, found),
        "fields": {"first_name": f"Name {random.random()}"},
    },
    lambda random, found: {
        "do": "set",
        "table": "locations",
        "id": random.choice(sorted(found.rows["locations"])),
        "fields": {"name": f"Room {random.random()}"},
    },
    lambda random, found: {
        "do": "set",
        "table": "models",
        "id": random.choice(sorted(found.rows["models"])),
        "fields": {"name": f"Model {random.random()}"},
    },
)


def _some_edits(random: Random, inventory: Inventory) -> None:
    for _ in range(EDITS_A_ROUND):
        # Nobody can take back what nobody has: such an edit just does not happen.
        with suppress(UnknownEdit):
            apply(inventory, random.choice(DRAWS)(random, inventory))


def _add_asset(random: Random, inventory: Inventory) -> None:
    one = inventory.assets[_asset(random, inventory)]
    number = max(inventory.assets) + 1
    made = replace(one, id=number, asset_tag=f"NEW-{number}", serial=None, deleted_at=None)
    made.release()
    inventory.assets[number] = made


@pytest.mark.parametrize("seed", range(3))
async def test_increments_and_a_sweep_make_the_mirror_that_a_first_sweep_makes(
    seed: int, database: Database
) -> None:
    random, server = Random(seed), worlds.simulator()
    followed = InventoryTables(database)
    fresh = InventoryTables(database, OTHER_TENANT)
    for tables in (followed, fresh):
        tables.connect(worlds.CONNECTION.base_url)
    async with worlds.in_memory(server) as snipe_it:
        async with mirror_of(followed, snipe_it) as mirror:
            await mirror.sweep()
            for _ in range(ROUNDS):
                _some_edits(random, server.inventory)
                _add_asset(random, server.inventory)
                await mirror.catch_up()
            await mirror.sweep()
        async with mirror_of(fresh, snipe_it) as mirror:
            await mirror.sweep()
    for table in TABLES.values():
        assert _told_by(followed, table) == _told_by(fresh, table), table


@pytest.mark.parametrize("seed", range(3))
async def test_increments_alone_are_right_about_what_the_report_tells(
    seed: int, database: Database
) -> None:
    random, server = Random(seed), worlds.simulator()
    followed = InventoryTables(database)
    fresh = InventoryTables(database, OTHER_TENANT)
    for tables in (followed, fresh):
        tables.connect(worlds.CONNECTION.base_url)
    custody = ("holder_kind", "holder_external_id", "can_check_out", "status_external_id")
    async with worlds.in_memory(server) as snipe_it:
        async with mirror_of(followed, snipe_it) as mirror:
            await mirror.sweep()
            for _ in range(ROUNDS):
                _some_edits(random, server.inventory)
                await mirror.catch_up()
        async with mirror_of(fresh, snipe_it) as mirror:
            await mirror.sweep()
    for row, other in zip(_told_by(followed, "assets"), _told_by(fresh, "assets"), strict=True):
        assert [row[name] for name in custody] == [other[name] for name in custody]


def _told_by(tables: InventoryTables, table: str) -> list[dict[str, Any]]:
    """What the inventory says in a table, of what it still has."""
    told = [column.name for column in metadata.tables[f"inventory.{table}"].columns]
    rows = tables.rows(table, "deleted_at IS NULL")
    return [{name: row[name] for name in told if name not in OF_OURS} for row in rows]
