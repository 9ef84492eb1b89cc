"""Bearer tokens, and who is behind one.

A token is 256 random bits; the database knows its SHA-256 only. Both APIs find the caller by
one call of ``identity.authenticate``, so a revoked right is gone on the next request of both.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from psycopg import InterfaceError, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import PoolClosed, PoolTimeout

from domain.caller import Caller
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from infrastructure.batcher import Batcher
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import from_uuid
from infrastructure.postgres import Pool, severed_after

TOKEN_BYTES: Final = 32
TOKEN_LENGTHS: Final = range(20, 200)
DEADLINE_S: Final = 3.0

PRINCIPAL_COLUMNS: Final = (
    "session_id, user_id, username, email, tenant_id, tenant_name, roles, permissions,"
    " member_version"
)
"""What ``identity.authenticate`` tells beside the token, in the order of ``principal_of``."""

_AUTHENTICATE: Final = (
    f"SELECT token_sha256, {PRINCIPAL_COLUMNS}"  # noqa: S608 - a constant of this module
    " FROM identity.authenticate(%b::bytea[])"
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


class Tokens:
    """The tokens of all users, known through a pool of autocommit connections.

    Tokens that arrive while others are looked up share the next look-up, one round trip.
    """

    def __init__(self, pool: Pool, deadline_s: float = DEADLINE_S) -> None:
        self._pool = pool
        self._deadline_s = deadline_s
        self._known = Batcher(self._find)

    async def authenticate(self, token: str) -> Principal | None:
        """The principal behind a live token, else None. Raises ``StoreUnavailable``."""
        if not is_token(token):
            return None
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._known.get(digest(token))
        except (OperationalError, InterfaceError, PoolTimeout, PoolClosed, TimeoutError) as error:
            raise StoreUnavailable from error

    async def _find(self, digests: list[bytes]) -> dict[bytes, Principal]:
        half_s = self._deadline_s / 2
        async with (
            self._pool.connection(timeout=half_s) as connection,
            severed_after(connection, half_s),
        ):
            cursor = await connection.execute(_AUTHENTICATE, (digests,), prepare=True)
            return {row[0]: principal_of(row[1:]) for row in await cursor.fetchall()}


def is_token(token: str) -> bool:
    """Whether a text has the form of a token."""
    return len(token) in TOKEN_LENGTHS and token.isascii()


def principal_of(row: TupleRow) -> Principal:
    """The principal in a row of ``PRINCIPAL_COLUMNS``."""
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
