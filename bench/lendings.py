"""A tenant's lendings from the first draft on, as our aggregates write them, made in memory.

No server is asked: the inventory's part is told as it would be read back. All new ids are of one
family, so that ``bench.copies`` can give a copy of the events ids of its own.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from eventsourcing.domain import Aggregate, CanMutateAggregate

from bench.copies import FIRST, TAIL_BITS
from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, USER, Condition, Custodian, Received, Terms, Units
from domain.assignments.content import Item as LentItem
from domain.assignments.item_book import Hold, ItemBook
from domain.assignments.rules import Asked as AskedOfAssignment
from domain.caller import Caller
from domain.custody.proof import proof_of
from domain.fields import time_text
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id, id_of, uuid_of
from domain.inventory_operations.events import EvidenceData, ItemData, TargetData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import PolicyFact
from domain.projects.project import Project
from domain.requisitions.content import Header, Item, Line
from domain.requisitions.fulfilment import AllocatedItem
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked

BEGIN: Final = datetime(2016, 1, 4, 8, tzinfo=UTC)
EVERY: Final = timedelta(minutes=90)
"""How often somebody begins a requisition."""

LENT_FOR: Final = timedelta(days=14)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
MODELS: Final = 40
STEPS: Final = (("First look", "requisitions:approve"), ("Last word", "requisitions:approve"))
PURPOSES: Final = (
    "Measure the vibrations of the new test stand",
    "Film day at the river with the second team",
    "Practical course in electronics, group B",
    "Replacement for a notebook that was stolen on the way to the fair",
)
_SEED: Final = 20


@dataclass(frozen=True, slots=True)
class Crew:
    """Who acts in a tenant, and for which projects."""

    requesters: Sequence[Caller]
    approver: Caller
    technician: Caller
    projects: Sequence[Id]

    @classmethod
    def new(cls, new_id: Callable[[], Id], tenant_id: Id, requesters: int, projects: int) -> "Crew":
        """So many people of a tenant, with new ids."""

        def caller(role: str) -> Caller:
            return Caller(new_id(), tenant_id, SHIPPED_ROLES[role], 1)

        return cls(
            [caller("requester") for _ in range(requesters)],
            caller("approver"),
            caller("technician"),
            [new_id() for _ in range(projects)],
        )


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and who caused it: None for what a worker found out."""

    tenant_id: Id
    event: CanMutateAggregate[UUID]
    actor_id: Id | None


@dataclass(slots=True)
class _Thing:
    """An asset with its book, and from when on it can be lent again."""

    id: Id
    external_id: int
    model_id: Id
    book: ItemBook
    free_at: datetime


@dataclass(slots=True)
class _Case:
    """A lending under way."""

    requisition: Requisition
    assignment: Assignment
    thing: _Thing
    custodian: Caller


