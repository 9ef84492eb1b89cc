"""The only way into the log: commands of one process are stored together, each for itself.

While one batch commits, the commands that arrive are collected; they are the next batch. Every
batch is one call of ``log.append`` in a transaction of its own: one round trip, COMMIT included.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

import psycopg

from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.append import Append, Batch, Outcome
from infrastructure.event_store.lane import Lane, WriteRows

BATCH: Final = 256
LANES: Final = 1
LANES_FOR_ROWS: Final = 4
SWEEP_S: Final = 0.1
UNFIT: Final = (psycopg.Error, UnicodeError, struct.error)
"""What a batch with a command raises that cannot be sent, or that the server does not take."""


@dataclass(slots=True)
class _Waiting:
    command: Append
    outcome: asyncio.Future[Outcome]
    send_by: float
    cut_at: float
    deadline: float


class Writer:
    """Appends commands to the log. Open it inside a running event loop, close it at the end.

    ``url`` connects as a role that may call ``log.append``. ``lanes`` is the number of
    connections, and so of batches under way; ``batch`` the most commands in one.
    """

    def __init__(self, url: str, *, lanes: int = LANES, batch: int = BATCH) -> None:
        self._idle = [Lane(url) for _ in range(lanes)]
        self._idle_for_rows = [Lane(url) for _ in range(LANES_FOR_ROWS)]
        self._lane_for_rows = asyncio.Semaphore(LANES_FOR_ROWS)
        self._lanes = (*self._idle, *self._idle_for_rows)
        self._batch = batch
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._turn: asyncio.Handle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def append(self, command: Append, deadline_s: float) -> Outcome:
        """Store a command; its outcome, whatever becomes of its neighbours.

        Answers within ``deadline_s``. Raises ``StoreUnavailable`` (nothing was stored) and
        ``OutcomeUnknown``.
        """
        if self._closed:
            raise StoreUnavailable
        loop = asyncio.get_running_loop()
        now = loop.time()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append(
            _Waiting(
                command,
                outcome,
                send_by=now + deadline_s * 0.5,
                cut_at=now + deadline_s * 0.75,
                deadline=now + deadline_s,
            )
        )
        if self._turn is None and self._idle:
            self._turn = loop.call_soon(self._dispatch)
        if self._sweep is None:
            self._sweep = loop.call_later(SWEEP_S, self._sweep_out)
        return await outcome

    async def append_with_rows(
        self, command: Append, write_rows: WriteRows, deadline_s: float
    ) -> Outcome:
        """Store a command together with rows of other tables, in a transaction of their own.

        ``write_rows`` gets the connection of the open transaction. Raises as ``append`` does, and
        whatever ``write_rows`` raises: nothing is stored then.
        """
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(deadline_s * 0.5):
                await self._lane_for_rows.acquire()
        except TimeoutError as error:
            raise StoreUnavailable from error
        lane = self._idle_for_rows.pop()
        try:
            return await lane.append_with_rows(
                Batch([command]),
                write_rows,
                cut_at=now + deadline_s * 0.75,
                deadline=now + deadline_s,
            )
        finally:
            self._idle_for_rows.append(lane)
            self._lane_for_rows.release()

    def when_a_connection_is_lost(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called then: behind the next connection may be another log (a failover)."""
        for lane in self._lanes:
            lane.when_lost = tell

    async def close(self) -> None:
        """Finish what is under way, then close the connections. What still waits is refused."""
        self._closed = True
        self._refuse(self._waiting)
        self._waiting.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        for _ in range(LANES_FOR_ROWS):
            await self._lane_for_rows.acquire()
        for lane in self._lanes:
            await lane.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _dispatch(self) -> None:
        self._turn = None
        while self._idle and self._waiting:
            batch = self._take()
            if not batch:
                return
            task = asyncio.get_running_loop().create_task(self._carry(self._idle.pop(), batch))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _take(self) -> list[_Waiting]:
        """The next batch: commands none of which rests on what one before it writes."""
        taken: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        ids: set[UUID] = set()
        written: set[UUID] = set()
        waiting = self._waiting
        while waiting and len(taken) < self._batch:
            one = waiting.popleft()
            if one.outcome.done():
                continue  # nobody waits for it any more
            command = one.command
            moved = any(stream in written for stream, _ in command.checked)
            if moved or command.command_id in ids:
                left.append(one)
                continue
            ids.add(command.command_id)
            written.update(event.stream for event in command.events)
            taken.append(one)
        left.extend(waiting)
        self._waiting = left
        return taken

    async def _carry(self, lane: Lane, batch: list[_Waiting]) -> None:
        try:
            await self._store(lane, batch)
        except UNFIT as error:
            await self._one_by_one(lane, batch, error)
        except Exception as error:  # noqa: BLE001 - it is for those who wait
            for one in batch:
                _fail(one, error)
        finally:
            self._idle.append(lane)
            self._dispatch()

    async def _store(self, lane: Lane, batch: list[_Waiting]) -> None:
        outcomes = await lane.append(
            Batch([one.command for one in batch]),
            cut_at=min(one.cut_at for one in batch),
            deadline=min(one.deadline for one in batch),
        )
        for one, outcome in zip(batch, outcomes, strict=True):
            if not one.outcome.done():
                one.outcome.set_result(outcome)

    async def _one_by_one(self, lane: Lane, batch: list[_Waiting], error: Exception) -> None:
        """A whole batch was refused and nothing of it stored: find the command it is about."""
        if len(batch) == 1:
            _fail(batch[0], error)
            return
        for one in batch:
            await self._carry_alone(lane, one)

    async def _carry_alone(self, lane: Lane, one: _Waiting) -> None:
        try:
            await self._store(lane, [one])
        except Exception as error:  # noqa: BLE001 - it is for the one who waits
            _fail(one, error)

    def _sweep_out(self) -> None:
        """Refuse what has waited too long to be sent: nothing of it is stored."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [one for one in self._waiting if one.send_by < now]
        self._waiting = deque(one for one in self._waiting if one.send_by >= now)
        self._refuse(late)
        self._sweep = loop.call_later(SWEEP_S, self._sweep_out) if self._waiting else None

    def _refuse(self, waiting: Iterable[_Waiting]) -> None:
        for one in waiting:
            _fail(one, StoreUnavailable())


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.outcome.done():
        one.outcome.set_exception(error)
