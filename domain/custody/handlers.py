"""Commands that concern an assignment together with its item, its requisition or the inventory.

Each loads all of them, asks all of them, and saves them in one transaction: see
``docs/decisions/0011``. All of them raise ``NotFound``, ``VersionMismatch`` and the refusals of
the verbs that they ask; where the inventory is to be asked also ``ItemNotMapped`` and
``CustodianNotMapped``. The receipt is the assignment's.
"""

from collections.abc import Sequence
from datetime import datetime

from eventsourcing.domain import Aggregate

from domain.assignments import commands, rules
from domain.assignments.assignment import Assignment
from domain.assignments.content import (
    ASSET,
    EXTERNAL_RETURN,
    LOCATION,
    RELINKED,
    Condition,
    Received,
    Units,
)
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import ISSUE_OFFLINE, Asked, Command
from domain.caller import Caller
from domain.custody import asking
from domain.custody.calling_off import call_off_due, call_off_issue
from domain.custody.errors import StatusLabelMissing
from domain.custody.keeping import book_of, kept, remaining, requisition_of
from domain.errors import InvalidField
from domain.ids import Id, id_of
from domain.inventory.changes import InventoryChange
from domain.inventory_operations.kinds import RELINK, Kind
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.queue import settled, waiting
from domain.ports import Facts, Receipt, Store
from domain.requisitions.errors import ProjectArchived
from domain.requisitions.requisition import Requisition


async def reserve(command: commands.ReserveItem, store: Store, facts: Facts) -> Receipt:
    """Keep an item for somebody, or hand it over at once.

    Raises ``InvalidField`` for an unknown item, custodian or project, ``ItemHeld``, and
    ``NotEnoughUnits`` or, to hand it over, ``InventoryUnavailable``.
    """
    rules.require_issuer(command.by)
    unchanged = await _project(command.terms.project_id, command.by, facts)
    assignment, book = await kept(
        command.assignment_id,
        command.terms,
        tenant_id=command.by.tenant_id,
        by=command.by.user_id,
        at=command.at,
        store=store,
        facts=facts,
        issue=command.issue,
    )
    if not command.issue:
        return await store.save(assignment, book, unchanged=unchanged)
    operation = await _hand_over(assignment, book, None, Asked(command.by, command.at), facts)
    return await store.save(
        assignment,
        book,
        operation,
        changes=[waiting(operation, command.at)],
        unchanged=unchanged,
    )


async def issue(command: commands.IssueAssignment, store: Store, facts: Facts) -> Receipt:
    """Hand over what is reserved. Raises ``InventoryUnavailable`` and ``ItemOut``."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.ISSUE, assignment.view(), asked)
    book = await _book(assignment, store, command.at)
    requisition = await requisition_of(assignment, store)
    earlier = await asking.earlier_of(assignment, store)
    operation = await _hand_over(assignment, book, requisition, asked, facts, earlier)
    return await _save(store, command.at, assignment, book, operation, requisition)


async def cancel(command: commands.CancelReservation, store: Store, facts: Facts) -> Receipt:
    """Give up a reservation; its units, and those of the line that it meets, are free again.

    A hand-over is called off as long as nothing was sent to the inventory: ``AlreadySent``.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.CANCEL, assignment.view(), asked)
    requisition = await requisition_of(assignment, store)
    called_off = await call_off_issue(assignment, requisition, command.reason, command.at, store)
    assignment.cancel(command.reason, asked)
    released = await _release(
        assignment, requisition, command.reason, command.by.user_id, command.at, store
    )
    return await _save(store, command.at, assignment, *released, *called_off)


async def lapse(command: commands.LapseReservation, store: Store, facts: Facts) -> Receipt:
    """Give up what was never collected."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.lapse(command.reason, command.at)
    requisition = await requisition_of(assignment, store)
    released = await _release(assignment, requisition, command.reason, None, command.at, store)
    return await _save(store, command.at, assignment, *released)


async def request_extension(
    command: commands.RequestExtension, store: Store, facts: Facts
) -> Receipt:
    """Ask to keep it longer. Raises ``ItemHeld`` where others want it by then."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    assignment.request_extension(command.due, command.reason, Asked(command.by, command.at))
    book = await _book(assignment, store, command.at)
    book.check_extension(
        command.assignment_id,
        command.due,
        remaining=await remaining(assignment.item, facts),
        at=command.at,
    )
    return await store.save(assignment, book)


