"""Lines of a requisition, with the assignments that meet them and what is not confirmed of them."""

from typing import Any

import httpx
import pytest

from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, Item
from domain.assignments.rules import Asked as AskedOfAssignment
from domain.ids import Id, id_of
from domain.requisitions.content import Header, Line
from domain.requisitions.content import Item as Asked
from domain.requisitions.fulfilment import AllocatedItem
from domain.requisitions.requisition import Requisition
from infrastructure.ids import new_id, to_uuid
from tests.builders.custody import evidence as proof
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import World


class Loan:
    """An approved requisition for oscilloscopes, and what is done about it."""

    def __init__(self, world: World, lab: Lab) -> None:
        self.world = world
        self.lab = lab
        self.custody = Custody(world, lab.tenant_id)
        self.custody.connect()
        self.model = self.custody.model()
        self.line_id = new_id()
        self.requisition = self._approved()

    def _approved(self) -> Requisition:
        line = Line(self.line_id, Asked("model", self.model), 3)
        member, approver = self.world.asked(self.lab.member), self.world.asked(self.lab.approver)
        made = Requisition.draft(
            to_uuid(new_id()),
            self.lab.project_id,
            Header(purpose="Measure things"),
            (line,),
            member,
            project_archived=False,
        )
        made.submit((), member, project_archived=False)
        made.approve((), None, approver)
        self.world.store(made, self.lab.member)
        return made

    def allocate(self, number: int, *, reason: str | None = None) -> Assignment:
        """Keep an asset of the model, or of none where there is a reason."""
        model = 1 if reason is None else None
        item = Item("asset", self.custody.asset(number, model=model))
        technician = self.lab.technician
        assignment = self.custody.reserve(
            technician,
            item,
            Custodian("user", self.lab.member.id),
            project_id=self.lab.project_id,
            line=(id_of(self.requisition.id), self.line_id),
        )
        self.requisition.allocate(
            self.line_id,
            id_of(assignment.id),
            AllocatedItem("asset", item.id, None if reason else self.model),
            1,
            reason,
            self.world.asked(technician),
        )
        self.save()
        return assignment

    def issue(self, assignment: Assignment) -> Any:
        technician = self.lab.technician
        operation = self.custody.hand_over(assignment, technician)
        self.requisition.line_issuing(
            id_of(assignment.id), id_of(operation.id), technician.id, self.world.now
        )
        self.save()
        return operation

    def prove(self, assignment: Assignment, operation: Any) -> None:
        self.custody.confirm(assignment, operation, self.lab.technician)
        self.requisition.line_issued(id_of(assignment.id), id_of(operation.id), self.world.now)
        self.save()

    def hand_on(self, assignment: Assignment, to: Custodian) -> Assignment:
        """Let somebody else take it over, and the inventory confirm that."""
        asked = AskedOfAssignment(self.lab.technician.caller, self.world.now)
        check_in = assignment.next_operation("checkin")
        assignment.transfer(check_in, to, new_id(), asked)
        check_out = assignment.next_operation("checkout")
        assignment.transfer_checked_in(check_in, check_out, proof(), self.world.now)
        successor = assignment.transfer_completed(check_out, proof(), self.world.now)
        self.world.store(assignment, self.lab.technician)
        self.world.store(successor, self.lab.technician)
        return successor

    def save(self) -> None:
        self.world.store(self.requisition, self.lab.technician)

    @property
    def path(self) -> str:
        return f"/requisitions/{id_of(self.requisition.id)}"


@pytest.fixture
def loan(world: World, lab: Lab) -> Loan:
    return Loan(world, lab)


async def line_of(client: httpx.AsyncClient, loan: Loan, **query: Any) -> dict[str, Any]:
    """The line, which the page of the requisition and that of its lines show alike.

    What it waits for, the page says of the whole requisition, and so does the list.
    """
    headers = loan.lab.member.headers
    page = await client.get(loan.path, headers=headers, params=query)
    assert page.status_code == 200, page.text
    line: dict[str, Any]
    (line,) = page.json()["lines"]
    assert page.json()["sync"] == line["sync"]
    if not query:
        listed = await client.get("/requisitions", headers=headers)
        (row,) = listed.json()["items"]
        assert row["sync"] == line["sync"]
        lines = await client.get(f"{loan.path}/lines", headers=headers)
        assert lines.json()["items"] == [line]
    return line


def counted(line: dict[str, Any]) -> tuple[int, int, int]:
    return line["allocated"], line["issuing"], line["issued"]


def places(line: dict[str, Any]) -> dict[Id, tuple[str, str | None]]:
    return {one["id"]: (one["place"], one["state"]) for one in line["assignments"]}


