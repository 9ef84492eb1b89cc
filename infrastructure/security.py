"""Bearer tokens, and who is behind one.

A token is 256 random bits; the database knows its SHA-256 only. Both APIs find the caller by
one call of ``identity.authenticate``, so a revoked right is gone on the next request of both.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import PoolClosed, PoolTimeout

from domain.caller import Caller
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from infrastructure.deadlines import within
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import from_uuid
from infrastructure.postgres import Pool

TOKEN_BYTES: Final = 32
TOKEN_LENGTHS: Final = range(20, 200)
DEADLINE_S: Final = 3.0

_AUTHENTICATE: Final = (
    "SELECT session_id, user_id, username, email, tenant_id, tenant_name, roles, permissions,"
    " member_version FROM identity.authenticate(%b)"
)


@dataclass(frozen=True, slots=True)
class Principal:
    """The user and session behind a token. ``tenant_id`` is None for a user without a tenant."""

    session_id: Id
    user_id: Id
    username: str
    email: str
    tenant_id: Id | None
    tenant_name: str | None
    permissions: frozenset[str]
    member_version: int

    def caller(self) -> Caller | None:
        """The caller that handlers know; None without a tenant."""
        if self.tenant_id is None:
            return None
        return Caller(self.user_id, self.tenant_id, self.permissions, self.member_version)


def new_token() -> str:
    """A fresh bearer token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """What is stored of a token: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


async def authenticate(
    pool: Pool,
    token: str,
    deadline_s: float = DEADLINE_S,
) -> Principal | None:
    """The principal behind a live token, else None. Raises ``StoreUnavailable``.

    ``pool`` hands out autocommit connections: the look-up is then one round trip.
    """
    if not _is_token(token):
        return None
    try:
        row = await within(deadline_s, _find(pool, digest(token), deadline_s))
    except (OperationalError, InterfaceError, PoolTimeout, PoolClosed, TimeoutError) as error:
        raise StoreUnavailable from error
    return _principal(row) if row else None


class Tokens:
    """The tokens of all users, known through a pool of autocommit connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def authenticate(self, token: str) -> Principal | None:
        """The principal behind a live token, else None. Raises ``StoreUnavailable``."""
        return await authenticate(self._pool, token)


async def authenticate_on(connection: AsyncConnection[TupleRow], token: str) -> Principal | None:
    """The same in the transaction of a connection at hand. Driver errors pass through."""
    if not _is_token(token):
        return None
    cursor = await connection.execute(_AUTHENTICATE, (digest(token),), prepare=True)
    row = await cursor.fetchone()
    return _principal(row) if row else None


def _is_token(token: str) -> bool:
    return len(token) in TOKEN_LENGTHS and token.isascii()


async def _find(pool: Pool, token_sha256: bytes, deadline_s: float) -> TupleRow | None:
    async with pool.connection(timeout=deadline_s) as connection:
        cursor = await connection.execute(_AUTHENTICATE, (token_sha256,), prepare=True)
        return await cursor.fetchone()


def _principal(row: TupleRow) -> Principal:
    session, user, username, email, tenant, tenant_name, roles, permissions, version = row
    return Principal(
        session_id=from_uuid(session),
        user_id=from_uuid(user),
        username=username,
        email=email,
        tenant_id=None if tenant is None else from_uuid(tenant),
        tenant_name=tenant_name,
        permissions=permissions_of(roles, permissions),
        member_version=version,
    )


def permissions_of(roles: list[str], own: list[str]) -> frozenset[str]:
    """The permissions of shipped roles by name, with ``own``: those of the tenant's own roles."""
    return frozenset(own).union(*(SHIPPED_ROLES.get(role, ()) for role in roles))


def bearer(authorization: str | None) -> str | None:
    """The token of an ``Authorization: Bearer`` header, else None."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
