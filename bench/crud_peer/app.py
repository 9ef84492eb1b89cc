"""The peer of the benchmark: the same job as CRUD rows with an audit row beside each change.

FastAPI, the SQLAlchemy ORM on an async engine, one transaction a request. It has the routes that
the benchmark drives, under the same rules, authentication and idempotency keys as ours.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import joinedload
from starlette.concurrency import run_in_threadpool

from bench.crud_peer import rules
from bench.crud_peer.bodies import Approval, Fulfilment, NewLine, NewRequisition, Nothing
from bench.crud_peer.rules import Refused
from bench.crud_peer.tables import (
    Line,
    Member,
    Policy,
    Project,
    ProjectMember,
    Requisition,
    Session,
    User,
    now,
)
from bench.crud_peer.work import Caller, Change, carry_out

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_SESSION_LASTS = timedelta(hours=12)


def create_app(engine: AsyncEngine) -> FastAPI:
    """The peer's API on ``engine``, which it disposes of in the end."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
        yield
        await engine.dispose()

    app = FastAPI(title="CRUD peer", lifespan=lifespan)
    app.add_exception_handler(Refused, _refused)
    app.post("/me/signin")(sign_in)
    app.post("/requisitions")(create)
    app.post("/requisitions/{requisition_id}/lines")(add_line)
    app.post("/requisitions/{requisition_id}/submit")(submit)
    app.post("/requisitions/{requisition_id}/approve")(approve)
    app.post("/requisitions/{requisition_id}/lines/{line_id}/fulfil")(fulfil)
    return app