async def approve_extension(
    command: commands.ApproveExtension, store: Store, facts: Facts
) -> Receipt:
    """Let it be kept longer; what the inventory keeps of the date is asked for first."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.APPROVE_EXTENSION, assignment.view(), asked)
    book = await _book(assignment, store, command.at)
    operation: InventoryOperation | None = None
    due = command.due or assignment.standing.extension
    if assignment.item.kind == ASSET and due is not None:
        operation = await _new_due(assignment, due, asked, facts)
    until = assignment.approve_extension(
        command.due, None if operation is None else id_of(operation.id), asked
    )
    book.extend(
        command.assignment_id,
        until,
        remaining=await remaining(assignment.item, facts),
        at=command.at,
    )
    return await _save(store, command.at, assignment, book, operation)


async def receive(command: commands.ReturnAssignment, store: Store, facts: Facts) -> Receipt:
    """Take units back at the desk, whether the inventory can be asked just now or not.

    What needs repair goes to the connection's status label for that, if it has one; what is gone
    stays with the custodian until a person has written it off: see ``docs/decisions/0014``.
    Before the hand-over is settled that is noted, and carried out once it is. Where nothing over
    there stands for the item or its custodian any more, a person has to see to the operations.
    Raises ``InvalidField`` for an unknown location.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RETURN, assignment.view(), asked)
    await _check_location(command.location_id, facts)
    units = command.units or (Units(assignment.standing.unreturned, Condition.OK),)
    parts = [
        Received(part, command.checklist, command.location_id, command.note)
        for part in asking.parts_of(units, assignment.item.kind)
    ]
    if assignment.is_being_handed_over:
        for back in parts:
            assignment.note_return(back, asked)
        return await store.save(assignment)
    address = await asking.address_of(assignment, facts)
    operations = [await _take_in(back, assignment, address, asked, facts) for back in parts]
    called_off = await call_off_due(assignment, command.at, store)
    return await _save(store, command.at, assignment, *operations, *called_off)


async def confirm_loss(command: commands.ConfirmLoss, store: Store, facts: Facts) -> Receipt:
    """Have the inventory list it as gone. Raises ``StatusLabelMissing``."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.CONFIRM_LOSS, assignment.view(), asked)
    label = await _label(assignment.standing.loss or "", facts)
    operation = asking.ask(
        assignment,
        Kind.SET_STATUS,
        asking.LOSS,
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        {"status_id": label},
        command.by.user_id,
        command.at,
    )
    assignment.confirm_loss(id_of(operation.id), asked)
    return await _save(store, command.at, assignment, operation)


async def recover(command: commands.RecoverAssignment, store: Store, facts: Facts) -> Receipt:
    """Take back what was said to be gone.

    What the inventory lists as gone it gets back with the deployable label. Raises ``ItemOut``
    where somebody has it by now, and ``StatusLabelMissing``.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RECOVER, assignment.view(), asked)
    book: ItemBook | None = None
    label: int | None = None
    if assignment.standing.gone:
        book = await _book(assignment, store, command.at)
        book.turn_up(command.assignment_id, command.at)
        label = await _label("deployable", facts)
    address = await asking.address_of(assignment, facts)
    operation = _all_back(assignment, "recovery", address, asked, status_id=label)
    assignment.recover(id_of(operation.id), asked)
    asking.hold_back(operation, assignment, address, command.at)
    return await _save(store, command.at, assignment, book, operation)


async def transfer(command: commands.TransferAssignment, store: Store, facts: Facts) -> Receipt:
    """Hand it on: it is checked in, then out. Raises ``InvalidField`` for an unknown custodian."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.TRANSFER, assignment.view(), asked)
    if await facts.custodian(command.to.kind, command.to.id) is None:
        raise InvalidField(("to", "id"), "There is no such member or location.")
    await asking.target_of(command.to, facts)
    address = await asking.whole_address_of(assignment, facts)
    operation = _all_back(assignment, "transfer", address, asked)
    assignment.transfer(id_of(operation.id), command.to, command.successor_id, asked)
    return await _save(store, command.at, assignment, operation)


async def resolve_drift(command: commands.ResolveDrift, store: Store, facts: Facts) -> Receipt:
    """Take it as returned, have the inventory say again who has it, or agree with it.

    Raises ``HeldByAnother``; for the last ``HeldByNobody``, ``HolderUnknown``, ``SameCustodian``.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RESOLVE_DRIFT, assignment.view(), asked)
    operation = await _resolution(command, assignment, facts)
    assignment.resolve_drift(command.how, id_of(operation.id), asked)
    return await _save(store, command.at, assignment, operation)


