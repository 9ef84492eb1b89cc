"""A small inventory as rows of a real database: one printer, its model, a place, a person."""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from domain.ids import Id, inventory_id
from infrastructure.ids import to_uuid
from tests.fixtures.postgres import Database

PRINTER: Final = 17
MODEL: Final = 4
CATEGORY: Final = 2
PLACE: Final = 3
PERSON: Final = 5
LABEL: Final = 2
CABLES: Final = 30
SCREWS: Final = 40
LABELS: Final = {
    "deployable": 2,
    "archived": 3,
    "retired": 7,
    "disposed": 8,
    "lost": 9,
    "stolen": 10,
    "repair": 5,
}

_CONNECTION: Final = (
    "INSERT INTO inventory.connections (tenant_id, base_url, token_source, server_zone,"
    " status_labels, version) VALUES (%s, 'http://127.0.0.1:8091', 'env:QM_TOKEN', 'UTC', %s, 1)"
)
_MODEL: Final = (
    "INSERT INTO inventory.models (tenant_id, external_id, id, as_of, name, category_external_id,"
    " requestable, assets_count) VALUES (%s, %s, %s, now(), 'Prusa MK4', %s, true, 1)"
)
_CATEGORY: Final = (
    "INSERT INTO inventory.categories (tenant_id, external_id, id, as_of, name, type,"
    " require_acceptance) VALUES (%s, %s, %s, now(), '3D printers', 'Asset', false)"
)
_PLACE: Final = (
    "INSERT INTO inventory.locations (tenant_id, external_id, id, as_of, name)"
    " VALUES (%s, %s, %s, now(), 'Main lab')"
)
_PRINTER: Final = (
    "INSERT INTO inventory.assets (tenant_id, external_id, id, as_of, tag, model_external_id,"
    " status_external_id, status_type, can_check_out, requestable, checkout_counter,"
    " checkin_counter, custom_fields)"
    " VALUES (%s, %s, %s, now(), %s, %s, 2, 'deployable', true, true, 0, 0, '{}')"
)
_LABEL: Final = (
    "INSERT INTO inventory.status_labels (tenant_id, external_id, id, as_of, name, type)"
    " VALUES (%s, %s, %s, now(), 'Ready to deploy', 'deployable')"
)
_CABLES: Final = (
    "INSERT INTO inventory.accessories (tenant_id, external_id, id, as_of, name, quantity,"
    " remaining) VALUES (%s, %s, %s, now(), 'USB cable', 5, 4)"
)
_SCREWS: Final = (
    "INSERT INTO inventory.consumables (tenant_id, external_id, id, as_of, name, quantity,"
    " remaining) VALUES (%s, %s, %s, now(), 'Screws', 100, 90)"
)
_MAPPING: Final = (
    "INSERT INTO inventory.mappings (tenant_id, kind, id, external_id, matched_by)"
    " VALUES (%s, %s, %s, %s, 'first_seen')"
)
_REMOVE: Final = (
    "UPDATE inventory.assets SET deleted_at = now() WHERE tenant_id = %s AND external_id = %s"
)
_OPEN: Final = (
    "INSERT INTO inventory.circuits (tenant_id, state, failures, openings, since, retry_at, reason)"
    " VALUES (%s, 'open', 5, 1, now(), now() + %s * interval '1 second', 'unreachable')"
)
_CLOSED: Final = "DELETE FROM inventory.circuits WHERE tenant_id = %s"
_FORGET: Final = "DELETE FROM inventory.models WHERE tenant_id = %s"
RETRY_AFTER_S: Final = 90


@dataclass(frozen=True, slots=True)
class Shelf:
    """The ids of a tenant's few things."""

    tenant_id: Id
    printer: Id
    model: Id
    category: Id
    place: Id
    label: Id
    cables: Id
    screws: Id


def shelf_of(tenant_id: Id) -> Shelf:
    """The ids that a tenant's few things have."""
    return Shelf(
        tenant_id,
        inventory_id(tenant_id, "asset", PRINTER),
        inventory_id(tenant_id, "model", MODEL),
        inventory_id(tenant_id, "category", CATEGORY),
        inventory_id(tenant_id, "location", PLACE),
        inventory_id(tenant_id, "status_label", LABEL),
        inventory_id(tenant_id, "accessory", CABLES),
        inventory_id(tenant_id, "consumable", SCREWS),
    )


def stock_shelf(database: Database, tenant_id: Id, person: Id | None = None) -> Shelf:
    """Connect a tenant to an inventory with few things; ``person`` is a user there."""
    shelf = shelf_of(tenant_id)
    tenant = to_uuid(tenant_id)
    mapped = [
        ("model", shelf.model, MODEL),
        ("category", shelf.category, CATEGORY),
        ("location", shelf.place, PLACE),
        ("status_label", shelf.label, LABEL),
        ("accessory", shelf.cables, CABLES),
        ("consumable", shelf.screws, SCREWS),
        *([] if person is None else [("user", person, PERSON)]),
    ]
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_CONNECTION, (tenant, Jsonb(LABELS)))
        connection.execute(_MODEL, (tenant, MODEL, to_uuid(shelf.model), CATEGORY))
        connection.execute(_CATEGORY, (tenant, CATEGORY, to_uuid(shelf.category)))
        connection.execute(_PLACE, (tenant, PLACE, to_uuid(shelf.place)))
        connection.execute(_LABEL, (tenant, LABEL, to_uuid(shelf.label)))
        connection.execute(_CABLES, (tenant, CABLES, to_uuid(shelf.cables)))
        connection.execute(_SCREWS, (tenant, SCREWS, to_uuid(shelf.screws)))
        for kind, id, number in mapped:
            connection.execute(_MAPPING, (tenant, kind, to_uuid(id), number))
    add_printer(database, shelf, PRINTER)
    return shelf


def add_printer(database: Database, shelf: Shelf, number: int) -> Id:
    """One more asset of the shelf's model."""
    id = inventory_id(shelf.tenant_id, "asset", number)
    tenant, tag = to_uuid(shelf.tenant_id), f"3DP-{number:04}"
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_PRINTER, (tenant, number, to_uuid(id), tag, MODEL))
        connection.execute(_MAPPING, (tenant, "asset", to_uuid(id), number))
    return id


def remove_printer(database: Database, tenant_id: Id) -> None:
    """The printer is gone over there."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_REMOVE, (to_uuid(tenant_id), PRINTER))


def break_circuit(database: Database, tenant_id: Id) -> None:
    """The inventory cannot be asked for a while."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_OPEN, (to_uuid(tenant_id), RETRY_AFTER_S))


def mend_circuit(database: Database, tenant_id: Id) -> None:
    """It can be asked again."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_CLOSED, (to_uuid(tenant_id),))


def forget_models(database: Database, tenant_id: Id) -> None:
    """The mirror knows no model."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(_FORGET, (to_uuid(tenant_id),))
