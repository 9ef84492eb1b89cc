"""What is lent in a world: an inventory as the mirror holds it, assignments and operations."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from domain.assignments.assignment import Assignment
from domain.assignments.content import Custodian, Item, Terms
from domain.assignments.item_book import Hold, ItemBook
from domain.assignments.rules import Asked
from domain.ids import Id, book_id, id_of, inventory_id, uuid_of
from domain.inventory_operations.events import ItemData, TargetData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.ids import to_uuid
from tests.builders.custody import MANAGER, evidence, issuing, receiving
from tests.builders.operations import evidence as operation_evidence
from tests.query_api.world import Person, World

URL: Final = "https://inventory.example.org"
DAY: Final = timedelta(days=1)
MODEL: Final = 1


@dataclass(frozen=True)
class Custody:
    """The inventory of one tenant, and what is lent of it."""

    world: World
    tenant_id: Id

    def connect(self, *, as_of: datetime | None = None, circuit: str | None = None) -> None:
        """Let the tenant be connected, with a mirror that is up to date unless told otherwise."""
        self._insert(
            "connections",
            tenant_id=to_uuid(self.tenant_id),
            base_url=URL,
            token_source="env:TOKEN",
            server_zone="UTC",
            status_labels="{}",
            version=1,
        )
        self.mirrored_at(as_of or datetime.now(UTC))
        if circuit is not None:
            self._insert(
                "circuits",
                tenant_id=to_uuid(self.tenant_id),
                state=circuit,
                failures=5,
                openings=1,
                since=datetime.now(UTC) - DAY,
                retry_at=datetime.now(UTC) + timedelta(seconds=30),
                reason="unreachable",
            )

    def mirrored_at(self, as_of: datetime) -> None:
        """Let the mirror know everything up to a time."""
        self.world.execute(
            "INSERT INTO inventory.mirror_states (tenant_id, base_url, swept_at, as_of)"
            " VALUES (:tenant, :url, :as_of, :as_of)"
            " ON CONFLICT (tenant_id) DO UPDATE SET as_of = :as_of, swept_at = :as_of",
            tenant=to_uuid(self.tenant_id),
            url=URL,
            as_of=as_of,
        )

    def model(self, external_id: int = MODEL, name: str = "Oscilloscope") -> Id:
        """A model of assets."""
        return self._thing("model", external_id, name=name, requestable=True, assets_count=0)

    def asset(
        self,
        external_id: int,
        *,
        model: int | None = MODEL,
        free: bool = True,
        location: int | None = None,
        **more: Any,
    ) -> Id:
        """An asset."""
        return self._thing(
            "asset",
            external_id,
            name=f"Asset {external_id}",
            tag=f"OSC-{external_id:04}",
            model_external_id=model,
            home_external_id=location,
            can_check_out=free,
            requestable=True,
            checkout_counter=0,
            checkin_counter=0,
            custom_fields="{}",
            **more,
        )

    def stock(self, kind: str, external_id: int, *, quantity: int, remaining: int) -> Id:
        """Accessories or consumables."""
        return self._thing(
            kind, external_id, name=f"{kind} {external_id}", quantity=quantity, remaining=remaining
        )

    def location(self, external_id: int, name: str = "Wood Shop") -> Id:
        """A location."""
        return self._thing("location", external_id, name=name)

    def reserve(
        self,
        by: Person,
        item: Item,
        custodian: Custodian,
        *,
        quantity: int = 1,
        project_id: Id | None = None,
        due: datetime | None = None,
        line: tuple[Id, Id] | None = None,
        store: bool = True,
    ) -> Assignment:
        """Keep an item for somebody, maybe for a line of a requisition (the ids of both)."""
        requisition_id, line_id = line or (None, None)
        assignment = Assignment.reserve(
            uuid4(),
            Terms(
                item=item,
                custodian=custodian,
                begins=self.world.now,
                due=due,
                quantity=quantity,
                project_id=project_id,
                requisition_id=requisition_id,
                line_id=line_id,
            ),
            tenant_id=self.tenant_id,
            verified=True,
            by=by.id,
            at=self.world.now,
        )
        if store:
            self.world.store(assignment, by)
        return assignment

    def hand_over(self, assignment: Assignment, by: Person) -> InventoryOperation:
        """Have it handed over: the inventory is being asked."""
        operation_id = issuing(assignment, by.caller, self.world.now)
        operation = self.operation(assignment, operation_id, by)
        self.world.store(assignment, by)
        self.world.store(operation, by)
        return operation

    def confirm(self, assignment: Assignment, operation: InventoryOperation, by: Person) -> None:
        """Let the inventory confirm the hand-over."""
        now = self.world.now
        operation.start_attempt(1, now)
        operation.accept(None, now)
        operation.sync(operation_evidence(("user", 3)), now)
        proof = evidence(self._read_at(), assigned_to=("user", 3))
        assignment.issued(id_of(operation.id), proof, now)
        self.world.store(operation, by)
        self.world.store(assignment, by)

    def lend(self, by: Person, item: Item, custodian: Custodian, **terms: Any) -> Assignment:
        """Reserve, hand over and confirm."""
        assignment = self.reserve(by, item, custodian, **terms)
        self.confirm(assignment, self.hand_over(assignment, by), by)
        return assignment

    def lose(self, assignment: Assignment, by: Person) -> None:
        """Have its loss reported and confirmed."""
        asked = Asked(MANAGER, self.world.now)
        assignment.report_loss("lost", None, asked)
        marking = assignment.next_operation("set_status")
        assignment.confirm_loss(marking, asked)
        assignment.loss_confirmed(marking, evidence(self._read_at()), self.world.now)
        self.world.store(assignment, by)

    def receive(self, assignment: Assignment, by: Person) -> InventoryOperation:
        """Take one unit back at the desk: the inventory is being asked."""
        operation_id = receiving(assignment, at=self.world.now)
        operation = self.operation(assignment, operation_id, by, Kind.CHECKIN, "return")
        self.world.store(assignment, by)
        self.world.store(operation, by)
        return operation

    def operation(
        self,
        assignment: Assignment,
        operation_id: Id,
        by: Person,
        kind: Kind = Kind.CHECKOUT,
        purpose: str = "issue",
        compensates: Id | None = None,
    ) -> InventoryOperation:
        """An operation of an assignment; not stored yet."""
        custodian = assignment.custodian
        return InventoryOperation.request(
            uuid_of(operation_id),
            tenant_id=self.tenant_id,
            kind=kind,
            purpose=purpose,
            subject_kind="assignment",
            subject_id=id_of(assignment.id),
            item=ItemData(kind=assignment.item.kind, id=assignment.item.id, external_id=17),
            target=TargetData(kind=custodian.kind, id=custodian.id, external_id=3),
            wanted={"due": None},
            requested_by=by.id,
            compensates=compensates,
            at=self.world.now,
        )

    def hold(self, by: Person, item: Item, *holds: Hold, remaining: int | None = None) -> None:
        """Write holds into the item's book."""
        id = uuid_of(book_id(self.tenant_id, item.kind, item.id))
        book = ItemBook.open(id, tenant_id=self.tenant_id, item=item, at=self.world.now)
        for hold in holds:
            book.hold(hold, remaining=remaining, at=self.world.now)
            if hold.out:
                book.handed_out(hold.assignment_id, self.world.now)
            elif hold.leaving:
                book.hand_out(hold.assignment_id, at=self.world.now)
        self.world.store(book, by)

    def _thing(self, kind: str, external_id: int, **columns: Any) -> Id:
        id = inventory_id(self.tenant_id, kind, external_id)
        table = {"accessory": "accessories"}.get(kind, f"{kind}s")
        self._insert(
            table,
            **{
                "tenant_id": to_uuid(self.tenant_id),
                "external_id": external_id,
                "id": to_uuid(id),
                "as_of": datetime.now(UTC),
                **columns,
            },
        )
        return id

    def _insert(self, table: str, **columns: Any) -> None:
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        statement = f"INSERT INTO inventory.{table} ({names}) VALUES ({values})"  # noqa: S608
        self.world.execute(statement, **columns)

    def _read_at(self) -> str:
        return self.world.now.isoformat().replace("+00:00", "Z")
