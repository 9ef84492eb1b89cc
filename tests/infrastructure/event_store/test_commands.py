"""A command is carried out once: keys, conflicts, and what it rests on."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from domain.errors import NotFound, Refused, VersionMismatch
from domain.identity.memberships import Membership
from domain.ports import Facts, Receipt, Store
from infrastructure.errors import (
    CallerChanged,
    CommandInFlight,
    IdempotencyKeyReused,
    StoreUnavailable,
)
from infrastructure.event_store import binary
from infrastructure.event_store import commands as module
from infrastructure.event_store.append import APPEND, Batch
from infrastructure.event_store.commands import Answer, Commands
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.writer import Writer
from infrastructure.ids import derived_id, new_id, to_uuid
from infrastructure.postgres import pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import (
    ACTOR,
    TENANT,
    add_role,
    append,
    envelope,
    join,
    no_facts,
    positions,
    read,
    until_somebody_waits_for_the_head,
)


@pytest.fixture
async def other_process(database: Database) -> AsyncIterator[Commands]:
    """Commands that share nothing with the fixture ``commands`` but the database."""
    url = database.url("command")
    async with Writer(url) as writer, pool_of(url) as pool:
        yield Commands(pool, writer, no_facts)


async def refuse(store: Store, facts: Facts) -> Receipt:
    raise Refused("no")


async def test_the_answer_says_where_the_command_is_in_the_log(commands: Commands) -> None:
    id = new_id()

    answer = await commands.run(envelope(), join(id, "approver"))

    assert answer == Answer(201, Receipt(id, 1, 1), f"/memberships/{id}", replayed=False)


async def test_an_event_carries_who_did_it_and_why(commands: Commands, log: LogReader) -> None:
    id = new_id()
    await commands.run(envelope(command_id=derived_id("test", "1")), join(id))

    (event,) = await log.read_after(0, 10)

    assert (event.tenant_id, event.actor_id, event.correlation_id) == (TENANT, ACTOR, "a test")
    assert (event.aggregate_id, event.version, event.kind) == (id, 1, "membership")
    assert event.command_id == derived_id("test", "1")
    assert event.recorded_at.utcoffset() is not None
    assert isinstance(event.event, Membership.Joined)


async def test_a_command_that_changes_nothing_stores_nothing(
    commands: Commands, database: Database
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))

    answer = await commands.run(envelope("key"), read(id))
    again = await commands.run(envelope("key"), read(id))

    assert answer.receipt == again.receipt == Receipt(id, 1, 1)
    assert await positions(database) == [1]


async def test_another_tenants_aggregate_is_not_found(commands: Commands) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))

    with pytest.raises(NotFound):
        await commands.run(envelope(tenant=new_id()), read(id))


async def test_a_version_that_is_not_the_expected_one_is_refused(commands: Commands) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    await commands.run(envelope(), add_role(id, "approver", expected_version=1))

    with pytest.raises(VersionMismatch):
        await commands.run(envelope(), add_role(id, "auditor", expected_version=1))


async def test_the_same_key_gives_the_same_answer_and_one_effect(
    commands: Commands, database: Database
) -> None:
    first = await commands.run(envelope("key"), join(new_id()))
    again = await commands.run(envelope("key"), join(new_id()))

    assert (again.receipt, again.status, again.location) == (
        first.receipt,
        first.status,
        first.location,
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert await positions(database) == [1]


async def test_a_key_answers_before_a_refusal_does(
    commands: Commands, other_process: Commands
) -> None:
    first = await commands.run(envelope("key"), join(new_id()))

    again = await other_process.run(envelope("key"), refuse)

    assert again.receipt == first.receipt
    assert again.replayed


async def test_a_refusal_is_not_remembered(commands: Commands) -> None:
    with pytest.raises(Refused):
        await commands.run(envelope("key"), refuse)

    assert not (await commands.run(envelope("key"), join(new_id()))).replayed


@pytest.mark.parametrize("handler", [refuse, join(new_id())])
async def test_a_key_used_for_another_request_is_refused(
    commands: Commands, handler: module.Handler
) -> None:
    await commands.run(envelope("key", fingerprint=b"one"), join(new_id()))

    with pytest.raises(IdempotencyKeyReused):
        await commands.run(envelope("key", fingerprint=b"another"), handler)


async def test_a_key_belongs_to_one_user_of_one_tenant(
    commands: Commands, database: Database
) -> None:
    for other in (
        envelope("key"),
        envelope("key", actor=new_id()),
        envelope("key", tenant=new_id()),
    ):
        assert not (await commands.run(other, join(new_id(), tenant=other.tenant_id))).replayed

    assert await positions(database) == [1, 2, 3]


async def test_a_workers_command_has_no_second_effect(
    commands: Commands, database: Database
) -> None:
    id = derived_id("a consumer", "7", "0")

    first = await commands.run(envelope(command_id=id), join(new_id()))
    again = await commands.run(envelope(command_id=id), refuse)

    assert again.receipt == first.receipt
    assert await positions(database) == [1]


async def test_the_same_key_at_the_same_time_has_one_effect(
    commands: Commands, other_process: Commands, database: Database
) -> None:
    answers = await asyncio.gather(
        *(where.run(envelope("key"), join(new_id())) for where in [commands, other_process] * 8)
    )

    assert len({answer.receipt for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await positions(database) == [1]


async def test_a_key_whose_first_command_takes_too_long_is_in_flight(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_FLIGHT_S", 0.05)
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(store: Store, facts: Facts) -> Receipt:
        begun.set()
        await finish.wait()
        return await join(new_id())(store, facts)

    first = asyncio.create_task(commands.run(envelope("key"), slow))
    await begun.wait()
    with pytest.raises(CommandInFlight):
        await commands.run(envelope("key"), join(new_id()))
    finish.set()

    assert not (await first).replayed


async def test_a_command_that_lost_a_race_is_decided_again(
    commands: Commands, other_process: Commands, log: LogReader
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    decided = 0

    async def overtaken(store: Store, facts: Facts) -> Receipt:
        nonlocal decided
        decided += 1
        membership = await store.load(Membership, id)
        if decided == 1:
            await other_process.run(envelope(), add_role(id, "auditor"))
        membership.change_roles((*membership.roles, "approver"), membership.modified_on)
        return await store.save(membership)

    answer = await commands.run(envelope(), overtaken)

    assert decided == 2
    assert answer.receipt.version == 3
    last = (await log.read_after(2, 10))[-1].event
    assert isinstance(last, Membership.RolesChanged)
    assert last.roles == ["auditor", "approver"]


async def test_many_commands_on_one_aggregate_from_two_processes_are_all_carried_out(
    commands: Commands, other_process: Commands, log: LogReader
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))

    await asyncio.gather(
        *(
            where.run(envelope(turn=id), add_role(id, f"role-{number}-{name}"), 30)
            for number in range(20)
            for name, where in (("a", commands), ("b", other_process))
        )
    )

    events = await log.read_after(0, 100)
    assert [event.version for event in events] == list(range(1, 42))
    last = events[-1].event
    assert isinstance(last, Membership.RolesChanged)
    assert len(set(last.roles)) == 40


async def test_a_member_whose_rights_move_while_the_command_waits_is_asked_anew(
    commands: Commands, database: Database
) -> None:
    member, id = new_id(), new_id()
    await commands.run(envelope(), join(member, "approver"))
    async with await psycopg.AsyncConnection.connect(database.url("command")) as revoking:
        binary.register(revoking)
        change = Batch([append(to_uuid(member), version=2)])
        await revoking.execute(APPEND, change.append_arguments(5))
        waiting = asyncio.create_task(commands.run(envelope(member=(member, 1)), join(id)))
        await until_somebody_waits_for_the_head(database)
        await revoking.commit()
        with pytest.raises(CallerChanged):
            await waiting

    assert await positions(database) == [1, 2]
    with pytest.raises(NotFound):
        await commands.run(envelope(), read(id))


async def test_a_lock_that_is_not_to_be_had_means_that_nothing_is_stored(
    commands: Commands, database: Database
) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        with pytest.raises(StoreUnavailable):
            await commands.run(envelope(), join(new_id()), deadline_s=1)

    assert await positions(database) == []


async def test_a_command_behind_a_stuck_one_is_refused_in_time(
    commands: Commands, database: Database
) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        stuck = asyncio.create_task(commands.run(envelope(), join(new_id()), deadline_s=2))
        await until_somebody_waits_for_the_head(database)
        with pytest.raises(StoreUnavailable):
            await commands.run(envelope(), join(new_id()), deadline_s=0.2)
        assert not stuck.done()
        await holder.rollback()
        assert (await stuck).receipt.position == 1


async def test_a_pool_without_a_free_connection_is_unavailable(
    writer: Writer, database: Database
) -> None:
    async with pool_of(database.url("command"), max_size=1) as pool, pool.connection():
        pool.timeout = 0.1
        with pytest.raises(StoreUnavailable):
            await Commands(pool, writer, no_facts).run(envelope(), read(new_id()))
