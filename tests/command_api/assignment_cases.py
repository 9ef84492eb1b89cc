"""The routes of assignments, and assignments in the states in which they may be asked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.ids import Id
from tests.builders import inventory_answers
from tests.command_api.asset_cases import a_shelf, confirm
from tests.command_api.case import Arrange, Case, Ids
from tests.command_api.lab import Tenant


def in_days(days: int) -> str:
    """A time from now on, as a body has it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def lent(ids: Ids, **more: Any) -> dict[str, Any]:
    """The body that lends the printer to the member for a week."""
    return {
        "item": {"kind": "asset", "id": ids["asset"]},
        "custodian": {"kind": "user", "id": ids["person"]},
        "due": in_days(7),
        **more,
    }


async def shelved(tenant: Tenant) -> Ids:
    """A printer that nobody has."""
    ids = await a_shelf(tenant)
    return {**ids, "asset": ids["id"]}


async def reserved(tenant: Tenant) -> Ids:
    """The printer is kept for the requester; ``id`` is the assignment's."""
    ids = await shelved(tenant)
    made = await tenant.post("technician", "/assignments", lent(ids))
    assert made.status_code == 201, made.text
    return {**ids, "id": made.json()["id"]}


async def issuing(tenant: Tenant) -> Ids:
    """The printer is being handed over."""
    ids = await reserved(tenant)
    await give(tenant, "technician", ids, "issue")
    return ids


async def active(tenant: Tenant) -> Ids:
    """The inventory has confirmed that the requester has the printer."""
    ids = await issuing(tenant)
    await confirm(tenant, ids["id"])
    return ids


async def extension_asked(tenant: Tenant) -> Ids:
    """The requester wants to keep it for another week."""
    ids = await active(tenant)
    await give(tenant, "requester", ids, "request-extension", {"due": in_days(14)})
    return ids


async def lost(tenant: Tenant) -> Ids:
    """The requester has lost it."""
    ids = await active(tenant)
    await give(tenant, "requester", ids, "report-loss", {"kind": "lost"})
    return ids


async def drifted(tenant: Tenant) -> Ids:
    """The inventory shows it with nobody."""
    ids = await active(tenant)
    await inventory_answers.drift(tenant.services.commands, tenant.id, ids["id"])
    return ids


async def give(
    tenant: Tenant,
    who: str,
    ids: Mapping[str, Id],
    action: str,
    body: dict[str, Any] | None = None,
) -> None:
    """Ask something of the assignment that surely is done."""
    answer = await tenant.post(who, f"/assignments/{ids['id']}/{action}", body)
    assert answer.status_code in (200, 202), answer.text


def _case(
    operation: str,
    action: str,
    arrange: Arrange,
    actor: str,
    lacking: str,
    body: dict[str, Any] | None = None,
    wrong: dict[str, Any] | None = None,
    wrong_path: str = "",
    *,
    status: int = 202,
) -> Case:
    return Case(
        operation,
        "POST",
        f"/assignments/{{id}}/{action}",
        arrange,
        actor,
        lacking,
        None if body is None else lambda _: body,
        wrong or {},
        wrong_path,
        status=status,
    )


WHY: Final = {"reason": "Not needed"}
WRONG_WHY: Final = {"reason": 5}

ASSIGNMENT_CASES: Final = (
    Case(
        "create_assignment",
        "POST",
        "/assignments",
        shelved,
        "technician",
        "approver",
        lent,
        {"quantity": "1"},
        "quantity",
        status=201,
    ),
    _case("issue_assignment", "issue", reserved, "technician", "requester"),
    _case(
        "cancel_reservation",
        "cancel",
        reserved,
        "technician",
        "requester",
        WHY,
        WRONG_WHY,
        "reason",
        status=200,
    ),
    _case(
        "accept_assignment",
        "accept",
        active,
        "requester",
        "approver",
        {"terms": "I will bring it back."},
        {"witnessed": "yes"},
        "witnessed",
        status=200,
    ),
    _case(
        "decline_assignment",
        "decline",
        active,
        "requester",
        "technician",
        WHY,
        WRONG_WHY,
        "reason",
        status=200,
    ),
    _case(
        "request_extension",
        "request-extension",
        active,
        "requester",
        "approver",
        {"due": in_days(14)},
        {"due": 7},
        "due",
        status=200,
    ),
    _case(
        "approve_extension",
        "approve-extension",
        extension_asked,
        "technician",
        "requester",
        {"due": None},
        {"due": "tomorrow"},
        "due",
    ),
    _case(
        "refuse_extension",
        "refuse-extension",
        extension_asked,
        "technician",
        "requester",
        WHY,
        WRONG_WHY,
        "reason",
        status=200,
    ),
    _case(
        "return_assignment",
        "return",
        active,
        "technician",
        "requester",
        {
            "units": [{"quantity": 1, "condition": "damaged", "note": "The nozzle is loose."}],
            "checklist": [{"name": "Power supply", "passed": True}],
            "note": "Wet",
        },
        {"units": [{"condition": "fine"}]},
        "units.0.condition",
    ),
    _case("close_assignment", "close", active, "technician", "requester"),
    _case(
        "report_loss",
        "report-loss",
        active,
        "requester",
        "approver",
        {"kind": "stolen", "note": "From the car"},
        {"kind": "mislaid"},
        "kind",
    ),
    _case("confirm_loss", "confirm-loss", lost, "admin", "technician"),
    _case("recover_assignment", "recover", lost, "technician", "requester"),
    Case(
        "transfer_assignment",
        "POST",
        "/assignments/{id}/transfer",
        active,
        "technician",
        "requester",
        lambda ids: {"to": {"kind": "location", "id": ids["place"]}},
        {"to": {"kind": "project", "id": "01JD8Y4Z3N6V8M2K5T7W9XQ1RC"}},
        "to.kind",
        status=202,
    ),
    _case(
        "resolve_drift",
        "resolve-drift",
        drifted,
        "admin",
        "technician",
        {"how": "external_return"},
        {"how": "somehow"},
        "how",
    ),
)
