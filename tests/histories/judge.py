"""Holds what the read tables say against what the inventory truly held when it was asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.assignments.content import ASSET
from domain.assignments.events import Closed, TransferCompleted
from domain.fields import time_of
from domain.ids import Id
from domain.inventory_operations.events import Requested
from domain.inventory_operations.kinds import Kind
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors.projection import Projection
from projectors.subscriptions import CUSTODY, REQUISITIONS
from tests.builders.people import NOW
from tests.histories.truth import Holder, Truth, Unit

Ours = Callable[[Row], Holder]
"""Whom the inventory must name where an assignment's row says that it is out."""

OUT: Final = ("active", "overdue", "loss_pending")
CLOSED: Final = Closed.TOPIC
"""Says no more than the event before it, which carries the evidence."""

CLAIMS: Final = ("issued_at", "returned_at", "due", "outstanding")
CONFIRMED: Final = ("issue", "return", "move", "loss")
"""The steps of custody that may only be told with the inventory's evidence."""

ROUNDING_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Window:
    """From when something was read until when it was written down, in seconds."""

    since: float
    until: float

    @classmethod
    def of(cls, read_at: str | datetime, recorded: RecordedEvent) -> "Window":
        """Of what an event claims to have read."""
        return cls(_seconds(read_at) - ROUNDING_S, _seconds(recorded.recorded_at) + ROUNDING_S)


