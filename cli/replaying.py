"""``quartermaster replay``: real events, driven through a running system."""

import asyncio
from pathlib import Path

from rich.console import Console

from demo.replay.run import replay


def run_replay(data: Path, origin: str, folder: Path, at_once: int) -> bool:
    """Replay the file ``data`` at ``origin``; whether all came out as the file implies.

    Raises ``MalformedFile`` and ``ReplayStopped``.
    """
    return asyncio.run(replay(data, origin, folder, at_once=at_once, console=Console()))
