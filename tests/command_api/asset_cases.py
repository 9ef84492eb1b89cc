"""The routes of the inventory's own things, and of assignments that begin with the asset."""

from typing import Final

from domain.ids import Id
from tests.builders import inventory_answers
from tests.builders.inventory_rows import stock_shelf
from tests.command_api.case import Case, Ids
from tests.command_api.lab import Tenant

DUE: Final = "2030-01-01"
LATER: Final = "2030-02-01"


async def a_shelf(tenant: Tenant) -> Ids:
    """A tenant with few things, one of whose members is a user of its inventory."""
    assert tenant.database is not None
    person = tenant["requester"].id
    shelf = stock_shelf(tenant.database, tenant.id, person)
    return {
        "id": shelf.printer,
        "model": shelf.model,
        "category": shelf.category,
        "place": shelf.place,
        "person": person,
    }


async def handed_out(tenant: Tenant) -> Ids:
    """An asset that the inventory has confirmed to be with somebody."""
    ids = await a_shelf(tenant)
    body = {"person_id": ids["person"], "end_date": DUE}
    made = await tenant.post("technician", f"/assets/{ids['id']}/assignments", body)
    assert made.status_code == 202, made.text
    await confirm(tenant, made.json()["id"])
    return {**ids, "id": made.json()["id"], "asset": ids["id"]}


async def confirm(tenant: Tenant, assignment_id: Id) -> None:
    """Let the inventory have done what an assignment waits for."""
    await inventory_answers.confirm(tenant.services.commands, tenant.id, assignment_id)


def _of_an_asset(operation: str, action: str) -> Case:
    path = f"/assets/{{id}}/{action}"
    return Case(operation, "POST", path, a_shelf, "admin", "technician", status=202)


ASSET_CASES: Final = (
    Case(
        "create_asset_model",
        "POST",
        "/asset-models",
        a_shelf,
        "admin",
        "technician",
        lambda ids: {
            "name": "Raspberry Pi 5",
            "tracking_type": "serialized",
            "category_id": ids["category"],
        },
        {"name": 5},
        "name",
        status=202,
    ),
    Case(
        "create_asset",
        "POST",
        "/assets",
        a_shelf,
        "admin",
        "technician",
        lambda ids: {"model_id": ids["model"], "serial_number": "SN-9", "name": "MK4 #9"},
        {"purchase_date": "yesterday"},
        "purchase_date",
        status=202,
    ),
    Case(
        "change_asset",
        "PATCH",
        "/assets/{id}",
        a_shelf,
        "admin",
        "technician",
        lambda _: {"name": "MK4 #1", "notes": None, "purchase_date": "2026-09-01"},
        {"requestable": "yes"},
        "requestable",
        status=202,
    ),
    Case("delete_asset", "DELETE", "/assets/{id}", a_shelf, "admin", "technician", status=202),
    _of_an_asset("restore_asset", "restore"),
    _of_an_asset("archive_asset", "archive"),
    _of_an_asset("retire_asset", "retire"),
    _of_an_asset("dispose_asset", "dispose"),
    _of_an_asset("mark_asset_lost", "mark-lost"),
    _of_an_asset("mark_asset_stolen", "mark-stolen"),
    Case(
        "assign_asset",
        "POST",
        "/assets/{id}/assignments",
        a_shelf,
        "technician",
        "requester",
        lambda ids: {"person_id": ids["person"], "end_date": DUE},
        {"person_id": 5},
        "person_id",
        status=202,
    ),
    Case(
        "create_asset_assignment",
        "POST",
        "/asset-assignments",
        a_shelf,
        "technician",
        "requester",
        lambda ids: {"asset_id": ids["id"], "location_id": ids["place"], "start_date": DUE},
        {"start_date": 5},
        "start_date",
        status=201,
    ),
    Case(
        "change_assignment",
        "PATCH",
        "/assignments/{id}",
        handed_out,
        "technician",
        "requester",
        lambda _: {"end_date": LATER},
        {"end_date": None},
        "end_date",
        status=202,
        version_needed=True,
        version=3,
    ),
    Case(
        "create_asset_circulation",
        "POST",
        "/asset-circulations",
        a_shelf,
        "technician",
        "requester",
        lambda ids: {
            "asset_id": ids["id"],
            "circulation_type": "issue",
            "person_id": ids["person"],
        },
        {"circulation_type": 5},
        "circulation_type",
        status=202,
    ),
)
