"""What goes to ``log.append`` and what comes back: one command, its outcome, a batch's form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from infrastructure.event_store import binary

APPEND: Final = "SELECT * FROM log.append(%s, %s, %s)"
SETTLE: Final = "SELECT * FROM log.settle(%s, %s)"


@dataclass(slots=True)
class NewEvent:
    """An event on its way into the log, in its stored form."""

    stream: UUID
    version: int
    topic: str
    state: bytes
    tenant: UUID


@dataclass(slots=True)
class Append:
    """One command on its way into the log.

    ``checked`` are the streams that must be at these versions: those of the events, before them,
    and whatever else the decision rests on. With a ``fingerprint`` the ``answer`` (JSON) is kept
    and found again under the command's id.
    """

    command_id: UUID
    tenant: UUID
    actor: UUID | None
    correlation: str
    causation: str | None
    events: Sequence[NewEvent]
    checked: Sequence[tuple[UUID, int]]
    fingerprint: bytes | None = None
    answer: str | None = None


@dataclass(slots=True)
class Stored:
    """The command is in the log; ``position`` is that of its last event."""

    position: int


@dataclass(slots=True)
class Replayed:
    """The command was in the log before, with this answer."""

    position: int
    answer: dict[str, Any]


@dataclass(slots=True)
class KeyReused:
    """The command's id stands for another request. Nothing was stored."""


@dataclass(slots=True)
class Moved:
    """A checked stream was not at its version. Nothing was stored."""

    stream: UUID


@dataclass(slots=True)
class NotStored:
    """The connection was lost, and it is now certain that nothing was and ever will be stored."""


Outcome = Stored | Replayed | KeyReused | Moved | NotStored


@dataclass(slots=True)
class Batch:
    """Commands that are stored in one transaction, each with an outcome of its own."""

    commands: Sequence[Append]
    id: UUID = field(default_factory=uuid4)

    def append_arguments(self, patience_s: float, *, alone: bool = False) -> tuple[object, ...]:
        """For ``APPEND``. ``patience_s`` bounds the wait for the lock.

        With ``alone`` the call fails unless its one command is stored.
        """
        return self.record(), _milliseconds(patience_s), alone

    def settle_arguments(self, patience_s: float) -> tuple[object, ...]:
        """For ``SETTLE``."""
        return self.record(), _milliseconds(patience_s)

    def record(self) -> binary.Record:
        """The batch as a value of the type ``log.batch``."""
        commands = self.commands
        checked = [(n, *c) for n, command in enumerate(commands, 1) for c in command.checked]
        events = [(n, c, e) for n, c in enumerate(commands, 1) for e in c.events]
        return binary.Record(
            (
                binary.uuid(self.id),
                binary.uuids([c.command_id for c in commands]),
                binary.uuids([c.tenant for c in commands]),
                binary.byteas([c.fingerprint for c in commands]),
                binary.texts([c.answer for c in commands]),
                binary.integers([len(c.events) for c in commands]),
                binary.integers([number for number, _, _ in checked]),
                binary.uuids([stream for _, stream, _ in checked]),
                binary.bigints([version for _, _, version in checked]),
                binary.integers([number for number, _, _ in events]),
                binary.uuids([e.stream for _, _, e in events]),
                binary.bigints([e.version for _, _, e in events]),
                binary.texts([e.topic for _, _, e in events]),
                binary.byteas([e.state for _, _, e in events]),
                binary.uuids([e.tenant for _, _, e in events]),
                binary.uuids([c.actor for _, c, _ in events]),
                binary.texts([c.correlation for _, c, _ in events]),
                binary.texts([c.causation for _, c, _ in events]),
            )
        )


def outcomes_of(row: tuple[Any, ...]) -> list[Outcome]:
    """The answer of ``APPEND``, by command."""
    return [outcome_of(*columns) for columns in zip(*row, strict=True)]


def outcome_of(
    name: str, position: int, answer: dict[str, Any] | None, moved: UUID | None
) -> Outcome:
    """The outcome of one command, from the words of ``log.append``."""
    if name == "stored":
        return Stored(position)
    if moved is not None and name == "moved":
        return Moved(moved)
    if answer is not None and name == "replayed":
        return Replayed(position, answer)
    return KeyReused()


def settled(command: Append, row: tuple[Any, ...]) -> Outcome:
    """The answer of ``SETTLE`` for one command."""
    name, position, answer = row
    match name:
        case "stored":
            return Stored(position + len(command.events) - 1)
        case "replayed":
            return Replayed(position, answer)
        case "reused":
            return KeyReused()
        case _:
            return NotStored()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
