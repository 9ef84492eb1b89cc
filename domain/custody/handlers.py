"""Commands that concern an assignment together with its item, its requisition or the inventory.

Each loads all of them, asks all of them, and saves them in one transaction: see
``docs/decisions/0011``. All of them raise ``NotFound``, ``VersionMismatch`` and the refusals of
the verbs that they ask; where the inventory is to be asked also ``ItemNotMapped`` and
``CustodianNotMapped``. The receipt is the assignment's.
"""

from datetime import datetime
from typing import Final

from eventsourcing.domain import Aggregate

from domain.assignments import commands, rules
from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, REASSERTED, Condition, Units
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import ISSUE_OFFLINE, Asked, Command
from domain.assignments.standing import Awaited
from domain.caller import Caller
from domain.custody import asking
from domain.custody.errors import ItemNotMapped, StatusLabelMissing
from domain.custody.keeping import book_of, kept, remaining, requisition_of
from domain.errors import InvalidField
from domain.ids import Id, id_of
from domain.inventory.changes import InventoryChange
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.queue import settled, waiting
from domain.ports import Facts, Receipt, Store
from domain.requisitions.errors import ProjectArchived
from domain.requisitions.requisition import Requisition

CANCELLED: Final = "cancelled"
"""Reason of what was called off before it was sent."""


async def reserve(command: commands.ReserveItem, store: Store, facts: Facts) -> Receipt:
    """Keep an item for somebody, or hand it over at once.

    Raises ``InvalidField`` for an unknown item, custodian or project, ``ItemHeld`` and
    ``NotEnoughUnits``; to hand it over ``InventoryUnavailable``, too.
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
    operation = await _hand_over(assignment, book, requisition, asked, facts)
    return await _save(store, command.at, assignment, book, operation, requisition)


async def cancel(command: commands.CancelReservation, store: Store, facts: Facts) -> Receipt:
    """Give up a reservation; its units, and those of the line that it meets, are free again.

    A hand-over is called off as long as nothing was sent to the inventory: ``AlreadySent``.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.CANCEL, assignment.view(), asked)
    requisition = await requisition_of(assignment, store)
    called_off = await _call_off_issue(assignment, requisition, command.reason, command.at, store)
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

    What needs repair goes to the connection's status label for that, if it has one. Raises
    ``InvalidField`` for an unknown location.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RETURN, assignment.view(), asked)
    units = command.units or (Units(assignment.standing.unreturned, Condition.OK),)
    labels = (await facts.inventory()).status_labels
    operation = asking.take_back(
        assignment,
        "return",
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        sum(group.quantity for group in units),
        command.by.user_id,
        command.at,
        status_id=labels.get("repair") if asking.needs_repair(units) else None,
        location_id=await _location(command.location_id, facts),
    )
    assignment.receive(
        id_of(operation.id),
        units,
        asked,
        checklist=command.checklist,
        location_id=command.location_id,
        note=command.note,
    )
    called_off = await _call_off_due(assignment, command.at, store)
    return await _save(store, command.at, assignment, operation, *called_off)


async def confirm_loss(command: commands.ConfirmLoss, store: Store, facts: Facts) -> Receipt:
    """Have the inventory list it as gone. Raises ``StatusLabelMissing``."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.CONFIRM_LOSS, assignment.view(), asked)
    kind = assignment.standing.loss or ""
    label = (await facts.inventory()).status_labels.get(kind)
    if label is None:
        raise StatusLabelMissing(kind)
    operation = asking.ask(
        assignment,
        Kind.SET_STATUS,
        "loss",
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        {"status_id": label},
        command.by.user_id,
        command.at,
    )
    assignment.confirm_loss(id_of(operation.id), asked)
    return await _save(store, command.at, assignment, operation)


async def recover(command: commands.RecoverAssignment, store: Store, facts: Facts) -> Receipt:
    """Take back what was said to be gone."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RECOVER, assignment.view(), asked)
    operation = await _all_back(assignment, "recovery", asked, facts)
    assignment.recover(id_of(operation.id), asked)
    return await _save(store, command.at, assignment, operation)


