"""Row-level security and grants of what was told, as each role meets them in plain SQL."""

from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.fixtures.postgres import Database

TABLES: Final = ("deliveries", "switched_off", "read_marks", "read_upto", "webhooks")
MAY_READ: Final = {
    "query": set(TABLES),
    "command": {"switched_off", "read_marks", "read_upto", "webhooks"},
    "worker": {"deliveries", "switched_off", "webhooks"},
    "projector": set(),
    "rebuild": set(),
    "relay": set(),
}
_WEBHOOK: Final = (
    "webhooks (id, tenant_id, url, description, events, enabled, secret_version, version)"
    " VALUES (gen_random_uuid(), %(tenant)s, 'https://x.example', '', '{*}', true, 1, 1)"
)
_DELIVERY: Final = (
    "deliveries (id, tenant_id, log_epoch, position, recipient_id, channel, kind, content)"
    " VALUES (gen_random_uuid(), %(tenant)s, gen_random_uuid(), 1, %(user)s, 'email', 'x', '{}')"
)
ROWS: Final = (
    "tenants VALUES (%(tenant)s, 'Lab', now())",
    _WEBHOOK,
    _DELIVERY,
    "switched_off VALUES (%(tenant)s, %(user)s, 'overdue', 'email')",
    "read_marks VALUES (%(tenant)s, %(user)s, 1, now())",
    "read_upto VALUES (%(tenant)s, %(user)s, 1, now())",
)


@pytest.fixture
def tenants(database: Database) -> tuple[UUID, UUID]:
    """Two tenants with a row in every table."""
    made = uuid4(), uuid4()
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        for tenant in made:
            for row in ROWS:
                schema = "identity" if row.startswith("tenants") else "notifications"
                statement = f"INSERT INTO {schema}.{row}"
                connection.execute(statement.encode(), {"tenant": tenant, "user": uuid4()})
    return made


def count(database: Database, role: str, table: str, tenant: UUID | None = None) -> Any:
    """How many rows the role sees; None where it may not look."""
    with psycopg.connect(database.url(role), connect_timeout=5) as connection:
        if tenant is not None:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant),))
        query = f"SELECT count(*) FROM notifications.{table}"  # noqa: S608 - one of TABLES
        try:
            row = connection.execute(query.encode()).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return None
    return row and row[0]


def test_each_role_sees_what_it_needs_and_of_one_tenant(
    database: Database, tenants: tuple[UUID, UUID]
) -> None:
    for role, readable in MAY_READ.items():
        for table in TABLES:
            without, within, elsewhere = (
                count(database, role, table, tenant) for tenant in (None, tenants[0], uuid4())
            )
            seen = (without, within, elsewhere)
            if table not in readable:
                assert seen == (None, None, None), (role, table)
            elif role == "worker":
                assert seen == (2, 2, 2), table
            else:
                assert seen == (0, 1, 0), (role, table)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("query", "UPDATE notifications.deliveries SET state = 'delivered'"),
        ("query", "DELETE FROM notifications.read_marks"),
        ("command", "DELETE FROM notifications.deliveries"),
        ("worker", "DELETE FROM notifications.read_marks"),
        ("worker", "DELETE FROM notifications.webhooks"),
        ("projector", "TRUNCATE notifications.deliveries"),
        ("rebuild", "DROP TABLE notifications.deliveries"),
    ],
)
def test_nobody_writes_what_is_not_theirs(database: Database, role: str, statement: str) -> None:
    with (
        psycopg.connect(database.url(role), connect_timeout=5) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_a_command_writes_for_its_own_tenant_alone(
    database: Database, tenants: tuple[UUID, UUID]
) -> None:
    with psycopg.connect(database.url("command"), connect_timeout=5) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenants[0]),))
        changed = connection.execute("UPDATE notifications.webhooks SET enabled = false").rowcount
        assert changed == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO notifications.read_marks VALUES (%s, %s, 1, now())",
                (tenants[1], uuid4()),
            )
