"""How Postgres reads the lists of custody: through the index meant for each, in its order, under
row-level security. The shape of a plan is looked at, never its time.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from sqlalchemy import Connection, Select, text

from domain.caller import Caller
from domain.permissions import ASSIGNMENTS_READ, INVENTORY_READ
from infrastructure.ids import derived_id, from_uuid, to_uuid
from query_api import circulation, inventory_operations
from query_api.assignments.selects import SORTS, Filters, assignment_page
from query_api.assignments.syncs import open_of_requisitions
from query_api.keyset import Cursors, PageQuery, Window
from query_api.names import listed
from query_api.reader import Reading
from query_api.tenant_scope import TenantScope
from read_tables.inventory_operations import inventory_operations as operations
from tests.fixtures.postgres import Database
from tests.query_api.plans import Plan, filled, plan_of
from tests.query_api.test_plans import ME, PROJECT, TENANT
from tests.query_api.world import World

ROWS: Final = 8_000
ITEM: Final = derived_id("test", "item of plans")
READER: Final = Caller(ME, TENANT, frozenset({ASSIGNMENTS_READ}), 1)
MEMBER: Final = Caller(ME, TENANT, frozenset({INVENTORY_READ}), 1)
CURSORS: Final = Cursors(b"k" * 32, "plans", {})

_FILL: Final = (
    "INSERT INTO identity.tenants VALUES (:tenant, 'Large', now())",
    "INSERT INTO identity.users VALUES (:me, 'me', 'me@example.org', 'x', now())",
    """
    INSERT INTO identity.members (tenant_id, user_id, roles, version)
    VALUES (:tenant, :me, '{requester}', 1)
    """,
    "INSERT INTO identity.projects VALUES (:project, :tenant, 'Mine', NULL, 1)",
    "INSERT INTO identity.project_members VALUES (:tenant, :project, :me, 'lead')",
    """
    INSERT INTO read.assignments (id, tenant_id, state, item_kind, item_id, quantity, outstanding,
        custodian_kind, custodian_id, project_id, requisition_id, begins, due, renewals, overdue,
        verified, offline, pending, operation_id, attested, returns, drift, declined_at,
        created_at, updated_at, version)
    SELECT gen_random_uuid(), CASE WHEN i % 20 = 0 THEN gen_random_uuid() ELSE :tenant END,
        CASE WHEN i % 50 = 1 THEN 'overdue' ELSE 'closed' END, 'asset',
        CASE WHEN i % 200 = 3 THEN :item ELSE gen_random_uuid() END, 1, 1, 'user',
        CASE WHEN i % 200 = 7 THEN :me ELSE gen_random_uuid() END,
        CASE WHEN i % 200 = 9 THEN :project ELSE gen_random_uuid() END, gen_random_uuid(), now(),
        CASE WHEN i % 3 = 1 THEN now() + i * interval '1 hour' END, 0, i % 50 = 1, true, false,
        '[]', CASE WHEN i % 100 = 1 THEN gen_random_uuid() END, false, '[]',
        CASE WHEN i % 300 = 1 THEN '{}'::jsonb END, CASE WHEN i % 300 = 1 THEN now() END, now() + i * interval '1 minute',
        now() + i * interval '2 minutes', 1
    FROM generate_series(1, :rows) AS i
    """,
    """
    INSERT INTO read.inventory_operations (id, tenant_id, kind, purpose, subject_kind, subject_id,
        item_kind, item_id, wanted, state, since, attempts, gone, given_up, resolving,
        requested_at, updated_at, version)
    SELECT coalesce(operation_id, gen_random_uuid()), tenant_id, 'checkout', 'issue',
        'assignment', id, 'asset', item_id, '{}',
        CASE WHEN operation_id IS NULL THEN 'synced' ELSE 'pending' END, updated_at, 1, false,
        false, false, created_at, updated_at, 1
    FROM read.assignments
    """,
    """
    INSERT INTO read.circulation (position, tenant_id, assignment_id, at, type, confirmed,
        item_kind, item_id, quantity, project_id)
    SELECT row_number() OVER (ORDER BY created_at), tenant_id, id, created_at, 'issue', true,
        'asset', item_id, 1, project_id
    FROM read.assignments
    """,
    "ANALYZE",
)


@pytest.fixture
def reader(database: Database, world: World) -> Iterator[Connection]:
    """A connection of the query API's role, in a large tenant."""
    ids = {"tenant": TENANT, "me": ME, "project": PROJECT, "item": ITEM}
    values: dict[str, Any] = {name: to_uuid(id) for name, id in ids.items()}
    values["rows"] = ROWS
    with filled(database, world, TENANT, _FILL, values) as connection:
        yield connection


def page(reader: Connection, who: Caller, filters: Filters, sort: str = "-updated_at") -> Plan:
    window = Window(PageQuery(), SORTS[sort], CURSORS)
    return plan_of(reader, assignment_page(TenantScope(TENANT), who, filters, window))