class Judge:
    """Reads the log as the projector does, and looks at every row after every event.

    ``ours`` tells whom the inventory must name where a row says that it is out. ``moved`` counts
    what was claimed and was so, by the kind of item.
    """

    def __init__(self, truth: Truth, ours: Ours) -> None:
        self.moved: Counter[str] = Counter()
        self._truth = truth
        self._ours = ours
        self._rows: dict[tuple[str, Id], Rows] = {}
        self._handed_out: dict[Id, Id] = {}
        self._counted: dict[Id, list[Id]] = {}
        self._confirmed: Counter[Id | None] = Counter()

    def hear(self, log: Iterable[RecordedEvent]) -> None:
        """Fail at the first row that claims what the inventory did not hold."""
        for recorded in log:
            self._keep_track(recorded)
            if CUSTODY.concerns(recorded):
                self._hear_custody(*self._fold(CUSTODY, recorded), recorded)
            elif REQUISITIONS.concerns(recorded):
                _, after = self._fold(REQUISITIONS, recorded)
                self.look_at_lines(after["requisition_lines"])

    @property
    def assignments(self) -> Sequence[Row]:
        """Their rows at the end."""
        return self._all("assignments")

    def units_of(self, assignment_id: Id) -> list[Unit]:
        """Every unit that ever went out for an assignment, or came to it by a transfer."""
        return [
            unit
            for operation_id, owner in self._handed_out.items()
            if owner == assignment_id
            for unit in self._truth.units(operation_id)
        ]

    def lines_behind(self) -> list[str]:
        """Lines that do not say by now what the inventory has confirmed."""
        return [
            f"{line['line_id']}: {line['issued']} of {self._confirmed[line['line_id']]}"
            for line in self._all("requisition_lines")
            if line["issued"] != self._confirmed[line["line_id"]]
        ]

    def _all(self, table: str) -> list[Row]:
        return [row for rows in self._rows.values() for row in rows.get(table, ())]

    def _fold(self, projection: Projection, recorded: RecordedEvent) -> tuple[Rows, Rows]:
        key = projection.name, recorded.aggregate_id
        nothing: Rows = {owned.name: [] for owned in projection.tables}
        before = self._rows.get(key, nothing)
        after = self._rows[key] = projection.fold(before, recorded)
        return before, after

    def _keep_track(self, recorded: RecordedEvent) -> None:
        """Remember under whose name units went out, and whose units count for which operation."""
        event: Any = recorded.event
        if recorded.topic == Requested.TOPIC and event.kind == Kind.QUANTITY_CHECKOUT:
            self._handed_out[recorded.aggregate_id] = event.subject_id
            names = [recorded.aggregate_id, *event.wanted["earlier"]]
            self._counted[recorded.aggregate_id] = names
        elif recorded.topic == TransferCompleted.TOPIC and event.operation_id in self._handed_out:
            self._handed_out[event.operation_id] = event.successor_id

    def _hear_custody(self, before: Rows, after: Rows, recorded: RecordedEvent) -> None:
        if after["assignments"]:
            (row,) = after["assignments"]
            self.look(before["assignments"][0] if before["assignments"] else {}, row, recorded)
            self._one_custodian(row)
        for step in after["circulation"][len(before["circulation"]) :]:
            self.look_at_step(step, recorded)

    def look(self, before: Row, after: Row, recorded: RecordedEvent) -> None:
        """Fail where an assignment's row claims after an event what was not so."""
        evidence = after["evidence"]
        claims = [
            name
            for name in CLAIMS
            if before and before[name] != after[name] and recorded.topic != CLOSED
        ]
        if claims and not _is_of_ours_alone(claims, after):
            assert evidence is not before["evidence"], f"{claims} without evidence: {recorded}"
        if evidence is None or evidence is before.get("evidence"):
            return
        window = Window.of(evidence["read_at"], recorded)
        if after["item_kind"] == ASSET:
            self._look_at_asset(claims, after, window)
        else:
            self._look_at_units(claims, after, window, recorded)
        self.moved.update(f"{name.removesuffix('_at')}: {after['item_kind']}" for name in claims)
        if "issued_at" in claims and after["transferred_from"] is None:
            self._confirmed[after["line_id"]] += after["quantity"]

    def _look_at_asset(self, claims: Sequence[str], after: Row, window: Window) -> None:
        asset, shown = after["evidence"]["external_id"], after["evidence"]["assigned_to"]
        holder = None if shown is None else (shown[0], shown[1])
        held = self._truth.holders(asset, window.since, window.until)
        assert holder in held, f"{holder} shown, {held} true: {after['id']}"
        if "issued_at" in claims:
            assert holder == self._ours(after), f"issued, but {holder} has it: {after['id']}"
        if "returned_at" in claims:
            assert holder is None, f"returned, but {holder} has it: {after['id']}"
        if "due" in claims:
            dues = self._truth.dues(asset, window.since, window.until)
            assert str(after["due"].date()) in dues, f"due {after['due']}, not {dues}"

    def _look_at_units(
        self, claims: Sequence[str], after: Row, window: Window, recorded: RecordedEvent
    ) -> None:
        event: Any = recorded.event
        if "issued_at" in claims:
            out = self._out_under(event.operation_id, after, window)
            assert out == after["quantity"], f"issued, but {out} are out: {after['id']}"
        if "outstanding" in claims:
            units = self.units_of(after["id"])
            out = sum(unit.is_out(window.until, window.until) for unit in units)
            assert out <= after["outstanding"], f"returned, but {out} are out: {after['id']}"

    def _out_under(self, operation_id: Id, custodian: Row, window: Window) -> int:
        """How many units that count for an operation a custodian had at some moment."""
        holder = self._ours(custodian)
        return sum(
            unit.holder == holder and unit.is_out(window.since, window.until)
            for name in self._counted.get(operation_id, ())
            for unit in self._truth.units(name)
        )

    def look_at_step(self, step: Row, recorded: RecordedEvent) -> None:
        """Fail where a row of the custody feed says that something is confirmed which was not so."""
        told = f"{step['type']} of {step['assignment_id']}"
        assert not step["attested"], f"{told} rests on somebody's word"
        assert step["confirmed"] == (step["type"] in CONFIRMED), f"{told}: {step['confirmed']}"
        if not step["confirmed"]:
            return
        assert step["read_at"], f"{told} is not proved"
        assert step["operation_id"], f"{told} is not proved by any operation"
        after = step["custodian_after"]
        to = None if after is None else {"custodian_id": after["id"]}
        window = Window.of(step["read_at"], recorded)
        if step["item_kind"] != ASSET:
            if to is not None:
                out = self._out_under(step["operation_id"], to, window)
                assert out == step["quantity"], f"{told}: {out} are out"
            return
        event: Any = recorded.event
        asset = event.evidence["external_id"]
        if step["type"] == "loss":
            shown = event.evidence["status_id"]
            labels = self._truth.labels(asset, window.since, window.until)
            assert shown in labels, f"{told}: label {shown}, not {labels}"
            return
        held = self._truth.holders(asset, window.since, window.until)
        wanted = None if to is None else self._ours(to)
        assert wanted in held, f"{told}: {wanted} told, {held} true"

    def look_at_lines(self, lines: Sequence[Row]) -> None:
        """Fail where more is issued for a requisition's line than the inventory has confirmed."""
        for line in lines:
            confirmed = self._confirmed[line["line_id"]]
            assert line["issued"] <= confirmed, (
                f"{line['issued']} issued for {line['line_id']}, {confirmed} confirmed"
            )

    def _one_custodian(self, changed: Row) -> None:
        if changed["item_kind"] != ASSET:
            return
        out = [
            row["id"]
            for row in self.assignments
            if row["item_id"] == changed["item_id"] and row["outstanding"] > 0
        ]
        assert len(out) <= 1, f"one asset, several custodians: {out}"


def _is_of_ours_alone(claims: Sequence[str], row: Row) -> bool:
    """Whether it is nothing that the inventory keeps: until when units are lent."""
    return list(claims) == ["due"] and row["item_kind"] != ASSET


def _seconds(at: str | datetime) -> float:
    time: Any = time_of(at) if isinstance(at, str) else at
    return float((time - NOW).total_seconds())
