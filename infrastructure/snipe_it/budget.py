"""How many calls the server's rate limit still lets us make.

The server counts per user in fixed windows of 60 s that begin with the first call, and says
after each call how many are left. A token bucket paces the calls; what the server says
corrects it. Other programs may use the same user, so the bucket is a guess and the server
is right. Our own other processes are no guess: an ``Allowance`` counts the calls of all of them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from infrastructure.snipe_it.answers import WINDOW_SECONDS

CLOSED_SECONDS = WINDOW_SECONDS + 1.0
"""The server counts its window in whole seconds; coming back within the last one would be
refused, and cost another window."""

MOST_DIGITS = 9
"""Of a number of calls that can be meant."""


class Allowance(Protocol):
    """What several processes may do together."""

    async def take(self) -> float:
        """Leave for one call. Returns 0, or the seconds after which it is worth asking again."""
        ...


class Budget:
    """Calls left for one connection, within the ``allowance`` that it shares with others."""

    def __init__(
        self,
        calls_per_minute: int,
        allowance: Allowance | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = calls_per_minute / WINDOW_SECONDS
        self._capacity = float(calls_per_minute)
        self._allowance = allowance
        self._tokens = self._capacity
        self._clock = clock
        self._sleep = sleep
        self._filled_at = clock()
        self._window_began = clock()
        self._closed_until = 0.0

    async def take(self, patience_s: float) -> float:
        """Wait for leave to make one call, at most ``patience_s`` seconds.

        Returns 0 when the call may be made, else the seconds after which it is worth
        asking again; then nothing was taken. Raises what the allowance raises.
        """
        wait = self._wait()
        if wait > patience_s:
            return wait
        # Taken before sleeping, so that callers who come meanwhile queue up behind.
        self._tokens -= 1
        if wait > 0:
            await self._sleep(wait)
        return await self._take_of_all(patience_s - wait)

    async def _take_of_all(self, patience_s: float) -> float:
        if self._allowance is None:
            return 0.0
        while (wait := await self._allowance.take()) > 0:
            if wait > patience_s:
                self._tokens += 1
                return wait
            await self._sleep(wait)
            patience_s -= wait
        return 0.0

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says about the calls left (lower-case header names).

        The first call of a window dates it by its answer, which is later than the server's
        own date and so on the safe side.
        """
        limit = _number(headers.get("x-ratelimit-limit"))
        left = _number(headers.get("x-ratelimit-remaining"))
        if limit is None or left is None:
            return
        if left == limit - 1:
            self._window_began = self._clock()
        self._fill()
        self._tokens = min(self._tokens, float(left))
        if left == 0:
            self.close()

    def close(self, seconds: float | None = None) -> float:
        """Make no call before the window ends: the server refused one, or said it would.

        ``seconds`` is what the server asked for, if it did. Returns the seconds to wait.
        """
        now = self._clock()
        rest = self._window_began + CLOSED_SECONDS - now
        # A window we knew of that is over means a later one whose start we missed.
        wait = seconds or (rest if rest > 0 else CLOSED_SECONDS)
        self._closed_until = max(self._closed_until, now + wait)
        return self._closed_until - now

    def _wait(self) -> float:
        self._fill()
        for_token = 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate
        return max(for_token, self._closed_until - self._clock(), 0.0)

    def _fill(self) -> None:
        now = self._clock()
        grown = self._tokens + (now - self._filled_at) * self._rate
        self._tokens, self._filled_at = min(self._capacity, grown), now


def _number(text: str | None) -> int | None:
    """The whole number of a header; None for what is none, or is longer than any that counts."""
    if text is None or len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
