"""Holds what the read tables say against what the inventory truly held when it was asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from eventsourcing.domain import Aggregate

from demo.snipe_it_simulator.simulator import Simulator
from domain.assignments.events import Closed
from domain.fields import time_of
from domain.ids import Id, id_of
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.event_store.topics import decode
from infrastructure.ids import to_uuid
from infrastructure.projection_rows import Row, Rows
from projectors.subscriptions import CUSTODY
from tests.builders.people import NOW, TENANT
from tests.builders.world import World
from tests.histories.truth import Holder, Truth

A = TypeVar("A", bound=Aggregate)

HolderOf = Callable[[Row], Holder | None]
"""Who has, or ought to have, the asset of an assignment's row."""

OUT: Final = ("active", "overdue", "loss_pending")
CLOSED: Final = Closed.TOPIC
"""Says no more than the event before it, which carries the evidence."""

ROUNDING_S: Final = 0.001
_EMPTY: Final[Rows] = {owned.name: [] for owned in CUSTODY.tables}


class Log:
    """Everything that a world's store was given, in the order in which it came."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._recorded: list[RecordedEvent] = []
        self._aggregates: dict[Id, Aggregate] = {}
        plain = world.store._append

        def noted(saved: Aggregate) -> None:
            id = id_of(saved.id)
            before = len(world.store.streams.get(id, ()))
            plain(saved)
            for version, stored in enumerate(world.store.streams[id][before:], start=before + 1):
                self._note(id, version, *stored)

        world.store._append = noted  # type: ignore[method-assign,assignment]  # it has no order of its own

    def __iter__(self) -> Iterator[RecordedEvent]:
        return iter(self._recorded)

    def all_of(self, kind: type[A]) -> list[A]:
        """Every aggregate of a kind, as it is now."""
        return [one for one in self._aggregates.values() if isinstance(one, kind)]

    def _note(self, id: Id, version: int, topic: str, state: bytes) -> None:
        event: Any = decode(to_uuid(id), version, topic, state)
        recorded = RecordedEvent.of(
            event,
            position=len(self._recorded) + 1,
            tenant_id=TENANT,
            recorded_at=self._world.clock(),
        )
        self._recorded.append(recorded)
        self._aggregates[id] = event.mutate(self._aggregates.get(id))


class Judge:
    """Reads the log as the projector does, and looks at every row after every event.

    ``ours`` tells whom the inventory must name where a row says that it is out.
    """

    def __init__(self, truth: Truth, ours: HolderOf) -> None:
        self._truth = truth
        self._ours = ours
        self._rows: dict[Id, Rows] = {}

    def hear(self, log: Iterable[RecordedEvent]) -> None:
        """Fail at the first row that claims what the inventory did not hold."""
        for recorded in log:
            if not CUSTODY.concerns(recorded):
                continue
            before = self._rows.get(recorded.aggregate_id, _EMPTY)
            after = self._rows[recorded.aggregate_id] = CUSTODY.fold(before, recorded)
            if after["assignments"]:
                self._look(
                    before["assignments"][0] if before["assignments"] else {},
                    after["assignments"][0],
                    recorded,
                )
                self._one_custodian(after["assignments"][0])

    @property
    def assignments(self) -> Sequence[Row]:
        """Their rows at the end."""
        return [rows["assignments"][0] for rows in self._rows.values() if rows["assignments"]]

    def _look(self, before: Row, after: Row, recorded: RecordedEvent) -> None:
        evidence = after["evidence"]
        claims = [
            name
            for name in ("issued_at", "returned_at", "due", "outstanding")
            if before and before[name] != after[name] and recorded.topic != CLOSED
        ]
        if claims:
            assert evidence is not before["evidence"], f"{claims} without evidence: {recorded}"
        if not evidence or evidence == before.get("evidence"):
            return
        asset = evidence["external_id"]
        since = _seconds(evidence["read_at"]) - ROUNDING_S
        until = _seconds(recorded.recorded_at) + ROUNDING_S
        shown = evidence["assigned_to"]
        holder = None if shown is None else (shown[0], shown[1])
        held = self._truth.holders(asset, since, until)
        assert holder in held, f"{holder} shown, {held} true: {recorded.topic} {after['id']}"
        if "issued_at" in claims:
            assert holder == self._ours(after), f"issued, but {holder} has it: {after['id']}"
        if "returned_at" in claims:
            assert holder is None, f"returned, but {holder} has it: {after['id']}"
        if "due" in claims:
            dues = self._truth.dues(asset, since, until)
            assert str(after["due"].date()) in dues, f"due {after['due']}, not {dues}"

    def _one_custodian(self, changed: Row) -> None:
        out = [
            row["id"]
            for row in self.assignments
            if row["item_id"] == changed["item_id"] and row["outstanding"] > 0
        ]
        assert len(out) <= 1, f"one asset, several custodians: {out}"


def sent_more_than_once(simulator: Simulator, asked: Mapping[Id, int]) -> list[str]:
    """Operations that took effect more often than somebody has ``asked`` for them."""
    effects = Counter(
        row.note for row in simulator.inventory.activity.values() if row.note is not None
    )
    found = []
    for id, times in asked.items():
        took_effect = sum(number for note, number in effects.items() if id in note)
        if took_effect > times:
            found.append(f"{id}: {took_effect} effects, asked for {times} times")
    return found


def disagreements(rows: Sequence[Row], ours: HolderOf, actual: HolderOf) -> list[str]:
    """Assignments that say somebody has an asset whom the inventory does not name, undetected."""
    return [
        f"{row['id']} {row['state']}: we say {ours(row)}, it is {actual(row)}"
        for row in rows
        if row["state"] in OUT
        and not row["pending"]
        and row["drift"] is None
        and actual(row) != ours(row)
    ]


def unfinished(rows: Sequence[Row]) -> list[str]:
    """Assignments on their way, with nothing under way for them."""
    return [
        f"{row['id']} {row['state']}"
        for row in rows
        if row["state"] in ("issuing", "returning", "transferring") and not row["pending"]
    ]


def _seconds(at: str | datetime) -> float:
    time: Any = time_of(at) if isinstance(at, str) else at
    return float((time - NOW).total_seconds())
