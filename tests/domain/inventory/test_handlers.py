"""Connecting the inventory and mending what stands for what."""

from dataclasses import replace
from typing import Any, Final

import pytest

from domain.errors import InvalidField, PermissionMissing, VersionMismatch
from domain.identity.changes import RolesGranted
from domain.inventory import commands, handlers
from domain.inventory.changes import ConnectionSet, MappingRemoved, MappingSet
from domain.inventory.errors import (
    InventoryMapped,
    MappingNotFound,
    NotConnected,
    ServerNotAllowed,
    ThingMapped,
)
from domain.inventory.servers import AllowedServers
from domain.ports import MappingFact, MirroredFact
from infrastructure.ids import derived_id, new_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import ADMINISTRATOR, NOW, REQUESTER, TECHNICIAN, TENANT

ALLOWED: Final = AllowedServers.read(f"https://snipe.school.example {TENANT}")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def facts(store: MemoryStore) -> MemoryFacts:
    return MemoryFacts(store)


def connection(**changes: Any) -> commands.SetConnection:
    values: dict[str, Any] = {
        "base_url": "https://snipe.school.example/",
        "token_source": "env:QM_SNIPE_IT_TOKEN",
        "status_labels": {"repair": 5},
        "allowed": ALLOWED,
        "by": ADMINISTRATOR,
        "at": NOW,
    }
    return commands.SetConnection(**{**values, **changes})


def link(kind: str, id: str, external_id: int, **changes: Any) -> commands.LinkMapping:
    values: dict[str, Any] = {"by": ADMINISTRATOR, "at": NOW, **changes}
    return commands.LinkMapping(kind=kind, id=id, external_id=external_id, **values)


