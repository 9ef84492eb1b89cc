"""How a command is carried out: once, whatever the network does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.ids import Id
from domain.ports import Facts, Receipt, Store


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


class Commands:
    """Carries commands out, one call each."""

    async def run(self, envelope: Envelope, handler: Handler, deadline_s: float = 5.0) -> Answer:
        """Load, ask, save; again from the start where somebody else was faster.

        Raises what the handler refuses with (``domain.errors.Refused``), and of
        ``infrastructure.errors``: ``IdempotencyKeyReused``, ``CommandInFlight``, ``CallerChanged``,
        ``StoreUnavailable`` (nothing stored), ``OutcomeUnknown``.
        """
        raise NotImplementedError
