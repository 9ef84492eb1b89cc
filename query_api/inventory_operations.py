"""GET /inventory/operations: the sync board, and one operation with what can be done about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, exists

from domain.assignments.content import State as AssignmentState
from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.inventory_operations import rules
from domain.inventory_operations.errors import HandedOutSince
from domain.inventory_operations.kinds import Kind, State
from domain.permissions import ASSIGNMENTS_READ, INVENTORY_MANAGE
from query_api import answers, names, parked
from query_api.inventory_names import LOCATION, Custodians, Thing, look_up_things
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.obstacles import Transition, forbidden, transition
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdFilter, IdInPath, NamedModel
from read_tables.assignments import assignments, item_holds
from read_tables.inventory_operations import inventory_operations as table

inventory_operations = router("inventory")

READERS: Final = (ASSIGNMENTS_READ, INVENTORY_MANAGE)
_PROJECTION: Final = ("custody",)

C: Final = table.c
StateName = Literal["pending", "synced", "failed", "needs_attention", "compensated"]

SORTS: Final = {
    name: Sort(id=C.id, key=C[field], field=field, descending=name.startswith("-"))
    for field in ("requested_at", "since")
    for name in (field, f"-{field}")
}


class OperationThing(BaseModel):
    """The thing concerned; ``external_id`` is the inventory's own number."""

    kind: str
    id: Id | None
    external_id: int | None
    name: str | None
    tag: str | None


class OperationTarget(BaseModel):
    """Who gets it, or had it."""

    kind: Literal["user", "location"]
    id: Id
    external_id: int
    name: str | None


class SubjectModel(BaseModel):
    """What it is done for."""

    kind: Literal["assignment", "asset"]
    id: Id


class AttestationModel(BaseModel):
    """Somebody vouches for it; nothing proves it."""

    by: NamedModel
    reason: str
    at: datetime


class OperationItem(BaseModel):
    """An operation as it stands in a list.

    ``step`` is what a worker is doing about a pending one; ``last_error`` is a class.
    """

    id: Id
    kind: str
    purpose: str
    subject: SubjectModel
    item: OperationThing
    target: OperationTarget | None
    state: StateName
    step: Literal["waiting", "in_flight", "verifying"] | None
    since: datetime
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    last_message: str | None
    requested_by: NamedModel | None
    requested_at: datetime
    synced_at: datetime | None
    attestation: AttestationModel | None
    late: bool
    compensates: Id | None
    compensated_by: Id | None
    updated_at: datetime
    version: int


class OperationPage(BaseModel):
    """One page of operations."""

    items: list[OperationItem]
    next: str | None


class OperationModel(OperationItem):
    """An operation on a page of its own: what was wanted, what was shown, what can be done."""

    wanted: dict[str, Any]
    evidence: dict[str, Any] | None
    actual: dict[str, Any] | None
    late_effect: dict[str, Any] | None
    created_external_id: int | None
    gone: bool
    resolving: bool
    transitions: list[Transition]


@dataclass(frozen=True, slots=True)
class Filters:
    state: str | None
    kind: str | None
    purpose: str | None
    item_id: Id | None
    subject_id: Id | None
    last_error: str | None
    late: bool

    def conditions(self) -> list[ColumnElement[bool]]:
        """What every row of the list meets."""
        equal = (
            (C.state, self.state),
            (C.kind, self.kind),
            (C.purpose, self.purpose),
            (C.item_id, self.item_id),
            (C.subject_id, self.subject_id),
            (C.last_error, self.last_error),
        )
        met: list[ColumnElement[bool]] = [
            column == value for column, value in equal if value is not None
        ]
        if self.late:
            met.append(C.late_effect.is_not(None))
        return met


_Word = Annotated[str | None, Query(pattern="^[a-z_]{1,60}$")]


