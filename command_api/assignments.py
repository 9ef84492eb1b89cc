"""Commands of assignments.

Those that the inventory still has to confirm answer 202: what they ask for is claimed only once
the inventory shows it.
"""

from typing import Annotated, Final

from fastapi import Response

from command_api.assignment_bodies import (
    AcceptBody,
    ApproveExtensionBody,
    AssignmentBody,
    LossBody,
    RequestExtensionBody,
    ResolveDriftBody,
    ReturnBody,
    TransferBody,
)
from command_api.assignment_checks import may
from command_api.caller import Call, Requires
from command_api.fields import Empty, PathId, ReasonBody
from command_api.routing import action, also, creation, inventory_action, router
from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.rules import EXTEND, ISSUE, MANAGE, RETURN, Command
from domain.custody import handlers
from infrastructure.ids import new_id

routes = router("assignments")

LOCATION: Final = "/api/v1/assignments/{id}"


@routes.post("/assignments", **also(creation("create_assignment"), 202))
async def create(body: AssignmentBody, call: Annotated[Call, Requires(ISSUE)]) -> Response:
    """Reserve an item for a member or a location (201), or hand it over at once (202)."""
    assignment_id = new_id()
    return await call.run(
        handlers.reserve,
        lambda by: commands.ReserveItem(
            assignment_id=assignment_id,
            terms=body.terms(call.at),
            issue=body.issue,
            by=by,
            at=call.at,
        ),
        status=202 if body.issue else 201,
        location=LOCATION,
    )


@routes.post("/assignments/{id}/issue", **inventory_action("issue_assignment"))
async def issue(
    id: PathId,
    call: Annotated[Call, Requires(ISSUE, first=may(Command.ISSUE))],
    _body: Empty | None = None,
) -> Response:
    """Hand over what is reserved. 503 while the inventory cannot be asked."""
    return await call.run(
        handlers.issue,
        lambda by: commands.IssueAssignment(
            assignment_id=id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/cancel", **action("cancel_reservation"))
async def cancel(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(ISSUE, first=may(Command.CANCEL))],
) -> Response:
    """Give up a reservation."""
    return await call.run(
        handlers.cancel,
        lambda by: commands.CancelReservation(
            assignment_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/assignments/{id}/accept", **action("accept_assignment"))
async def accept(
    id: PathId,
    call: Annotated[Call, Requires(None, first=may(Command.ACCEPT))],
    body: AcceptBody | None = None,
) -> Response:
    """Agree to have it; or, as a technician, say that you saw the custodian do so."""
    given = body or AcceptBody()
    return await call.run(
        alone.accept,
        lambda by: commands.AcceptAssignment(
            assignment_id=id,
            terms=given.terms,
            witnessed=given.witnessed,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/assignments/{id}/decline", **action("decline_assignment"))
async def decline(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(None, first=may(Command.DECLINE))],
) -> Response:
    """Say that you do not want it. You have it until it is returned."""
    return await call.run(
        alone.decline,
        lambda by: commands.DeclineAssignment(
            assignment_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/assignments/{id}/request-extension", **action("request_extension"))
async def request_extension(
    id: PathId,
    body: RequestExtensionBody,
    call: Annotated[Call, Requires(None, first=may(Command.REQUEST_EXTENSION))],
) -> Response:
    """Ask to keep it longer."""
    return await call.run(
        handlers.request_extension,
        lambda by: commands.RequestExtension(
            assignment_id=id,
            due=body.due,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/assignments/{id}/approve-extension", **inventory_action("approve_extension"))
async def approve_extension(
    id: PathId,
    call: Annotated[Call, Requires(EXTEND, first=may(Command.APPROVE_EXTENSION))],
    body: ApproveExtensionBody | None = None,
) -> Response:
    """Let it be kept longer, as asked for or until another date."""
    given = body or ApproveExtensionBody()
    return await call.run(
        handlers.approve_extension,
        lambda by: commands.ApproveExtension(
            assignment_id=id,
            due=given.due,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/refuse-extension", **action("refuse_extension"))
async def refuse_extension(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(EXTEND, first=may(Command.REFUSE_EXTENSION))],
) -> Response:
    """Leave it due as it is."""
    return await call.run(
        alone.refuse_extension,
        lambda by: commands.RefuseExtension(
            assignment_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/assignments/{id}/return", **inventory_action("return_assignment"))
async def receive(
    id: PathId,
    call: Annotated[Call, Requires(RETURN, first=may(Command.RETURN))],
    body: ReturnBody | None = None,
) -> Response:
    """Take units back at the desk, whether the inventory can be asked just now or not.

    What comes back before its hand-over is settled is noted, and returned once it is.
    """
    given = body or ReturnBody()
    return await call.run(
        handlers.receive,
        lambda by: commands.ReturnAssignment(
            assignment_id=id,
            units=given.groups(),
            checklist=given.checks(),
            location_id=given.location_id,
            note=given.note,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/close", **inventory_action("close_assignment"))
async def close(
    id: PathId,
    call: Annotated[Call, Requires(RETURN, first=may(Command.CLOSE))],
    _body: Empty | None = None,
) -> Response:
    """Take all of it back, in order."""
    return await call.run(
        handlers.receive,
        lambda by: commands.ReturnAssignment(
            assignment_id=id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/report-loss", **inventory_action("report_loss"))
async def report_loss(
    id: PathId,
    body: LossBody,
    call: Annotated[Call, Requires(None, first=may(Command.REPORT_LOSS))],
) -> Response:
    """Say that it is lost or stolen."""
    return await call.run(
        alone.report_loss,
        lambda by: commands.ReportLoss(
            assignment_id=id,
            kind=body.kind,
            note=body.note,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/confirm-loss", **inventory_action("confirm_loss"))
async def confirm_loss(
    id: PathId,
    call: Annotated[Call, Requires(MANAGE, first=may(Command.CONFIRM_LOSS))],
    _body: Empty | None = None,
) -> Response:
    """Have the inventory list it as lost or stolen."""
    return await call.run(
        handlers.confirm_loss,
        lambda by: commands.ConfirmLoss(
            assignment_id=id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/recover", **inventory_action("recover_assignment"))
async def recover(
    id: PathId,
    call: Annotated[Call, Requires(RETURN, first=may(Command.RECOVER))],
    _body: Empty | None = None,
) -> Response:
    """Take back what was said to be lost or stolen."""
    return await call.run(
        handlers.recover,
        lambda by: commands.RecoverAssignment(
            assignment_id=id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/transfer", **inventory_action("transfer_assignment"))
async def transfer(
    id: PathId,
    body: TransferBody,
    call: Annotated[Call, Requires(ISSUE, first=may(Command.TRANSFER))],
) -> Response:
    """Hand it on to somebody else; the custodian has it until the inventory shows otherwise."""
    successor_id = new_id()
    return await call.run(
        handlers.transfer,
        lambda by: commands.TransferAssignment(
            assignment_id=id,
            successor_id=successor_id,
            to=body.to.custodian(),
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )


@routes.post("/assignments/{id}/resolve-drift", **inventory_action("resolve_drift"))
async def resolve_drift(
    id: PathId,
    body: ResolveDriftBody,
    call: Annotated[Call, Requires(MANAGE, first=may(Command.RESOLVE_DRIFT))],
) -> Response:
    """Decide what holds where the inventory says otherwise."""
    return await call.run(
        handlers.resolve_drift,
        lambda by: commands.ResolveDrift(
            assignment_id=id,
            how=body.how,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=202,
        turn=id,
    )
