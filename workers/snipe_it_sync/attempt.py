"""One operation under one lease: read live, write, read back, settle.

The steps are commands to the operation, so whatever stops this in the middle leaves an operation
that says how far it got, and whoever takes it over goes on from there: what may have been sent is
read back before anything else. Nothing is concluded from what the inventory answers, only from
what it shows.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

from domain.custody import outcomes
from domain.custody.commands import ProveOperation, RaiseAttention, RefuseOperation
from domain.ids import Id, id_of
from domain.inventory_operations import commands, handlers, rules
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.problems import Blocked, Conflict, Exhausted, Problem
from domain.ports import Clock
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.snipe_it.answers import (
    Ambiguous,
    Answer,
    Done,
    Failure,
    Forbidden,
    NotFound,
    Refusal,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    class_of,
    in_words,
)
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from workers.snipe_it_sync.plans.choice import PLANS
from workers.snipe_it_sync.plans.sight import CONTRARY, Plan, Sight, Verdict
from workers.snipe_it_sync.ports import Ask, CircuitBoard, Handle, Lease, Operations, Queue
from workers.snipe_it_sync.reserved import less_reserved
from workers.snipe_it_sync.timing import Timing, Waits

T = TypeVar("T")
Unread = Callable[[Failure], Awaitable[None]]
"""What is to be done where a read got no answer that can be used."""

CONTRADICTORY: Final = frozenset(
    {Refusal.NOT_AVAILABLE, Refusal.NO_STOCK, Refusal.ALREADY_CHECKED_IN}
)
"""Refusals that the thing itself explains; where it does not, something has changed meanwhile."""


class OperationGone(Exception):
    """There is no such operation."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every attempt works with."""

    operations: Operations
    ask: Ask
    queue: Queue
    circuits: CircuitBoard
    clock: Clock
    timing: Timing = field(default_factory=Timing)
    waits: Waits = field(default_factory=Waits)