async def _filters(
    state: Annotated[StateName | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    purpose: _Word = None,
    item_id: IdFilter = None,
    subject_id: IdFilter = None,
    last_error: _Word = None,
    late: Annotated[
        Literal["true"] | None, Query(description="Only those that happened after all.")
    ] = None,
) -> Filters:
    return Filters(state, kind, purpose, item_id, subject_id, last_error, late is not None)


@inventory_operations.get(
    "/inventory/operations",
    operation_id="list_inventory_operations",
    response_model=OperationPage,
    responses=page_responses(),
)
async def list_inventory_operations(
    reading: Annotated[Reading, reads(*READERS, projections=_PROJECTION)],
    filters: Annotated[Filters, Depends(_filters)],
    page: Page,
    sort: Annotated[
        Literal["-requested_at", "requested_at", "since", "-since"],
        Query(description="`since` is the longest in its state first."),
    ] = "-requested_at",
) -> Response:
    """All that was to be changed in the inventory, and how far it is."""
    fingerprint = {
        "tenant": reading.scope.tenant_id,
        "sort": sort,
        "filters": [getattr(filters, name) for name in Filters.__slots__],
    }
    cursors = Cursors(reading.sources.secret, "inventory operations", fingerprint)
    window = Window(page, SORTS[sort], cursors)
    wanted = reading.scope.select(table).where(*filters.conditions())
    rows, following = window.shown(await reading.rows(window.cut(wanted)))
    known = await _look_up(reading, rows)
    return answers.page(reading, [_item(row, known) for row in rows], following)


@inventory_operations.get(
    "/inventory/operations/{operation_id}",
    operation_id="read_inventory_operation",
    response_model=OperationModel,
    responses=object_responses(403, 404),
)
async def read_inventory_operation(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=_PROJECTION)],
    operation_id: IdInPath,
) -> Response:
    """One operation: what was wanted, what the inventory showed, and what can be done about it."""
    row = await reading.row(reading.scope.select(table).where(C.id == operation_id))
    if row is None:
        await parked.refuse_if_parked(reading, operation_id)
        raise NotFound("There is no such operation.")
    if reading.caller.permissions.isdisjoint(READERS):
        raise PermissionMissing(READERS[0])
    await parked.refuse_if_parked(reading, operation_id)
    known = await _look_up(reading, [row])
    stays = HandedOutSince() if await _undoes_what_somebody_has(reading, row) else None
    return answers.one(reading, _full(row, known, reading, stays), row.version, names=True)


async def _undoes_what_somebody_has(reading: Reading, row: Any) -> bool:
    """Whether it would take a thing from somebody who was handed it since: no retry then."""
    if row.compensates is None or row.kind != Kind.CHECKIN:
        return False
    held_by = assignments.c.id == item_holds.c.assignment_id
    having = (
        reading.scope.select(item_holds, item_holds.c.assignment_id)
        .where(item_holds.c.item_kind == row.item_kind, item_holds.c.item_id == row.item_id)
        .where(item_holds.c.out)
        .where(exists().where(held_by, assignments.c.state != AssignmentState.CLOSED))
    )
    return await reading.row(having.limit(1)) is not None


async def _look_up(reading: Reading, rows: Sequence[Any]) -> Custodians:
    users: set[Id | None] = set()
    things: set[Thing] = set()
    for row in rows:
        users.update(_people_in(row))
        things.update(_things_in(row))
    known = await names.look_up(reading.snapshot, reading.scope, users)
    return Custodians(known, await look_up_things(reading, things))


def _people_in(row: Any) -> Iterable[Id | None]:
    yield row.requested_by
    if row.attestation is not None:
        yield row.attestation["by"]
    if row.target is not None and row.target["kind"] != LOCATION:
        yield row.target["id"]


def _things_in(row: Any) -> Iterable[Thing]:
    if row.item_id is not None:
        yield row.item_kind, row.item_id
    if row.target is not None and row.target["kind"] == LOCATION:
        yield LOCATION, row.target["id"]


def _item(row: Any, known: Custodians) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "purpose": row.purpose,
        "subject": {"kind": row.subject_kind, "id": row.subject_id},
        "item": _thing(row, known),
        "target": _target(row, known),
        "state": row.state,
        "step": row.step,
        "since": row.since,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at,
        "last_error": row.last_error,
        "last_message": row.last_message,
        "requested_by": known.users.of_optional(row.requested_by),
        "requested_at": row.requested_at,
        "synced_at": row.synced_at,
        "attestation": _attestation(row, known),
        "late": row.late_effect is not None,
        "compensates": row.compensates,
        "compensated_by": row.compensated_by,
        "updated_at": row.updated_at,
        "version": row.version,
    }


def _full(
    row: Any, known: Custodians, reading: Reading, stays: HandedOutSince | None
) -> dict[str, Any]:
    return {
        **_item(row, known),
        "wanted": row.wanted,
        "evidence": row.evidence,
        "actual": row.actual,
        "late_effect": row.late_effect,
        "created_external_id": row.created_external_id,
        "gone": row.gone,
        "resolving": row.resolving,
        "transitions": [
            transition(
                command.value,
                forbidden(lambda: reading.caller.require(rules.MANAGE)),
                rules.obstacle(command, State(row.state), given_up=row.given_up),
                stays if command is rules.Command.RETRY else None,
            )
            for command in rules.Command
        ],
    }


def _thing(row: Any, known: Custodians) -> dict[str, Any]:
    thing = {"kind": row.item_kind, "id": row.item_id, "external_id": row.item_external_id}
    if row.item_id is None:
        return {**thing, "name": None, "tag": None}
    named = known.things.of(row.item_kind, row.item_id)
    return {**thing, "name": named["name"], "tag": named["tag"]}


def _target(row: Any, known: Custodians) -> dict[str, Any] | None:
    if row.target is None:
        return None
    return {**row.target, **known.of(row.target["kind"], row.target["id"])}


def _attestation(row: Any, known: Custodians) -> dict[str, Any] | None:
    if row.attestation is None:
        return None
    return {**row.attestation, "by": known.users.of(row.attestation["by"])}
