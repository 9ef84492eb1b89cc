"""The cache saves reading, and never shows a past."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from domain.identity.memberships import Membership
from domain.ids import Id
from infrastructure.event_store import topics
from infrastructure.event_store.aggregate_cache import AggregateCache
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.store import Streams
from infrastructure.event_store.writer import Writer
from infrastructure.ids import new_id, to_uuid
from infrastructure.postgres import Pool, pool_of
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import NOW, TENANT, add_role, envelope, join, no_facts


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
