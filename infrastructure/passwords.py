"""Argon2id in a bounded pool of threads, so that sign-ins cannot starve everything else.

A verification takes about 25 ms and 19 MiB. ``workers`` threads bound the memory, ``waiting``
bounds the queue, and whoever would wait past the deadline is told to come back. A thread keeps its
memory once it has had it: to give it back and take it again would cost another 10 ms each time.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from infrastructure.errors import PasswordsBusy

T = TypeVar("T")

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
WORKERS: Final = 2


class Passwords:
    """Hashes and verifies passwords off the event loop."""

    def __init__(self, workers: int = WORKERS, waiting: int = 256, deadline_s: float = 8) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._places = threading.BoundedSemaphore(workers + waiting)
        self._deadline_s = deadline_s
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The encoded argon2id hash. Raises ``PasswordsBusy``."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether ``password`` made ``encoded``; False, after the same work, where it is None.

        Raises ``PasswordsBusy``.
        """
        return await self._run(lambda: self._matches(encoded or self._nobody, password)) and (
            encoded is not None
        )

    async def renewed(self, encoded: str, password: str) -> str | None:
        """A new hash of a verified password, where ``encoded`` was made with older parameters."""
        if not self._hasher.check_needs_rehash(encoded):
            return None
        return await self.hash(password)

    def close(self) -> None:
        """Stop the threads; work that has not begun is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise PasswordsBusy
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise PasswordsBusy from None
