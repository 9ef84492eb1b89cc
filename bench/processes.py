"""Processes of a benchmark: started with what they need to know, stopped at the end by their id."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

ROOT: Final = Path(__file__).parent.parent
_READY_WITHIN_S: Final = 30.0
_STOP_WITHIN_S: Final = 15.0


class DidNotStart(Exception):
    """A process did not answer in time, or ended before it did."""


@contextlib.contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """``python`` with these arguments, in our root folder, until the block ends.

    ``stdout`` as for ``subprocess``; what is left in a pipe at the end is thrown away.
    """
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=stdout,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=_STOP_WITHIN_S)


def wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    """Return when ``url`` answers 200. Raises ``DidNotStart``."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DidNotStart(f"{url}: the process ended with {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise DidNotStart(f"{url} did not answer within {_READY_WITHIN_S:.0f} s")
