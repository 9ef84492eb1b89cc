"""How a command is carried out: once, whatever the network does."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from domain.errors import Refused
from domain.ids import Id
from domain.inventory.changes import InventoryChange
from domain.notifications.changes import NotificationChange
from domain.ports import Facts, Receipt, Store
from infrastructure.deadlines import within
from infrastructure.errors import (
    CallerChanged,
    CommandInFlight,
    IdempotencyKeyReused,
    InfrastructureError,
    OutcomeUnknown,
    StoreUnavailable,
)
from infrastructure.event_store.aggregate_cache import AggregateCache
from infrastructure.event_store.append import (
    Append,
    KeyReused,
    Moved,
    NotStored,
    Outcome,
    Replayed,
    Stored,
)
from infrastructure.event_store.store import CommandStore, Streams, Wanted
from infrastructure.event_store.turns import Turns
from infrastructure.event_store.writer import Writer
from infrastructure.identity import changes as identity_rows
from infrastructure.ids import derived_id, to_uuid
from infrastructure.inventory import changes as inventory_rows
from infrastructure.notifications import changes as notification_rows
from infrastructure.postgres import Connection, Pool, severed_after


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's name for a request. ``fingerprint`` is a keyed digest of the whole request."""

    text: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds a command.

    ``member`` is the caller's membership stream and its version: it must be unchanged when the
    command is appended. ``command_id`` is given by workers (derived, so that a repeat has no
    second effect); else it follows from the key, or is random. ``success_status`` and
    ``location`` (may contain ``{id}``) belong to the answer that is stored with the key. ``turn``
    is the aggregate on which the commands of one process take turns.
    """

    tenant_id: Id
    actor_id: Id | None
    correlation_id: str
    causation_id: str | None = None
    member: tuple[Id, int] | None = None
    key: IdempotencyKey | None = None
    command_id: Id | None = None
    success_status: int = 200
    location: str | None = None
    turn: Id | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller is told. ``replayed`` where it is the answer of an earlier request."""

    status: int
    receipt: Receipt
    location: str | None
    replayed: bool


Handler = Callable[[Store, Facts], Awaitable[Receipt]]

IN_FLIGHT_S: Final = 2.0
RECALL_S: Final = 2.0
GRACE_S: Final = 0.25
"""Beyond the deadline, for the answer of a part that has kept it to come through."""
BACKOFF_S: Final = 0.02

_NO_FINGERPRINT: Final = b""
_RECALL: Final = "SELECT position, fingerprint, answer FROM log.recall(%s, %s)"
_DATABASE_ERRORS: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    PoolClosed,
    TimeoutError,
)
_REFUSALS: Final = (Refused, CallerChanged, psycopg.IntegrityError)
_OF_THE_MACHINERY: Final = (InfrastructureError, psycopg.Error, *_DATABASE_ERRORS)


class _Again(Exception):
    """Nothing was stored; the command may succeed if it is decided anew."""


