"""Row-level security and grants of the identity tables, as each role meets them in plain SQL."""

from typing import Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from tests.fixtures.postgres import ROLES, Database

OF_A_TENANT: Final = ("roles", "members", "projects", "project_members", "approval_policies")
MAY_READ: Final = {
    "command": {*OF_A_TENANT, "tenants"},
    "query": {*OF_A_TENANT, "tenants"},
    "worker": {*OF_A_TENANT, "tenants"},
}
MAY_WRITE: Final = {
    "command": {
        ("users", "INSERT"),
        ("tenants", "INSERT"),
        ("sessions", "INSERT"),
        *((table, "INSERT") for table in OF_A_TENANT),
        ("project_members", "DELETE"),
    }
}
_SPYING_SESSION: Final = (
    "INSERT INTO identity.sessions SELECT gen_random_uuid(), user_id, %(there)s,"
    " sha256('spy'), now(), now() FROM identity.members"
)
MAY_UPDATE: Final = {
    ("sessions", "closed_at"),
    ("members", "roles"),
    ("members", "version"),
    ("projects", "name"),
    ("projects", "archived_at"),
    ("projects", "version"),
    ("project_members", "role"),
}


@pytest.fixture
def tenants(database: Database) -> tuple[UUID, UUID]:
    """Two tenants, each with a member, a role, a project and a policy."""
    made = uuid4(), uuid4()
    with psycopg.connect(database.superuser_url) as connection:
        for tenant in made:
            user, project = uuid4(), uuid4()
            for statement, values in (
                (
                    "users VALUES (%s, %s, %s, 'hash', now())",
                    (user, f"u{user}", f"{user}@x.example"),
                ),
                ("tenants VALUES (%s, 'Lab', now())", (tenant,)),
                ("roles VALUES (%s, 'own', '{a:b}')", (tenant,)),
                ("members VALUES (%s, %s, '{own}', 1)", (tenant, user)),
                (
                    "sessions VALUES (%s, %s, %s, sha256(%s::text::bytea), now(), now())",
                    (uuid4(), user, tenant, str(user)),
                ),
                ("projects VALUES (%s, %s, 'P', NULL, 1)", (project, tenant)),
                ("project_members VALUES (%s, %s, %s, 'lead')", (tenant, project, user)),
                (
                    "approval_policies (id, tenant_id, name, steps) VALUES (%s, %s, 'A', '[]')",
                    (uuid4(), tenant),
                ),
            ):
                connection.execute(f"INSERT INTO identity.{statement}".encode(), values)
    return made


@pytest.mark.parametrize("role", ["command", "query", "worker"])
def test_a_role_sees_the_rows_of_the_named_tenant_and_of_no_other(
    role: str, database: Database, tenants: tuple[UUID, UUID]
) -> None:
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        for table in OF_A_TENANT:
            query = sql.SQL("SELECT tenant_id FROM identity.{}").format(sql.Identifier(table))
            assert connection.execute(query).fetchall() == []
            for tenant in tenants:
                with connection.transaction():
                    _enter(connection, tenant)
                    assert connection.execute(query).fetchall() == [(tenant,)]
            assert connection.execute(query).fetchall() == [], "the tenant outlived its transaction"


@pytest.mark.parametrize("role", ["command", "query"])
def test_a_role_sees_the_users_of_the_named_tenant_and_never_their_hash(
    role: str, database: Database, tenants: tuple[UUID, UUID]
) -> None:
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        assert connection.execute("SELECT id FROM identity.users").fetchall() == []
        seen = set()
        for tenant in tenants:
            with connection.transaction():
                _enter(connection, tenant)
                rows = connection.execute("SELECT id, username, email FROM identity.users")
                seen |= {row[0] for row in rows}
        assert len(seen) == 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT password_hash FROM identity.users")


def test_the_command_role_cannot_write_into_another_tenant(
    database: Database, tenants: tuple[UUID, UUID]
) -> None:
    here, there = tenants
    with psycopg.connect(database.url("command"), autocommit=True) as connection:
        for statement in (
            "INSERT INTO identity.roles VALUES (%(there)s, 'spy', '{tenant:manage}')",
            "INSERT INTO identity.projects VALUES (gen_random_uuid(), %(there)s, 'spy', NULL, 1)",
            "INSERT INTO identity.tenants VALUES (gen_random_uuid(), 'spy', now())",
            _SPYING_SESSION,
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                _run_in(connection, here, statement, there)
        for statement in (
            "UPDATE identity.members SET roles = '{tenant_admin}' WHERE tenant_id = %(there)s",
            "UPDATE identity.sessions SET closed_at = now() WHERE tenant_id = %(there)s",
            "DELETE FROM identity.project_members WHERE tenant_id = %(there)s",
        ):
            assert _run_in(connection, here, statement, there) == 0


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_to_the_identity_tables_what_it_needs_and_no_more(
    role: str, database: Database
) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        tables = _names(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'identity'")
        granted = {
            (table, privilege)
            for table in tables
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            if _has(connection, role, f"identity.{table}", privilege)
        }
        updatable = {
            (str(table), str(column))
            for table, column in connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'identity' AND has_column_privilege("
                "  %s, format('identity.%%I', table_name), column_name, 'UPDATE')",
                (f"qm_{role}",),
            )
        }
        flags = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname = %s",
            (f"qm_{role}",),
        ).fetchone()
    reads = {(table, "SELECT") for table in MAY_READ.get(role, set())}
    assert granted == reads | MAY_WRITE.get(role, set())
    assert updatable == (MAY_UPDATE if role == "command" else set())
    assert flags == (False, False, False, False)


def test_row_level_security_is_forced_on_every_identity_table(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        rows = connection.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class"
            " WHERE relnamespace = 'identity'::regnamespace AND relkind = 'r'"
        ).fetchall()
    assert len(rows) == 9
    assert all(forced for _, forced in rows), rows


def test_nobody_but_the_two_apis_can_ask_who_is_behind_a_token(database: Database) -> None:
    allowed = set()
    with psycopg.connect(database.superuser_url) as connection:
        for role in ROLES:
            row = connection.execute(
                "SELECT has_function_privilege(%s, 'identity.authenticate(bytea[])', 'EXECUTE')",
                (f"qm_{role}",),
            ).fetchone()
            assert row
            if row[0]:
                allowed.add(role)
    assert allowed == {"command", "query"}


def _run_in(connection: psycopg.Connection, here: UUID, statement: str, there: UUID) -> int:
    with connection.transaction():
        _enter(connection, here)
        return connection.execute(statement.encode(), {"there": there}).rowcount


def _enter(connection: psycopg.Connection, tenant: UUID) -> None:
    connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant),))


def _names(connection: psycopg.Connection, query: str) -> list[str]:
    return [str(name) for (name,) in connection.execute(query.encode()).fetchall()]


def _has(connection: psycopg.Connection, role: str, table: str, privilege: str) -> bool:
    row = connection.execute(
        "SELECT has_table_privilege(%s, %s, %s)", (f"qm_{role}", table, privilege)
    ).fetchone()
    assert row
    return bool(row[0])
