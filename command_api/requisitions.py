"""Commands of requisitions."""

from typing import Annotated, Final

from fastapi import Response

from command_api import errors
from command_api.caller import Call, Requires
from command_api.fields import Empty, PathId, ReasonBody
from command_api.requisition_bodies import (
    AllocateBody,
    ApproveBody,
    CloseShortBody,
    DeallocateBody,
    DelegateBody,
    DraftBody,
    FulfilBody,
    HeaderBody,
    LineBody,
    LineChangesBody,
    WithdrawBody,
)
from command_api.requisition_checks import may
from command_api.routing import action, creation, line_action, line_creation, router
from domain.custody import allocation
from domain.requisitions import commands, handlers
from domain.requisitions.rules import CREATE, FULFIL, ISSUE, Command
from infrastructure.ids import new_id

routes = router("requisitions")

LOCATION: Final = "/api/v1/requisitions/{id}"
ASSIGNMENT: Final = "/api/v1/assignments/"


@routes.post("/requisitions", **creation("draft_requisition"))
async def draft(body: DraftBody, call: Annotated[Call, Requires(CREATE)]) -> Response:
    """Draft a requisition for a project of yours."""
    requisition_id, lines = new_id(), tuple(line.line() for line in body.lines)
    return await call.run(
        handlers.draft,
        lambda by: commands.DraftRequisition(
            requisition_id=requisition_id,
            project_id=body.project_id,
            header=body.header(),
            lines=lines,
            by=by,
            at=call.at,
        ),
        status=201,
        location=LOCATION,
    )


