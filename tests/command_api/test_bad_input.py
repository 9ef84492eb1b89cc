"""What cannot be accepted, each with its own answer, and nothing stored."""

from typing import Any

import pytest

from infrastructure.ids import new_id
from tests.command_api.conftest import Log
from tests.command_api.lab import PURCHASE, Tenant
from tests.command_api.test_routes import check_problem


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"lines": [{**PURCHASE, "quantity": 0}]}, "lines.0.quantity", None),
        ({"lines": [PURCHASE, {**PURCHASE, "quantity": -1}]}, "lines.1.quantity", None),
        ({"lines": [{**PURCHASE, "quantity": 10**30}]}, "lines.0.quantity", None),
        ({"lines": [{**PURCHASE, "quantity": 1.0}]}, "lines.0.quantity", None),
        ({"lines": [{**PURCHASE, "note": " "}]}, "lines.0.note", None),
        ({"lines": [{**PURCHASE, "serial": 1}]}, "lines.0.serial", None),
        ({"lines": [{"quantity": 1}]}, "lines.0.item", None),
        (
            {"lines": [{"item": {"kind": "purchase"}, "quantity": 1}]},
            "lines.0.item.description",
            None,
        ),
        (
            {
                "lines": [
                    {"item": {"kind": "purchase", "id": "7", "description": "x"}, "quantity": 1}
                ]
            },
            "lines.0.item.id",
            None,
        ),
        *(
            (
                {"lines": [{"item": {"kind": kind, "id": new_id()}, "quantity": 1}]},
                "lines.0.item.kind",
                "kind_not_available",
            )
            for kind in ("model", "accessory", "consumable", "kit")
        ),
        (
            {"lines": [{"item": {"kind": "model", "id": "7"}, "quantity": 1}]},
            "lines.0.item.id",
            None,
        ),
        ({"lines": [{"item": {"kind": "accessory"}, "quantity": 1}]}, "lines.0.item.id", None),
        (
            {"lines": [{"item": {"kind": "car", "id": "7"}, "quantity": 1}]},
            "lines.0.item.kind",
            None,
        ),
        ({"lines": [PURCHASE] * 201}, "lines", None),
        ({"needed_from": "2027-02-01", "needed_until": "2027-01-01"}, "needed_until", None),
        ({"needed_from": "2027-02-30"}, "needed_from", None),
        ({"needed_from": "2027-01-01T09:00:00"}, "needed_from", None),
        ({"needed_from": 1_800_000_000}, "needed_from", None),
        ({"needed_until": "0001-01-01T00:00:00+14:00"}, "needed_until", None),
        ({"purpose": ""}, "purpose", None),
        ({"purpose": "\t \n"}, "purpose", None),
        ({"purpose": "a\x00b"}, "purpose", None),
        ({"purpose": "x" * 2_001}, "purpose", None),
        ({"purpose": None}, "purpose", None),
        ({"amount": -0.01}, "amount", None),
        ({"amount": 12.505}, "amount", None),
        ({"amount": 1e12}, "amount", None),
        ({"amount": 10**30}, "amount", None),
        ({"amount": "12.50"}, "amount", None),
        ({"amount": True}, "amount", None),
        ({"project_id": new_id()}, "project_id", None),
        ({"project_id": "1"}, "project_id", None),
        ({"policy_id": new_id()}, "policy_id", None),
        ({"beneficiary_id": new_id()}, "beneficiary_id", None),
        ({"requester_id": new_id()}, "requester_id", None),
    ],
)
async def test_a_draft_names_the_field_that_cannot_be_accepted(
    tenant: Tenant, log: Log, change: dict[str, Any], path: str, code: str | None
) -> None:
    project_id = await tenant.project("requester")
    head = log.head
    body = {"project_id": project_id, "purpose": "Arm", "lines": [PURCHASE], **change}
    answer = await tenant.post("requester", "/requisitions", body)
    problem = check_problem(answer, 422, code or answer.json()["code"])
    assert [wrong["path"] for wrong in problem["errors"]] == [path]
    assert log.head == head


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        ({"amount": 249.9}, '"amount":"249.90"'),
        ({"amount": 7}, '"amount":"7.00"'),
        ({"needed_from": "2027-01-31"}, '"needed_from":"2027-01-31T00:00:00Z"'),
        ({"needed_until": "2027-01-31"}, '"needed_until":"2027-01-31T23:59:59Z"'),
        (
            {"needed_until": "2027-01-31T10:00:00+02:00"},
            '"needed_until":"2027-01-31T08:00:00Z"',
        ),
        ({"purpose": "Дрель — 钻头 🛠"}, "Дрель — 钻头 🛠"),
    ],
)
async def test_a_field_is_stored_in_its_one_form(
    tenant: Tenant, log: Log, change: dict[str, Any], stored: str
) -> None:
    await tenant.draft(await tenant.project("requester"), **change)
    row = log.connection.execute(
        "SELECT state FROM log.stored_events WHERE notification_id = %s", (log.head,)
    ).fetchone()
    assert row
    assert stored in bytes(row[0]).decode()


