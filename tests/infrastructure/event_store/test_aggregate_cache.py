"""The cache saves reading, and never shows a past."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from domain.errors import Refused
from domain.identity.memberships import Membership
from domain.ids import Id
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store import topics
from infrastructure.event_store.aggregate_cache import AggregateCache
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.store import Streams
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id, to_uuid
from infrastructure.postgres import Pool, pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.proxy import proxy_to
from tests.infrastructure.event_store.work import (
    NOW,
    TENANT,
    add_role,
    envelope,
    join,
    no_facts,
    read,
)


class Decoded:
    """Counts the events that are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.versions: list[int] = []
        decode = topics.decode

        def counted(id: UUID, version: int, topic: str, state: bytes) -> object:
            self.versions.append(version)
            return decode(id, version, topic, state)

        monkeypatch.setattr(topics, "decode", counted)


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Commands]:
    """Another process."""
    url = database.url("command")
    async with Writer(url) as writer, pool_of(url) as pool:
        yield Commands(pool, writer, no_facts)


def membership(id: Id) -> Membership:
    return Membership.join(to_uuid(id), tenant_id=TENANT, user_id=id, roles=("a",), at=NOW)


async def test_only_what_is_new_is_read(
    commands: Commands, elsewhere: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    for number in range(5):
        await commands.run(envelope(), add_role(id, f"role-{number}"))
    decoded = Decoded(monkeypatch)

    await commands.run(envelope(), add_role(id, "one more"))
    assert decoded.versions == []

    await elsewhere.run(envelope(), add_role(id, "and another"))
    assert decoded.versions == [1, 2, 3, 4, 5, 6, 7]

    decoded.versions.clear()
    answer = await commands.run(envelope(), add_role(id, "and the last"))
    assert decoded.versions == [8]
    assert answer.receipt.version == 9


async def test_a_refusal_never_rests_on_what_was_remembered(
    commands: Commands, elsewhere: Commands
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    await elsewhere.run(envelope(), add_role(id, "approver"))

    async def for_approvers(store: Store, facts: Facts) -> Receipt:
        membership = await store.load(Membership, id)
        if "approver" not in membership.roles:
            raise Refused
        return await store.save(membership)

    assert (await commands.run(envelope(), for_approvers)).receipt.version == 2


async def test_a_failure_never_rests_on_what_was_remembered(
    commands: Commands, elsewhere: Commands
) -> None:
    """What is remembered of two aggregates may be of different times, and not fit together."""
    first, second = new_id(), new_id()
    for id in (first, second):
        await commands.run(envelope(), join(id))
    await elsewhere.run(envelope(), add_role(first, "auditor"))
    await elsewhere.run(envelope(), add_role(second, "auditor"))
    await commands.run(envelope(), add_role(first, "approver"))

    async def follow(store: Store, facts: Facts) -> Receipt:
        leader, follower = await store.load(Membership, first), await store.load(Membership, second)
        if "auditor" in leader.roles:
            follower.roles.index("auditor")
        follower.change_roles((*follower.roles, "approver"), NOW)
        return await store.save(follower)

    assert (await commands.run(envelope(), follow)).receipt.version == 3


async def test_a_failure_of_the_decision_itself_is_raised(commands: Commands) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))

    async def fail(store: Store, facts: Facts) -> Receipt:
        await store.load(Membership, id)
        raise LookupError("a fault")

    with pytest.raises(LookupError, match="a fault"):
        await commands.run(envelope(), fail)


async def test_doing_nothing_never_rests_on_what_was_remembered(
    commands: Commands, elsewhere: Commands
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id))
    await elsewhere.run(envelope(), add_role(id, "approver"))

    assert (await commands.run(envelope(), read(id))).receipt.version == 2


async def test_an_aggregate_that_was_only_looked_at_must_be_as_remembered(
    commands: Commands, elsewhere: Commands
) -> None:
    looked_at, id = new_id(), new_id()
    await commands.run(envelope(), join(looked_at))
    await elsewhere.run(envelope(), add_role(looked_at, "approver"))
    seen: list[int] = []

    async def look(store: Store, facts: Facts) -> Receipt:
        seen.append((await store.load(Membership, looked_at)).version)
        return await join(id)(store, facts)

    await commands.run(envelope(), look)

    assert seen == [1, 2]


async def test_what_was_remembered_is_forgotten_with_a_lost_connection(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = new_id()
    async with proxy_to(database.url("command")) as (proxy, url), Writer(url) as writer:
        commands = Commands(pool, writer, no_facts)
        await commands.run(envelope(), join(id))
        proxy.lose_next_reply()
        await commands.run(envelope(), join(new_id()))
        decoded = Decoded(monkeypatch)
        await commands.run(envelope(), add_role(id, "approver"))

    assert decoded.versions == [1]


async def test_a_command_that_was_not_stored_leaves_no_trace(
    pool: Pool, commands: Commands
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id, "a"))
    streams = Streams(pool, AggregateCache())
    loaded = await streams.load(Membership, to_uuid(TENANT), to_uuid(id))
    assert loaded is not None
    loaded.change_roles(("b",), NOW)

    again = await streams.load(Membership, to_uuid(TENANT), to_uuid(id))

    assert again is not None
    assert (again.version, again.roles, again.pending_events) == (1, ("a",), [])


def test_a_tenant_gets_nothing_that_another_has_loaded() -> None:
    cache, id = AggregateCache(), new_id()
    cache.put(to_uuid(TENANT), membership(id))

    assert cache.get(Membership, to_uuid(new_id()), to_uuid(id)) is None
    assert cache.get(Membership, to_uuid(TENANT), to_uuid(id)) is not None


def test_the_least_recently_used_makes_room() -> None:
    cache = AggregateCache(size=2)
    first, second, third = (membership(new_id()) for _ in range(3))
    tenant = to_uuid(TENANT)
    cache.put(tenant, first)
    cache.put(tenant, second)
    cache.get(Membership, tenant, first.id)
    cache.put(tenant, third)

    kept = [one.id for one in (first, second, third) if cache.get(Membership, tenant, one.id)]
    assert kept == [first.id, third.id]


def test_an_older_version_never_replaces_a_newer_one() -> None:
    cache, tenant = AggregateCache(), to_uuid(TENANT)
    older = membership(new_id())
    newer = membership(new_id())
    newer._id = older.id
    newer.version = 2
    cache.put(tenant, newer)
    cache.put(tenant, older)

    kept = cache.get(Membership, tenant, older.id)
    assert kept is not None
    assert kept.version == 2