class Attempt:
    """One look at one operation. ``throttled_s`` is set where the inventory wants to be left alone.

    All raise ``LeaseLost``, the refusals of commands, and ``InfrastructureError`` where the store
    cannot be had: then nothing more was sent, and the operation is taken up again later.
    """

    def __init__(
        self, operation: InventoryOperation, snipe_it: SnipeIt, lease: Lease, tools: Tools
    ) -> None:
        self._operation = operation
        self._plan: Plan = PLANS[operation.kind]
        self._snipe_it = snipe_it
        self._lease = lease
        self._fence = operation.fence
        self._tools = tools
        self._healthy = True
        self.throttled_s: float | None = None

    @property
    def _id(self) -> Id:
        return id_of(self._operation.id)

    @property
    def _tenant(self) -> Id:
        return self._operation.tenant_id

    async def run(self) -> None:
        """Take the operation as far as it can be taken now."""
        operation = self._operation
        if operation.state not in rules.OPEN and not operation.resolving:
            await self._tools.queue.remove(self._id)
            return
        with suppress(_NotSeen):
            await self._go_on()
        if self._healthy:
            await self._tools.circuits.worked(self._tenant)

    async def _go_on(self) -> None:
        if self._operation.state is State.PENDING:
            await self._attempt()
        else:
            await self._begin(handlers.start_verification, commands.StartVerification)
            await self._verify(final=False)

    async def _attempt(self) -> None:
        if self._operation.tries >= rules.MOST_TRIES:
            await self._raise(Exhausted(self._operation.reason or "tried_often_enough"))
            return
        await self._begin(handlers.start_attempt, commands.StartAttempt)
        reach(CrashPoint.SYNC_AFTER_START)
        sight = await self._look(unread=self._not_sent)
        tools = self._tools
        sight = await less_reserved(sight, self._operation, tools.operations, tools.clock())
        reach(CrashPoint.SYNC_AFTER_READ)
        if not await self._settled_by(sight):
            await self._write(sight)

    async def _settled_by(self, sight: Sight) -> bool:
        """Whether what is seen settles it, so that nothing is to be sent."""
        if sight.verdict is Verdict.APPLIED:
            await self._record(handlers.record_already_applied, commands.RecordAlreadyApplied)
            await self._prove(sight.evidence)
        elif sight.refusal is not None:
            why = asdict(sight.refusal)
            await self._settle(outcomes.refuse, RefuseOperation, **why, evidence=sight.evidence)
        elif sight.verdict in CONTRARY:
            await self._raise(Conflict(sight.evidence))
        elif sight.verdict is Verdict.MISSING:
            await self._raise(_missing())
        elif sight.verdict is Verdict.BY_HAND:
            await self._raise(Blocked("by_hand", "A person has to do this in the inventory."))
        else:
            return False
        return True

    async def _write(self, sight: Sight) -> None:
        guarded = self._snipe_it.guarded(self._lease.renew, self._check_lease)
        try:
            answer = await self._plan.write(self._operation, sight, guarded)
        except (LookupError, ValueError) as error:
            await self._raise(_unexpected(error))
            return
        reach(CrashPoint.SYNC_AFTER_WRITE)
        await self._after_writing(answer)

    def _check_lease(self) -> None:
        """The lease must outlive the call, or somebody else could begin while it still runs."""
        self._lease.check(self._snipe_it.connection.deadlines.total)

    async def _after_writing(self, answer: Answer) -> None:
        match answer:
            case Done():
                await self._record(
                    handlers.record_acceptance,
                    commands.RecordAcceptance,
                    created_external_id=_created(answer),
                )
                reach(CrashPoint.SYNC_AFTER_ANSWER)
                await self._verify(final=False)
            case Ambiguous(reason, finished):
                await self._trouble(reason)
                await self._record(
                    handlers.record_unknown_outcome, commands.RecordUnknownOutcome, reason=reason
                )
                reach(CrashPoint.SYNC_AFTER_ANSWER)
                await self._verify(final=finished)
            case Refused() | NotFound():
                await self._after_refusal(answer)
            case Throttled() | Unavailable() | Unauthorized() | Forbidden():
                await self._not_sent(answer)

    async def _after_refusal(self, answer: Refused | NotFound) -> None:
        """The inventory said no: what it shows tells why."""
        sight = await self._look(unread=self._not_sent)
        if await self._settled_by(sight):
            return
        if isinstance(answer, Refused) and answer.kind in CONTRADICTORY:
            await self._fail(answer.kind.value)
            return
        reason = answer.kind.value if isinstance(answer, Refused) else "not_found"
        await self._raise(Blocked(reason, answer.message))

    async def _verify(self, *, final: bool) -> None:
        """Read back. ``final`` where what has not happened by now no longer will."""
        sight = await self._look(unread=self._not_read_back)
        reach(CrashPoint.SYNC_AFTER_READ_BACK)
        if sight.verdict is Verdict.APPLIED:
            await self._prove(sight.evidence)
        elif self._operation.resolving:
            await self._raise(_not_proven(sight))
        elif not final and self._wait_s() > 0:
            await self._tools.queue.put_off(self._id, self._wait_s())
        else:
            await self._conclude(sight)

    async def _conclude(self, sight: Sight) -> None:
        """It is not as wanted, and nothing of ours can change that any more."""
        if sight.verdict in CONTRARY:
            await self._raise(Conflict(sight.evidence))
        elif sight.verdict is Verdict.MISSING:
            await self._raise(_missing())
        elif sight.verdict is Verdict.OPEN and await self._was_undone():
            await self._raise(Conflict(sight.evidence))
        else:
            await self._try_again(handlers.record_not_applied, commands.RecordNotApplied)

    async def _was_undone(self) -> bool:
        """Whether there is a trace of it: then somebody has taken it back since."""
        trace = self._plan.traced(self._operation, self._snipe_it)
        return await self._seen(trace, self._not_read_back)

    async def _not_sent(self, answer: Failure) -> None:
        """It did not happen, and we know it."""
        match answer:
            case Throttled(retry_after_s):
                await self._fail(rules.THROTTLED, self._leave_alone(retry_after_s))
            case Unavailable(reason, retry_after_s):
                await self._trouble(reason, retry_after_s)
                await self._fail(reason, retry_after_s)
            case Unauthorized(message) | Forbidden(message):
                await self._locked_out(answer)
                why = message or "The token is not accepted."
                await self._raise(Blocked(class_of(answer), why))
            case _:
                await self._raise(Blocked("unexpected_answer", in_words(answer)))

    async def _not_read_back(self, answer: Failure) -> None:
        """Whether it happened cannot be seen just now."""
        pause_s = self._tools.timing.pause(self._operation.tries + 1)
        match answer:
            case Throttled(retry_after_s):
                pause_s = self._leave_alone(retry_after_s)
            case Unavailable(reason, retry_after_s):
                await self._trouble(reason, retry_after_s)
            case Unauthorized() | Forbidden():
                await self._locked_out(answer)
            case _:
                await self._raise(Blocked("unexpected_answer", in_words(answer)))
                return
        if self._tools.clock() - self._operation.since >= rules.LONGEST:
            await self._raise(Exhausted(class_of(answer)))
            return
        await self._tools.queue.put_off(self._id, pause_s)

    async def _look(self, unread: Unread) -> Sight:
        looking = self._plan.look(self._operation, self._snipe_it, self._tools.clock())
        return await self._seen(looking, unread)

    async def _seen(self, reading: Awaitable[T], unread: Unread) -> T:
        """What a reading shows. Raises ``_NotSeen`` where that is nothing that can be used."""
        try:
            return await reading
        except ReadFailed as failed:
            await unread(failed.answer)
            raise _NotSeen from failed
        except (UnexpectedForm, LookupError, ValueError) as error:
            await self._raise(_unexpected(error))
            raise _NotSeen from error

    def _wait_s(self) -> float:
        tools, since = self._tools, self._operation.unsettled_at
        if since is None:
            return tools.timing.until_next_look(0.0, 0.0)
        so_far_s = (tools.clock() - since).total_seconds()
        return tools.timing.until_next_look(tools.waits.waited_s(self._id, since), so_far_s)

    def _leave_alone(self, retry_after_s: float | None) -> float:
        self._healthy = False
        self.throttled_s = retry_after_s or self._tools.timing.throttled_s
        return self.throttled_s

    async def _trouble(self, reason: str, retry_after_s: float | None = None) -> None:
        self._healthy = False
        await self._tools.circuits.failed(self._tenant, reason, retry_after_s)

    async def _locked_out(self, answer: Failure) -> None:
        self._healthy = False
        await self._tools.circuits.open(self._tenant, class_of(answer))

    async def _begin(self, handle: Handle[Any], command: Callable[..., Any]) -> None:
        """Start under our fence. Should we be gone, another looks at it when our lease is over."""
        at, lease_s = self._tools.clock(), self._lease_s()
        self._fence = self._lease.fence
        await self._ask(
            handle,
            command(
                operation_id=self._id,
                fence=self._fence,
                again_at=at + timedelta(seconds=lease_s),
                at=at,
            ),
        )

    def _lease_s(self) -> float:
        return self._tools.timing.lease_s(self._snipe_it.connection.deadlines)

    async def _record(
        self, handle: Handle[Any], command: Callable[..., Any], **more: object
    ) -> None:
        await self._ask(
            handle,
            command(
                operation_id=self._id,
                fence=self._fence,
                at=self._tools.clock(),
                **more,
            ),
        )

    async def _fail(self, reason: str, retry_after_s: float | None = None) -> None:
        await self._try_again(
            handlers.record_failure, commands.RecordFailure, retry_after_s, reason=reason
        )

    async def _try_again(
        self,
        handle: Handle[Any],
        command: Callable[..., Any],
        retry_after_s: float | None = None,
        **more: object,
    ) -> None:
        """Record that it did not happen; one that has failed often enough needs a person."""
        pause_s = self._pause_s(retry_after_s)
        retry_at = self._tools.clock() + timedelta(seconds=pause_s)
        await self._record(handle, command, retry_at=retry_at, **more)
        operation = self._operation
        if operation.exhausted(self._tools.clock()):
            await self._raise(Exhausted(operation.reason or "not_applied"))
        else:
            # The queue goes by its own clock: where ours is another, the pause is the same.
            await self._tools.queue.put_off(self._id, pause_s)

    def _pause_s(self, retry_after_s: float | None) -> float:
        pause_s = self._tools.timing.pause(max(self._operation.tries, 1))
        return max(pause_s, retry_after_s or 0.0)

    async def _prove(self, evidence: EvidenceData) -> None:
        await self._settle(outcomes.prove, ProveOperation, evidence=evidence)

    async def _raise(self, problem: Problem) -> None:
        await self._settle(outcomes.raise_attention, RaiseAttention, problem=problem)

    async def _settle(
        self, handle: Handle[Any], command: Callable[..., Any], **more: object
    ) -> None:
        await self._record(handle, command, **more)
        reach(CrashPoint.SYNC_AFTER_SETTLE)

    async def _ask(self, handle: Handle[Any], command: object) -> None:
        """Give a command and see the operation as it is then."""
        await self._tools.ask(self._tenant, self._id, handle, command)
        operation = await self._tools.operations.load(self._tenant, self._id)
        if operation is None:
            raise OperationGone(self._id)
        self._operation = operation