class Lendings:
    """All that happens in a tenant while ``number`` requisitions are made in it."""

    def __init__(self, crew: Crew | None = None) -> None:
        self._chance = random.Random(_SEED)
        self._crew = crew or Crew.new(self._new_id, self._new_id(), requesters=30, projects=5)
        self._tenant_id = self._crew.technician.tenant_id
        self._told: list[Told] = []
        self._things: list[_Thing] = []
        self._fence = 0
        self._models = [self._new_id() for _ in range(MODELS)]
        self._policy = PolicyFact(self._new_id(), "Two steps", STEPS, None, None)

    def tell(self, number: int) -> Sequence[Told]:
        """The events of all of it, in the order in which they happened."""
        self._found()
        courses = self._courses()
        for count in range(number):
            courses[count % len(courses)](BEGIN + (count + 1) * EVERY)
        return sorted(self._told, key=lambda told: told.event.timestamp)

    def _found(self) -> None:
        lead = Caller(
            self._crew.technician.user_id, self._tenant_id, SHIPPED_ROLES["tenant_admin"], 1
        )
        for id in self._crew.projects:
            project = Project.create(uuid_of(id), "Bench", None, lead, BEGIN)
            for member in self._crew.requesters:
                project.set_member(member.user_id, "member", lead, BEGIN)
            self._save(lead, project)
        policy = ApprovalPolicy.add(
            uuid_of(self._policy.id),
            tenant_id=self._tenant_id,
            name=self._policy.name,
            steps=self._policy.steps,
            min_amount=None,
            project_id=None,
            require_live_availability=False,
            at=BEGIN,
        )
        self._save(lead, policy)

    # Courses that a requisition may take

    def _courses(self) -> Sequence[Callable[[datetime], None]]:
        """As they follow one another, again and again."""
        early = (self._drafted_only, self._waiting, self._sent_back, self._rejected)
        bought = (self._bought,) * 5
        held = (self._kept, self._leaving, self._out, self._overdue)
        return (*early, *bought, *held, *(self._back,) * 5, *(self._back_late,) * 2)

    def _drafted_only(self, at: datetime) -> None:
        self._draft(at, self._purchase())

    def _waiting(self, at: datetime) -> None:
        self._submitted(at, self._purchase())

    def _sent_back(self, at: datetime) -> None:
        requisition = self._submitted(at, self._purchase())
        approver = self._crew.approver
        requisition.request_changes("Two are enough", Asked(approver, at + 3 * HOUR))
        self._save(approver, requisition)

    def _rejected(self, at: datetime) -> None:
        requisition = self._submitted(at, self._purchase())
        approver = self._crew.approver
        requisition.reject("There are some in the store", Asked(approver, at + 5 * HOUR))
        self._save(approver, requisition)

    def _bought(self, at: datetime) -> None:
        line = self._purchase()
        requisition = self._approved(at, line)
        technician = self._crew.technician
        asked = Asked(technician, at + 50 * HOUR)
        requisition.fulfil(line.line_id, line.quantity, "Delivered to the desk", asked)
        self._save(technician, requisition)

    def _kept(self, at: datetime) -> None:
        self._allocated(at)

    def _leaving(self, at: datetime) -> None:
        case = self._allocated(at)
        self._request_issue(case, at + 52 * HOUR)

    def _out(self, at: datetime) -> None:
        self._issued(self._allocated(at), at + 52 * HOUR)

    def _overdue(self, at: datetime) -> None:
        case = self._allocated(at)
        self._issued(case, at + 52 * HOUR)
        self._late(case, at)

    def _back(self, at: datetime) -> None:
        case = self._allocated(at)
        self._issued(case, at + 52 * HOUR)
        self._returned(case, at + timedelta(days=9))

    def _back_late(self, at: datetime) -> None:
        case = self._allocated(at)
        self._issued(case, at + 52 * HOUR)
        self._late(case, at)
        self._returned(case, at + LENT_FOR + timedelta(days=5))

    # Their parts

    def _draft(self, at: datetime, line: Line) -> Requisition:
        requester = self._chance.choice(self._crew.requesters)
        header = Header(
            purpose=self._chance.choice(PURPOSES),
            needed_from=at + timedelta(days=1),
            needed_until=at + LENT_FOR,
            amount=Decimal("120.50"),
            policy_id=self._policy.id,
        )
        requisition = Requisition.draft(
            uuid_of(self._new_id()),
            self._chance.choice(self._crew.projects),
            header,
            (),
            Asked(requester, at, "member"),
            project_archived=False,
        )
        self._save(requester, requisition)
        requisition.add_line(line, Asked(requester, at + MINUTE, "member"))
        self._save(requester, requisition)
        return requisition

    def _submitted(self, at: datetime, line: Line) -> Requisition:
        requisition = self._draft(at, line)
        requester = self._requester_of(requisition)
        asked = Asked(requester, at + 3 * MINUTE, "member")
        requisition.submit([self._policy], asked, project_archived=False)
        self._save(requester, requisition)
        return requisition

    def _approved(self, at: datetime, line: Line) -> Requisition:
        requisition = self._submitted(at, line)
        for by, when in ((self._crew.approver, 3 * HOUR), (self._crew.technician, 26 * HOUR)):
            requisition.approve((), None, Asked(by, at + when))
            self._save(by, requisition)
        return requisition

    def _allocated(self, at: datetime) -> _Case:
        line = Line(self._new_id(), Item("model", self._chance.choice(self._models)), 1)
        requisition = self._approved(at, line)
        technician, kept_at = self._crew.technician, at + 50 * HOUR
        thing = self._thing_free_at(kept_at)
        custodian = self._requester_of(requisition)
        assignment_id, due = self._new_id(), requisition.header.needed_until
        asset = AllocatedItem(ASSET, thing.id, thing.model_id)
        reason = None if thing.model_id == line.item.id else "The other one is being repaired"
        requisition.allocate(
            line.line_id, assignment_id, asset, 1, reason, Asked(technician, kept_at)
        )
        terms = Terms(
            item=LentItem(ASSET, thing.id),
            custodian=Custodian(USER, custodian.user_id),
            begins=kept_at,
            due=due,
            project_id=requisition.project_id,
            requisition_id=id_of(requisition.id),
            line_id=line.line_id,
        )
        assignment = Assignment.reserve(
            uuid_of(assignment_id),
            terms,
            tenant_id=self._tenant_id,
            verified=True,
            by=technician.user_id,
            at=kept_at,
        )
        thing.book.hold(Hold(assignment_id, 1, kept_at, due), remaining=None, at=kept_at)
        self._save(technician, requisition, assignment, thing.book)
        return _Case(requisition, assignment, thing, custodian)

    def _request_issue(self, case: _Case, at: datetime) -> InventoryOperation:
        technician = self._crew.technician
        due = case.assignment.standing.due
        wanted = None if due is None else f"{due:%Y-%m-%d}"
        operation = self._operation(case, Kind.CHECKOUT, "issue", {"due": wanted}, at)
        operation_id, assignment_id = id_of(operation.id), id_of(case.assignment.id)
        case.assignment.request_issue(operation_id, AskedOfAssignment(technician, at))
        case.thing.book.hand_out(assignment_id, at=at)
        case.requisition.line_issuing(assignment_id, operation_id, technician.user_id, at)
        self._save(technician, operation, case.assignment, case.thing.book, case.requisition)
        return operation

    def _issued(self, case: _Case, at: datetime) -> None:
        operation = self._request_issue(case, at)
        operation_id, assignment_id = id_of(operation.id), id_of(case.assignment.id)
        known_at, shown = self._proven(case, operation, at)
        case.assignment.issued(operation_id, proof_of(shown), known_at)
        case.thing.book.handed_out(assignment_id, known_at)
        case.requisition.line_issued(assignment_id, operation_id, known_at)
        self._save(None, operation, case.assignment, case.thing.book, case.requisition)
        asked = AskedOfAssignment(case.custodian, known_at + MINUTE)
        case.assignment.accept("As it was shown to me", asked, witnessed=False)
        self._save(case.custodian, case.assignment)

    def _late(self, case: _Case, at: datetime) -> None:
        for day in (-1, 0, 3):
            when = at + LENT_FOR + timedelta(days=day) + HOUR
            if day == 0:
                case.assignment.mark_overdue(when)
            case.assignment.remind(day, when)
        self._save(None, case.assignment)

    def _returned(self, case: _Case, at: datetime) -> None:
        technician = self._crew.technician
        operation = self._operation(case, Kind.CHECKIN, "return", {"status_id": None}, at)
        operation_id = id_of(operation.id)
        back = Received((Units(1, Condition.OK),), note="Complete, with its bag")
        case.assignment.receive(operation_id, back, AskedOfAssignment(technician, at))
        self._save(technician, operation, case.assignment)
        known_at, shown = self._proven(case, operation, at)
        case.assignment.returned(operation_id, proof_of(shown), known_at)
        case.thing.book.come_back(id_of(case.assignment.id), 0, known_at)
        self._save(None, operation, case.assignment, case.thing.book)
        case.thing.free_at = known_at + HOUR
        self._things.append(case.thing)

    def _operation(
        self, case: _Case, kind: Kind, purpose: str, wanted: dict[str, str | None], at: datetime
    ) -> InventoryOperation:
        return InventoryOperation.request(
            uuid_of(self._new_id()),
            tenant_id=self._tenant_id,
            kind=kind,
            purpose=purpose,
            subject_kind="assignment",
            subject_id=id_of(case.assignment.id),
            item=ItemData(kind=ASSET, id=case.thing.id, external_id=case.thing.external_id),
            target=TargetData(kind=USER, id=case.custodian.user_id, external_id=5),
            wanted=wanted,
            requested_by=self._crew.technician.user_id,
            at=at,
        )

    def _proven(
        self, case: _Case, operation: InventoryOperation, at: datetime
    ) -> tuple[datetime, EvidenceData]:
        """A worker sends it and reads it back; when that is, and what it is shown."""
        self._fence += 1
        operation.start_attempt(self._fence, at + timedelta(seconds=1))
        self._save(None, operation)
        operation.accept(None, at + timedelta(seconds=2))
        self._save(None, operation)
        known_at = at + timedelta(seconds=3)
        shown = EvidenceData(
            external_id=case.thing.external_id,
            assigned_to=(USER, 5) if operation.kind is Kind.CHECKOUT else None,
            last_checkout=time_text(at),
            last_checkin=None,
            expected_checkin=operation.wanted.get("due"),
            status_id=2,
            rows=[],
            activity_id=None,
            read_at=time_text(known_at),
        )
        operation.sync(shown, known_at)
        return known_at, shown

    def _thing_free_at(self, at: datetime) -> _Thing:
        for thing in self._things:
            if thing.free_at <= at:
                self._things.remove(thing)
                return thing
        id, model_id = self._new_id(), self._chance.choice(self._models)
        item = LentItem(ASSET, id)
        book = ItemBook.open(uuid_of(self._new_id()), tenant_id=self._tenant_id, item=item, at=at)
        return _Thing(id, self._chance.randrange(1, 100_000), model_id, book, at)

    def _purchase(self) -> Line:
        item = Item("purchase", description="A box of screws, M4 by 20 mm, stainless")
        return Line(self._new_id(), item, self._chance.randint(1, 5), "The cheap ones will do")

    def _requester_of(self, requisition: Requisition) -> Caller:
        return next(one for one in self._crew.requesters if one.user_id == requisition.requester_id)

    def _new_id(self) -> Id:
        return FIRST.id(self._chance.getrandbits(TAIL_BITS))

    def _save(self, by: Caller | None, *aggregates: Aggregate) -> None:
        actor_id = None if by is None else by.user_id
        for aggregate in aggregates:
            self._told += [
                Told(self._tenant_id, event, actor_id) for event in aggregate.collect_events()
            ]