async def test_a_connection_is_stored_in_plain_form_with_its_row(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    receipt = await handlers.set_connection(connection(), store, facts)
    assert receipt.version == 1
    assert store.rows == [
        ConnectionSet(
            TENANT,
            "https://snipe.school.example",
            "env:QM_SNIPE_IT_TOKEN",
            None,
            "UTC",
            {"repair": 5},
            1,
        )
    ]


async def test_a_server_is_not_for_a_tenant_that_it_is_not_listed_for() -> None:
    strangers = MemoryStore(derived_id("test", "strangers"))
    stranger = replace(ADMINISTRATOR, tenant_id=strangers.tenant_id)
    with pytest.raises(ServerNotAllowed):
        await handlers.set_connection(connection(by=stranger), strangers, MemoryFacts(strangers))
    assert strangers.topics == []


async def test_the_same_settings_change_nothing(store: MemoryStore, facts: MemoryFacts) -> None:
    await handlers.set_connection(connection(), store, facts)
    again = await handlers.set_connection(connection(), store, facts)
    assert (again.version, len(store.rows)) == (1, 1)
    changed = await handlers.set_connection(connection(company_id=3), store, facts)
    assert changed.version == 2


@pytest.mark.parametrize(
    "base_url",
    [
        "http://snipe.school.example",
        "https://other.school.example",
        "https://snipe.school.example:8443",
        "https://snipe.school.example/new",
    ],
)
async def test_another_server_is_the_same_inventory_only_if_somebody_says_so(
    store: MemoryStore, facts: MemoryFacts, base_url: str
) -> None:
    allowed = AllowedServers.read(
        f"https://snipe.school.example *, {base_url} env:QM_SNIPE_IT_TOKEN_NEW *"
    )
    await handlers.set_connection(connection(), store, facts)
    facts.has_item("asset", new_id())
    there = {
        "base_url": base_url,
        "token_source": "env:QM_SNIPE_IT_TOKEN_NEW",
        "allowed": allowed,
    }
    with pytest.raises(InventoryMapped):
        await handlers.set_connection(connection(**there), store, facts)
    assert len(store.rows) == 1
    moved = await handlers.set_connection(connection(**there, moved=True), store, facts)
    assert moved.version == 2


async def test_another_company_or_token_of_the_server_leaves_the_numbers_as_they_are(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    await handlers.set_connection(connection(), store, facts)
    facts.has_item("asset", new_id())
    other = {
        "base_url": "https://SNIPE.school.example:443/api/v1",
        "token_source": "env:QM_SNIPE_IT_TOKEN_NEW",
        "allowed": AllowedServers.read(
            "https://snipe.school.example env:QM_SNIPE_IT_TOKEN_NEW *",
        ),
    }
    changed = await handlers.set_connection(connection(**other, company_id=3), store, facts)
    assert changed.version == 2


async def test_a_server_that_nothing_is_mapped_of_was_a_slip(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    await handlers.set_connection(connection(), store, facts)
    allowed = AllowedServers.read("https://right.example *")
    there = connection(base_url="https://right.example", allowed=allowed)
    assert (await handlers.set_connection(there, store, facts)).version == 2


async def test_only_who_manages_the_inventory_may(store: MemoryStore, facts: MemoryFacts) -> None:
    with pytest.raises(PermissionMissing):
        await handlers.set_connection(connection(by=TECHNICIAN), store, facts)


async def test_a_version_of_what_is_not_there_does_not_match(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    with pytest.raises(VersionMismatch):
        await handlers.set_connection(connection(expected_version=1), store, facts)


async def test_a_thing_is_linked_and_unlinked_under_the_connections_version(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    await handlers.set_connection(connection(), store, facts)
    ours = new_id()
    facts.things["asset", 17] = MirroredFact("asset", 17, None)
    linked = await handlers.link(link("asset", ours, 17), store, facts)
    assert (linked.version, store.rows[-1]) == (2, MappingSet(TENANT, "asset", ours, 17, 2))

    facts.mappings[ours] = MappingFact("asset", ours, 17)
    again = await handlers.link(link("asset", ours, 17), store, facts)
    assert again.version == 2
    unlink = commands.UnlinkMapping(id=ours, by=ADMINISTRATOR, at=NOW, expected_version=2)
    unlinked = await handlers.unlink(unlink, store, facts)
    assert (unlinked.version, store.rows[-1]) == (3, MappingRemoved(TENANT, "asset", ours, 3))


async def test_what_cannot_be_linked_is_refused(store: MemoryStore, facts: MemoryFacts) -> None:
    ours, other = new_id(), new_id()
    with pytest.raises(NotConnected):
        await handlers.link(link("asset", ours, 17), store, facts)
    await handlers.set_connection(connection(), store, facts)
    with pytest.raises(InvalidField):
        await handlers.link(link("asset", ours, 17), store, facts)
    facts.things["asset", 17] = MirroredFact("asset", 17, other)
    with pytest.raises(ThingMapped):
        await handlers.link(link("asset", ours, 17), store, facts)
    facts.things["location", 3] = MirroredFact("location", 3, None)
    facts.mappings[ours] = MappingFact("asset", ours, 18)
    with pytest.raises(InvalidField):
        await handlers.link(link("location", ours, 3), store, facts)


async def test_a_user_stands_for_a_member_only(store: MemoryStore, facts: MemoryFacts) -> None:
    await handlers.set_connection(connection(), store, facts)
    facts.things["user", 5] = MirroredFact("user", 5, None)
    with pytest.raises(InvalidField):
        await handlers.link(link("user", REQUESTER.user_id, 5), store, facts)
    store.rows.append(RolesGranted(TENANT, REQUESTER.user_id, ("requester",), 1))
    linked = await handlers.link(link("user", REQUESTER.user_id, 5), store, facts)
    assert linked.version == 2


async def test_what_was_never_mapped_cannot_be_unlinked(
    store: MemoryStore, facts: MemoryFacts
) -> None:
    await handlers.set_connection(connection(), store, facts)
    unlink = commands.UnlinkMapping(id=new_id(), by=ADMINISTRATOR, at=NOW)
    with pytest.raises(MappingNotFound):
        await handlers.unlink(unlink, store, facts)