def in_order(plan: Plan, index: str) -> None:
    assert plan.indexes() == {index}, plan.indexes()
    assert plan.kinds() <= {"Limit", "Index Scan", "Result"}, plan.kinds()


def test_a_list_reads_the_index_of_its_sort_in_order_and_stops(reader: Connection) -> None:
    for sort, index in (
        ("-updated_at", "assignments_by_update"),
        ("updated_at", "assignments_by_update"),
        ("created_at", "assignments_by_creation"),
        ("-created_at", "assignments_by_creation"),
        ("due", "assignments_by_due"),
        ("-due", "assignments_by_due"),
    ):
        in_order(page(reader, READER, Filters(), sort), index)


def test_filters_read_an_index_of_their_own(reader: Connection) -> None:
    for filters, sort, index in (
        (Filters(state="overdue"), "-updated_at", "assignments_by_state"),
        (Filters(project_id=PROJECT), "-updated_at", "assignments_by_project"),
        (Filters(custodian_id=ME), "-updated_at", "assignments_by_custodian"),
        (Filters(custodian_id=ME), "due", "assignments_by_custodian_and_due"),
        (Filters(item_id=ITEM), "-updated_at", "assignments_by_item"),
        (Filters(requisition_id=PROJECT), "-updated_at", "assignments_by_requisition"),
        (Filters(overdue=True), "due", "assignments_overdue"),
        (Filters(drift=True), "-updated_at", "assignments_drifted"),
        (Filters(declined=True), "-updated_at", "assignments_declined"),
    ):
        in_order(page(reader, READER, filters, sort), index)


def test_what_waits_is_found_among_what_is_not_confirmed(reader: Connection) -> None:
    plan = page(reader, READER, Filters(sync="pending"))

    assert "assignments_unsettled" in plan.indexes()
    assert plan.kinds("assignments") == {"Index Scan"}
    assert "Seq Scan" not in plan.kinds("inventory_operations")


def test_who_sees_little_does_not_read_through_everything(reader: Connection) -> None:
    for sort in ("-updated_at", "due"):
        plan = page(reader, MEMBER, Filters(), sort)

        assert "Seq Scan" not in plan.kinds("assignments"), sort
        own = {"assignments_by_custodian", "assignments_by_custodian_and_due"}
        assert own & plan.indexes(), sort
        assert "assignments_by_project" in plan.indexes(), sort


def test_the_feed_is_read_in_the_order_of_the_log(reader: Connection) -> None:
    def feed(who: Caller, **wanted: Any) -> Plan:
        nothing: dict[str, Any] = dict.fromkeys(circulation.Filters.__slots__)
        filters = circulation.Filters(**{**nothing, **wanted})
        window = Window(PageQuery(), circulation.SORTS["-position"], CURSORS)
        reading = SimpleNamespace(scope=TenantScope(TENANT), caller=who)
        steps = circulation.steps_seen(cast("Reading", reading), filters.conditions(), window)
        return plan_of(reader, steps)

    # With one large tenant in the log, its own order is as good as the tenant's.
    assert feed(READER).indexes() <= {"circulation_by_position", "circulation_pkey"}
    assert "Sort" not in feed(READER).kinds()
    in_order(feed(READER, item_id=ITEM), "circulation_by_item")
    in_order(feed(READER, project_id=PROJECT), "circulation_by_project")
    plan = feed(MEMBER)
    assert "Seq Scan" not in plan.kinds("circulation")
    assert {"circulation_by_assignment", "circulation_by_project"} <= plan.indexes()


def test_the_board_reads_an_index_of_its_own(reader: Connection) -> None:
    def board(sort: str, **wanted: Any) -> Plan:
        known = inventory_operations.Filters
        filters = known(**{**dict.fromkeys(known.__slots__), "late": False, **wanted})
        window = Window(PageQuery(), inventory_operations.SORTS[sort], CURSORS)
        select: Select[Any] = TenantScope(TENANT).select(operations)
        return plan_of(reader, window.cut(select.where(*filters.conditions())))

    in_order(board("-requested_at"), "inventory_operations_by_request")
    in_order(board("since"), "inventory_operations_by_age")
    for sort in ("since", "-requested_at"):
        assert "Seq Scan" not in board(sort, state="pending").kinds()
    in_order(board("-requested_at", item_id=ITEM), "inventory_operations_by_item")
    in_order(board("-requested_at", subject_id=ITEM), "inventory_operations_by_subject")


def test_what_requisitions_of_a_page_wait_for_is_found_by_their_ids(reader: Connection) -> None:
    some = reader.execute(
        text("SELECT requisition_id FROM read.assignments WHERE operation_id IS NOT NULL LIMIT 50")
    )
    ids = listed(from_uuid(id) for id in some.scalars())
    wanted = open_of_requisitions().params(tenant_id=TENANT, requisition_ids=ids)
    found = plan_of(reader, wanted)

    assert found.indexes() == {"assignments_by_requisition", "inventory_operations_by_subject"}
    assert "Seq Scan" not in found.kinds()
