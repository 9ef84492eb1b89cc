"""What each role may do with the log: nobody may change it, and no tenant sees another's."""

import asyncio

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from domain.ids import Id
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id, to_uuid
from infrastructure.postgres import Pool
from tests.fixtures.postgres import ROLES, Database
from tests.infrastructure.event_store.work import TENANT, append, envelope, join

FORBIDDEN = (
    "UPDATE log.stored_events SET state = ''",
    "DELETE FROM log.stored_events",
    "TRUNCATE log.stored_events",
    "INSERT INTO log.stored_events SELECT * FROM log.stored_events",
    "ALTER TABLE log.stored_events ADD COLUMN more text",
    "ALTER TABLE log.stored_events DISABLE ROW LEVEL SECURITY",
    "DROP TABLE log.stored_events",
    "CREATE TABLE log.mine (id int)",
    "CREATE INDEX ON log.stored_events (topic)",
    "CREATE OR REPLACE FUNCTION log.recall(uuid, uuid) RETURNS text LANGUAGE sql AS 'SELECT 1'",
    "UPDATE log.log_head SET position = 0",
    "SELECT FROM log.log_head FOR UPDATE",
    "SELECT FROM log.log_head FOR KEY SHARE",
    "LOCK TABLE log.log_head IN EXCLUSIVE MODE",
    "UPDATE log.command_keys SET answer = '{}'",
    "DELETE FROM log.command_keys",
    "TRUNCATE log.command_keys",
    "INSERT INTO log.command_keys SELECT * FROM log.command_keys",
    "SELECT FROM log.abandoned_batches",
    "DELETE FROM log.abandoned_batches",
    "SET ROLE qm_log_writer",
    "SET ROLE qm_owner",
)

GRANTS = {
    "abandoned_batches": {"qm_log_writer": {"INSERT", "SELECT"}},
    "command_keys": {
        "qm_log_writer": {"INSERT", "SELECT"},
        "qm_command": {"SELECT"},
        "qm_worker": {"SELECT"},
    },
    "log_head": {"qm_log_writer": {"SELECT"}, **{f"qm_{role}": {"SELECT"} for role in ROLES}},
    "stored_events": {
        "qm_log_writer": {"INSERT", "SELECT"},
        **{f"qm_{role}": {"SELECT"} for role in ROLES},
    },
}
MAY_CALL = {
    "append": {"qm_command", "qm_log_writer", "qm_worker"},
    "settle": {"qm_command", "qm_log_writer", "qm_worker"},
    "recall": {"qm_command", "qm_worker"},
    "read_stream": {"qm_command", "qm_query", "qm_worker"},
}


@pytest.fixture
async def two_tenants(writer: Writer) -> tuple[Id, Id]:
    """Two tenants with an event each, and a kept answer."""
    tenants = (new_id(), new_id())
    for tenant in tenants:
        await writer.append(append(tenant=tenant, fingerprint=b"print"), 5)
    return tenants


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_that_runs_may_change_the_log(
    role: str, database: Database, two_tenants: tuple[Id, Id]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url(role), autocommit=True
    ) as connection:
        for statement in FORBIDDEN:
            with pytest.raises(InsufficientPrivilege):
                async with connection.transaction():
                    await connection.execute(statement)


@pytest.mark.parametrize("role", ["relay", "projector", "rebuild", "query"])
async def test_only_commands_and_workers_may_append(role: str, database: Database) -> None:
    async with Writer(database.url(role)) as writer:
        with pytest.raises(InsufficientPrivilege):
            await writer.append(append(), 5)


@pytest.mark.parametrize("role", ["command", "query"])
async def test_a_tenant_sees_its_own_events_only(
    role: str, database: Database, two_tenants: tuple[Id, Id]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url(role), autocommit=True
    ) as connection:
        assert await seen(connection, None) == []
        assert await seen(connection, two_tenants[0]) == [1]
        assert await seen(connection, None) == []
        assert await seen(connection, two_tenants[1]) == [2]
        assert await seen(connection, new_id()) == []


