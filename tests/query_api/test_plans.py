"""How Postgres reads the lists: through the index meant for each, in its order, under row-level
security. The shape of a plan is looked at, never its time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from domain.caller import Caller
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from infrastructure.identity import tables as identity
from infrastructure.ids import derived_id, from_uuid, to_uuid
from query_api import names
from query_api.keyset import Cursors, PageQuery, Window
from query_api.requisitions.selects import SORTS, Filters, requisition_page
from query_api.tenant_scope import TenantScope
from tests.fixtures.postgres import Database
from tests.query_api.plans import Plan, filled, nodes_below, plan_of
from tests.query_api.world import World

TENANT: Final = derived_id("test", "plans")
PROJECT: Final = derived_id("test", "project of plans")
ME: Final = derived_id("test", "me")
ROWS: Final = 20_000
NOW: Final = datetime(2026, 11, 21, 9, tzinfo=UTC)

_FILL: Final = (
    "INSERT INTO identity.tenants VALUES (:tenant, 'Large', now())",
    "INSERT INTO identity.users VALUES (:me, 'me', 'me@example.org', 'x', now())",
    """
    INSERT INTO identity.members (tenant_id, user_id, roles, version)
    VALUES (:tenant, :me, '{requester}', 1)
    """,
    "INSERT INTO identity.projects VALUES (:project, :tenant, 'Mine', NULL, 1)",
    "INSERT INTO identity.project_members VALUES (:tenant, :project, :me, 'member')",
    """
    INSERT INTO read.requisitions
    SELECT gen_random_uuid(), CASE WHEN i % 20 = 0 THEN gen_random_uuid() ELSE :tenant END,
        CASE WHEN i % 200 = 1 THEN :project ELSE gen_random_uuid() END,
        CASE WHEN i % 10 = 1 THEN 'submitted' ELSE 'fulfilled' END, 'word', gen_random_uuid(),
        NULL, CASE WHEN i % 3 = 1 THEN now() + i * interval '1 hour' END, NULL, NULL, NULL, NULL,
        CASE WHEN i % 10 = 1 THEN 'requisitions:approve' END, NULL, NULL,
        ARRAY['requisitions:approve'], NULL, NULL,
        now() + i * interval '1 minute', now() + i * interval '2 minutes', 1
    FROM generate_series(1, :rows) AS i
    """,
    """
    INSERT INTO read.requisition_words
    SELECT tenant_id, 'word' || (row_number() OVER () % 5000), id FROM read.requisitions
    """,
    "INSERT INTO read.requisition_words SELECT tenant_id, 'every', id FROM read.requisitions",
    "ANALYZE",
)


@pytest.fixture
def reader(database: Database, world: World) -> Iterator[Connection]:
    """A connection of the query API's role, in a large tenant."""
    values = {
        "tenant": to_uuid(TENANT),
        "me": to_uuid(ME),
        "project": to_uuid(PROJECT),
        "rows": ROWS,
    }
    with filled(database, world, TENANT, _FILL, values) as connection:
        yield connection


def caller(*permissions: str) -> Caller:
    return Caller(ME, TENANT, frozenset(permissions), 1)


ADMIN: Final = caller(*SHIPPED_ROLES["tenant_admin"])
MEMBER: Final = caller(*SHIPPED_ROLES["requester"])
APPROVER: Final = caller(*SHIPPED_ROLES["approver"])


def page(
    reader: Connection, who: Caller, filters: Filters, sort: str, *, deep: bool = False
) -> Plan:
    cursors = Cursors(b"k" * 32, "plans", {})
    query = PageQuery()
    if deep:
        place = _middle(reader, sort.removeprefix("-"))
        query = PageQuery(cursor=cursors.write(place))
    window = Window(query, SORTS[sort], cursors)
    return plan_of(reader, requisition_page(TenantScope(TENANT), who, filters, window, NOW))


def _middle(reader: Connection, column: str) -> list[Any]:
    value, row_id = reader.exec_driver_sql(
        f"SELECT {column}, id FROM read.requisitions WHERE {column} IS NOT NULL"  # noqa: S608 - ours
        f" ORDER BY {column}, id LIMIT 1 OFFSET 3000"
    ).one()
    place: list[Id] = [value.isoformat(), from_uuid(row_id)]
    return place


ANY: Final = Filters()


