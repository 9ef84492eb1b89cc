"""Sign-in and sign-up: the look-up of an account, and the counters against guessing.

Tries are counted in Postgres, so all processes share them: by address, and by account and address
together. An account that is under attack from many addresses leaves each address fewer tries but
never none, so an attacker cannot lock its owner out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from psycopg import InterfaceError, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import PoolClosed, PoolTimeout

from domain.ids import Id
from infrastructure.deadlines import within
from infrastructure.errors import StoreUnavailable, TooManyTries
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.postgres import Pool

DEADLINE_S: Final = 3.0

_BEGIN: Final = (
    "SELECT retry_after, user_id, username, email, password_hash, tenant_id, tenant_name, subject"
    " FROM identity.begin_signin(%s, %s, %s, %s, %s, %s, %s, %s)"
)
_FINISH: Final = "SELECT identity.finish_signin(%s, %s, %s, %s, %s)"
_BEGIN_SIGN_UP: Final = "SELECT retry_after FROM identity.begin_signup(%s, %s, %s, %s)"
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tries count as guessing, within ``window``.

    ``pair``: one account from one address; ``tight``: the same for an account with ``account``
    tries from anywhere; ``address``: all accounts from one address. Right ones do not count.
    """

    pair: int = 10
    tight: int = 3
    account: int = 100
    address: int = 300
    window: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who can sign in, into ``tenant_id`` or into none."""

    user_id: Id
    username: str
    email: str
    password_hash: str
    tenant_id: Id | None
    tenant_name: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """What was asked for. ``known`` is None where there is nobody of that name or address."""

    subject: str
    known: Known | None

    @property
    def password_hash(self) -> str | None:
        """The encoded hash, if there is somebody."""
        return None if self.known is None else self.known.password_hash


class _Counters:
    """What is counted in Postgres. ``pepper`` keeps names and addresses out of the counters."""

    def __init__(self, pool: Pool, pepper: bytes) -> None:
        self._pool = pool
        self._pepper = pepper

    async def _call(self, query: str, values: Sequence[object]) -> TupleRow:
        try:
            return await within(DEADLINE_S, self._row(query, values))
        except (
            OperationalError,
            InterfaceError,
            PoolTimeout,
            PoolClosed,
            TimeoutError,
        ) as error:
            raise StoreUnavailable from error

    async def _row(self, query: str, values: Sequence[object]) -> TupleRow:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values, prepare=True)
            row = await cursor.fetchone()
        if row is None:
            raise LookupError("a function that returns one row returned none")
        return row


class SignUps(_Counters):
    """Counts sign-ups, which anybody may try: at most ``an_hour`` from one address."""

    def __init__(self, pool: Pool, pepper: bytes, an_hour: int) -> None:
        super().__init__(pool, pepper)
        self._an_hour = an_hour

    async def begin(self, address: str) -> None:
        """Count a try, whatever comes of it. Raises ``TooManyTries`` and ``StoreUnavailable``."""
        (wait_s,) = await self._call(_BEGIN_SIGN_UP, (address, self._pepper, self._an_hour, _HOUR))
        if wait_s:
            raise TooManyTries(wait_s)


class SignIns(_Counters):
    """Begins and finishes sign-ins."""

    def __init__(self, pool: Pool, pepper: bytes, limits: Limits) -> None:
        super().__init__(pool, pepper)
        self._limits = limits

    async def begin(self, login: str, address: str) -> Account:
        """Count a try and look the account up by user name or e-mail.

        Raises ``TooManyTries`` and ``StoreUnavailable``.
        """
        limits = self._limits
        row = await self._call(
            _BEGIN,
            (
                login,
                address,
                self._pepper,
                limits.pair,
                limits.tight,
                limits.account,
                limits.address,
                limits.window,
            ),
        )
        wait_s, user, username, email, password_hash, tenant, tenant_name, subject = row
        if wait_s:
            raise TooManyTries(wait_s)
        if user is None:
            return Account(subject, None)
        tenant_id = None if tenant is None else from_uuid(tenant)
        known = Known(from_uuid(user), username, email, password_hash, tenant_id, tenant_name)
        return Account(subject, known)

    async def finish(self, account: Account, address: str, new_hash: str | None) -> None:
        """The password was right: take the try back, and store a renewed hash if there is one.

        Raises ``StoreUnavailable``.
        """
        user = None if account.known is None else to_uuid(account.known.user_id)
        await self._call(_FINISH, (account.subject, address, self._pepper, user, new_hash))
