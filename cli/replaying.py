"""``quartermaster replay``: real events, driven through a running system."""

from pathlib import Path

import uvloop
from rich.console import Console

from demo.replay.run import replay


def run_replay(data: Path, origin: str, folder: Path, at_once: int) -> bool:
    """Replay the file ``data`` at ``origin``; whether all came out as the file implies.

    Raises ``MalformedFile`` and ``ReplayStopped``.
    """
    return uvloop.run(replay(data, origin, folder, at_once=at_once, console=Console()))