class _AnsweredBefore(Exception):
    """The command is in the log already."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass(slots=True)
class _Running:
    """A command that is being carried out."""

    envelope: Envelope
    handler: Handler
    command_id: UUID
    fingerprint: bytes | None
    deadline: float
    sent: bool = False


class Commands:
    """Carries commands out, one call each.

    ``pool`` hands out autocommit connections to read with; ``facts`` makes the facts of a tenant.
    """

    def __init__(self, pool: Pool, writer: Writer, facts: Callable[[Id], Facts]) -> None:
        self._pool = pool
        self._writer = writer
        self._facts = facts
        self._streams = Streams(pool, AggregateCache())
        self._turns = Turns()
        self._in_flight: dict[UUID, asyncio.Event] = {}
        writer.when_a_connection_is_lost(self._streams.forget)

    async def run(self, envelope: Envelope, handler: Handler, deadline_s: float = 5.0) -> Answer:
        """Load, ask, save; again from the start where somebody else was faster.

        Raises what the handler refuses with (``domain.errors.Refused``), and of
        ``infrastructure.errors``: ``IdempotencyKeyReused``, ``CommandInFlight``, ``CallerChanged``,
        ``StoreUnavailable`` (nothing stored), ``OutcomeUnknown``. A refused command that is in the
        log under its key already is answered as it was then.
        """
        running = _Running(
            envelope,
            handler,
            _command_id(envelope),
            _fingerprint(envelope),
            asyncio.get_running_loop().time() + deadline_s,
        )
        try:
            return await within(deadline_s + GRACE_S, self._answer(running))
        except _DATABASE_ERRORS as error:
            self._streams.forget()
            raise (OutcomeUnknown if running.sent else StoreUnavailable) from error

    async def _answer(self, running: _Running) -> Answer:
        async with (
            self._first_of_its_key(running) as is_first,
            self._turns.on(running.envelope.turn, running.deadline),
        ):
            if not is_first:
                earlier = await self._recall(running)
                if earlier is not None:
                    return earlier
            return await self._decide(running)

    @asynccontextmanager
    async def _first_of_its_key(self, running: _Running) -> AsyncIterator[bool]:
        """Whether no other command of this process had this key under way."""
        earlier = self._in_flight.get(running.command_id)
        if earlier is not None:
            await self._wait_for(earlier, running)
        done = self._in_flight[running.command_id] = asyncio.Event()
        try:
            yield earlier is None
        finally:
            del self._in_flight[running.command_id]
            done.set()

    async def _wait_for(self, earlier: asyncio.Event | None, running: _Running) -> None:
        try:
            async with asyncio.timeout(IN_FLIGHT_S):
                while earlier is not None:
                    await earlier.wait()
                    earlier = self._in_flight.get(running.command_id)
        except TimeoutError as error:
            raise CommandInFlight from error

    async def _decide(self, running: _Running) -> Answer:
        envelope = running.envelope
        attempt = 0
        while True:
            attempt += 1
            store = CommandStore(
                self._streams,
                envelope.tenant_id,
                lambda wanted: self._append(running, wanted),
                guess=attempt == 1,
            )
            try:
                receipt = await running.handler(store, self._facts(envelope.tenant_id))
            except _AnsweredBefore as before:
                return before.answer
            except _Again as error:
                await self._back_off(running, attempt, error)
            except Exception as error:
                if store.guessed and _may_rest_on_a_guess(error):
                    continue
                if isinstance(error, _REFUSALS) and (earlier := await self._recall(running)):
                    return earlier
                raise
            else:
                location = _location(envelope, receipt.id)
                return Answer(envelope.success_status, receipt, location, replayed=False)

    async def _back_off(self, running: _Running, attempt: int, reason: _Again) -> None:
        pause_s = random.uniform(0, BACKOFF_S * min(attempt, 10))  # noqa: S311 - not a secret
        if asyncio.get_running_loop().time() + pause_s >= running.deadline:
            raise StoreUnavailable from reason
        await asyncio.sleep(pause_s)

    async def _append(self, running: _Running, wanted: Wanted) -> int:
        command = _append_of(running, wanted)
        left_s = running.deadline - asyncio.get_running_loop().time()
        running.sent = True
        try:
            if wanted.changes:
                outcome = await self._writer.append_with_rows(command, _rows_of(wanted), left_s)
            else:
                outcome = await self._writer.append(command, left_s)
        finally:
            running.sent = False
        return self._position(running, outcome)

    def _position(self, running: _Running, outcome: Outcome) -> int:
        envelope = running.envelope
        match outcome:
            case Stored(position):
                return position
            case Replayed(position, answer):
                raise _AnsweredBefore(_answer_of(position, answer))
            case KeyReused():
                raise IdempotencyKeyReused
            case Moved(stream):
                if envelope.member is not None and stream == to_uuid(envelope.member[0]):
                    raise CallerChanged
                raise _Again
            case NotStored():
                raise _Again

    async def _recall(self, running: _Running) -> Answer | None:
        """The answer that is kept for this command. Raises ``IdempotencyKeyReused``."""
        if running.fingerprint is None:
            return None
        tenant = to_uuid(running.envelope.tenant_id)
        async with self._pool.connection() as connection, severed_after(connection, RECALL_S):
            cursor = await connection.execute(_RECALL, (tenant, running.command_id), prepare=True)
            row = await cursor.fetchone()
        if row is None:
            return None
        position, fingerprint, answer = row
        if fingerprint != running.fingerprint:
            raise IdempotencyKeyReused
        return _answer_of(position, answer)


def _may_rest_on_a_guess(error: Exception) -> bool:
    """Whether the same decision on what is in the log now could end otherwise.

    So could a fault: aggregates remembered from different times need not fit together.
    """
    return isinstance(error, _REFUSALS) or not isinstance(error, _OF_THE_MACHINERY)


def _command_id(envelope: Envelope) -> UUID:
    if envelope.command_id is not None:
        return to_uuid(envelope.command_id)
    if envelope.key is not None:
        scope = (envelope.tenant_id, envelope.actor_id or "")
        return to_uuid(derived_id("command", *scope, envelope.key.text))
    return uuid4()


def _fingerprint(envelope: Envelope) -> bytes | None:
    """None for a command that nobody can repeat: no answer is kept for it."""
    if envelope.key is not None:
        return envelope.key.fingerprint
    return None if envelope.command_id is None else _NO_FINGERPRINT


def _append_of(running: _Running, wanted: Wanted) -> Append:
    envelope = running.envelope
    member = envelope.member
    first = () if member is None else ((to_uuid(member[0]), member[1]),)
    return Append(
        command_id=running.command_id,
        tenant=to_uuid(envelope.tenant_id),
        actor=None if envelope.actor_id is None else to_uuid(envelope.actor_id),
        correlation=envelope.correlation_id,
        causation=envelope.causation_id,
        events=wanted.events,
        checked=(*first, *wanted.checked),
        fingerprint=running.fingerprint,
        answer=None if running.fingerprint is None else _kept_answer(envelope, wanted),
    )


def _kept_answer(envelope: Envelope, wanted: Wanted) -> str:
    return orjson.dumps(
        {
            "status": envelope.success_status,
            "id": wanted.id,
            "version": wanted.version,
            "line_id": wanted.line_id,
            "location": _location(envelope, wanted.id),
        }
    ).decode()


def _answer_of(position: int, kept: dict[str, Any]) -> Answer:
    receipt = Receipt(kept["id"], kept["version"], position, kept["line_id"])
    return Answer(kept["status"], receipt, kept["location"], replayed=True)


def _location(envelope: Envelope, id: Id) -> str | None:
    return None if envelope.location is None else envelope.location.replace("{id}", id)


def _rows_of(wanted: Wanted) -> Callable[[Connection], Awaitable[None]]:
    async def write(connection: Connection) -> None:
        for change in wanted.changes:
            if isinstance(change, InventoryChange):
                await inventory_rows.write(connection, change)
            elif isinstance(change, NotificationChange):
                await notification_rows.write(connection, change)
            else:
                await identity_rows.write(connection, change)

    return write
