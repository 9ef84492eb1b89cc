"""A right that is taken is gone: on the next request, and for a command that is under way."""

import asyncio

import psycopg

from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.own_database.test_idempotency import _until_somebody_waits_for_a_lock
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import Database


async def set_roles(tenant: Tenant, who: str, *roles: str) -> None:
    answer = await tenant.post(
        "admin", f"/users/{tenant[who].id}/roles", {"roles": list(roles)}, method="PUT"
    )
    assert answer.status_code == 200, answer.text


async def submitted(tenant: Tenant) -> str:
    requisition_id = await tenant.draft(await tenant.project("requester"))
    answer = await tenant.post("requester", f"/requisitions/{requisition_id}/submit")
    assert answer.status_code == 200, answer.text
    return f"/requisitions/{requisition_id}"


async def test_a_right_that_is_taken_is_gone_on_the_next_request(tenant: Tenant, log: Log) -> None:
    path = await submitted(tenant)
    await set_roles(tenant, "approver", "requester")
    head = log.head
    refused = await tenant.post("approver", f"{path}/approve")
    check_problem(refused, 403, "not_approver")
    assert log.head == head


async def test_a_right_that_is_given_works_on_the_next_request(tenant: Tenant) -> None:
    path = await submitted(tenant)
    check_problem(await tenant.post("auditor", f"{path}/approve"), 403, "not_approver")
    await set_roles(tenant, "auditor", "approver")
    assert (await tenant.post("auditor", f"{path}/approve")).status_code == 200


async def test_a_role_that_changes_while_a_command_waits_to_be_stored_refuses_it(
    tenant: Tenant, database: Database, log: Log
) -> None:
    path = await submitted(tenant)
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        change = asyncio.ensure_future(set_roles(tenant, "approver", "auditor"))
        await _until_somebody_waits_for_a_lock(database, 1)
        approval = asyncio.ensure_future(tenant.post("approver", f"{path}/approve"))
        await _until_somebody_waits_for_a_lock(database, 2)
        head = log.head
        await holder.rollback()
    await change
    check_problem(await approval, 403, "not_approver")
    assert log.topics(head) == ["membership.roles_changed.v1"]


async def test_a_role_that_changes_without_taking_the_right_lets_the_command_through(
    tenant: Tenant, database: Database, log: Log
) -> None:
    path = await submitted(tenant)
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        change = asyncio.ensure_future(set_roles(tenant, "approver", "technician"))
        await _until_somebody_waits_for_a_lock(database, 1)
        approval = asyncio.ensure_future(tenant.post("approver", f"{path}/approve"))
        await _until_somebody_waits_for_a_lock(database, 2)
        head = log.head
        await holder.rollback()
    await change
    assert (await approval).status_code == 200
    assert log.topics(head) == [
        "membership.roles_changed.v1",
        "requisition.step_approved.v1",
        "requisition.approved.v1",
    ]


async def test_a_session_that_ends_while_its_command_is_decided_anew_is_refused(
    tenant: Tenant, database: Database
) -> None:
    path = await submitted(tenant)
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as holder:
        await holder.execute("SELECT FROM log.log_head FOR UPDATE")
        change = asyncio.ensure_future(set_roles(tenant, "approver", "technician"))
        await _until_somebody_waits_for_a_lock(database, 1)
        approval = asyncio.ensure_future(tenant.post("approver", f"{path}/approve"))
        await _until_somebody_waits_for_a_lock(database, 2)
        await holder.execute("UPDATE identity.sessions SET closed_at = now()")
        await holder.commit()
    await change
    check_problem(await approval, 401, "unauthenticated")


async def test_nobody_grants_more_than_they_hold(tenant: Tenant, log: Log) -> None:
    await tenant.post("admin", "/roles", {"name": "staff_office", "permissions": ["users:write"]})
    await tenant.add("clerk", "staff_office", "requester")
    head = log.head
    path = f"/users/{tenant['nobody'].id}/roles"
    refused = await tenant.post("clerk", path, {"roles": ["tenant_admin"]}, method="PUT")
    check_problem(refused, 403, "role_beyond_own")
    itself = f"/users/{tenant['clerk'].id}/roles"
    refused = await tenant.post(
        "clerk", itself, {"roles": ["staff_office", "technician"]}, method="PUT"
    )
    check_problem(refused, 403, "role_beyond_own")
    assert log.head == head
    allowed = await tenant.post("clerk", path, {"roles": ["requester"]}, method="PUT")
    assert allowed.status_code == 200


async def test_a_tenant_keeps_an_administrator(tenant: Tenant) -> None:
    path = f"/users/{tenant['admin'].id}/roles"
    refused = await tenant.post("admin", path, {"roles": ["auditor"]}, method="PUT")
    check_problem(refused, 409, "last_administrator")


async def test_a_policys_own_permission_is_granted_by_a_role_of_the_tenant(
    tenant: Tenant,
) -> None:
    await tenant.post(
        "admin",
        "/approval-policies",
        {"name": "All", "steps": [{"name": "Budget", "permission": "budget:approve"}]},
    )
    path = await submitted(tenant)
    check_problem(await tenant.post("approver", f"{path}/approve"), 403, "not_approver")
    await tenant.post("admin", "/roles", {"name": "buyer", "permissions": ["budget:approve"]})
    await tenant.add("buyer", "buyer")
    assert (await tenant.post("buyer", f"{path}/approve")).status_code == 200
