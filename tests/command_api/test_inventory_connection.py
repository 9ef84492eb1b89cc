"""The connection to the inventory: which servers, where tokens stand, what stands for what."""

from typing import Any

import pytest

from infrastructure.ids import new_id, to_uuid
from tests.builders.inventory import InventoryTables
from tests.command_api.conftest import Log
from tests.command_api.inventory_cases import CONNECTION, connected
from tests.command_api.lab import Tenant


def tables_of(tenant: Tenant) -> InventoryTables:
    assert tenant.database is not None
    return InventoryTables(tenant.database, tenant.id)


async def put(tenant: Tenant, **changes: Any) -> Any:
    body = {**CONNECTION, **changes}
    return await tenant.post("admin", "/inventory/connection", body, method="PUT")


async def test_the_connection_is_there_with_the_receipt_and_the_same_changes_nothing(
    tenant: Tenant, log: Log
) -> None:
    first = await put(tenant)
    again = await put(tenant)
    changed = await put(tenant, status_labels={"deployable": 9})

    assert [answer.json()["version"] for answer in (first, again, changed)] == [1, 1, 2]
    assert log.topics()[-2:] == [
        "snipe_it_connection.connected.v1",
        "snipe_it_connection.changed.v1",
    ]
    facts = await _facts(tenant)
    assert (facts.connected, facts.available) == (True, True)
    assert facts.status_labels == {"deployable": 9}


async def _facts(tenant: Tenant) -> Any:
    commands = tenant.services.commands
    return await commands._facts(tenant.id).inventory()


async def test_a_tenant_without_a_connection_has_no_inventory(tenant: Tenant) -> None:
    facts = await _facts(tenant)
    assert (facts.connected, facts.available, facts.reason) == (False, False, "not_connected")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "https://evil.example"),
        ("base_url", "https://snipe.school.example:8443"),
        ("base_url", "http://169.254.169.254/latest"),
        ("token_source", "env:QM_COMMAND_DATABASE_URL"),
        ("token_source", "env:QM_SECRET_KEY"),
        ("token_source", "file:/etc/passwd"),
        ("token_source", "secret-token-itself"),
        ("token_source", "env:QM_SNIPE_IT_TOKEN_OF_ANOTHER"),
        ("server_zone", "Middle/Earth"),
        ("status_labels", {"coffee": 1}),
        ("status_labels", {"repair": 0}),
    ],
)
async def test_what_the_operator_does_not_allow_is_refused_by_name(
    field: str, value: Any, tenant: Tenant, log: Log
) -> None:
    head = log.head
    answer = await put(tenant, **{field: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"].startswith(field)
    assert log.head == head


async def test_a_server_that_is_for_another_tenant_is_refused_with_what_to_do(
    tenant: Tenant, log: Log
) -> None:
    head = log.head
    its = {"base_url": "https://other.example", "token_source": "env:QM_SNIPE_IT_TOKEN_OF_ANOTHER"}
    answer = await put(tenant, **its)
    assert (answer.status_code, answer.json()["code"]) == (422, "server_not_allowed")
    assert "id of the tenant" in answer.json()["help"]
    assert log.head == head


async def test_another_server_is_taken_only_for_the_same_inventory_once_ids_stand_for_its_things(
    tenant: Tenant, log: Log
) -> None:
    new = {"base_url": "https://new.example", "token_source": "env:QM_SNIPE_IT_TOKEN_NEW"}
    assert [(await put(tenant, **one)).json()["version"] for one in ({}, new, {})] == [1, 2, 3]

    tables_of(tenant).put_location(7, new_id())
    head = log.head
    refused = await put(tenant, **new)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory_mapped")
    assert "moved" in refused.json()["help"]
    assert log.head == head

    moved = await put(tenant, **new, moved=True)
    assert (moved.status_code, moved.json()["version"]) == (200, 4)


async def test_a_mapping_that_was_mended_is_known_at_once(tenant: Tenant) -> None:
    tables, mapped = tables_of(tenant), (await connected(tenant))["id"]
    made = await tenant.post("admin", "/inventory/mappings", {"kind": "location", "external_id": 8})
    new = made.headers["location"].rsplit("/", 1)[-1]
    assert tables.row("locations", 8)["id"] == to_uuid(new)

    taken = await tenant.post(
        "admin", "/inventory/mappings", {"kind": "location", "external_id": 8, "id": mapped}
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "thing_mapped")
    freed = await tenant.post(
        "admin", f"/inventory/mappings/{new}", method="DELETE", headers={"If-Match": '"3"'}
    )
    assert freed.status_code == 200, freed.text
    moved = await tenant.post(
        "admin", "/inventory/mappings", {"kind": "location", "external_id": 8, "id": mapped}
    )
    assert moved.status_code == 201, moved.text
    assert tables.row("locations", 8)["id"] == to_uuid(mapped)
    assert tables.row("locations", 7)["id"] is None
    assert moved.json()["version"] == 5


async def test_an_old_version_takes_nothing_away(tenant: Tenant) -> None:
    mapped = (await connected(tenant))["id"]
    answer = await tenant.post(
        "admin", f"/inventory/mappings/{mapped}", method="DELETE", headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 412
    assert tables_of(tenant).row("locations", 7)["id"] == to_uuid(mapped)


async def test_only_members_stand_for_users_and_only_what_is_there_is_mapped(
    tenant: Tenant,
) -> None:
    await connected(tenant)
    tables_of(tenant).put_user(5, "ana")
    stranger = {"kind": "user", "external_id": 5, "id": new_id()}
    for body, path in (
        (stranger, "id"),
        ({"kind": "user", "external_id": 5}, "id"),
        ({"kind": "location", "external_id": 99}, "external_id"),
        ({"kind": "spaceship", "external_id": 1}, "kind"),
    ):
        answer = await tenant.post("admin", "/inventory/mappings", body)
        assert answer.status_code == 422, answer.text
        assert [one["path"] for one in answer.json()["errors"]] == [path]

    person = tenant["requester"].id
    linked = await tenant.post(
        "admin", "/inventory/mappings", {"kind": "user", "external_id": 5, "id": person}
    )
    assert linked.status_code == 201, linked.text
    commands = tenant.services.commands
    fact = await commands._facts(tenant.id).custodian("user", person)
    assert fact is not None
    assert fact.external_id == 5


async def test_without_a_connection_there_is_nothing_to_mend(tenant: Tenant) -> None:
    answer = await tenant.post(
        "admin", "/inventory/mappings", {"kind": "location", "external_id": 1}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "inventory_not_connected")
