"""What the asset routes promise beyond what every route does."""

from typing import Any, Final

import psycopg
import pytest

from infrastructure.ids import new_id, to_uuid
from tests.builders.inventory_rows import RETRY_AFTER_S, break_circuit, remove_printer
from tests.command_api.asset_cases import DUE, a_shelf, confirm, handed_out
from tests.command_api.case import Ids
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import Database

OPERATION: Final = "/api/v1/inventory/operations/"
STANDINGS: Final = ("archive", "retire", "dispose", "mark-lost", "mark-stolen")


@pytest.fixture
async def ids(tenant: Tenant) -> Ids:
    return await a_shelf(tenant)


def new_asset(ids: Ids, **more: Any) -> dict[str, Any]:
    return {"model_id": ids["model"], "serial_number": "SN-9", **more}


async def test_a_write_answers_with_its_operation_which_a_worker_finds(
    tenant: Tenant, ids: Ids, database: Database
) -> None:
    answer = await tenant.post("admin", f"/assets/{ids['id']}/retire")
    receipt = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == OPERATION + receipt["id"]
    with psycopg.connect(database.superuser_url) as connection:
        waiting = connection.execute("SELECT operation_id, thing FROM inventory.work").fetchall()
    assert waiting == [(to_uuid(receipt["id"]), "asset:17")]


async def test_nothing_is_promised_while_the_inventory_cannot_be_asked(
    tenant: Tenant, ids: Ids, log: Log
) -> None:
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)
    head, asset = log.head, f"/assets/{ids['id']}"
    for method, path, body in (
        ("POST", "/assets", new_asset(ids)),
        (
            "POST",
            "/asset-models",
            {"name": "Pi", "tracking_type": "serialized", "category_id": ids["category"]},
        ),
        ("PATCH", asset, {"name": "x"}),
        ("DELETE", asset, None),
        ("POST", f"{asset}/restore", None),
        *(("POST", f"{asset}/{standing}", None) for standing in STANDINGS),
    ):
        answer = await tenant.post("admin", path, body, method=method)
        check_problem(answer, 503, "inventory_unavailable")
        assert 1 <= int(answer.headers["Retry-After"]) <= RETRY_AFTER_S
    assert log.head == head


async def test_without_an_inventory_no_asset_can_be_made(tenant: Tenant, log: Log) -> None:
    head = log.head
    body = {"model_id": new_id(), "serial_number": "SN-1"}
    answer = await tenant.post("admin", "/assets", body)
    check_problem(answer, 503, "inventory_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert log.head == head


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"serial_number": None, "quantity": 12}, "quantity"),
        ({"serial_number": None}, "serial_number"),
        ({"quantity": 2}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"model_id": "{place}"}, "model_id"),
        ({"home_location_id": "{model}"}, "home_location_id"),
        ({"project_id": "{model}"}, "project_id"),
        ({"purchase_date": "2026-02-30"}, "purchase_date"),
        ({"name": "a\x00b"}, "name"),
        ({"assigned_user": 3}, "assigned_user"),
    ],
)
async def test_a_new_asset_names_the_field_that_cannot_be_accepted(
    tenant: Tenant, ids: Ids, log: Log, change: dict[str, Any], path: str
) -> None:
    filled = {
        name: value.format(**ids) if isinstance(value, str) and "{" in value else value
        for name, value in change.items()
    }
    head = log.head
    answer = await tenant.post("admin", "/assets", new_asset(ids, **filled))
    assert answer.status_code == 422, answer.text
    assert [wrong["path"] for wrong in answer.json()["errors"]] == [path]
    assert log.head == head


async def test_what_is_counted_is_added_in_the_inventory_itself(tenant: Tenant, ids: Ids) -> None:
    body = {"name": "Cable", "tracking_type": "countable", "category_id": ids["category"]}
    answer = await tenant.post("admin", "/asset-models", body)
    problem = answer.json()
    assert answer.status_code == 422
    assert "Snipe-IT" in problem["detail"]


async def test_a_model_without_a_category_is_told_where_to_find_one(
    tenant: Tenant, ids: Ids
) -> None:
    body = {"name": "Raspberry Pi 5", "tracking_type": "serialized"}
    answer = await tenant.post("admin", "/asset-models", body)
    assert answer.status_code == 422
    (wrong,) = answer.json()["errors"]
    assert (wrong["path"], "/asset-categories" in wrong["detail"]) == ("category_id", True)


async def test_a_purpose_without_a_label_says_how_to_choose_one(
    tenant: Tenant, ids: Ids, database: Database
) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("UPDATE inventory.connections SET status_labels = '{}'")
    answer = await tenant.post("admin", f"/assets/{ids['id']}/dispose")
    problem = check_problem(answer, 409, "status_label_missing")
    assert "disposed" in problem["detail"]
    assert "PUT /inventory/connection" in problem["help"]


