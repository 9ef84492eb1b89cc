"""The report of a project: what it has, had, waits for and got."""

from typing import Any, Final

import httpx
import pytest

from domain.assignments.content import Condition, Custodian, Item, Received, Units
from domain.assignments.rules import Asked
from domain.ids import id_of
from domain.ports import MemberFact
from infrastructure.ids import new_id, to_uuid
from query_api.project_report import selects
from query_api.project_report.selects import Reported
from query_api.tenant_scope import TenantScope
from tests.builders.custody import MANAGER, evidence, issued
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import DAY, Custody
from tests.query_api.plans import filled, plan_of
from tests.query_api.test_plans import NOW, PROJECT, TENANT
from tests.query_api.test_requisition_lines import Loan
from tests.query_api.world import World


@pytest.fixture
def custody(world: World, lab: Lab) -> Custody:
    made = Custody(world, lab.tenant_id)
    made.connect()
    return made


async def report(client: httpx.AsyncClient, lab: Lab, **query: str) -> dict[str, Any]:
    path = f"/projects/{lab.project_id}/report"
    answer = await client.get(path, headers=lab.admin.headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lent(custody: Custody, lab: Lab, number: int) -> Any:
    custody.world.now += DAY
    return custody.lend(
        lab.technician,
        Item("asset", custody.asset(number)),
        Custodian("user", lab.member.id),
        project_id=lab.project_id,
        due=custody.world.now + 30 * DAY,
    )


def bring_back(custody: Custody, lab: Lab, assignment: Any) -> None:
    """Taken back damaged, and confirmed."""
    world = custody.world
    world.now += DAY
    operation_id = assignment.next_operation("checkin")
    asked = Asked(lab.technician.caller, world.now)
    assignment.receive(operation_id, Received((Units(1, Condition.DAMAGED, "a crack"),)), asked)
    assignment.returned(operation_id, evidence(world.now.isoformat()), world.now)
    world.store(assignment, lab.technician)


async def test_it_shows_what_is_out_and_what_ever_was(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    kept, back = lent(custody, lab, 1), lent(custody, lab, 2)
    custody.reserve(
        lab.technician,
        Item("asset", custody.asset(3)),
        Custodian("user", lab.member.id),
        project_id=lab.project_id,
    )
    bring_back(custody, lab, back)
    coming = custody.receive(kept, lab.technician)

    found = await report(client, lab)

    assert found["project"] == {"id": lab.project_id, "name": "Robot arm"}
    assert found["equipment"]["total"] == 1
    (out,) = found["equipment"]["items"]
    assert (out["assignment_id"], out["state"]) == (id_of(kept.id), "returning")
    assert (out["item"]["tag"], out["custodian"]["name"]) == ("OSC-0001", "member")
    assert out["sync"]["operation_id"] == id_of(coming.id)
    assert (out["quantity"], out["overdue"], out["due"] > out["since"]) == (1, False, True)
    first, second = found["used"]["items"]
    assert found["used"]["total"] == 2
    assert (first["assignment_id"], first["outcome"]) == (id_of(back.id), "returned")
    assert (first["returned"], first["gone"]) == (1, [])
    assert first["conditions"] == [{"condition": "damaged", "quantity": 1}]
    assert first["until"] > first["since"]
    assert (second["assignment_id"], second["until"]) == (id_of(kept.id), None)
    assert (second["returned"], second["conditions"]) == (0, [])


async def test_what_came_back_is_every_confirmed_return_and_nothing_that_is_missing(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    world = custody.world
    cables = custody.lend(
        lab.technician,
        Item("accessory", custody.stock("accessory", 4, quantity=10, remaining=10)),
        Custodian("user", lab.member.id),
        project_id=lab.project_id,
        quantity=4,
    )
    asked = Asked(MANAGER, world.now)
    cables.detect_units_drift((7,), world.now, world.now)
    over_there = cables.next_operation("qty_checkin")
    cables.resolve_drift("external_return", over_there, asked)
    cables.returned(over_there, evidence(), world.now)
    back = cables.next_operation("qty_checkin")
    cables.receive(back, Received((Units(1, Condition.OK),)), asked)
    cables.returned(back, evidence(), world.now)
    missing = cables.next_operation("qty_write_off")
    cables.receive(missing, Received((Units(2, Condition.MISSING),)), asked)
    cables.written_off(missing, evidence(), world.now)
    found_again = lent(custody, lab, 1)
    found_again.report_loss("lost", None, asked)
    recovery = found_again.next_operation("checkin")
    found_again.recover(recovery, asked)
    found_again.returned(recovery, evidence(), world.now)
    for one in (cables, found_again):
        world.store(one, lab.technician)

    asset, accessory = (await report(client, lab))["used"]["items"]

    assert (asset["returned"], asset["conditions"], asset["gone"]) == (1, [], [])
    assert (accessory["quantity"], accessory["returned"]) == (4, 2)
    assert accessory["conditions"] == [{"condition": "ok", "quantity": 1}]
    assert accessory["gone"] == [{"condition": "missing", "quantity": 2}]
    assert accessory["outcome"] == "written_off"


async def test_it_says_of_what_is_out_where_the_inventory_disagrees_or_was_not_asked(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    world = custody.world
    lent(custody, lab, 1)
    vouched = custody.reserve(
        lab.technician,
        Item("asset", custody.asset(2)),
        Custodian("user", lab.member.id),
        project_id=lab.project_id,
    )
    issued(vouched, world.now, attested_by=MANAGER.user_id)
    read_at = world.now
    vouched.detect_drift(("user", 9), read_at, world.now)
    world.store(vouched, lab.technician)

    plain, drifted = (await report(client, lab))["equipment"]["items"]

    assert (plain["drift"], plain["attested"], plain["sync"]) == (None, False, None)
    assert (drifted["assignment_id"], drifted["attested"]) == (id_of(vouched.id), True)
    assert drifted["drift"] == {
        "actual": ["user", 9],
        "units": None,
        "read_at": as_json(read_at),
        "resolution": None,
    }


async def test_a_period_narrows_what_was_used(
    client: httpx.AsyncClient, custody: Custody, lab: Lab
) -> None:
    gone = lent(custody, lab, 1)
    bring_back(custody, lab, gone)
    between = (custody.world.now + DAY / 2).isoformat()
    custody.world.now += DAY
    later = lent(custody, lab, 2)

    async def used(**period: str) -> list[str]:
        found = await report(client, lab, **period)
        return [one["assignment_id"] for one in found["used"]["items"]]

    assert await used() == [id_of(later.id), id_of(gone.id)]
    assert await used(**{"from": between}) == [id_of(later.id)]
    assert await used(until=between) == [id_of(gone.id)]
    cut = await report(client, lab, limit="1")
    assert (cut["used"]["total"], len(cut["used"]["items"])) == (2, 1)


async def test_it_shows_what_is_open_since_when_and_who_has_to_act(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    draft = world.draft(lab.member, lab.project_id, "A draft")
    world.store(draft, lab.member)
    drafted_at = world.now
    rejected = world.draft(lab.member, lab.project_id, "Of no use")
    rejected.submit((), world.asked(lab.member), project_archived=False)
    rejected.reject("No", world.asked(lab.approver))
    world.store(rejected, lab.member)
    waiting = world.draft(lab.member, lab.project_id, "Somebody has to decide")
    waiting.submit((), world.asked(lab.member), project_archived=False)
    chosen = MemberFact(lab.approver.id, new_id(), lab.approver.caller.permissions, 1)
    waiting.delegate(chosen, None, world.asked(lab.technician))
    world.store(waiting, lab.member)
    loan = Loan(world, lab)
    approved_at = world.now
    loan.allocate(1)
    allocated_at = world.now
    loan.allocate(2)

    found = await report(client, lab)

    assert found["open_requisitions"]["total"] == 3
    fulfilling, submitted, shown_draft = found["open_requisitions"]["items"]
    assert (fulfilling["state"], shown_draft["state"]) == ("fulfilling", "draft")
    assert submitted["waiting_on"] == {
        "user": {"id": lab.approver.id, "name": "approver"},
        "permission": "requisitions:approve",
        "step": "Approval",
    }
    assert fulfilling["since"] == as_json(allocated_at) > as_json(approved_at)
    assert fulfilling["waiting_on"] == {
        "user": None,
        "permission": "requisitions:fulfil",
        "step": None,
    }
    assert shown_draft["since"] == as_json(drafted_at)
    assert shown_draft["waiting_on"]["user"]["name"] == "member"


def as_json(at: Any) -> str:
    return str(at.isoformat().replace("+00:00", "Z"))


async def test_it_adds_up_what_was_asked_for_and_what_came_of_it(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    loan = Loan(world, lab)
    assignment = loan.allocate(1)
    loan.prove(assignment, loan.issue(assignment))
    loan.requisition.close_short(loan.line_id, 1, "Sold out", world.asked(lab.technician))
    loan.save()
    world.store(world.draft(lab.member, lab.project_id, "Nothing is asked for yet"), lab.member)

    found = (await report(client, lab))["asked_for"]

    assert found["total"] == 1
    (model,) = found["items"]
    assert model == {
        "item": {
            "kind": "model",
            "id": loan.model,
            "description": None,
            "name": "Oscilloscope",
        },
        "requested": 3,
        "approved": 3,
        "issued": 1,
        "closed_short": 1,
        "fill_rate": 1 / 3,
    }
    later = (world.now + DAY).isoformat()
    assert (await report(client, lab, **{"from": later}))["asked_for"]["total"] == 0


_FILL: Final = (
    "INSERT INTO identity.tenants VALUES (:tenant, 'Large', now())",
    """
    INSERT INTO read.assignments (id, tenant_id, state, item_kind, item_id, quantity, outstanding,
        custodian_kind, custodian_id, project_id, begins, renewals, overdue, verified, offline,
        pending, attested, returns, issued_at, created_at, updated_at, version)
    SELECT gen_random_uuid(), :tenant, 'active', 'asset', gen_random_uuid(), 1, 1, 'user',
        gen_random_uuid(), CASE WHEN i % 200 = 9 THEN :project ELSE gen_random_uuid() END, now(),
        0, false, true, false, '[]', false, '[]', now(), now(), now() + i * interval '1 minute', 1
    FROM generate_series(1, :rows) AS i
    """,
    """
    INSERT INTO read.requisitions (id, tenant_id, project_id, state, purpose, requester_id,
        step_permissions, created_at, updated_at, version)
    SELECT gen_random_uuid(), :tenant,
        CASE WHEN i % 200 = 9 THEN :project ELSE gen_random_uuid() END, 'approved', 'word',
        gen_random_uuid(), '{}', now(), now() + i * interval '1 minute', 1
    FROM generate_series(1, :rows) AS i
    """,
    """
    INSERT INTO read.requisition_lines (requisition_id, line_id, tenant_id, number, kind,
        description, requested, approved, allocated, issuing, issued, closed_short, assignments)
    SELECT id, gen_random_uuid(), tenant_id, i, 'purchase', 'Wood', 1, 1, 0, 0, 0, 0, '[]'
    FROM read.requisitions, generate_series(1, 8) AS i
    """,
    """
    INSERT INTO read.history (position, tenant_id, aggregate_id, aggregate_kind, version, type, at,
        correlation_id, data)
    SELECT row_number() OVER (), tenant_id, id, 'requisition', 1, 'requisition.approved.v1',
        now(), '', '{}'
    FROM read.requisitions
    """,
    "ANALYZE",
)


def test_each_section_is_read_through_an_index_of_the_project(
    database: Database, world: World
) -> None:
    values = {"tenant": to_uuid(TENANT), "project": to_uuid(PROJECT), "rows": 4_000}
    decade = NOW - 3650 * DAY, NOW + 3650 * DAY
    wanted, scope = Reported(PROJECT, *decade, 100), TenantScope(TENANT)
    with filled(database, world, TENANT, _FILL, values) as reader:
        for select, indexes in (
            (selects.out_now(scope, wanted), {"assignments_by_project"}),
            (selects.ever_used(scope, wanted), {"assignments_by_project"}),
            (selects.still_open(scope, wanted), {"requisitions_by_project"}),
            (selects.entries(scope, [PROJECT]), {"history_by_aggregate"}),
            (
                selects.asked_for(scope, wanted),
                {"requisitions_by_project", "requisition_lines_pkey"},
            ),
        ):
            plan = plan_of(reader, select)
            assert plan.indexes() == indexes
            assert "Seq Scan" not in plan.kinds()


async def test_it_is_shown_whole_or_not_at_all(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    path = f"/projects/{lab.project_id}/report"
    lead = world.person(lab.tenant_id, "lead", "requester", own=["projects:write"])
    led = world.project(lead, "Led", lab.auditor)
    for person, project_id, status, lacks in (
        (lab.technician, lab.project_id, 200, None),
        (lead, led, 200, None),
        (lab.auditor, led, 200, None),
        (lab.member, lab.project_id, 403, "assignments:read"),
        (lead, lab.project_id, 403, "assignments:read"),
        # Sees every assignment, but of requisitions only those of its own projects.
        (lab.auditor, lab.project_id, 403, "requisitions:read"),
    ):
        path = f"/projects/{project_id}/report"
        answer = await client.get(path, headers=person.headers)
        assert answer.status_code == status, person.username
        assert lacks is None or lacks in answer.json()["detail"]