async def test_a_line_names_what_is_asked_for_as_the_inventory_does(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    line = await line_of(client, loan)
    assert line["item"] == {
        "kind": "model",
        "id": loan.model,
        "description": None,
        "name": "Oscilloscope",
    }


async def test_what_is_kept_for_a_line_is_shown_with_it(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    one = loan.allocate(17)
    two = loan.allocate(18, reason="None of them left")

    line = await line_of(client, loan)

    assert counted(line) == (2, 0, 0)
    assert places(line) == {
        id_of(one.id): ("allocated", "reserved"),
        id_of(two.id): ("allocated", "reserved"),
    }
    first, second = line["assignments"]
    assert (first["item"]["name"], first["item"]["tag"]) == ("Asset 17", "OSC-0017")
    assert (first["substitution_reason"], first["sync"]) == (None, None)
    assert second["substitution_reason"] == "None of them left"
    assert line["sync"] is None


async def test_a_line_is_issued_once_the_inventory_has_confirmed_it(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    assignment = loan.allocate(17)
    operation = loan.issue(assignment)

    leaving = await line_of(client, loan)
    loan.prove(assignment, operation)
    out = await line_of(client, loan)

    assert counted(leaving) == (0, 1, 0)
    assert places(leaving) == {id_of(assignment.id): ("issuing", "issuing")}
    assert leaving["sync"]["state"] == "pending"
    assert leaving["sync"]["operation_id"] == id_of(operation.id)
    assert leaving["assignments"][0]["sync"] == leaving["sync"]
    assert counted(out) == (0, 0, 1)
    assert places(out) == {id_of(assignment.id): ("issued", "active")}
    assert out["sync"] is None


async def test_a_line_says_first_what_needs_a_person(client: httpx.AsyncClient, loan: Loan) -> None:
    waiting, blocked = loan.allocate(17), loan.allocate(18)
    loan.issue(waiting)
    operation = loan.issue(blocked)
    operation.start_attempt(1, loan.world.now)
    operation.block("unauthorized", "The token is not accepted.", loan.world.now)
    loan.world.store(operation, loan.lab.technician)

    line = await line_of(client, loan)

    assert line["sync"]["state"] == "needs_attention"
    assert line["sync"]["operation_id"] == id_of(operation.id)


async def test_a_line_leads_to_whoever_has_its_units_now_and_waits_for_them(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    assignment, untouched = loan.allocate(17), loan.allocate(18)
    loan.prove(assignment, loan.issue(assignment))
    second = loan.hand_on(assignment, Custodian("user", loan.lab.outsider.id))
    third = loan.hand_on(second, Custodian("user", loan.lab.approver.id))
    operation = loan.custody.receive(third, loan.lab.technician)
    operation.start_attempt(1, loan.world.now)
    operation.block("unauthorized", "The token is not accepted.", loan.world.now)
    loan.world.store(operation, loan.lab.technician)

    line = await line_of(client, loan)

    assert places(line)[id_of(assignment.id)] == ("issued", "closed")
    of_first, of_untouched = line["assignments"]
    assert (of_first["outcome"], of_first["successor_id"]) == ("transferred", id_of(second.id))
    assert of_first["sync"] is None
    assert of_untouched["id"] == id_of(untouched.id)
    assert (of_untouched["outcome"], of_untouched["successor_id"]) == (None, None)
    assert line["sync"]["state"] == "needs_attention"
    assert line["sync"]["operation_id"] == id_of(operation.id)


async def test_a_line_says_what_the_inventory_has_refused(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    assignment = loan.allocate(17)
    await refuse(loan, assignment)

    line = await line_of(client, loan)

    assert counted(line) == (1, 0, 0)
    assert line["sync"]["state"] == "failed"


async def refuse(loan: Loan, assignment: Assignment) -> None:
    """Let the inventory say no to a hand-over."""
    operation, now = loan.issue(assignment), loan.world.now
    operation.start_attempt(1, now)
    operation.fail("not_available", "It is not available.", gone=False, at=now)
    assignment.issue_failed(id_of(operation.id), "not_available", gone=False, at=now)
    loan.requisition.line_issue_failed(
        id_of(assignment.id), id_of(operation.id), "not_available", now
    )
    loan.world.store(operation, loan.lab.technician)
    loan.world.store(assignment, loan.lab.technician)
    loan.save()


async def test_what_was_released_is_no_longer_shown(client: httpx.AsyncClient, loan: Loan) -> None:
    assignment, kept = loan.allocate(17), loan.allocate(18)
    await refuse(loan, assignment)
    assignment.cancel("Broken", AskedOfAssignment(loan.lab.technician.caller, loan.world.now))
    loan.world.store(assignment, loan.lab.technician)
    loan.requisition.deallocate(
        id_of(assignment.id), "Broken", loan.world.asked(loan.lab.technician)
    )
    loan.save()

    line = await line_of(client, loan)

    assert places(line) == {id_of(kept.id): ("allocated", "reserved")}
    assert counted(line) == (1, 0, 0)


async def test_a_line_of_the_past_shows_what_was_kept_then_without_how_it_stands_now(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    assignment = loan.allocate(17)
    version = loan.requisition.version
    loan.prove(assignment, loan.issue(assignment))

    past = await line_of(client, loan, as_of_version=version)

    assert counted(past) == (1, 0, 0)
    assert places(past) == {id_of(assignment.id): ("allocated", None)}
    (kept,) = past["assignments"]
    assert (kept["sync"], past["sync"]) == (None, None)
    assert (kept["outcome"], kept["successor_id"]) == (None, None)


async def test_the_page_changes_when_only_an_assignment_of_it_has(
    client: httpx.AsyncClient, loan: Loan
) -> None:
    """The page waits for both tables, and its ETag speaks of both."""
    assignment = loan.allocate(17)
    operation = loan.issue(assignment)
    headers = loan.lab.member.headers
    before = (await client.get(loan.path, headers=headers)).headers["ETag"]
    operation.start_attempt(1, loan.world.now)
    loan.world.store(operation, loan.lab.technician)

    again = await client.get(loan.path, headers={**headers, "If-None-Match": before})

    assert again.status_code == 200
    assert again.json()["lines"][0]["sync"]["attempts"] == 1