async def test_every_wrong_field_is_named_at_once(tenant: Tenant) -> None:
    body = {"project_id": 1, "lines": [{"item": {}, "quantity": "x"}], "colour": "red"}
    problem = check_problem(
        await tenant.post("requester", "/requisitions", body), 422, "invalid_fields"
    )
    assert {wrong["path"] for wrong in problem["errors"]} == {
        "project_id",
        "purpose",
        "lines.0.item.kind",
        "lines.0.quantity",
        "colour",
    }


async def test_another_tenants_project_is_as_unknown_as_none(
    tenant: Tenant, neighbours: Tenant, log: Log
) -> None:
    theirs = await neighbours.project("requester")
    head = log.head
    for path, body in (
        ("/requisitions", {"project_id": theirs, "purpose": "Arm"}),
        (
            "/approval-policies",
            {
                "name": "A",
                "steps": [{"name": "S", "permission": "a:b"}],
                "applies": {"project_id": theirs},
            },
        ),
    ):
        answer = await tenant.post("admin", path, body)
        problem = check_problem(answer, 422, "invalid_field")
        assert problem["errors"][0]["path"].endswith("project_id")
    assert log.head == head


async def test_another_tenants_user_is_as_unknown_as_none(
    tenant: Tenant, neighbours: Tenant
) -> None:
    project_id = await tenant.project("requester")
    stranger = neighbours["requester"].id
    member = {"user_id": stranger, "role": "lead"}
    refused = await tenant.post("admin", f"/projects/{project_id}/members", member)
    check_problem(refused, 422, "invalid_field")
    body = {"project_id": project_id, "purpose": "Arm", "beneficiary_id": stranger}
    check_problem(await tenant.post("requester", "/requisitions", body), 422, "invalid_field")


async def test_who_is_no_member_of_the_project_is_refused(tenant: Tenant, log: Log) -> None:
    project_id = await tenant.project()
    head = log.head
    body = {"project_id": project_id, "purpose": "Arm"}
    problem = check_problem(
        await tenant.post("requester", "/requisitions", body), 403, "not_project_member"
    )
    assert problem["help"]
    assert log.head == head


async def test_a_rule_that_is_broken_is_named_with_what_would_help(
    tenant: Tenant, log: Log
) -> None:
    requisition_id = await tenant.draft(await tenant.project("requester"))
    path = f"/requisitions/{requisition_id}"
    head = log.head
    broken = await tenant.post("requester", f"{path}/withdraw", {})
    problem = check_problem(broken, 409, "wrong_state")
    assert problem["help"]
    assert "draft" in problem["detail"]
    assert log.head == head


async def test_nobody_decides_about_their_own_requisition_without_the_right_to(
    tenant: Tenant,
) -> None:
    await tenant.add("lead", "approver")
    requisition_id = await tenant.draft(await tenant.project("lead"), "lead")
    path = f"/requisitions/{requisition_id}"
    assert (await tenant.post("lead", f"{path}/submit")).status_code == 200
    check_problem(await tenant.post("lead", f"{path}/approve"), 403, "own_requisition")
    own = {"name": "own", "permissions": ["requisitions:approve-own"]}
    await tenant.post("admin", "/roles", own)
    roles = {"roles": ["approver", "own"]}
    await tenant.post("admin", f"/users/{tenant['lead'].id}/roles", roles, method="PUT")
    assert (await tenant.post("lead", f"{path}/approve")).status_code == 200


async def test_a_change_that_changes_nothing_stores_nothing(tenant: Tenant, log: Log) -> None:
    project_id = await tenant.project("requester")
    requisition_id = await tenant.draft(project_id)
    head = log.head
    for who, method, path, body in (
        ("requester", "PATCH", f"/requisitions/{requisition_id}", {"purpose": "Arm"}),
        ("requester", "PATCH", f"/requisitions/{requisition_id}", {}),
        (
            "admin",
            "POST",
            f"/projects/{project_id}/members",
            {"user_id": tenant["requester"].id, "role": "member"},
        ),
        ("admin", "PUT", f"/users/{tenant['approver'].id}/roles", {"roles": ["approver"]}),
    ):
        answer = await tenant.post(who, path, body, method=method, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text
        receipt = answer.json()
        assert receipt["position"] == head
        assert answer.headers["etag"] == f'"{receipt["version"]}"'
    assert log.head == head


async def test_an_object_is_changed_by_the_version_of_its_own_answer(tenant: Tenant) -> None:
    requisition_id = await tenant.draft(await tenant.project("requester"))
    path = f"/requisitions/{requisition_id}"
    for tag, version in (('"1"', 2), ('"2.3fa9-c_"', 3)):
        body = {"purpose": f"Arm {tag}"}
        answer = await tenant.post(
            "requester", path, body, method="PATCH", headers={"If-Match": tag}
        )
        assert (answer.status_code, answer.json()["version"]) == (200, version)