class _NotSeen(Exception):
    """The inventory could not be read, and what follows from that has been done."""


async def attempt(
    operation: InventoryOperation, snipe_it: SnipeIt, lease: Lease, tools: Tools
) -> float | None:
    """Take an operation as far as it can be taken now.

    Returns for how many seconds the tenant's inventory wants to be left alone, None where it
    does not say so. Raises as ``Attempt`` does.
    """
    one = Attempt(operation, snipe_it, lease, tools)
    await one.run()
    return one.throttled_s


def _created(answer: Done) -> int | None:
    """The number of what was made, where the answer names one."""
    body = answer.body if isinstance(answer.body, dict) else {}
    payload = body.get("payload")
    made = payload.get("id") if isinstance(payload, dict) else None
    return made if isinstance(made, int) else None


def _missing() -> Blocked:
    return Blocked("not_found", "The inventory has no such thing.")


def _not_proven(sight: Sight) -> Problem:
    if sight.verdict in CONTRARY:
        return Conflict(sight.evidence)
    if sight.verdict is Verdict.PARTLY:
        return Blocked("not_proven", "The inventory shows a part of it: a retry does the rest.")
    return Blocked("not_proven", "The inventory does not show it.")


def _unexpected(error: Exception) -> Blocked:
    """What the reader and the plans say; of anything else the class alone, for it may quote."""
    ours = type(error) in {UnexpectedForm, LookupError}
    return Blocked(UnexpectedForm.code, str(error) if ours else type(error).__name__)
