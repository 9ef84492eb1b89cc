"""How Postgres reads the asset lists: through the index meant for each, under row-level security."""

from collections.abc import Iterator
from typing import Final

import pytest
from sqlalchemy import Connection, text

from domain.caller import Caller
from infrastructure.ids import derived_id, to_uuid
from query_api.assets.selects import SORTS, Filters, asset_page
from query_api.keyset import Cursors, PageQuery, Window
from query_api.tenant_scope import TenantScope
from tests.builders.people import NOW
from tests.fixtures.postgres import Database
from tests.query_api.plans import Plan, filled, plan_of
from tests.query_api.world import World

TENANT: Final = derived_id("test", "plans")
MODEL: Final = derived_id("test", "model")
ME: Final = Caller(
    derived_id("test", "me"), TENANT, frozenset({"inventory:read", "assignments:read"})
)
ROWS: Final = 20_000

_FILL: Final = (
    "INSERT INTO identity.tenants VALUES (:tenant, 'Large', now()), (:other, 'Other', now())",
    """
    INSERT INTO inventory.models
        (tenant_id, external_id, id, as_of, name, requestable, assets_count)
    SELECT :tenant, i, CASE WHEN i = 7 THEN :model ELSE gen_random_uuid() END, now(),
        'Model ' || i, true, 0
    FROM generate_series(1, 200) AS i
    """,
    """
    INSERT INTO inventory.assets
        (tenant_id, external_id, id, as_of, updated_at, tag, serial, model_external_id,
        status_external_id, status_type, location_external_id, can_check_out, requestable,
        checkout_counter, checkin_counter, custom_fields)
    SELECT CASE WHEN i % 20 = 0 THEN :other ELSE :tenant END, i, gen_random_uuid(), now(),
        now() - i * interval '1 minute', 'TAG-' || i, 'SN-' || i, i % 200, i % 5, 'deployable',
        i % 50, i % 100 = 1, true, 0, 0, '{}'
    FROM generate_series(1, :rows) AS i
    """,
    "ANALYZE",
)


@pytest.fixture
def reader(database: Database, world: World) -> Iterator[Connection]:
    """A connection of the query API's role, in a tenant with many assets."""
    values = {
        "tenant": to_uuid(TENANT),
        "other": to_uuid(derived_id("test", "other")),
        "model": to_uuid(MODEL),
        "rows": ROWS,
    }
    with filled(database, world, TENANT, _FILL, values) as connection:
        yield connection


def plan(reader: Connection, sort: str = "asset_tag", **filters: object) -> Plan:
    cursors = Cursors(b"k" * 40, "assets", {})
    window = Window(PageQuery(limit=50), SORTS[sort], cursors)
    narrowed = Filters(**filters)  # type: ignore[arg-type]  # a test's own
    return plan_of(reader, asset_page(TenantScope(TENANT), ME, narrowed, window, NOW))


def test_each_list_is_read_through_an_index_of_its_own(reader: Connection) -> None:
    for expected, found in (
        ("assets_by_tag", plan(reader)),
        ("assets_by_update", plan(reader, "-updated_at")),
        ("assets_of_a_model", plan(reader, model_id=MODEL)),
        ("assets_to_hand_out", plan(reader, available=True)),
        ("assets_by_serial", plan(reader, serial_number="SN-77")),
        ("assets_by_tag", plan(reader, asset_tag="TAG-77")),
        ("words_pkey", plan(reader, q="771")),
    ):
        assert expected in found.indexes(), (expected, found.indexes())
        assert "Seq Scan" not in found.kinds("assets"), expected


def test_a_page_of_all_assets_is_read_in_its_order(reader: Connection) -> None:
    for sort in SORTS:
        assert "Sort" not in plan(reader, sort).kinds(), sort


def test_the_beginning_of_a_word_is_looked_for_as_a_range(reader: Connection) -> None:
    condition = plan(reader, q="tag").conditions_of("words_pkey")
    assert "word >= " in condition
    assert "word < " in condition


def test_words_are_kept_of_every_asset_that_the_mirror_writes(
    reader: Connection, world: World
) -> None:
    def words(number: int) -> set[str]:
        with world.engine.begin() as connection:
            found = connection.execute(
                text("SELECT word FROM inventory.words WHERE kind = 'asset' AND external_id = :n"),
                {"n": number},
            )
            return {row.word for row in found}

    assert words(7) == {"tag", "7", "sn"}
    world.execute("UPDATE inventory.assets SET name = 'Drill Press' WHERE external_id = 7")
    assert words(7) == {"tag", "7", "sn", "drill", "press"}
    world.execute("DELETE FROM inventory.assets WHERE external_id = 7")
    assert words(7) == set()
