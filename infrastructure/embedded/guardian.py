"""Stops a folder's servers when the one who started them ends, however that comes about.

``Guardian`` is held by the starter; the process behind it sees its standard input close, stops
every server that it finds in the folder, and goes. It shares the starter's lock on the folder, so
nobody else starts there before it is done.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from infrastructure.embedded.errors import EmbeddedUnavailable

_STOP_TIMEOUT_S: Final = 30.0
_BROKER_STOPS_WITHIN_S: Final = 3.0
_ROOT: Final = Path(__file__).resolve().parents[2]


class Guardian:
    """The starter's end: ``close`` when the servers of ``folder`` are to stop."""

    def __init__(self, folder: Path, *, lock: int, remove: bool = False) -> None:
        self._process = subprocess.Popen(  # noqa: S603  this very interpreter
            [
                sys.executable,
                "-m",
                __name__,
                str(folder.absolute()),
                "remove" if remove else "keep",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=_ROOT,
            pass_fds=[lock],
            start_new_session=True,
        )

    def close(self) -> None:
        """Have the servers stopped. Raises ``EmbeddedUnavailable`` where one does not stop."""
        try:
            _, said = self._process.communicate(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise EmbeddedUnavailable("the servers did not stop in time") from None
        if self._process.returncode != 0:
            raise EmbeddedUnavailable(said.decode(errors="replace").strip().rpartition("\n")[2])


def stop_servers(folder: Path) -> None:
    """Stop every embedded server below ``folder``. Raises ``EmbeddedUnavailable``."""
    # While it waits, its process stays small.
    from infrastructure.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415
    from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq  # noqa: PLC0415

    stops: list[Callable[[], None]] = [
        *(EmbeddedPostgres(path.parent).stop for path in folder.glob("postgres*/data")),
        *(
            partial(EmbeddedRabbitmq(path.parent).stop, _BROKER_STOPS_WITHIN_S)
            for path in folder.glob("rabbitmq*/started")
        ),
    ]
    with ThreadPoolExecutor(max(1, len(stops))) as threads:
        for stopped in [threads.submit(stop) for stop in stops]:
            stopped.result()


def main() -> None:
    """Wait for the starter's end, then stop its servers."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    folder, after = Path(sys.argv[1]), sys.argv[2]
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    stop_servers(folder)
    if after == "remove":
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
