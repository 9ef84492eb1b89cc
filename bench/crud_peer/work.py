"""One request, one transaction: who asks, the idempotency key, the change, its audit row."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request, Response
from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bench.crud_peer.rules import Refused
from bench.crud_peer.tables import Audit, IdempotencyKey, Member, Session, now

_FINGERPRINT_KEY = secrets.token_bytes(32)
_CALLER = (
    select(Session.tenant_id, Session.user_id, Member.permissions)
    .join(
        Member,
        (Member.tenant_id == Session.tenant_id) & (Member.user_id == Session.user_id),
    )
    .where(
        Session.token_sha256 == bindparam("digest"),
        Session.expires_at > bindparam("now"),
    )
)
_EARLIER = select(IdempotencyKey).where(
    IdempotencyKey.tenant_id == bindparam("tenant"),
    IdempotencyKey.user_id == bindparam("user"),
    IdempotencyKey.key == bindparam("key"),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which tenant."""

    tenant_id: UUID
    user_id: UUID
    permissions: list[str]

    def require(self, permission: str) -> None:
        """Raise unless the caller holds ``permission``."""
        if permission not in self.permissions:
            raise Refused(403, "permission_missing", f"This needs {permission}.")


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did: the object it is about, its new version, the audit row's content."""

    object_id: UUID
    version: int
    action: str
    data: dict[str, Any]
    line_id: UUID | None = None
    status: int = 200


Work = Callable[[AsyncSession, Caller], Awaitable[Change]]


async def carry_out(request: Request, permission: str | None, body: bytes, work: Work) -> Response:
    """Do ``work`` for the caller of ``request``, once for each idempotency key."""
    sessions: async_sessionmaker[AsyncSession] = request.app.state.sessions
    try:
        return await _once(sessions, request, permission, body, work)
    except IntegrityError:
        # Another request with this key was faster: its answer is there now.
        return await _once(sessions, request, permission, body, work)


async def _once(
    sessions: async_sessionmaker[AsyncSession],
    request: Request,
    permission: str | None,
    body: bytes,
    work: Work,
) -> Response:
    async with sessions.begin() as db:
        caller = await authenticate(db, request)
        if permission:
            caller.require(permission)
        key = request.headers.get("Idempotency-Key")
        fingerprint = _fingerprint(request, body)
        if key:
            earlier = await _earlier(db, caller, key, fingerprint)
            if earlier:
                return _response(earlier.status, earlier.answer, replayed=True)
        change = await work(db, caller)
        db.add(
            Audit(
                tenant_id=caller.tenant_id,
                actor_id=caller.user_id,
                object_id=change.object_id,
                action=change.action,
                data=change.data,
                request_id=request.headers.get("X-Request-Id") or secrets.token_hex(8),
            )
        )
        answer = _receipt(change)
        if key:
            db.add(
                IdempotencyKey(
                    tenant_id=caller.tenant_id,
                    user_id=caller.user_id,
                    key=key,
                    fingerprint=fingerprint,
                    status=change.status,
                    answer=answer,
                )
            )
    return _response(change.status, answer)


async def authenticate(db: AsyncSession, request: Request) -> Caller:
    """The caller behind the bearer token, in one look-up."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        digest = hashlib.sha256(token.encode()).digest()
        found = await db.execute(_CALLER, {"digest": digest, "now": now()})
        row = found.one_or_none()
        if row:
            return Caller(row.tenant_id, row.user_id, row.permissions)
    raise Refused(401, "not_authenticated", "Sign in first.")


async def _earlier(
    db: AsyncSession, caller: Caller, key: str, fingerprint: bytes
) -> IdempotencyKey | None:
    by = {"tenant": caller.tenant_id, "user": caller.user_id, "key": key}
    earlier: IdempotencyKey | None = await db.scalar(_EARLIER, by)
    if earlier and not hmac.compare_digest(earlier.fingerprint, fingerprint):
        raise Refused(422, "idempotency_key_reused", "The key was used for another request.")
    return earlier


def _fingerprint(request: Request, body: bytes) -> bytes:
    content = b"\n".join([request.method.encode(), request.url.path.encode(), body])
    return hmac.digest(_FINGERPRINT_KEY, content, "sha256")


def _receipt(change: Change) -> dict[str, Any]:
    receipt: dict[str, Any] = {"id": str(change.object_id), "version": change.version}
    if change.line_id:
        receipt["line_id"] = str(change.line_id)
    return receipt


def _response(status: int, answer: dict[str, Any], *, replayed: bool = False) -> Response:
    headers = {"ETag": f'"{answer["version"]}"'}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    content = orjson.dumps(answer)
    return Response(content, status, headers=headers, media_type="application/json")
