"""What the routes of assignments promise, over a database of the test's own."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from domain.assignments.assignment import Assignment
from domain.ids import Id
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.commands import Envelope
from infrastructure.ids import new_id, to_uuid
from tests.builders import inventory_answers
from tests.builders.inventory_rows import PLACE, break_circuit
from tests.command_api.asset_cases import confirm
from tests.command_api.assignment_cases import (
    active,
    drifted,
    extension_asked,
    give,
    in_days,
    issuing,
    lent,
    lost,
    reserved,
    shelved,
)
from tests.command_api.case import Ids
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.test_routes import check_problem


async def ask(tenant: Tenant, who: str, ids: Ids, action: str, body: Any = None) -> httpx.Response:
    return await tenant.post(who, f"/assignments/{ids['id']}/{action}", body)


def waiting(log: Log, tenant: Tenant) -> list[str]:
    """What the sync worker is to look at, by the thing concerned."""
    rows = log.connection.execute(
        "SELECT thing FROM inventory.work WHERE tenant_id = %s ORDER BY due_at",
        (to_uuid(tenant.id),),
    )
    return [thing for (thing,) in rows]


async def test_a_hand_over_its_hold_and_its_operation_are_one_command_of_the_log(
    tenant: Tenant, log: Log
) -> None:
    ids = await shelved(tenant)
    head = log.head

    made = await tenant.post("technician", "/assignments", lent(ids, issue=True))

    assert made.status_code == 202, made.text
    assert made.headers["Location"] == f"/api/v1/assignments/{made.json()['id']}"
    assert log.topics(head) == [
        "assignment.reserved.v1",
        "assignment.issue_requested.v1",
        "item_book.opened.v1",
        "item_book.held.v1",
        "item_book.hold_changed.v1",
        "inventory_operation.requested.v1",
    ]
    commands = log.connection.execute(
        "SELECT count(DISTINCT command_id) FROM log.stored_events WHERE notification_id > %s",
        (head,),
    ).fetchone()
    assert commands == (1,)
    assert len(waiting(log, tenant)) == 1


async def test_issued_and_synced_are_one_command_of_the_log(tenant: Tenant, log: Log) -> None:
    ids = await issuing(tenant)
    await confirm(tenant, ids["id"])
    assert log.topics()[-2:] == ["inventory_operation.synced.v1", "assignment.issued.v1"]
    assert waiting(log, tenant) == []


async def test_what_was_confirmed_as_lost_comes_back_on_proof(tenant: Tenant, log: Log) -> None:
    ids = await lost(tenant)
    await give(tenant, "admin", ids, "confirm-loss")
    await confirm(tenant, ids["id"])
    head = log.head

    await give(tenant, "technician", ids, "recover")
    assert waiting(log, tenant) == ["asset:17"]
    await confirm(tenant, ids["id"])

    assert log.topics(head) == [
        "assignment.recovered.v1",
        "item_book.held.v1",
        "item_book.hold_changed.v1",
        "inventory_operation.requested.v1",
        "inventory_operation.attempt_started.v1",
        "inventory_operation.attempt_accepted.v1",
        "inventory_operation.synced.v1",
        "assignment.asset_recovered.v1",
        "item_book.released.v1",
    ]
    assert (await tenant.post("technician", "/assignments", lent(ids))).status_code == 201


async def test_of_many_technicians_at_once_one_hands_the_printer_over(
    tenant: Tenant, log: Log
) -> None:
    ids = await shelved(tenant)
    answers = await asyncio.gather(
        *(tenant.post("technician", "/assignments", lent(ids, issue=True)) for _ in range(12))
    )
    lost = [answer for answer in answers if answer.status_code != 202]
    assert len(lost) == len(answers) - 1
    for answer in lost:
        check_problem(answer, 409, "item_held")
    assert log.topics().count("inventory_operation.requested.v1") == 1


async def test_without_the_inventory_only_who_may_hands_over_offline(
    tenant: Tenant, log: Log
) -> None:
    ids = await reserved(tenant)
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)
    head = log.head

    refused = await ask(tenant, "technician", ids, "issue")
    check_problem(refused, 503, "inventory_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert log.head == head

    assert (await ask(tenant, "admin", ids, "issue")).status_code == 202
    assert "assignment.issue_requested.v1" in log.topics(head)


@pytest.mark.parametrize(
    ("who", "action", "body"),
    [
        ("technician", "return", None),
        ("technician", "close", None),
        ("requester", "report-loss", {"kind": "lost"}),
        ("technician", "approve-extension", None),
    ],
)
async def test_what_has_happened_at_the_desk_is_taken_down_while_the_inventory_is_away(
    tenant: Tenant, who: str, action: str, body: Any
) -> None:
    ids = await extension_asked(tenant)
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)
    answer = await ask(tenant, who, ids, action, body)
    assert answer.status_code == 202, answer.text


async def test_a_return_says_what_came_back_and_how(tenant: Tenant, log: Log) -> None:
    ids = await active(tenant)
    body = {
        "units": [{"quantity": 1, "condition": "damaged", "note": "The nozzle is loose."}],
        "checklist": [{"name": "Power supply", "passed": False}],
        "location_id": ids["place"],
    }
    head = log.head
    answer = await ask(tenant, "technician", ids, "return", body)
    assert answer.status_code == 202, answer.text
    assert log.topics(head) == [
        "assignment.return_received.v1",
        "assignment.damage_recorded.v1",
        "inventory_operation.requested.v1",
    ]
    await confirm(tenant, ids["id"])
    assert log.topics()[-4:] == [
        "inventory_operation.synced.v1",
        "assignment.returned.v1",
        "assignment.closed.v1",
        "item_book.released.v1",
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"item": {"kind": "asset", "id": new_id()}}, "item.id"),
        ({"item": {"kind": "car", "id": new_id()}}, "item.kind"),
        ({"custodian": {"kind": "user", "id": new_id()}}, "custodian.id"),
        ({"custodian": {"kind": "project", "id": new_id()}}, "custodian.kind"),
        (
            {
                "item": {"kind": "consumable", "id": new_id()},
                "custodian": {"kind": "location", "id": new_id()},
            },
            "custodian.kind",
        ),
        ({"project_id": new_id()}, "project_id"),
        ({"quantity": 2}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"due": "2001-01-01"}, "due"),
        ({"begins": in_days(3), "due": in_days(2)}, "due"),
        ({"begins": "soon"}, "begins"),
        ({"tenant_id": new_id()}, "tenant_id"),
    ],
)
async def test_a_field_that_cannot_be_accepted_is_named(
    tenant: Tenant, log: Log, change: dict[str, Any], path: str
) -> None:
    ids = await shelved(tenant)
    head = log.head
    answer = await tenant.post("technician", "/assignments", lent(ids, **change))
    problem = check_problem(answer, 422, answer.json()["code"])
    assert [wrong["path"] for wrong in problem["errors"]] == [path]
    assert log.head == head


async def test_a_project_of_the_tenant_may_be_named(tenant: Tenant) -> None:
    ids = await shelved(tenant)
    body = lent(ids, project_id=await tenant.project("requester"))
    made = await tenant.post("technician", "/assignments", body)
    assert made.status_code == 201, made.text


async def test_a_custodian_needs_no_permission_for_what_they_hold(tenant: Tenant, log: Log) -> None:
    ids = await active(tenant)
    for action, body in (
        ("accept", None),
        ("request-extension", {"due": in_days(9)}),
        ("report-loss", {"kind": "lost"}),
    ):
        check_problem(await ask(tenant, "nobody", ids, action, body), 403, "permission_missing")
        await give(tenant, "requester", ids, action, body)
    assert "assignment.loss_reported.v1" in log.topics()


async def test_a_technician_who_was_not_there_accepts_for_nobody(tenant: Tenant) -> None:
    ids = await active(tenant)
    check_problem(await ask(tenant, "technician", ids, "accept"), 403, "not_custodian")
    await give(tenant, "technician", ids, "accept", {"witnessed": True})


async def test_a_hand_over_is_called_off_before_the_worker_has_sent_it(
    tenant: Tenant, log: Log
) -> None:
    ids = await issuing(tenant)
    await give(tenant, "technician", ids, "cancel", {"reason": "Not needed"})
    assert "inventory_operation.cancelled.v1" in log.topics()
    assert waiting(log, tenant) == []
    made = await tenant.post("technician", "/assignments", lent(ids))
    assert made.status_code == 201, made.text


async def test_a_version_that_was_read_guards_an_action(tenant: Tenant) -> None:
    ids = await reserved(tenant)
    path = f"/assignments/{ids['id']}/issue"
    right = await tenant.post("technician", path, headers={"If-Match": '"1"'})
    assert right.status_code == 202, right.text
    wrong = await tenant.post("technician", path, headers={"If-Match": '"1"'})
    check_problem(wrong, 412, "version_mismatch")


async def test_nothing_is_stored_of_what_is_refused_half_way(tenant: Tenant, log: Log) -> None:
    ids = await reserved(tenant)
    _unmap(tenant, ids["asset"])
    head = log.head
    check_problem(await ask(tenant, "technician", ids, "issue"), 409, "item_not_mapped")
    assert log.head == head
    assert waiting(log, tenant) == []


async def test_what_is_here_is_taken_back_though_the_inventory_knows_nothing_of_it(
    tenant: Tenant, log: Log
) -> None:
    ids = await active(tenant)
    _unmap(tenant, ids["asset"])
    head = log.head

    await give(tenant, "technician", ids, "return")

    assert waiting(log, tenant) == []
    assert log.topics(head) == [
        "assignment.return_received.v1",
        "assignment.sync_attention_raised.v1",
        "inventory_operation.requested.v1",
        "inventory_operation.blocked.v1",
    ]
    (operation_id,) = await open_operations(tenant, ids)
    path = f"/inventory/operations/{operation_id}/retry"
    again = await tenant.post("admin", path, {"reason": "Mapped again"})
    check_problem(again, 409, "item_not_mapped")


@pytest.mark.parametrize(
    ("who", "action", "body", "after"),
    [
        ("technician", "return", None, ["assignment.issued.v1", "assignment.return_received.v1"]),
        ("technician", "close", None, ["assignment.issued.v1", "assignment.return_received.v1"]),
        ("requester", "report-loss", {"kind": "lost"}, ["assignment.issued.v1"]),
    ],
)
async def test_what_happens_before_the_hand_over_is_settled_is_taken_down(
    tenant: Tenant, log: Log, who: str, action: str, body: Any, after: list[str]
) -> None:
    ids = await issuing(tenant)
    assert tenant.database is not None
    break_circuit(tenant.database, tenant.id)
    await give(tenant, who, ids, action, body)
    head = log.head
    await confirm(tenant, ids["id"])
    told = [topic for topic in log.topics(head) if topic.startswith("assignment.")]
    assert told == after


async def test_what_is_being_handed_on_says_where_to_return_it(tenant: Tenant) -> None:
    ids = await active(tenant)
    await give(
        tenant, "technician", ids, "transfer", {"to": {"kind": "location", "id": ids["place"]}}
    )
    check_problem(await ask(tenant, "technician", ids, "return"), 409, "handed_on")
    lost = await ask(tenant, "requester", ids, "report-loss", {"kind": "lost"})
    check_problem(lost, 409, "handed_on")


async def open_operations(tenant: Tenant, ids: Ids) -> list[Id]:
    """What the assignment waits for."""
    found: list[Id] = []

    async def look(store: Store, _: Facts) -> Receipt:
        assignment = await store.load(Assignment, ids["id"])
        found.extend(assignment.standing.pending)
        return await store.save(assignment)

    await tenant.services.commands.run(Envelope(tenant.id, None, "test"), look)
    return found


def _unmap(tenant: Tenant, id: Id) -> None:
    assert tenant.database is not None
    with psycopg.connect(tenant.database.superuser_url, autocommit=True) as connection:
        connection.execute("DELETE FROM inventory.mappings WHERE id = %s", (to_uuid(id),))


async def test_what_the_inventory_shows_somewhere_else_is_relinked_to_there(
    tenant: Tenant, log: Log
) -> None:
    ids = await active(tenant)
    found = ("location", PLACE)
    await inventory_answers.drift(tenant.services.commands, tenant.id, ids["id"], found)
    head = log.head
    answer = await ask(tenant, "admin", ids, "resolve-drift", {"how": "relinked"})
    assert answer.status_code == 202, answer.text
    await confirm(tenant, ids["id"])
    facts = [topic for topic in log.topics(head) if topic.startswith("assignment.")]
    assert facts == [
        "assignment.inventory_drift_resolution_requested.v1",
        "assignment.relinked.v1",
        "assignment.inventory_drift_resolved.v1",
        "assignment.closed.v1",
        "assignment.reserved.v1",
        "assignment.issue_requested.v1",
        "assignment.issued.v1",
    ]


async def test_what_the_inventory_shows_with_nobody_is_relinked_to_nobody(tenant: Tenant) -> None:
    ids = await drifted(tenant)
    answer = await ask(tenant, "admin", ids, "resolve-drift", {"how": "relinked"})
    check_problem(answer, 409, "held_by_nobody")
