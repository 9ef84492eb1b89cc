"""A lock that one process of this machine holds on a folder, gone when it dies in any way."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.05


class FolderLocked(Exception):
    """Somebody else holds the lock; the message is what they wrote into it."""


@contextlib.contextmanager
def folder_lock(path: Path, *, wait_s: float, note: str = "") -> Iterator[int]:
    """Hold the lock file ``path``; yields its descriptor, which a child may inherit to share it.

    ``note`` tells others who holds it. Raises ``FolderLocked`` after ``wait_s`` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _acquire(descriptor, time.monotonic() + wait_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock file ``path``."""
    try:
        with folder_lock(path, wait_s=0):
            return False
    except FolderLocked:
        return True
    except FileNotFoundError:
        return False


def _acquire(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace")
                raise FolderLocked(holder) from None
            time.sleep(_POLL_S)
