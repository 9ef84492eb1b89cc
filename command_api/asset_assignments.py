"""Commands of assignments, as those ask who begin with the asset: a person or a location has it.

They are the commands of ``/assignments`` under other names; ``person_id`` is a member's id.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

from fastapi import Response

from command_api import errors
from command_api.asset_assignment_bodies import (
    AssetAssignmentBody,
    AssignmentChangesBody,
    CirculationBody,
    OfAssetBody,
    ToSomebodyBody,
)
from command_api.asset_checks import asset_there, without_version
from command_api.assignment_checks import may
from command_api.caller import Call, Handle, Requires, Scene
from command_api.fields import PathId
from command_api.routing import also, creation, inventory_action, router
from domain.assignments import commands
from domain.assignments.rules import EXTEND, ISSUE, Command
from domain.custody import handlers
from domain.custody.circulation import assign, circulate, require_desk
from domain.custody.circulation_commands import Circulate, Circulation
from domain.errors import InvalidField
from domain.ids import Id
from infrastructure.ids import new_id

routes = router("asset assignments")

LOCATION: Final = "/api/v1/assignments/{id}"


@contextmanager
def _named_as_here(body: ToSomebodyBody | None = None) -> Iterator[None]:
    """Let a refused field have the name that it has here, not that of the command."""
    names: dict[tuple[str | int, ...], str] = {
        ("item", "id"): "asset_id",
        ("begins",): "start_date",
        ("due",): "end_date",
        ("to", "id"): "location_id",
        ("custodian", "id"): "location_id" if body and body.location_id else "person_id",
    }
    try:
        yield
    except InvalidField as wrong:
        if wrong.path in names:
            wrong.path = (names[wrong.path],)
        raise


async def _at_a_desk(scene: Scene) -> None:
    require_desk(scene.caller)


@routes.post(
    "/assets/{id}/assignments",
    **also(creation("assign_asset", of=errors.of_existing), 202),
)
async def assign_asset(
    id: PathId, body: OfAssetBody, call: Annotated[Call, Requires(ISSUE, first=asset_there(ISSUE))]
) -> Response:
    """Hand an asset to a person or a location (202), or reserve it for a later day (201)."""
    without_version(call)
    return await _assign(assign, id, body, call)


@routes.post("/asset-assignments", **also(creation("create_asset_assignment"), 202))
async def create(body: AssetAssignmentBody, call: Annotated[Call, Requires(ISSUE)]) -> Response:
    """Hand an asset to a person or a location (202), or reserve it for a later day (201)."""
    return await _assign(handlers.reserve, body.asset_id, body, call)


async def _assign(
    handle: Handle[commands.ReserveItem], asset_id: Id, body: OfAssetBody, call: Call
) -> Response:
    assignment_id = new_id()
    now = body.begins(call.at) == call.at
    with _named_as_here(body):
        return await call.run(
            handle,
            lambda by: commands.ReserveItem(
                assignment_id=assignment_id,
                terms=body.terms(asset_id, call.at),
                issue=now,
                by=by,
                at=call.at,
            ),
            status=202 if now else 201,
            location=LOCATION,
        )


@routes.patch("/assignments/{id}", **inventory_action("change_assignment", of=errors.of_versioned))
async def change(
    id: PathId,
    body: AssignmentChangesBody,
    call: Annotated[Call, Requires(EXTEND, first=may(Command.APPROVE_EXTENSION))],
) -> Response:
    """Let it be kept until another day; it is due as before until the inventory has confirmed."""
    with _named_as_here():
        return await call.run(
            handlers.approve_extension,
            lambda by: commands.ApproveExtension(
                assignment_id=id,
                due=body.end_date,
                by=by,
                at=call.at,
                expected_version=call.version,
            ),
            status=202,
            turn=id,
            version_needed=True,
        )


@routes.post(
    "/asset-circulations",
    **also(inventory_action("create_asset_circulation", of=errors.of_new), 200),
)
async def create_circulation(
    body: CirculationBody, call: Annotated[Call, Requires(None, first=_at_a_desk)]
) -> Response:
    """Tell what happens to an asset: its assignment is issued, returned, handed on or confirmed.

    `issue` gives it to a person or a location, `return` takes it back, `move` gives it to a
    location whoever has it, `receive` takes it back at a location, `confirm` says that it was
    seen with whoever has it.
    """
    made_id, type_ = new_id(), Circulation(body.circulation_type)
    with _named_as_here(body):
        return await call.run(
            circulate,
            lambda by: Circulate(
                asset_id=body.asset_id,
                type=type_,
                new_id=made_id,
                person_id=body.person_id,
                location_id=body.location_id,
                due=body.end_date,
                occurred_at=body.occurred_at,
                notes=body.notes,
                by=by,
                at=call.at,
            ),
            status=200 if type_ is Circulation.CONFIRM else 202,
            location=LOCATION,
        )
