"""The routes that keep items for the lines of a requisition, and let go of them."""

from typing import Final

from domain.ids import Id
from tests.command_api.asset_cases import a_shelf
from tests.command_api.case import Case, Ids
from tests.command_api.lab import Tenant


async def wanted(tenant: Tenant) -> Ids:
    """An approved requisition for two printers; the shelf has the one that is ``asset``."""
    shelf = await a_shelf(tenant)
    return {**shelf, "asset": shelf["id"], **await asked_for(tenant, shelf["model"])}


async def asked_for(tenant: Tenant, model: Id) -> Ids:
    """An approved requisition for two assets of a model."""
    line = {"item": {"kind": "model", "id": model}, "quantity": 2}
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id, lines=[line])
    path = f"/requisitions/{requisition_id}"
    added = await tenant.post("requester", f"{path}/lines", line)
    assert added.status_code == 200, added.text
    for who, action in (("requester", "submit"), ("approver", "approve")):
        answer = await tenant.post(who, f"{path}/{action}")
        assert answer.status_code == 200, answer.text
    return {"id": requisition_id, "line_id": added.json()["line_id"], "project": project_id}


async def kept(tenant: Tenant) -> Ids:
    """The same, with the printer kept for it by ``assignment``."""
    ids = await wanted(tenant)
    path = f"/requisitions/{ids['id']}/lines/{ids['line_id']}/allocate"
    made = await tenant.post("technician", path, {"asset_id": ids["asset"]})
    assert made.status_code == 201, made.text
    return {**ids, "assignment": made.headers["Location"].rpartition("/")[2]}


ALLOCATION_CASES: Final = (
    Case(
        "allocate_line",
        "POST",
        "/requisitions/{id}/lines/{line_id}/allocate",
        wanted,
        "technician",
        "approver",
        lambda ids: {"asset_id": ids["asset"]},
        {"quantity": "1"},
        "quantity",
        status=201,
    ),
    Case(
        "deallocate_line",
        "POST",
        "/requisitions/{id}/lines/{line_id}/deallocate",
        kept,
        "technician",
        "approver",
        lambda ids: {"assignment_id": ids["assignment"], "reason": "Broken"},
        {"reason": 1},
        "reason",
    ),
)
