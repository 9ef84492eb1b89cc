"""What the inventory truly held at every moment, kept beside a history and hidden from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from demo.snipe_it_simulator.simulator import Simulator
from demo.snipe_it_simulator.stored import Asset, Checkout
from domain.ids import Id

Holder = tuple[str, int]
WATCHED: Final = frozenset({"assigned_type", "assigned_to", "expected_checkin", "status_id"})
NEVER: Final = float("inf")


class Watchable(Protocol):
    """An inventory, and what time it is there in seconds."""

    @property
    def simulator(self) -> Simulator: ...

    def time(self) -> float: ...


@dataclass(frozen=True, slots=True)
class State:
    """What is to be known of an asset."""

    holder: Holder | None
    due: str | None
    status_id: int


@dataclass(slots=True)
class Unit:
    """One unit of an accessory or a consumable, from when until when somebody has it."""

    number: int
    holder: Holder
    note: str
    since: float
    until: float = NEVER

    def is_out(self, since: float, until: float) -> bool:
        """Whether it was out at some moment between two times."""
        return self.since <= until and self.until >= since


class Truth:
    """The states of every asset, each with the time from which it held, and all units ever out."""

    def __init__(self, world: Watchable) -> None:
        self._world = world
        self._states: dict[int, list[tuple[float, State]]] = {}
        self._units: list[Unit] = []
        inventory = world.simulator.inventory
        for asset in inventory.assets.values():
            self.note(asset)
        inventory.accessory_checkouts = _Noted(self, inventory.accessory_checkouts)
        inventory.consumable_uses = _Noted(self, inventory.consumable_uses)

    def note(self, asset: Asset) -> None:
        """An asset may have changed just now; those of other inventories are none of ours."""
        if self._world.simulator.inventory.assets.get(asset.id) is not asset:
            return
        due = asset.expected_checkin
        state = State(_holder(asset), None if due is None else str(due), asset.status_id)
        states = self._states.setdefault(asset.id, [])
        if not states or states[-1][1] != state:
            states.append((self._world.time(), state))

    def note_unit(self, row: Checkout) -> Unit:
        """Somebody has one more unit as of now."""
        holder = row.target_type, row.target_id
        unit = Unit(row.id, holder, row.note or "", self._world.time())
        self._units.append(unit)
        return unit

    def note_back(self, unit: Unit) -> None:
        """Nobody has the unit any more."""
        unit.until = self._world.time()

    def holders(self, external_id: int, since: float, until: float) -> set[Holder | None]:
        """Everybody who had the asset at some moment between two times, None for nobody."""
        return {state.holder for state in self._between(external_id, since, until)}

    def dues(self, external_id: int, since: float, until: float) -> set[str | None]:
        """Every date on which it was to come back, as evidence writes it."""
        return {state.due for state in self._between(external_id, since, until)}

    def labels(self, external_id: int, since: float, until: float) -> set[int]:
        """Every status label that it had."""
        return {state.status_id for state in self._between(external_id, since, until)}

    def units(self, operation_id: Id) -> list[Unit]:
        """Every unit that ever went out under an operation's name."""
        return [unit for unit in tuple(self._units) if operation_id in unit.note]

    def _between(self, external_id: int, since: float, until: float) -> Iterator[State]:
        states = tuple(self._states[external_id])
        ends = [began for began, _ in states[1:]] + [NEVER]
        for (began, state), ended in zip(states, ends, strict=True):
            if began <= until and ended >= since:
                yield state


class _Noted(dict[int, Checkout]):
    """A table of units that are out, whose every change is noted."""

    def __init__(self, truth: Truth, rows: dict[int, Checkout]) -> None:
        super().__init__()
        self._truth = truth
        self._noted: dict[int, Unit] = {}
        for id, row in rows.items():
            self[id] = row

    def __setitem__(self, id: int, row: Checkout) -> None:
        super().__setitem__(id, row)
        self._noted[id] = self._truth.note_unit(row)

    def pop(self, id: int, *default: Any) -> Any:
        if id in self:
            self._truth.note_back(self._noted.pop(id))
        return super().pop(id, *default)


@contextmanager
def watched(world: Watchable) -> Iterator[Truth]:
    """The truth of ``world``, noted at every change of an asset for the length of the block."""
    truth = Truth(world)
    plain = Asset.__setattr__

    def noted(asset: Asset, name: str, value: Any) -> None:
        plain(asset, name, value)
        if name in WATCHED:
            truth.note(asset)

    Asset.__setattr__ = noted  # type: ignore[method-assign,assignment]  # nothing else sees every change
    try:
        yield truth
    finally:
        Asset.__setattr__ = plain  # type: ignore[method-assign]  # as it was


def _holder(asset: Asset) -> Holder | None:
    if asset.assigned_type is None or asset.assigned_to is None:
        return None
    return asset.assigned_type, asset.assigned_to