def test_a_list_reads_the_index_of_its_sort_in_order_and_stops(reader: Connection) -> None:
    for sort, index in (
        ("-updated_at", "requisitions_by_update"),
        ("updated_at", "requisitions_by_update"),
        ("created_at", "requisitions_by_creation"),
        ("-created_at", "requisitions_by_creation"),
        ("needed_from", "requisitions_by_need"),
        ("-needed_from", "requisitions_by_need"),
    ):
        for deep in (False, True):
            plan = page(reader, ADMIN, ANY, sort, deep=deep)

            assert plan.indexes() == {index}, sort
            assert plan.kinds() <= {"Limit", "Index Scan", "Result"}, sort
            condition = plan.conditions_of(index)
            assert "tenant_id" in condition
            assert ("ROW(" in condition) == deep, f"{sort}: the cursor is no border of the index"


def test_filters_read_an_index_of_their_own(reader: Connection) -> None:
    for filters, index in (
        (Filters(state="submitted"), "requisitions_by_state"),
        (Filters(project_id=PROJECT), "requisitions_by_project"),
        (Filters(requester_id=ME), "requisitions_by_requester"),
    ):
        for deep in (False, True):
            plan = page(reader, ADMIN, filters, "-updated_at", deep=deep)

            assert plan.indexes() == {index}
            assert plan.kinds() <= {"Limit", "Index Scan", "Result"}


def test_the_queue_reads_its_own_indexes_whatever_its_sort(reader: Connection) -> None:
    for sort, index in (
        ("-updated_at", "requisitions_waiting_for_permission"),
        ("created_at", "requisitions_waiting_by_creation"),
        ("needed_from", "requisitions_waiting_by_need"),
    ):
        plan = page(reader, APPROVER, Filters(waiting_on_me=True), sort)

        assert index in plan.indexes(), sort
        assert "waiting_permission" in plan.conditions_of(index)
        assert plan.kinds("requisitions") == {"Index Scan"}, sort


def test_who_sees_little_does_not_read_through_everything(reader: Connection) -> None:
    plan = page(reader, MEMBER, ANY, "-updated_at")

    assert {"requisitions_by_requester", "requisitions_by_project"} <= plan.indexes()
    # The part for permissions that policies name stands behind a gate: nobody's policy names any.
    (gate,) = (node for node in plan.nodes if "InitPlan" in node.get("One-Time Filter", ""))
    behind = list(nodes_below(gate))
    open_to_all = [node for node in plan.nodes if node not in behind]
    read = {
        node["Node Type"] for node in open_to_all if node.get("Relation Name") == "requisitions"
    }
    assert read <= {"Index Scan", "Index Only Scan"}


def test_a_rare_word_is_found_in_the_index_of_words(reader: Connection) -> None:
    for who in (ADMIN, MEMBER):
        plan = page(reader, who, Filters(q="word4711"), "-updated_at")

        assert "requisition_words_pkey" in plan.indexes()
        condition = plan.conditions_of("requisition_words_pkey")
        assert "word >=" in condition
        assert "word <" in condition
        assert "Seq Scan" not in plan.kinds("requisitions")
        assert "Seq Scan" not in plan.kinds("requisition_words")


def test_a_frequent_word_is_looked_for_in_the_order_of_the_list(reader: Connection) -> None:
    plan = page(reader, ADMIN, Filters(q="ever"), "-updated_at")

    assert "requisitions_by_update" in plan.indexes()
    assert "Sort" not in plan.kinds()
    assert "Seq Scan" not in plan.kinds("requisition_words")


def test_row_level_security_is_in_force_in_these_plans(reader: Connection) -> None:
    """The same select in another tenant's name finds nothing: the plans above are the real ones."""
    reader.exec_driver_sql("SELECT set_config('app.tenant', gen_random_uuid()::text, false)")
    cursors = Cursors(b"k" * 32, "plans", {})
    window = Window(PageQuery(), SORTS["-updated_at"], cursors)
    select = requisition_page(TenantScope(TENANT), ADMIN, ANY, window, NOW)

    assert reader.execute(select).all() == []


def test_a_list_of_ids_is_read_once_and_not_for_every_row(reader: Connection) -> None:
    ids = [derived_id("test", str(number)) for number in range(100)]
    members = identity.members
    some = TenantScope(TENANT).select(members).where(members.c.user_id == names.any_of(ids))
    (scan,) = (
        node for node in plan_of(reader, some).nodes if node.get("Relation Name") == "members"
    )

    assert scan["Node Type"] == "Seq Scan", "a small table is read as a whole"
    assert "ANY ((InitPlan 1).col1)" in scan["Filter"]
