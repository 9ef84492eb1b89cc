"""Everything one simulated server is made of, and how to set it back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from demo.snipe_it_simulator.access import Access
from demo.snipe_it_simulator.calls import BEFORE_WRITE
from demo.snipe_it_simulator.faults import Faults
from demo.snipe_it_simulator.inventory import Inventory, utc_now
from demo.snipe_it_simulator.seed import Dump, load
from demo.snipe_it_simulator.throttle import Throttle

VERSION = "v8.1.4"
LOG_LENGTH = 1000


@dataclass
class Settings:
    """How the server behaves when no fault is ordered.

    The pauses, in seconds, are where the live server lets other calls in between: between
    the check of a write and its effect, and between the commits that a write consists of.
    """

    base_url: str = "http://127.0.0.1:8091"
    time_zone: str = "UTC"
    calls_per_minute: int = 120
    max_results: int = 500
    before_write_s: float = 0.0
    between_writes_s: float = 0.0
    answer_after_s: float = 0.0
    """Time every call takes before it is looked at."""
    jitter: float = 0.0
    """Share by which each of these times varies, at random but in the same way after a reset.

    With it the order of the report rows may differ from the order of the writes.
    """


@dataclass(frozen=True)
class Seen:
    """A call that came in, for tests to look at."""

    at: datetime
    method: str
    path: str
    status: int
    user_agent: str | None


@dataclass
class Simulator:
    """One server. ``reset`` gives it the state it was made with."""

    dump: Dump
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    first_settings: Settings = field(default_factory=Settings)
    inventory: Inventory = field(init=False)
    settings: Settings = field(init=False)
    access: Access = field(init=False)
    faults: Faults = field(init=False)
    throttle: Throttle = field(init=False)
    seen: list[Seen] = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Inventory as dumped, settings as given, one token, no faults, nothing seen."""
        self.settings = Settings(**vars(self.first_settings))
        self.access, self.faults, self.seen = Access(), Faults(), []
        self._random = Random(0)  # noqa: S311 - varies pauses, guards nothing
        self.inventory = Inventory(clock=self.clock)
        load(self.inventory, self.dump)
        self.apply_settings()

    def apply_settings(self) -> None:
        """Take over changed settings. A new time zone does not convert what is stored."""
        self.inventory.zone = ZoneInfo(self.settings.time_zone)
        self.inventory.max_results = self.settings.max_results
        self.throttle = Throttle(self.settings.calls_per_minute)

    async def spend(self, seconds: float) -> None:
        """Sleep about so long, as the jitter has it."""
        share = 1 + self.settings.jitter * self._random.uniform(-1, 1)
        await self.sleep(seconds * share)

    def pause(self, late_s: float) -> Callable[[str], Awaitable[None]]:
        """The pauses of one write; a fault adds ``late_s`` before its effect."""

        async def at(point: str) -> None:
            before = point == BEFORE_WRITE
            seconds = self.settings.before_write_s if before else self.settings.between_writes_s
            await self.spend(seconds)
            if before and late_s > 0:
                await self.sleep(late_s)

        return at

    def note(self, method: str, path: str, status: int, user_agent: str | None) -> None:
        """Remember a call; the oldest are forgotten."""
        self.seen.append(Seen(self.clock(), method, path, status, user_agent))
        del self.seen[:-LOG_LENGTH]