async def _refused(request: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise TypeError(refused)
    problem = {
        "type": "about:blank",
        "title": refused.code,
        "status": refused.status,
        "detail": str(refused),
        "code": refused.code,
        "instance": request.url.path,
    }
    return JSONResponse(problem, refused.status, media_type="application/problem+json")


async def sign_in(
    request: Request, username: Annotated[str, Form()], password: Annotated[str, Form()]
) -> dict[str, Any]:
    """Open a session."""
    sessions: async_sessionmaker[AsyncSession] = request.app.state.sessions
    async with sessions.begin() as db:
        found = await db.execute(
            select(User, Member.tenant_id)
            .join(Member, Member.user_id == User.id)
            .where(or_(User.username == username, User.email == username))
        )
        row = found.first()
        if row is None or not await run_in_threadpool(_matches, row.User.password, password):
            raise Refused(401, "bad_credentials", "Name or password are wrong.")
        token = secrets.token_urlsafe(32)
        session = Session(
            token_sha256=hashlib.sha256(token.encode()).digest(),
            tenant_id=row.tenant_id,
            user_id=row.User.id,
            expires_at=now() + _SESSION_LASTS,
        )
        db.add(session)
    return {"access_token": token, "token_type": "bearer", "expires_at": session.expires_at}


async def create(request: Request, body: NewRequisition) -> Response:
    """Draft a requisition."""

    async def work(db: AsyncSession, caller: Caller) -> Change:
        await _require_place(db, caller, body)
        requisition = Requisition(
            id=uuid4(),
            tenant_id=caller.tenant_id,
            project_id=body.project_id,
            requester_id=caller.user_id,
            purpose=body.purpose,
            amount=body.amount,
            policy_id=body.policy_id,
            version=1,
            lines=[_line(line, number) for number, line in enumerate(body.lines, start=1)],
        )
        db.add(requisition)
        data = body.model_dump(mode="json")
        return _changed(requisition, "requisition.drafted", data, status=201)

    return await carry_out(request, "requisitions:create", await request.body(), work)


async def add_line(request: Request, requisition_id: UUID, body: NewLine) -> Response:
    """Add a line to a draft."""

    async def work(db: AsyncSession, caller: Caller) -> Change:
        requisition = await _own(db, caller, requisition_id)
        rules.require_state(requisition, "draft", "changes_requested")
        line = _line(body, len(requisition.lines) + 1)
        requisition.lines.append(line)
        data = {"line_id": str(line.id), **body.model_dump(mode="json")}
        return _changed(requisition, "requisition.line_added", data, line_id=line.id, status=201)

    return await carry_out(request, "requisitions:create", await request.body(), work)


async def submit(
    request: Request,
    requisition_id: UUID,
    body: Nothing,  # noqa: ARG001 - FastAPI checks it
) -> Response:
    """Hand a draft in for approval."""

    async def work(db: AsyncSession, caller: Caller) -> Change:
        requisition = await _own(db, caller, requisition_id)
        rules.require_state(requisition, "draft", "changes_requested")
        if not requisition.lines:
            raise Refused(409, "no_lines", "Add a line first.")
        policies = await db.scalars(
            select(Policy)
            .where(Policy.tenant_id == caller.tenant_id)
            .order_by(Policy.created_at, Policy.id)
        )
        requisition.steps = rules.policy_for(requisition, policies.all())
        requisition.step = 0
        requisition.state = "submitted"
        for line in requisition.lines:
            line.approved = None
        return _changed(requisition, "requisition.submitted", {"steps": requisition.steps})

    return await carry_out(request, "requisitions:create", await request.body(), work)


async def approve(request: Request, requisition_id: UUID, body: Approval) -> Response:
    """Approve the present step."""

    async def work(db: AsyncSession, caller: Caller) -> Change:
        requisition = await _locked(db, caller, requisition_id)
        rules.may_approve(requisition, caller.user_id, caller.permissions)
        rules.require_state(requisition, "submitted")
        asked = {str(line.line_id): line.approved for line in body.lines or []}
        approved = rules.approved_quantities(requisition.lines, asked)
        for line, quantity in approved:
            line.approved = quantity
        steps = [dict(step) for step in requisition.steps or []]
        steps[requisition.step].update(
            decision="approved",
            decided_by=str(caller.user_id),
            decided_at=now().isoformat(),
            note=body.note,
        )
        requisition.steps = steps
        requisition.step += 1
        if requisition.step == len(steps):
            requisition.state = "approved"
        data = {
            "step": requisition.step,
            "note": body.note,
            "lines": [{"line_id": str(line.id), "approved": n} for line, n in approved],
        }
        return _changed(requisition, "requisition.step_approved", data)

    return await carry_out(request, None, await request.body(), work)


async def fulfil(
    request: Request, requisition_id: UUID, line_id: UUID, body: Fulfilment
) -> Response:
    """Meet a purchase line."""

    async def work(db: AsyncSession, caller: Caller) -> Change:
        requisition = await _locked(db, caller, requisition_id)
        line = next((line for line in requisition.lines if line.id == line_id), None)
        if line is None:
            raise Refused(404, "not_found", "There is no such line.")
        rules.require_state(requisition, "approved", "fulfilling")
        if line.issued + body.quantity > (line.approved or 0):
            raise Refused(409, "more_than_approved", "No more than what was approved.")
        line.issued += body.quantity
        requisition.state = rules.after_fulfilment(requisition.lines)
        data = {"line_id": str(line_id), **body.model_dump(mode="json")}
        return _changed(requisition, "requisition.line_fulfilled", data, line_id=line_id)

    return await carry_out(request, "requisitions:fulfil", await request.body(), work)


async def _require_place(db: AsyncSession, caller: Caller, body: NewRequisition) -> None:
    found = await db.execute(
        select(Project.id, ProjectMember.role)
        .outerjoin(
            ProjectMember,
            (ProjectMember.project_id == Project.id) & (ProjectMember.user_id == caller.user_id),
        )
        .where(Project.id == body.project_id, Project.tenant_id == caller.tenant_id)
    )
    place = found.one_or_none()
    if place is None:
        raise Refused(422, "invalid_field", "There is no such project.")
    if place.role is None:
        raise Refused(403, "not_project_member", "Only members of the project may.")
    if body.policy_id:
        policy = await db.get(Policy, body.policy_id)
        if policy is None or policy.tenant_id != caller.tenant_id:
            raise Refused(422, "invalid_field", "There is no such policy.")


async def _own(db: AsyncSession, caller: Caller, requisition_id: UUID) -> Requisition:
    requisition = await _locked(db, caller, requisition_id)
    if requisition.requester_id != caller.user_id:
        raise Refused(403, "not_requester", "Only the requester may.")
    return requisition


async def _locked(db: AsyncSession, caller: Caller, requisition_id: UUID) -> Requisition:
    found = await db.scalars(
        select(Requisition)
        .where(Requisition.id == requisition_id, Requisition.tenant_id == caller.tenant_id)
        .options(joinedload(Requisition.lines))
        .with_for_update(of=Requisition)
    )
    requisition = found.unique().one_or_none()
    if requisition is None:
        raise Refused(404, "not_found", "There is no such requisition.")
    requisition.version += 1
    return requisition


def _line(line: NewLine, number: int) -> Line:
    return Line(
        id=uuid4(),
        number=number,
        kind=line.item.kind,
        description=line.item.description,
        requested=line.quantity,
        note=line.note,
    )


def _changed(
    requisition: Requisition,
    action: str,
    data: dict[str, Any],
    *,
    line_id: UUID | None = None,
    status: int = 200,
) -> Change:
    return Change(requisition.id, requisition.version, action, data, line_id=line_id, status=status)


def _matches(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except VerifyMismatchError:
        return False
