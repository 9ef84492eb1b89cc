"""An event loop whose time passes only when everybody waits: hours take milliseconds.

What runs in it is repeatable to the last step, as long as it talks to nothing outside.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingLeftToWaitFor(Exception):
    """Everybody waits for somebody else, and no time is set for anything."""


class _Selector(selectors.SelectSelector):
    """Lets the time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise NothingLeftToWaitFor
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at the time 0."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds that have passed in here."""
        return self._virtual.now


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """The outcome of ``work``, run to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