@pytest.mark.parametrize("role", ["relay", "projector", "rebuild", "worker"])
async def test_a_role_of_all_tenants_sees_every_event(
    role: str, database: Database, two_tenants: tuple[Id, Id]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url(role), autocommit=True
    ) as connection:
        assert await seen(connection, None) == [1, 2]


async def test_kept_answers_are_their_tenants_own(
    database: Database, two_tenants: tuple[Id, Id]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url("command"), autocommit=True
    ) as connection:
        for tenant, count in ((None, 0), (two_tenants[0], 1), (new_id(), 0)):
            async with connection.transaction():
                await enter(connection, tenant)
                cursor = await connection.execute("SELECT count(*) FROM log.command_keys")
                assert await cursor.fetchone() == (count,)


async def test_a_pooled_connection_forgets_the_tenant_it_served(
    commands: Commands, pool: Pool
) -> None:
    await commands.run(envelope(), join(new_id()))
    await asyncio.gather(
        *(
            commands.run(envelope("key", tenant=t), join(new_id(), tenant=t))
            for t in (TENANT, new_id())
        )
    )

    async with pool.connection() as connection:
        assert await seen(connection, None) == []


async def test_the_owner_is_under_row_level_security_too(
    database: Database, two_tenants: tuple[Id, Id]
) -> None:
    async with await psycopg.AsyncConnection.connect(
        database.url("owner"), autocommit=True
    ) as connection:
        await connection.execute("SET ROLE qm_owner")
        forced = (
            "SELECT relname FROM pg_class WHERE relnamespace = 'log'::regnamespace"
            " AND relrowsecurity AND relforcerowsecurity ORDER BY relname"
        )
        cursor = await connection.execute(forced)
        assert await cursor.fetchall() == [("command_keys",), ("stored_events",)]


async def test_no_role_is_above_the_rules(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        cursor = await connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'qm\\_%' AND (rolsuper OR rolbypassrls)"
        )
        assert await cursor.fetchall() == []
        cursor = await connection.execute(
            "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'qm_log_writer'"
        )
        assert await cursor.fetchone() == (False,)


async def test_these_are_all_the_rights_there_are(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        cursor = await connection.execute(
            "SELECT c.relname, a.grantee::regrole::text, a.privilege_type"
            " FROM pg_class c, aclexplode(c.relacl) a"
            " WHERE c.relnamespace = 'log'::regnamespace AND c.relkind = 'r'"
            " AND a.grantee <> c.relowner"
        )
        tables: dict[str, dict[str, set[str]]] = {}
        for table, role, right in await cursor.fetchall():
            tables.setdefault(table, {}).setdefault(role, set()).add(right)
        cursor = await connection.execute(
            "SELECT p.proname, a.grantee::regrole::text FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE p.pronamespace = 'log'::regnamespace AND a.grantee <> 'qm_owner'::regrole"
        )
        functions: dict[str, set[str]] = {}
        for function, role in await cursor.fetchall():
            functions.setdefault(function, set()).add(role)
        cursor = await connection.execute(
            "SELECT attrelid::regclass::text, attname, a.grantee::regrole::text, a.privilege_type"
            " FROM pg_attribute, aclexplode(attacl) a WHERE attrelid IN"
            " (SELECT oid FROM pg_class WHERE relnamespace = 'log'::regnamespace)"
        )
        columns = await cursor.fetchall()

    assert tables == GRANTS
    assert functions == MAY_CALL
    assert columns == [("log.log_head", "position", "qm_log_writer", "UPDATE")]


async def seen(connection: psycopg.AsyncConnection, tenant: Id | None) -> list[int]:
    async with connection.transaction():
        await enter(connection, tenant)
        cursor = await connection.execute(
            "SELECT notification_id FROM log.stored_events ORDER BY notification_id"
        )
        return [position for (position,) in await cursor.fetchall()]


async def enter(connection: psycopg.AsyncConnection, tenant: Id | None) -> None:
    if tenant is not None:
        name = str(to_uuid(tenant))
        await connection.execute("SELECT set_config('app.tenant', %s, true)", (name,))
