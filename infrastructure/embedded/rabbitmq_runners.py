"""What a RabbitMQ runs as: processes of this machine, or a container.

Both keep in the server's folder by what they are found again, so that any process can signal and
stop them.
"""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from infrastructure.embedded.machine import process_birth


class Runner(Protocol):
    """A server that was started, here or by an earlier process."""

    def is_running(self) -> bool:
        """Whether the server itself is there."""
        ...

    def remains(self) -> bool:
        """Whether anything of it is there: some of it outlives a server that was killed."""
        ...

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it is gone."""
        ...

    def forget(self) -> None:
        """Leave no trace of one that has ended."""
        ...


class Processes:
    """Processes of this machine, each the leader of its session; the first one is the server."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes"

    def remember(self, pids: Sequence[int]) -> None:
        """Know these from now on, the server's first.

        A later process with the same number is told apart.
        """
        born = [f"{pid} {process_birth(pid)}" for pid in pids]
        self._file.write_text("\n".join(born), encoding="ascii")

    def is_running(self) -> bool:
        """Whether the server is there."""
        self._bury()
        server = next(self._known(), None)
        return server is not None and _lives(*server)

    def remains(self) -> bool:
        """Whether any of them is there."""
        self._bury()
        return next(self._living(), None) is not None

    def signal(self, number: signal.Signals) -> None:
        """Send it to all of them, and to what they started."""
        for pid in self._living():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    def forget(self) -> None:
        """Know none any more."""
        self._file.unlink(missing_ok=True)

    def _bury(self) -> None:
        """Let those go that were children of this very process."""
        for pid, _ in self._known():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _known(self) -> Iterator[tuple[int, str]]:
        with contextlib.suppress(FileNotFoundError):
            for line in self._file.read_text(encoding="ascii").splitlines():
                pid, _, birth = line.partition(" ")
                yield int(pid), birth

    def _living(self) -> Iterator[int]:
        for pid, birth in self._known():
            if _lives(pid, birth):
                yield pid


def _lives(pid: int, birth: str) -> bool:
    return bool(birth) and process_birth(pid) == birth