@routes.patch("/requisitions/{id}", **action("edit_requisition", of=errors.of_versioned))
async def edit(
    id: PathId, body: HeaderBody, call: Annotated[Call, Requires(CREATE, first=may(Command.EDIT))]
) -> Response:
    """Change header fields, while it is a draft or changes are requested."""
    return await call.run(
        handlers.edit,
        lambda by: commands.EditRequisition(
            requisition_id=id,
            changes=body.changes(),
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
        version_needed=True,
    )


@routes.post("/requisitions/{id}/lines", **line_action("add_line"))
async def add_line(
    id: PathId, body: LineBody, call: Annotated[Call, Requires(CREATE, first=may(Command.ADD_LINE))]
) -> Response:
    """Ask for one more thing."""
    line = body.line()
    return await call.run(
        handlers.add_line,
        lambda by: commands.AddLine(
            requisition_id=id, line=line, by=by, at=call.at, expected_version=call.version
        ),
        turn=id,
    )


@routes.patch(
    "/requisitions/{id}/lines/{line_id}", **line_action("change_line", of=errors.of_versioned)
)
async def change_line(
    id: PathId,
    line_id: PathId,
    body: LineChangesBody,
    call: Annotated[Call, Requires(CREATE, first=may(Command.CHANGE_LINE))],
) -> Response:
    """Change fields of a line. If-Match names the requisition's version."""
    return await call.run(
        handlers.change_line,
        lambda by: commands.ChangeLine(
            requisition_id=id,
            line_id=line_id,
            changes=body.changes(),
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
        version_needed=True,
    )


@routes.delete(
    "/requisitions/{id}/lines/{line_id}", **line_action("remove_line", of=errors.of_versioned)
)
async def remove_line(
    id: PathId,
    line_id: PathId,
    call: Annotated[Call, Requires(CREATE, first=may(Command.REMOVE_LINE))],
) -> Response:
    """Ask for one thing less. If-Match names the requisition's version."""
    return await call.run(
        handlers.remove_line,
        lambda by: commands.RemoveLine(
            requisition_id=id,
            line_id=line_id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
        version_needed=True,
    )


@routes.post("/requisitions/{id}/submit", **action("submit_requisition"))
async def submit(
    id: PathId,
    call: Annotated[Call, Requires(CREATE, first=may(Command.SUBMIT))],
    _body: Empty | None = None,
) -> Response:
    """Ask for approval; the policy that applies is pinned."""
    return await call.run(
        handlers.submit,
        lambda by: commands.SubmitRequisition(
            requisition_id=id, by=by, at=call.at, expected_version=call.version
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/withdraw", **action("withdraw_requisition"))
async def withdraw(
    id: PathId,
    call: Annotated[Call, Requires(CREATE, first=may(Command.WITHDRAW))],
    body: WithdrawBody | None = None,
) -> Response:
    """Take it back into a draft."""
    return await call.run(
        handlers.withdraw,
        lambda by: commands.WithdrawRequisition(
            requisition_id=id,
            reason=None if body is None else body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/request-changes", **action("request_changes"))
async def request_changes(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(None, first=may(Command.REQUEST_CHANGES))],
) -> Response:
    """Send it back to the requester. For those who may approve the present step."""
    return await call.run(
        handlers.request_changes,
        lambda by: commands.RequestChanges(
            requisition_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/approve", **action("approve_requisition"))
async def approve(
    id: PathId,
    call: Annotated[Call, Requires(None, first=may(Command.APPROVE))],
    body: ApproveBody | None = None,
) -> Response:
    """Approve the present step, wholly or in part. For those with the step's permission.

    503 `inventory_unavailable` while it is not known what the inventory has left of the lines'
    items, where the policy that was pinned has `require_live_availability`.
    """
    asked = body or ApproveBody()
    return await call.run(
        handlers.approve,
        lambda by: commands.ApproveStep(
            requisition_id=id,
            approvals=asked.approvals(),
            note=asked.note,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/reject", **action("reject_requisition"))
async def reject(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(None, first=may(Command.REJECT))],
) -> Response:
    """Say no, for good. For those who may approve the present step."""
    return await call.run(
        handlers.reject,
        lambda by: commands.RejectRequisition(
            requisition_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/delegate", **action("delegate_step"))
async def delegate(
    id: PathId,
    body: DelegateBody,
    call: Annotated[Call, Requires(None, first=may(Command.DELEGATE))],
) -> Response:
    """Hand the present step to another member. For those who may approve it."""
    return await call.run(
        handlers.delegate,
        lambda by: commands.DelegateStep(
            requisition_id=id,
            to_user_id=body.to_user_id,
            until=body.until,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/cancel", **action("cancel_requisition"))
async def cancel(
    id: PathId,
    body: ReasonBody,
    call: Annotated[Call, Requires(None, first=may(Command.CANCEL))],
) -> Response:
    """Call it off: the requester before approval, afterwards a technician or the project's lead."""
    return await call.run(
        allocation.cancel,
        lambda by: commands.CancelRequisition(
            requisition_id=id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/clone", **creation("clone_requisition", of=errors.of_existing))
async def clone(
    id: PathId,
    call: Annotated[Call, Requires(CREATE, first=may(Command.CLONE))],
    _body: Empty | None = None,
) -> Response:
    """Draft the same again, under a new id."""
    clone_id = new_id()
    return await call.run(
        handlers.clone,
        lambda by: commands.CloneRequisition(
            requisition_id=id,
            new_id=clone_id,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        status=201,
        location=LOCATION,
    )


@routes.post("/requisitions/{id}/lines/{line_id}/fulfil", **line_action("fulfil_line"))
async def fulfil(
    id: PathId,
    line_id: PathId,
    body: FulfilBody,
    call: Annotated[Call, Requires(FULFIL, first=may(Command.FULFIL))],
) -> Response:
    """Meet units of a purchase line, on your word."""
    return await call.run(
        handlers.fulfil,
        lambda by: commands.FulfilLine(
            requisition_id=id,
            line_id=line_id,
            quantity=body.quantity,
            note=body.note,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/lines/{line_id}/close-short", **line_action("close_line_short"))
async def close_short(
    id: PathId,
    line_id: PathId,
    body: CloseShortBody,
    call: Annotated[Call, Requires(FULFIL, first=may(Command.CLOSE_SHORT))],
) -> Response:
    """Give up units of a line that will not come."""
    return await call.run(
        handlers.close_short,
        lambda by: commands.CloseLineShort(
            requisition_id=id,
            line_id=line_id,
            quantity=body.quantity,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )


@routes.post("/requisitions/{id}/lines/{line_id}/allocate", **line_creation("allocate_line"))
async def allocate(
    id: PathId,
    line_id: PathId,
    body: AllocateBody,
    call: Annotated[Call, Requires(ISSUE, first=may(Command.ALLOCATE))],
) -> Response:
    """Keep an item of the inventory for a line. ``Location`` is the assignment that does."""
    assignment_id = new_id()
    return await call.run(
        allocation.allocate,
        lambda by: body.command(id, line_id, assignment_id, by, call.at, call.version),
        status=201,
        location=ASSIGNMENT + assignment_id,
        turn=id,
    )


@routes.post("/requisitions/{id}/lines/{line_id}/deallocate", **line_action("deallocate_line"))
async def deallocate(
    id: PathId,
    line_id: PathId,
    body: DeallocateBody,
    call: Annotated[Call, Requires(ISSUE, first=may(Command.DEALLOCATE))],
) -> Response:
    """Give up what an assignment keeps for a line, before it is handed over."""
    return await call.run(
        allocation.deallocate,
        lambda by: commands.DeallocateLine(
            requisition_id=id,
            line_id=line_id,
            assignment_id=body.assignment_id,
            reason=body.reason,
            by=by,
            at=call.at,
            expected_version=call.version,
        ),
        turn=id,
    )
