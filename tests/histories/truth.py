"""What the inventory truly held at every moment, kept beside a history and hidden from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from demo.snipe_it_simulator.simulator import Simulator
from demo.snipe_it_simulator.stored import Asset

Holder = tuple[str, int]
WATCHED: Final = frozenset({"assigned_type", "assigned_to", "expected_checkin"})


class Watchable(Protocol):
    """An inventory, and what time it is there in seconds."""

    @property
    def simulator(self) -> Simulator: ...

    def time(self) -> float: ...


class Truth:
    """The states of every asset, each with the time from which it held."""

    def __init__(self, world: Watchable) -> None:
        self._world = world
        self._states: dict[int, list[tuple[float, Any]]] = {}
        for asset in world.simulator.inventory.assets.values():
            self.note(asset)

    def note(self, asset: Asset) -> None:
        """An asset may have changed just now; those of other inventories are none of ours."""
        if self._world.simulator.inventory.assets.get(asset.id) is not asset:
            return
        state = (_holder(asset), asset.expected_checkin)
        states = self._states.setdefault(asset.id, [])
        if not states or states[-1][1] != state:
            states.append((self._world.time(), state))

    def holders(self, external_id: int, since: float, until: float) -> set[Holder | None]:
        """Everybody who had the asset at some moment between two times, None for nobody."""
        return {holder for holder, _ in self._between(external_id, since, until)}

    def dues(self, external_id: int, since: float, until: float) -> set[str | None]:
        """Every date on which it was to come back, as evidence writes it."""
        between = self._between(external_id, since, until)
        return {None if due is None else str(due) for _, due in between}

    def _between(self, external_id: int, since: float, until: float) -> Iterator[Any]:
        states = tuple(self._states[external_id])
        ends = [began for began, _ in states[1:]] + [float("inf")]
        for (began, state), ended in zip(states, ends, strict=True):
            if began <= until and ended >= since:
                yield state


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
