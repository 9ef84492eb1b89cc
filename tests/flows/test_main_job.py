"""A member asks, approvers approve, a technician meets it, and a dashboard reads every step."""

from typing import Any

import httpx

from tests.flows.live import Live, Person, add_user, sign_in, sign_up

TWO_STEPS = [
    {"name": "Teacher", "permission": "requisitions:approve"},
    {"name": "Budget", "permission": "budget:approve"},
]


def a_lab(live: Live) -> dict[str, Person]:
    admin = sign_up(live, "ada", "Maker lab")
    admin.post("/roles", {"name": "budget holder", "permissions": ["budget:approve"]})
    return {
        "admin": admin,
        "member": add_user(admin, "mia", "requester"),
        "teacher": add_user(admin, "tom", "approver"),
        "holder": add_user(admin, "bea", "requester", "budget holder"),
        "technician": add_user(admin, "tec", "technician"),
    }


def a_project_with(lab: dict[str, Person]) -> str:
    project_id = str(lab["admin"].post("/projects", {"name": "Robot arm"})["id"])
    member = {"user_id": lab["member"].id, "role": "member"}
    lab["admin"].post(f"/projects/{project_id}/members", member)
    return project_id


def a_draft(member: Person, project_id: str) -> str:
    body = {
        "project_id": project_id,
        "purpose": "Wire the gripper",
        "needed_from": "2031-05-02",
        "needed_until": "2031-06-01T12:00:00Z",
        "amount": 120.5,
        "lines": [
            {"item": {"kind": "purchase", "description": "Servo motor"}, "quantity": 4},
            {"item": {"kind": "purchase", "description": "Ribbon cable"}, "quantity": 2},
        ],
    }
    return str(member.post("/requisitions", body)["id"])


def test_a_requisition_from_draft_to_fulfilment_is_read_at_every_step(
    live_either_way: Live,
) -> None:
    lab = a_lab(live_either_way)
    project_id = a_project_with(lab)
    lab["admin"].post("/approval-policies", {"name": "Two steps", "steps": TWO_STEPS})
    member, teacher, technician = lab["member"], lab["teacher"], lab["technician"]

    requisition_id = a_draft(member, project_id)
    path = f"/requisitions/{requisition_id}"
    receipt = member.post(f"{path}/submit")
    shown = member.get(path, position=receipt["position"])
    assert shown["state"] == "submitted"
    assert shown["approval"]["step"] == 1
    assert [step["name"] for step in shown["approval"]["steps"]] == ["Teacher", "Budget"]
    assert shown["requester"] == {"id": member.id, "name": "mia"}
    assert shown["amount"] == 120.5
    assert _waiting_on(teacher) == [requisition_id]
    assert _waiting_on(lab["holder"]) == []

    servo, cable = (line["id"] for line in shown["lines"])
    receipt = teacher.post(
        f"{path}/approve",
        {"note": "Two will do", "lines": [{"line_id": servo, "approved": 2}]},
    )
    shown = member.get(path, position=receipt["position"])
    assert shown["approval"]["step"] == 2
    assert [line["approved"] for line in shown["lines"]] == [2, 2]
    assert _waiting_on(lab["holder"]) == [requisition_id]

    receipt = lab["holder"].post(f"{path}/approve")
    assert member.get(path, position=receipt["position"])["state"] == "approved"

    technician.post(f"{path}/lines/{servo}/fulfil", {"quantity": 1})
    receipt = technician.post(f"{path}/lines/{servo}/fulfil", {"quantity": 1, "note": "Both"})
    assert member.get(path, position=receipt["position"])["state"] == "fulfilling"
    technician.post(f"{path}/lines/{cable}/fulfil", {"quantity": 1})
    receipt = technician.post(
        f"{path}/lines/{cable}/close-short", {"quantity": 1, "reason": "Sold out"}
    )
    shown = member.get(path, position=receipt["position"])
    assert shown["state"] == "fulfilled"
    assert [(line["issued"], line["closed_short"]) for line in shown["lines"]] == [(2, 0), (1, 1)]

    history = member.get(f"{path}/history", position=receipt["position"])["items"]
    assert sorted(entry["type"] for entry in history) == sorted(
        [
            "requisition.drafted.v1",
            "requisition.submitted.v1",
            "requisition.step_approved.v1",
            "requisition.step_approved.v1",
            "requisition.approved.v1",
            "requisition.line_fulfilled.v1",
            "requisition.line_fulfilled.v1",
            "requisition.line_fulfilled.v1",
            "requisition.line_closed_short.v1",
        ]
    )
    assert {entry["actor"]["name"] for entry in history} == {"mia", "tom", "bea", "tec"}
    assert member.get(path, as_of_version="2")["state"] == "submitted"


def test_a_command_that_is_refused_says_why_and_changes_nothing(live: Live) -> None:
    lab = a_lab(live)
    requisition_id = a_draft(lab["member"], a_project_with(lab))

    early = lab["teacher"].command("POST", f"/requisitions/{requisition_id}/approve", {})

    assert early.status_code == httpx.codes.CONFLICT
    assert early.headers["content-type"] == "application/problem+json"
    assert early.json()["code"] == "wrong_state"
    head = lab["admin"].post("/projects", {"name": "Next"})["position"]
    shown = lab["member"].get(f"/requisitions/{requisition_id}/history", position=head)
    assert [entry["type"] for entry in shown["items"]] == ["requisition.drafted.v1"]


def test_signing_out_kills_the_token_on_both_apis_at_once(live: Live) -> None:
    ada = sign_up(live, "ada", "Maker lab")
    again = sign_in(live, "ada@lab.example")

    ada.post("/me/signout")

    assert ada.command("POST", "/projects", {"name": "Too late"}).status_code == 401
    me = httpx.get(f"{live.queries}/api/v1/me", headers=ada.headers, trust_env=False)
    assert me.status_code == 401
    assert again.get("/me")["username"] == "ada"


def _waiting_on(person: Person) -> list[Any]:
    return [item["id"] for item in person.get("/requisitions", waiting_on="me")["items"]]
