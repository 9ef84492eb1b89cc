"""Who may do what with the read tables: readers see one tenant, and nobody more than they need."""

from typing import Any

import psycopg
import pytest

from infrastructure.ids import derived_id, to_uuid
from tests.builders.log import busy_log, store
from tests.builders.people import TENANT
from tests.builders.projected import follow
from tests.fixtures.postgres import Database

TABLES = ("requisitions", "requisition_lines", "requisition_words", "history")


@pytest.fixture
async def filled(database: Database) -> Database:
    store(database.superuser_url, busy_log(1, 20).events)
    await follow(database)
    return database


def ask(database: Database, role: str, query: str, tenant: str | None = None) -> list[Any]:
    with psycopg.connect(database.url(role), connect_timeout=5) as connection:
        if tenant is not None:
            value = str(to_uuid(tenant))
            connection.execute("SELECT set_config('app.tenant', %s, true)", (value,))
        return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("table", TABLES)
async def test_a_reader_sees_the_rows_of_one_tenant_and_without_a_tenant_none(
    filled: Database, table: str
) -> None:
    count = f"SELECT count(*) FROM read.{table}"  # noqa: S608 - one of TABLES
    everything = ask(filled, "projector", count)

    assert everything != [(0,)]
    assert ask(filled, "query", count, TENANT) == everything
    assert ask(filled, "query", count, derived_id("test", "another tenant")) == [(0,)]
    assert ask(filled, "query", count) == [(0,)]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("query", "UPDATE read.requisitions SET state = 'approved'"),
        ("query", "DELETE FROM read.history"),
        ("query", "SELECT * FROM delivery.positions"),
        ("worker", "UPDATE read.requisitions SET state = 'expired'"),
        ("projector", "DROP TABLE read.requisitions"),
        ("projector", "TRUNCATE read.requisitions"),
        ("projector", "INSERT INTO log.log_head (position) VALUES (1)"),
        ("projector", "SELECT * FROM identity.users"),
        ("rebuild", "DELETE FROM log.stored_events"),
        ("rebuild", "SELECT * FROM identity.users"),
        ("rebuild", "CREATE SCHEMA anything"),
        ("relay", "SELECT * FROM read.requisitions"),
        ("relay", "UPDATE log.log_head SET position = 0"),
        ("command", "SELECT * FROM read.requisitions"),
        ("command", "SELECT * FROM delivery.leases"),
    ],
)
async def test_nobody_may_do_more_than_they_need(
    filled: Database, role: str, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(filled, role, statement)
