"""The routes of the connection to the inventory, and of what stands for what there."""

from typing import Final

from infrastructure.ids import new_id
from tests.builders.inventory import InventoryTables
from tests.command_api.case import Case, Ids
from tests.command_api.lab import Tenant

SERVER: Final = "https://snipe.school.example"
CONNECTION: Final = {
    "base_url": SERVER,
    "token_source": "env:QM_SNIPE_IT_TOKEN",
    "server_zone": "Europe/Berlin",
    "status_labels": {"deployable": 2, "repair": 5},
}


async def _nothing(_tenant: Tenant) -> Ids:
    return {}


async def connected(tenant: Tenant) -> Ids:
    """A connection at version 2, and two rooms: one that an id stands for, one that none does."""
    for zone in ("UTC", "Europe/Berlin"):
        body = {**CONNECTION, "server_zone": zone}
        made = await tenant.post("admin", "/inventory/connection", body, method="PUT")
        assert made.status_code == 200, made.text
    assert tenant.database is not None
    tables = InventoryTables(tenant.database, tenant.id)
    mapped = new_id()
    tables.put_location(7, mapped)
    tables.put_location(8)
    return {"id": mapped}


INVENTORY_CASES: Final = (
    Case(
        "set_inventory_connection",
        "PUT",
        "/inventory/connection",
        _nothing,
        "admin",
        "technician",
        lambda _: CONNECTION,
        {"company_id": "3"},
        "company_id",
    ),
    Case(
        "link_inventory_mapping",
        "POST",
        "/inventory/mappings",
        connected,
        "admin",
        "technician",
        lambda _: {"kind": "location", "external_id": 8},
        {"external_id": "8"},
        "external_id",
        status=201,
    ),
    Case(
        "unlink_inventory_mapping",
        "DELETE",
        "/inventory/mappings/{id}",
        connected,
        "admin",
        "technician",
        version_needed=True,
    ),
)