async def test_what_somebody_has_is_neither_removed_nor_retired(tenant: Tenant, log: Log) -> None:
    ids = await handed_out(tenant)
    head, asset = log.head, f"/assets/{ids['asset']}"
    check_problem(await tenant.post("admin", asset, method="DELETE"), 409, "asset_in_use")
    for standing in ("archive", "retire", "dispose"):
        answer = await tenant.post("admin", f"{asset}/{standing}")
        check_problem(answer, 409, "asset_in_use")
    for standing in ("mark-lost", "mark-stolen"):
        answer = await tenant.post("admin", f"{asset}/{standing}")
        problem = check_problem(answer, 409, "asset_is_assigned")
        assert ids["id"] in problem["detail"]
    assert log.head == head


async def test_a_removed_asset_can_only_be_restored(tenant: Tenant, ids: Ids) -> None:
    assert tenant.database is not None
    remove_printer(tenant.database, tenant.id)
    asset = f"/assets/{ids['id']}"
    answer = await tenant.post("admin", asset, {"name": "x"}, method="PATCH")
    check_problem(answer, 409, "asset_removed")
    assert (await tenant.post("admin", f"{asset}/restore")).status_code == 202


async def test_ids_of_other_kinds_name_no_asset(tenant: Tenant, ids: Ids) -> None:
    for kind in ("model", "category", "place"):
        for path in (f"/assets/{ids[kind]}/retire", f"/assets/{ids[kind]}/assignments"):
            body = {"person_id": ids["person"]} if path.endswith("s") else None
            check_problem(await tenant.post("admin", path, body), 404, "not_found")


async def test_an_asset_has_no_version_that_if_match_could_name(tenant: Tenant, ids: Ids) -> None:
    path = f"/assets/{ids['id']}/retire"
    named = await tenant.post("admin", path, headers={"If-Match": '"1"'})
    check_problem(named, 412, "version_mismatch")
    assert (await tenant.post("admin", path, headers={"If-Match": "*"})).status_code == 202


async def test_an_assignment_begins_now_or_is_kept_for_later(tenant: Tenant, ids: Ids) -> None:
    path = f"/assets/{ids['id']}/assignments"
    later = {"location_id": ids["place"], "start_date": DUE}
    kept = await tenant.post("technician", path, later)
    assert (kept.status_code, kept.json()["version"]) == (201, 1)
    assert kept.headers["Location"] == f"/api/v1/assignments/{kept.json()['id']}"
    now = {"person_id": ids["person"], "start_date": "2020-01-01", "end_date": "2029-01-01"}
    given = await tenant.post("technician", path, now)
    assert (given.status_code, given.json()["version"]) == (202, 2)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "person_id"),
        ({"person_id": "{person}", "location_id": "{place}"}, "location_id"),
        ({"person_id": "{place}"}, "person_id"),
        ({"location_id": "{person}"}, "location_id"),
        ({"person_id": "{person}", "end_date": "2020-01-01"}, "end_date"),
        ({"person_id": "{person}", "project_id": "{place}"}, "project_id"),
    ],
)
async def test_an_assignment_names_its_fields_as_they_are_called_here(
    tenant: Tenant, ids: Ids, body: dict[str, str], path: str
) -> None:
    sent = {name: value.format(**ids) for name, value in body.items()}
    for route, asset in ((f"/assets/{ids['id']}/assignments", {}), ("/asset-assignments", ids)):
        named = {"asset_id": asset["id"]} if asset else {}
        answer = await tenant.post("technician", route, {**sent, **named})
        assert answer.status_code == 422, answer.text
        assert [wrong["path"] for wrong in answer.json()["errors"]] == [path]
    unknown = await tenant.post(
        "technician", "/asset-assignments", {"asset_id": new_id(), "person_id": ids["person"]}
    )
    assert [wrong["path"] for wrong in unknown.json()["errors"]] == ["asset_id"]


async def test_the_life_of_an_asset_in_the_words_of_a_desk(tenant: Tenant, ids: Ids) -> None:
    async def tell(type: str, **more: str) -> str:
        body = {"asset_id": ids["id"], "circulation_type": type, **more}
        answer = await tenant.post("technician", "/asset-circulations", body)
        assert answer.status_code == (200 if type == "confirm" else 202), answer.text
        id: str = answer.json()["id"]
        assert answer.headers["Location"] == f"/api/v1/assignments/{id}"
        return id

    first = await tell("issue", person_id=ids["person"], end_date=DUE)
    await confirm(tenant, first)
    assert await tell("confirm", person_id=ids["person"]) == first
    assert await tell("receive", location_id=ids["place"], notes="Dusty") == first
    await confirm(tenant, first)
    second = await tell("move", location_id=ids["place"])
    assert second != first
    await confirm(tenant, second)
    assert await tell("return") == second


async def test_a_desk_without_anything_out_is_told_so(tenant: Tenant, ids: Ids) -> None:
    body = {"asset_id": ids["id"], "circulation_type": "return"}
    answer = await tenant.post("technician", "/asset-circulations", body)
    check_problem(answer, 409, "asset_not_out")


async def test_closing_takes_it_all_back(tenant: Tenant) -> None:
    ids = await handed_out(tenant)
    answer = await tenant.post("technician", f"/assignments/{ids['id']}/close")
    assert answer.status_code == 202, answer.text
    await confirm(tenant, ids["id"])
    again = await tenant.post("technician", f"/assignments/{ids['id']}/close")
    check_problem(again, 409, "wrong_state")