async def _resolution(
    command: commands.ResolveDrift, assignment: Assignment, facts: Facts
) -> InventoryOperation:
    """What the inventory is asked for, to deal with a drift in the way that was decided."""
    by, at = command.by.user_id, command.at
    if command.how == EXTERNAL_RETURN:
        address = await asking.whole_address_of(assignment, facts)
        units = assignment.standing.drifted_units
        return asking.take_back(assignment, EXTERNAL_RETURN, address, units, by, at)
    item = await asking.item_of(assignment, facts)
    if command.how == RELINKED:
        holder = await asking.target_found(assignment, facts)
        return asking.hand_over(assignment, RELINK, item, holder, by, at)
    custodian = await asking.target_of(assignment.custodian, facts)
    return asking.hand_over_again(assignment, item, custodian, by, at)


async def _hand_over(
    assignment: Assignment,
    book: ItemBook,
    requisition: Requisition | None,
    asked: Asked,
    facts: Facts,
    earlier: Sequence[Id] = (),
) -> InventoryOperation:
    """Ask the assignment, the book and the line for the hand-over; the operation that it takes."""
    standing = await asking.reachable(asked.by, ISSUE_OFFLINE, facts)
    operation = asking.hand_over(
        assignment,
        "issue",
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        asked.by.user_id,
        asked.at,
        earlier=earlier,
    )
    operation_id, assignment_id = id_of(operation.id), id_of(assignment.id)
    assignment.request_issue(operation_id, asked, offline=not standing.available)
    book.hand_out(assignment_id, at=asked.at)
    if requisition is not None:
        requisition.line_issuing(assignment_id, operation_id, asked.by.user_id, asked.at)
    return operation


async def _take_in(
    back: Received,
    assignment: Assignment,
    address: asking.Address,
    asked: Asked,
    facts: Facts,
) -> InventoryOperation:
    """Units that are back, or units that are gone: the assignment has them on their way."""
    operation = await asking.bring_back(
        assignment, back, address, asked.by.user_id, asked.at, facts
    )
    assignment.receive(id_of(operation.id), back, asked)
    asking.hold_back(operation, assignment, address, asked.at)
    return operation


async def _new_due(
    assignment: Assignment, due: datetime, asked: Asked, facts: Facts
) -> InventoryOperation:
    return asking.ask(
        assignment,
        Kind.SET_DUE,
        "due",
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        {"due": asking.date_of(due)},
        asked.by.user_id,
        asked.at,
    )


def _all_back(
    assignment: Assignment,
    purpose: str,
    address: asking.Address,
    asked: Asked,
    *,
    status_id: int | None = None,
) -> InventoryOperation:
    return asking.take_back(
        assignment,
        purpose,
        address,
        assignment.standing.outstanding,
        asked.by.user_id,
        asked.at,
        status_id=status_id,
    )


async def _release(
    assignment: Assignment,
    requisition: Requisition | None,
    reason: str,
    by: Id | None,
    at: datetime,
    store: Store,
) -> list[Aggregate | None]:
    """What no longer keeps anything for a reservation that was given up."""
    assignment_id = id_of(assignment.id)
    book = await _book(assignment, store, at)
    book.release(assignment_id, at)
    if requisition is not None:
        requisition.line_released(assignment_id, reason, by, at)
    return [book, requisition]


async def _save(
    store: Store, at: datetime, assignment: Assignment, *others: Aggregate | None
) -> Receipt:
    """Store all of them at once; a worker is to look at the open operations among them."""
    present = [other for other in others if other is not None]
    changes: list[InventoryChange] = [
        waiting(other, at) if other.state is OperationState.PENDING else settled(other)
        for other in present
        if isinstance(other, InventoryOperation)
    ]
    return await store.save(assignment, *present, changes=changes)


async def _book(assignment: Assignment, store: Store, at: datetime) -> ItemBook:
    return await book_of(assignment.item, assignment.tenant_id, store, at)


async def _project(project_id: Id | None, by: Caller, facts: Facts) -> list[tuple[Id, int]]:
    """The project as a stream that must not move, none for none. Raises ``ProjectArchived``."""
    if project_id is None:
        return []
    standing = await facts.project_standing(project_id, by.user_id)
    if standing is None:
        raise InvalidField(("project_id",), "There is no such project.")
    if standing.archived:
        raise ProjectArchived
    return [(standing.project_id, standing.version)]


async def _label(purpose: str, facts: Facts) -> int:
    """The status label for a purpose. Raises ``StatusLabelMissing``."""
    label = (await facts.inventory()).status_labels.get(purpose)
    if label is None:
        raise StatusLabelMissing(purpose)
    return label


async def _check_location(location_id: Id | None, facts: Facts) -> None:
    """Raise ``InvalidField`` unless there is such a location, or none is named."""
    if location_id is not None and await facts.custodian(LOCATION, location_id) is None:
        raise InvalidField(("location_id",), "There is no such location.")
