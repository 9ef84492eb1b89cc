"""The network fails around COMMIT: the caller is told what is true, or that it is not known."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest

from infrastructure.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store import binary
from infrastructure.event_store.append import APPEND, Batch, NotStored, Replayed, Stored
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.lane import Lane
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id
from infrastructure.postgres import Connection, Pool, pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.proxy import Proxy, proxy_to
from tests.infrastructure.event_store.work import (
    TENANT,
    append,
    envelope,
    join,
    no_facts,
    positions,
    until_somebody_waits_for_the_head,
)

PATIENCE_S = 2.0
HANGS_AFTER_S = 30.0


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[tuple[Proxy, Writer, Commands]]:
    """A writer and commands behind a proxy, with their connections made."""
    async with (
        proxy_to(database.url("command")) as (proxy, url),
        Writer(url) as writer,
        pool_of(url) as pool,
    ):
        commands = Commands(pool, writer, no_facts)
        await commands.run(envelope(), join(new_id()))
        yield proxy, writer, commands


async def test_a_lost_reply_to_commit_is_found_out(database: Database) -> None:
    async with connected(database) as (proxy, writer, _):
        proxy.lose_next_reply()
        outcome = await writer.append(append(events=2), 5)

    assert outcome == Stored(3)
    assert await positions(database) == [1, 2, 3]


async def test_every_command_of_a_batch_with_a_lost_reply_gets_its_own_outcome(
    database: Database,
) -> None:
    async with connected(database) as (proxy, writer, _):
        taken = append()
        await writer.append(taken, 5)
        proxy.lose_next_reply()
        outcomes = await asyncio.gather(
            writer.append(append(), 5),
            writer.append(append(taken.events[0].stream), 5),
            writer.append(append(fingerprint=b"print"), 5),
        )

    assert list(outcomes) == [Stored(3), NotStored(), Stored(4)]
    assert await positions(database) == [1, 2, 3, 4]


async def test_the_caller_of_a_lost_reply_gets_the_true_answer_and_the_same_under_its_key(
    database: Database,
) -> None:
    id = new_id()
    async with connected(database) as (proxy, _, commands):
        proxy.lose_next_reply()
        answer = await commands.run(envelope("key"), join(id))
        again = await commands.run(envelope("key"), join(new_id()))

    assert (answer.status, answer.receipt.id, answer.receipt.position) == (201, id, 2)
    assert again.receipt == answer.receipt
    assert again.location == answer.location == f"/memberships/{id}"
    assert again.replayed
    assert await positions(database) == [1, 2]


async def test_a_request_that_was_lost_is_sent_again(database: Database) -> None:
    async with connected(database) as (proxy, _, commands):
        proxy.lose_next_request()
        answer = await commands.run(envelope("key"), join(new_id()))

    assert not answer.replayed
    assert await positions(database) == [1, 2]


async def test_a_request_that_arrives_after_its_batch_was_given_up_stores_nothing(
    database: Database,
) -> None:
    async with connected(database) as (proxy, writer, _):
        proxy.hold_requests()
        assert await writer.append(append(), PATIENCE_S) == NotStored()
        proxy.release()
        await until_no_other_session(database)

    assert await positions(database) == [1]


@pytest.mark.parametrize("round_", range(5))
async def test_what_is_said_of_an_orphaned_transaction_is_what_becomes_of_it(
    database: Database, round_: int
) -> None:
    async with (
        connected(database) as (proxy, writer, _),
        await psycopg.AsyncConnection.connect(database.superuser_url) as holder,
    ):
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        asked = asyncio.create_task(writer.append(append(), 10))
        await until_somebody_waits_for_the_head(database)
        proxy.hang_up()
        await asyncio.sleep(0.02 * round_)
        await holder.rollback()
        outcome = await asked
        await until_no_other_session(database)

    stored = {Stored: [1, 2], NotStored: [1]}
    assert await positions(database) == stored[type(outcome)]


async def test_a_transaction_that_is_still_committing_is_waited_for(database: Database) -> None:
    url = database.url("command")
    batch = Batch([append()])
    lane = Lane(url)
    async with await psycopg.AsyncConnection.connect(url) as orphan:
        binary.register(orphan)
        await orphan.execute(APPEND, batch.append_arguments(5))
        asked = asyncio.create_task(lane._settle(batch, asyncio.get_running_loop().time() + 10))
        await until_somebody_waits_for_the_head(database)
        await orphan.commit()
        outcomes = await asked
    await lane.close()

    assert outcomes == [Stored(1)]


async def test_rows_of_other_tables_share_the_fate_of_the_events(database: Database) -> None:
    tenant = uuid4()
    command = append(tenant=TENANT)

    async with connected(database) as (proxy, writer, _):

        async def write(connection: Connection) -> None:
            await add_tenant(connection, tenant)
            proxy.lose_next_reply()

        assert await writer.append_with_rows(command, write, 5) == Stored(2)

    assert await tenants(database) == 1


async def test_a_network_that_swallows_everything_leaves_the_outcome_unknown_until_it_heals(
    database: Database,
) -> None:
    async with connected(database) as (proxy, _, commands):
        proxy.swallow()
        async with asyncio.timeout(HANGS_AFTER_S):
            with pytest.raises(OutcomeUnknown):
                await commands.run(envelope("key"), join(new_id()), PATIENCE_S)
        proxy.heal()
        answer = await commands.run(envelope("key"), join(new_id()))
        again = await commands.run(envelope("key"), join(new_id()))

    assert again.receipt == answer.receipt
    assert await positions(database) == [1, 2]


async def test_a_database_that_cannot_be_reached_is_unavailable_within_the_deadline(
    database: Database, pool: Pool
) -> None:
    async with proxy_to(database.url("command")) as (proxy, url), Writer(url) as writer:
        proxy.swallow()
        commands = Commands(pool, writer, no_facts)
        async with asyncio.timeout(HANGS_AFTER_S):
            with pytest.raises(StoreUnavailable):
                await commands.run(envelope("key"), join(new_id()), PATIENCE_S)

    assert await positions(database) == []


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", "SELECT 1"])
async def test_a_command_given_up_among_its_rows_stores_nothing_and_hurts_nobody(
    database: Database, writer: Writer, statement: str
) -> None:
    begun = asyncio.Event()

    async def hang(connection: Connection) -> None:
        begun.set()
        await connection.execute(statement.encode())
        await asyncio.Event().wait()

    async def nothing(connection: Connection) -> None:
        """No rows."""

    given_up = asyncio.create_task(writer.append_with_rows(append(), hang, 30))
    await begun.wait()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up

    assert await writer.append_with_rows(append(), nothing, 5) == Stored(1)
    assert await positions(database) == [1]


async def test_a_repeated_command_whose_first_answer_was_lost_is_known_by_its_rows(
    database: Database,
) -> None:
    command = append(fingerprint=b"print")

    async def nothing(connection: Connection) -> None:
        """No rows."""

    async with connected(database) as (_, writer, _):
        assert await writer.append_with_rows(command, nothing, 5) == Stored(2)
        assert await writer.append_with_rows(command, nothing, 5) == Replayed(2, {"status": 200})

    assert await positions(database) == [1, 2]


async def add_tenant(connection: Connection, tenant: object) -> None:
    await connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant),))
    await connection.execute(
        "INSERT INTO identity.tenants (id, name, created_at) VALUES (%s, 'x', now())", (tenant,)
    )


async def tenants(database: Database) -> int:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        cursor = await connection.execute("SELECT count(*) FROM identity.tenants")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def until_no_other_session(database: Database) -> None:
    """Returns once the orphaned sessions have come to their end."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'qm_command'"
        " AND datname = current_database() AND state = 'active'"
    )
    async with await psycopg.AsyncConnection.connect(
        database.superuser_url, autocommit=True
    ) as connection:
        async with asyncio.timeout(10):
            while True:
                cursor = await connection.execute(others)
                if await cursor.fetchone() == (0,):
                    return
                await asyncio.sleep(0.01)
