"""Items kept for the lines of a requisition: with it, their assignments and their books."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from domain.assignments import commands as assignment_commands
from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, Item, State
from domain.assignments.errors import ItemHeld, NotEnoughUnits
from domain.assignments.item_book import ItemBook
from domain.caller import Caller
from domain.custody import allocation, outcomes
from domain.custody import handlers as custody
from domain.custody.commands import ProveOperation, RefuseOperation
from domain.custody.errors import CustodianLeft, CustodianNotMapped
from domain.errors import InvalidField, InventoryUnavailable, PermissionMissing
from domain.ids import Id, book_id
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import InventoryStanding, Receipt
from domain.requisitions import commands
from domain.requisitions.content import Header
from domain.requisitions.errors import (
    BeingIssued,
    MoreThanOpen,
    NotAllocated,
    SubstitutionNeedsReason,
)
from domain.requisitions.quantities import Quantities
from domain.requisitions.quantities import State as RequisitionState
from domain.requisitions.requisition import EXPIRY_REASON, Requisition
from infrastructure.ids import derived_id, new_id
from tests.builders import operations
from tests.builders.desk import fitting
from tests.builders.people import (
    ADMINISTRATOR,
    APPROVER,
    NOW,
    OTHER_MEMBER,
    PROJECT,
    REQUESTER,
    TECHNICIAN,
    TENANT,
)
from tests.builders.requisitions import AFTER, BATTERIES, HEADER, LAPTOPS, MODEL
from tests.domain.requisitions.test_handlers import Tenant

OTHER_MODEL: Final = derived_id("model", "tablet")
BATTERY: Final = BATTERIES.item.id or ""
LAPTOP: Final = tuple(derived_id("asset", str(number)) for number in range(3))


class Lab(Tenant):
    """A tenant whose inventory has what an approved requisition asks for."""

    async def open(self, header: Header = HEADER) -> None:
        await self.begin()
        for number, laptop in enumerate(LAPTOP):
            self.facts.has_item("asset", laptop, 100 + number, model_id=MODEL)
        self.facts.has_item("model", MODEL, 3, remaining=3)
        self.facts.has_item("consumable", BATTERY, 4, remaining=12)
        self.facts.has_custodian("user", REQUESTER.user_id, 5)
        await self.ask(header)

    async def ask(self, header: Header = HEADER) -> None:
        """A requisition, approved."""
        self.requisition_id = new_id()
        await self.draft(header, lines=(LAPTOPS, BATTERIES))
        await self.submit()
        await self.approve()

    async def allocate(
        self,
        item_id: Id = LAPTOP[0],
        kind: str = "asset",
        *,
        line_id: Id = LAPTOPS.line_id,
        by: Caller = TECHNICIAN,
        at: datetime = NOW,
        **more: Any,
    ) -> Id:
        assignment_id = new_id()
        command = commands.AllocateLine(
            requisition_id=self.requisition_id,
            line_id=line_id,
            assignment_id=assignment_id,
            item_kind=kind,
            item_id=item_id,
            by=by,
            at=at,
            **more,
        )
        receipt = await allocation.allocate(command, self.store, self.facts)
        assert (receipt.id, receipt.line_id) == (self.requisition_id, line_id)
        return assignment_id

    async def deallocate(
        self, assignment_id: Id, line_id: Id = LAPTOPS.line_id, by: Caller = TECHNICIAN
    ) -> Receipt:
        command = commands.DeallocateLine(
            requisition_id=self.requisition_id,
            line_id=line_id,
            assignment_id=assignment_id,
            reason="Broken",
            by=by,
            at=NOW,
        )
        return await allocation.deallocate(command, self.store, self.facts)

    async def issue(self, assignment_id: Id) -> Receipt:
        command = assignment_commands.IssueAssignment(
            assignment_id=assignment_id, by=TECHNICIAN, at=NOW
        )
        return await custody.issue(command, self.store, self.facts)

    async def attempt(self, assignment_id: Id) -> Id:
        """Let a worker try the hand-over; the operation."""
        (operation_id,) = (await self.assignment(assignment_id)).standing.pending
        operation = await self.store.load(InventoryOperation, operation_id)
        operation.start_attempt(1, NOW)
        operation.accept(None, NOW)
        await self.store.save(operation)
        return operation_id

    async def prove(self, assignment_id: Id) -> None:
        operation_id = await self.attempt(assignment_id)
        shown = fitting(await self.store.load(InventoryOperation, operation_id))
        command = ProveOperation(operation_id=operation_id, fence=1, evidence=shown, at=NOW)
        await outcomes.prove(command, self.store, self.facts)

    async def refuse(self, assignment_id: Id, *, gone: bool) -> None:
        command = RefuseOperation(
            operation_id=await self.attempt(assignment_id),
            fence=1,
            reason="not_available",
            message="That asset is not available for checkout!",
            gone=gone,
            evidence=operations.evidence(None),
            at=NOW,
        )
        await outcomes.refuse(command, self.store, self.facts)

    async def expire(self) -> Receipt:
        command = commands.ExpireRequisition(requisition_id=self.requisition_id, at=AFTER)
        return await allocation.expire(command, self.store, self.facts)

    async def assignment(self, assignment_id: Id) -> Assignment:
        return await self.store.load(Assignment, assignment_id)

    async def requisition(self) -> Requisition:
        return await self.store.load(Requisition, self.requisition_id)

    async def units(self, line_id: Id = LAPTOPS.line_id) -> Quantities:
        return (await self.requisition()).quantities[line_id]

    async def holders(self, item_id: Id = LAPTOP[0], kind: str = "asset") -> list[Id]:
        book = await self.store.load(ItemBook, book_id(TENANT, kind, item_id))
        return list(book.holds)


@pytest.fixture
async def lab() -> Lab:
    lab = Lab()
    await lab.open()
    return lab


async def test_an_item_is_kept_for_the_requester_as_long_as_it_is_needed(lab: Lab) -> None:
    assignment = await lab.assignment(id := await lab.allocate())

    assert assignment.state is State.RESERVED
    assert assignment.item == Item("asset", LAPTOP[0])
    assert assignment.custodian == Custodian("user", REQUESTER.user_id)
    assert (assignment.project_id, assignment.requisition_id) == (PROJECT, lab.requisition_id)
    assert assignment.line_id == LAPTOPS.line_id
    assert (assignment.begins, assignment.standing.due) == (HEADER.needed_from, HEADER.needed_until)
    assert assignment.verified
    assert await lab.units() == Quantities(3, 3, allocated=1)
    assert await lab.holders() == [id]


async def test_an_item_is_kept_for_the_beneficiary_where_there_is_one(lab: Lab) -> None:
    beneficiary = APPROVER.user_id
    lab.facts.has_custodian("user", beneficiary, 6)
    await lab.ask(Header(purpose="For her", beneficiary_id=beneficiary))

    assignment = await lab.assignment(await lab.allocate())

    assert assignment.custodian == Custodian("user", beneficiary)
    assert (assignment.begins, assignment.standing.due) == (NOW, None)


@pytest.mark.parametrize("kind", ["location", "user"])
async def test_a_technician_may_say_who_gets_it(lab: Lab, kind: str) -> None:
    custodian = Custodian(kind, derived_id("custodian", kind))
    lab.facts.has_custodian(kind, custodian.id, 7)

    assignment = await lab.assignment(await lab.allocate(custodian=(kind, custodian.id)))

    assert assignment.custodian == custodian
    assert assignment.project_id == PROJECT


@pytest.mark.parametrize("kind", ["location", "user"])
async def test_nothing_is_kept_for_a_named_custodian_who_is_not_known(lab: Lab, kind: str) -> None:
    unknown, unmapped = derived_id("custodian", "unknown"), derived_id("custodian", "unmapped")
    lab.facts.has_custodian(kind, unmapped, None)
    for id in (unknown, unmapped):
        with pytest.raises(InvalidField) as refused:
            await lab.allocate(custodian=(kind, id))
        assert refused.value.path == ("custodian", "id")
    assert await lab.units() == Quantities(3, 3)


async def test_a_named_custodian_stands_in_for_a_requester_who_has_left(lab: Lab) -> None:
    lab.facts.custodians.clear()
    place = derived_id("custodian", "workshop")
    lab.facts.has_custodian("location", place, 7)
    assignment = await lab.assignment(await lab.allocate(custodian=("location", place)))
    assert assignment.custodian == Custodian("location", place)


async def test_a_technician_may_say_for_how_long(lab: Lab) -> None:
    begins, due = NOW + timedelta(days=2), NOW + timedelta(days=3)
    assignment = await lab.assignment(await lab.allocate(begins=begins, due=due))
    assert (assignment.begins, assignment.standing.due) == (begins, due)


async def test_units_of_a_consumable_are_kept_as_long_as_there_are_some(lab: Lab) -> None:
    await lab.allocate(BATTERY, "consumable", line_id=BATTERIES.line_id, quantity=12)
    with pytest.raises(NotEnoughUnits):
        await lab.allocate(BATTERY, "consumable", line_id=BATTERIES.line_id, quantity=1)
    assert (await lab.units(BATTERIES.line_id)).allocated == 12


async def test_a_consumable_is_kept_for_no_location(lab: Lab) -> None:
    place = derived_id("custodian", "workshop")
    lab.facts.has_custodian("location", place, 7)
    with pytest.raises(InvalidField) as refused:
        await lab.allocate(
            BATTERY, "consumable", line_id=BATTERIES.line_id, custodian=("location", place)
        )
    assert refused.value.path == ("custodian", "kind")
    assert (await lab.units(BATTERIES.line_id)).allocated == 0


async def test_one_item_is_kept_for_one_requisition_at_a_time(lab: Lab) -> None:
    first = await lab.allocate()
    await lab.ask()

    with pytest.raises(ItemHeld):
        await lab.allocate()

    assert await lab.units() == Quantities(3, 3)
    assert await lab.holders() == [first]


async def test_another_model_is_kept_only_with_a_reason(lab: Lab) -> None:
    tablet = derived_id("asset", "tablet")
    lab.facts.has_item("asset", tablet, 200, model_id=OTHER_MODEL)
    with pytest.raises(SubstitutionNeedsReason):
        await lab.allocate(tablet)

    await lab.allocate(tablet, substitution_reason="No laptops left")

    assert await lab.units() == Quantities(3, 3, allocated=1)


async def test_an_item_is_kept_unverified_while_the_inventory_cannot_be_asked(lab: Lab) -> None:
    lab.facts.standing = InventoryStanding(connected=True, available=False, retry_after_s=30)

    id = await lab.allocate()

    assert not (await lab.assignment(id)).verified
    assert await lab.holders() == [id]
    with pytest.raises(InventoryUnavailable):
        await lab.issue(id)
    assert await lab.units() == Quantities(3, 3, allocated=1)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"item_id": "0" * 26}, ("asset_id",)),
        ({"item_id": "0" * 26, "kind": "accessory"}, ("item_id",)),
        ({"due": NOW - timedelta(days=1)}, ("due",)),
        ({"quantity": 2}, ("quantity",)),
    ],
    ids=["no such asset", "no such accessory", "due in the past", "two of an asset"],
)
async def test_what_cannot_be_kept_is_refused_with_its_field(
    lab: Lab, fields: dict[str, Any], path: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidField) as refused:
        await lab.allocate(**fields)
    assert refused.value.path == path
    assert await lab.units() == Quantities(3, 3)


async def test_nothing_is_kept_for_somebody_whom_the_inventory_does_not_know(lab: Lab) -> None:
    lab.facts.has_custodian("user", REQUESTER.user_id, None)
    with pytest.raises(CustodianNotMapped):
        await lab.allocate()


async def test_nothing_is_kept_for_somebody_who_has_left(lab: Lab) -> None:
    lab.facts.custodians.clear()
    with pytest.raises(CustodianLeft):
        await lab.allocate()
    assert await lab.units() == Quantities(3, 3)


async def test_no_more_is_kept_than_was_approved(lab: Lab) -> None:
    for laptop in LAPTOP:
        await lab.allocate(laptop)
    lab.facts.has_item("asset", new := derived_id("asset", "more"), 300, model_id=MODEL)
    with pytest.raises(MoreThanOpen):
        await lab.allocate(new)


@pytest.mark.parametrize("who", [REQUESTER, OTHER_MEMBER, APPROVER])
async def test_only_who_issues_keeps_items_and_releases_them(lab: Lab, who: Caller) -> None:
    id = await lab.allocate()
    with pytest.raises(PermissionMissing):
        await lab.allocate(LAPTOP[1], by=who)
    with pytest.raises(PermissionMissing):
        await lab.deallocate(id, by=who)


async def test_what_is_released_is_free_for_others(lab: Lab) -> None:
    id = await lab.allocate()

    await lab.deallocate(id)

    assert (await lab.assignment(id)).state is State.CANCELLED
    assert await lab.holders() == []
    assert (await lab.requisition()).state == RequisitionState.APPROVED
    await lab.ask()
    assert await lab.holders() == []
    again = await lab.allocate()
    assert await lab.holders() == [again]


async def test_what_another_line_or_nobody_keeps_is_not_released(lab: Lab) -> None:
    id = await lab.allocate()
    with pytest.raises(NotAllocated):
        await lab.deallocate(id, line_id=BATTERIES.line_id)
    with pytest.raises(NotAllocated):
        await lab.deallocate(new_id())
    assert (await lab.assignment(id)).state is State.RESERVED


async def test_a_cancelled_reservation_is_open_again_for_its_line(lab: Lab) -> None:
    id = await lab.allocate()
    command = assignment_commands.CancelReservation(
        assignment_id=id, reason="Broken", by=TECHNICIAN, at=NOW
    )
    await custody.cancel(command, lab.store, lab.facts)
    assert await lab.units() == Quantities(3, 3)


async def test_what_nobody_collected_is_open_again_for_its_line(lab: Lab) -> None:
    id = await lab.allocate()
    command = assignment_commands.LapseReservation(
        assignment_id=id, reason="Nobody collected it.", at=NOW
    )
    await custody.lapse(command, lab.store, lab.facts)
    assert await lab.units() == Quantities(3, 3)
    assert await lab.holders() == []


async def test_a_cancelled_requisition_lets_go_of_everything_at_once(lab: Lab) -> None:
    kept = [await lab.allocate(laptop) for laptop in LAPTOP]
    kept += [
        await lab.allocate(BATTERY, "consumable", line_id=BATTERIES.line_id, quantity=2)
        for _ in range(2)
    ]

    await lab.cancel(TECHNICIAN)

    assert {(await lab.assignment(id)).state for id in kept} == {State.CANCELLED}
    assert [await lab.holders(laptop) for laptop in LAPTOP] == [[], [], []]
    assert await lab.holders(BATTERY, "consumable") == []
    assert (await lab.requisition()).state == RequisitionState.CANCELLED


async def test_an_expired_requisition_lets_go_of_everything(lab: Lab) -> None:
    id = await lab.allocate()

    await lab.expire()

    assert (await lab.requisition()).state == RequisitionState.EXPIRED
    assert (await lab.assignment(id)).state is State.CANCELLED
    assert await lab.holders() == []
    assert EXPIRY_REASON in lab.store.streams[id][-1][1].decode()


async def test_nothing_is_cancelled_or_expires_while_something_is_handed_over(lab: Lab) -> None:
    kept = await lab.allocate(LAPTOP[1])
    id = await lab.allocate()
    await lab.issue(id)
    before = dict(lab.store.streams)

    with pytest.raises(BeingIssued):
        await lab.cancel(ADMINISTRATOR)
    with pytest.raises(BeingIssued):
        await lab.expire()
    with pytest.raises(BeingIssued):
        await lab.deallocate(id)

    assert lab.store.streams == before
    assert await lab.units() == Quantities(3, 3, allocated=1, issuing=1)
    assert (await lab.assignment(kept)).state is State.RESERVED


async def test_what_is_handed_over_counts_as_issued_on_proof_alone(lab: Lab) -> None:
    id = await lab.allocate()
    await lab.issue(id)
    assert await lab.units() == Quantities(3, 3, issuing=1)

    await lab.prove(id)

    assert await lab.units() == Quantities(3, 3, issued=1)
    assert (await lab.assignment(id)).state is State.ACTIVE


async def test_what_the_inventory_refused_is_kept_as_before(lab: Lab) -> None:
    id = await lab.allocate()
    await lab.issue(id)

    await lab.refuse(id, gone=False)

    assert await lab.units() == Quantities(3, 3, allocated=1)
    assert (await lab.assignment(id)).state is State.RESERVED


async def test_what_is_gone_from_the_inventory_is_neither_kept_nor_reserved(lab: Lab) -> None:
    id = await lab.allocate()
    await lab.issue(id)

    await lab.refuse(id, gone=True)

    assert await lab.units() == Quantities(3, 3)
    assert (await lab.assignment(id)).state is State.CANCELLED
    assert await lab.holders() == []