async def transfer(command: commands.TransferAssignment, store: Store, facts: Facts) -> Receipt:
    """Hand it on: it is checked in, then out. Raises ``InvalidField`` for an unknown custodian."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.TRANSFER, assignment.view(), asked)
    if await facts.custodian(command.to.kind, command.to.id) is None:
        raise InvalidField(("to", "id"), "There is no such member or location.")
    await asking.target_of(command.to, facts)
    operation = await _all_back(assignment, "transfer", asked, facts)
    assignment.transfer(id_of(operation.id), command.to, command.successor_id, asked)
    return await _save(store, command.at, assignment, operation)


async def resolve_drift(command: commands.ResolveDrift, store: Store, facts: Facts) -> Receipt:
    """Take it as returned, or have the inventory say again who has it.

    Raises ``HeldByAnother``.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    rules.check(Command.RESOLVE_DRIFT, assignment.view(), asked)
    if command.how == REASSERTED:
        operation = asking.hand_over(
            assignment,
            "reassert",
            await asking.item_of(assignment, facts),
            await asking.target_of(assignment.custodian, facts),
            command.by.user_id,
            command.at,
        )
    else:
        operation = await _all_back(assignment, "return", asked, facts)
    assignment.resolve_drift(command.how, id_of(operation.id), asked)
    return await _save(store, command.at, assignment, operation)


async def _hand_over(
    assignment: Assignment,
    book: ItemBook,
    requisition: Requisition | None,
    asked: Asked,
    facts: Facts,
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
    )
    operation_id, assignment_id = id_of(operation.id), id_of(assignment.id)
    assignment.request_issue(operation_id, asked, offline=not standing.available)
    left = await remaining(assignment.item, facts)
    book.hand_out(assignment_id, remaining=left, at=asked.at)
    if requisition is not None:
        requisition.line_issuing(assignment_id, operation_id, asked.by.user_id, asked.at)
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


async def _all_back(
    assignment: Assignment, purpose: str, asked: Asked, facts: Facts
) -> InventoryOperation:
    return asking.take_back(
        assignment,
        purpose,
        await asking.item_of(assignment, facts),
        await asking.target_of(assignment.custodian, facts),
        assignment.standing.outstanding,
        asked.by.user_id,
        asked.at,
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


async def _call_off_issue(
    assignment: Assignment,
    requisition: Requisition | None,
    reason: str,
    at: datetime,
    store: Store,
) -> list[InventoryOperation]:
    """The operation of a hand-over under way, called off. Raises ``AlreadySent``."""
    for pending in assignment.standing.pending.values():
        operation = await store.load(InventoryOperation, pending.operation_id)
        operation.cancel(reason, at)
        assignment.issue_failed(pending.operation_id, CANCELLED, gone=False, at=at)
        if requisition is not None:
            requisition.line_issue_failed(id_of(assignment.id), pending.operation_id, CANCELLED, at)
        return [operation]
    return []


async def _call_off_due(
    assignment: Assignment, at: datetime, store: Store
) -> list[InventoryOperation]:
    """A new due date that was never sent means nothing for what has come back."""
    for pending in assignment.standing.pending.values():
        if pending.awaited is Awaited.DUE:
            operation = await store.load(InventoryOperation, pending.operation_id)
            if operation.state is OperationState.PENDING and not operation.attempts:
                operation.cancel("It has come back.", at)
                assignment.due_failed(pending.operation_id, CANCELLED, at)
                return [operation]
    return []


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


async def _location(location_id: Id | None, facts: Facts) -> int | None:
    """A location's number in the inventory. Raises ``InvalidField`` and ``ItemNotMapped``."""
    if location_id is None:
        return None
    found = await facts.custodian("location", location_id)
    if found is None:
        raise InvalidField(("location_id",), "There is no such location.")
    if found.external_id is None:
        raise ItemNotMapped("Nothing in the inventory stands for this location.")
    return found.external_id
