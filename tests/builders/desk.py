"""A desk in memory: items, people, a store, and an inventory that answers as a test says."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, Item, Units
from domain.assignments.item_book import ItemBook
from domain.caller import Caller
from domain.custody import commands as outcome_commands
from domain.custody import handlers, outcomes
from domain.custody.drift import detect_drift, detect_units_drift
from domain.ids import Id, book_id, id_of
from domain.inventory_operations import commands as operation_commands
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.problems import Problem
from domain.ports import Facts, InventoryStanding, Receipt, Store
from infrastructure.ids import derived_id
from tests.builders import operations
from tests.builders.assignments import (
    BEN,
    CABLES,
    CHI,
    CUSTODIAN,
    DRILL,
    DUE,
    MANAGER,
    SCREWS,
    WORKSHOP,
    terms,
)
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import NOW, TECHNICIAN, TENANT

C = TypeVar("C")
Handle = Callable[[C, Store, Facts], Awaitable[Receipt]]

NUMBERS: Final = {BEN: 3, CHI: 4, WORKSHOP: 2}
"""Who is who in the inventory."""
LABELS: Final = {"lost": 8, "stolen": 9, "repair": 5, "deployable": 2}
DOWN: Final = InventoryStanding(
    connected=True, available=False, reason="down", retry_after_s=45, status_labels=LABELS
)


class Desk:
    """Gives commands at ``at``, and keeps what they stored."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.facts = MemoryFacts(self.store)
        self.at = NOW
        self._numbers = 0
        self.facts.standing = InventoryStanding(
            connected=True, available=True, status_labels=LABELS
        )
        self.facts.has_item("asset", DRILL.id, 17)
        self.facts.has_item("accessory", CABLES.id, 30, remaining=5)
        self.facts.has_item("consumable", SCREWS.id, 40, remaining=100)
        for custodian, number in NUMBERS.items():
            self.facts.has_custodian(custodian.kind, custodian.id, number)

    def new_id(self, what: str = "assignment") -> Id:
        self._numbers += 1
        return derived_id("desk", what, str(self._numbers))

    def goes_down(self) -> None:
        self.facts.standing = DOWN

    def later(self, **span: float) -> None:
        self.at += timedelta(**span)

    # What people ask

    async def give(self, handle: Handle[C], command: C) -> Receipt:
        return await handle(command, self.store, self.facts)

    async def reserve(
        self,
        item: Item = DRILL,
        custodian: Custodian = BEN,
        *,
        by: Caller = TECHNICIAN,
        issue: bool = False,
        **more: Any,
    ) -> Id:
        assignment_id = self.new_id()
        wanted = terms(item, custodian, **{"begins": self.at, **more})
        command = commands.ReserveItem(
            assignment_id=assignment_id, terms=wanted, by=by, at=self.at, issue=issue
        )
        await self.give(handlers.reserve, command)
        return assignment_id

    async def issue(self, id: Id, by: Caller = TECHNICIAN) -> Receipt:
        command = commands.IssueAssignment(assignment_id=id, by=by, at=self.at)
        return await self.give(handlers.issue, command)

    async def cancel(self, id: Id, by: Caller = TECHNICIAN) -> Receipt:
        command = commands.CancelReservation(
            assignment_id=id, reason="Not needed", by=by, at=self.at
        )
        return await self.give(handlers.cancel, command)

    async def request_extension(
        self, id: Id, due: datetime = DUE + timedelta(days=7), by: Caller = CUSTODIAN
    ) -> Receipt:
        command = commands.RequestExtension(assignment_id=id, due=due, by=by, at=self.at)
        return await self.give(handlers.request_extension, command)

    async def approve_extension(
        self, id: Id, due: datetime | None = None, by: Caller = TECHNICIAN
    ) -> Receipt:
        command = commands.ApproveExtension(assignment_id=id, due=due, by=by, at=self.at)
        return await self.give(handlers.approve_extension, command)

    async def receive(self, id: Id, *units: Units, by: Caller = TECHNICIAN, **more: Any) -> Receipt:
        command = commands.ReturnAssignment(
            assignment_id=id, units=units, by=by, at=self.at, **more
        )
        return await self.give(handlers.receive, command)

    async def report_loss(self, id: Id, kind: str = "lost", by: Caller = CUSTODIAN) -> Receipt:
        command = commands.ReportLoss(assignment_id=id, kind=kind, by=by, at=self.at)
        return await self.give(alone.report_loss, command)

    async def confirm_loss(self, id: Id, by: Caller = MANAGER) -> Receipt:
        command = commands.ConfirmLoss(assignment_id=id, by=by, at=self.at)
        return await self.give(handlers.confirm_loss, command)

    async def recover(self, id: Id, by: Caller = TECHNICIAN) -> Receipt:
        command = commands.RecoverAssignment(assignment_id=id, by=by, at=self.at)
        return await self.give(handlers.recover, command)

    async def transfer(self, id: Id, to: Custodian = CHI, by: Caller = TECHNICIAN) -> Id:
        successor_id = self.new_id("successor")
        command = commands.TransferAssignment(
            assignment_id=id, successor_id=successor_id, to=to, by=by, at=self.at
        )
        await self.give(handlers.transfer, command)
        return successor_id

    async def drift(self, id: Id, actual: tuple[str, int] | None) -> Receipt:
        command = commands.DetectDrift(
            assignment_id=id,
            version=(await self.assignment(id)).version,
            actual=actual,
            read_at=self.at,
            at=self.at,
        )
        return await self.give(detect_drift, command)

    async def drift_of_units(self, id: Id, *unlisted: int) -> Receipt:
        command = commands.DetectUnitsDrift(
            assignment_id=id,
            version=(await self.assignment(id)).version,
            unlisted=unlisted,
            read_at=self.at,
            at=self.at,
        )
        return await self.give(detect_units_drift, command)

    async def resolve_drift(self, id: Id, how: str, by: Caller = MANAGER) -> Receipt:
        command = commands.ResolveDrift(assignment_id=id, how=how, by=by, at=self.at)
        return await self.give(handlers.resolve_drift, command)

    # What the inventory answers

    async def send(self, operation_id: Id) -> InventoryOperation:
        """Let a worker have sent it: it is about to be read back."""
        operation = await self.operation(operation_id)
        operation.start_attempt(operation.fence + 1, self.at)
        operation.accept(None, self.at)
        await self.store.save(operation)
        return operation

    async def prove(self, operation_id: Id, evidence: EvidenceData | None = None) -> Receipt:
        """The inventory shows it: what was wanted, or what the test says."""
        operation = await self.send(operation_id)
        return await self.prove_sent(operation, evidence or fitting(operation))

    async def prove_sent(self, operation: InventoryOperation, evidence: EvidenceData) -> Receipt:
        command = outcome_commands.ProveOperation(
            operation_id=id_of(operation.id),
            fence=operation.fence,
            evidence=evidence,
            at=self.at,
        )
        return await self.give(outcomes.prove, command)

    async def refuse(
        self,
        operation_id: Id,
        reason: str = "not_available",
        *,
        gone: bool = False,
        evidence: EvidenceData | None = None,
    ) -> Receipt:
        operation = await self.send(operation_id)
        command = outcome_commands.RefuseOperation(
            operation_id=operation_id,
            fence=operation.fence,
            reason=reason,
            message="That asset is not available for checkout!",
            gone=gone,
            evidence=evidence or operations.evidence(None),
            at=self.at,
        )
        return await self.give(outcomes.refuse, command)

    async def raise_attention(self, operation_id: Id, problem: Problem) -> Receipt:
        return await self.raise_sent(await self.send(operation_id), problem)

    async def raise_sent(self, operation: InventoryOperation, problem: Problem) -> Receipt:
        command = outcome_commands.RaiseAttention(
            operation_id=id_of(operation.id),
            fence=operation.fence,
            problem=problem,
            at=self.at,
        )
        return await self.give(outcomes.raise_attention, command)

    async def abandon(self, operation_id: Id, by: Caller = MANAGER) -> Receipt:
        command = outcome_commands.AbandonOperation(
            operation_id=operation_id, reason="Nobody knows", by=by, at=self.at
        )
        return await self.give(outcomes.abandon, command)

    async def retry(self, operation_id: Id, by: Caller = MANAGER) -> Receipt:
        command = operation_commands.RetryOperation(
            operation_id=operation_id, reason="It is mended", by=by, at=self.at
        )
        return await self.give(outcomes.retry, command)

    async def resolve(self, operation_id: Id, by: Caller = MANAGER) -> Receipt:
        command = operation_commands.RequestResolution(
            operation_id=operation_id, reason="It was done by hand", by=by, at=self.at
        )
        return await self.give(outcomes.request_resolution, command)

    async def attest(self, operation_id: Id, by: Caller = MANAGER) -> Receipt:
        command = outcome_commands.AttestOperation(
            operation_id=operation_id, reason="I have seen it", by=by, at=self.at
        )
        return await self.give(outcomes.attest, command)

    async def find_late(self, operation_id: Id, evidence: EvidenceData | None = None) -> Receipt:
        operation = await self.operation(operation_id)
        command = outcome_commands.FindLateEffect(
            operation_id=operation_id, evidence=evidence or fitting(operation), at=self.at
        )
        return await self.give(outcomes.find_late_effect, command)

    # What there is

    async def assignment(self, id: Id) -> Assignment:
        return await self.store.load(Assignment, id)

    async def operation(self, id: Id) -> InventoryOperation:
        return await self.store.load(InventoryOperation, id)

    async def book(self, item: Item = DRILL) -> ItemBook:
        return await self.store.load(ItemBook, book_id(TENANT, item.kind, item.id))

    async def open_operation(self, id: Id) -> Id:
        """The one operation of an assignment that the inventory has not answered."""
        (operation_id,) = (await self.assignment(id)).standing.pending
        return operation_id

    async def out(self, item: Item = DRILL, custodian: Custodian = BEN, **more: Any) -> Id:
        """Something that was handed over, provenly."""
        assignment_id = await self.reserve(item, custodian, issue=True, **more)
        await self.prove(await self.open_operation(assignment_id))
        return assignment_id

    def topics(self, id: Id) -> Sequence[str]:
        """What happened to an aggregate, without module and version."""
        return [topic.split(".")[1] for topic, _ in self.store.streams[id]]

    def count(self) -> int:
        """How much has happened."""
        return len(self.store.topics)


def fitting(operation: InventoryOperation) -> EvidenceData:
    """What the inventory shows once the operation is done."""
    wanted, target = operation.wanted, operation.target
    back = operation.kind in (Kind.CHECKIN, Kind.QUANTITY_CHECKIN, Kind.QUANTITY_WRITE_OFF)
    holder = None if target is None or back else (target["kind"], target["external_id"])
    rows: list[int] = []
    if operation.kind is Kind.QUANTITY_CHECKOUT and operation.item["kind"] == "accessory":
        first = operation.id.int % 100_000 * 100
        rows = [first + number for number in range(wanted["quantity"])]
    return operations.evidence(
        holder,
        external_id=operation.item["external_id"] or 0,
        expected_checkin=wanted.get("due"),
        status_id=wanted.get("status_id"),
        rows=rows,
        activity_id=5,
    )
