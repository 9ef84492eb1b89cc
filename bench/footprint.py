"""What `make up` costs: the time until the first command would succeed, memory, idle processor."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil

from bench.processes import running
from bench.report import Figure, below
from bench.stack import QUARTERMASTER, Stack
from infrastructure.embedded.machine import free_port

WARM_GOAL_S: Final = 15.0
COLD_GOAL_S: Final = 90.0
MEMORY_GOAL_MIB: Final = 120.0
IDLE_GOAL_PERCENT: Final = 1.0
SETTLE_S: Final = 5.0
WATCH_S: Final = 15.0
_MIB: Final = 1024 * 1024


def measure(stack: Stack) -> Sequence[Figure]:
    """Start it in an empty folder, stop it, start it again and watch it do nothing."""
    del stack
    with tempfile.TemporaryDirectory(prefix="quartermaster-up-") as folder:
        with _up(Path(folder)) as (_, first_s):
            pass
        with _up(Path(folder)) as (process, second_s):
            time.sleep(SETTLE_S)
            idle = _idle_percent(process)
            memory = {_name(each): each.memory_info().rss / _MIB for each in _ours(process)}
    return [
        below("up, an empty data folder (packages installed)", first_s, "s", COLD_GOAL_S),
        below("up, a known data folder", second_s, "s", WARM_GOAL_S),
        *(below(f"memory: {name}", size, "MiB", MEMORY_GOAL_MIB) for name, size in memory.items()),
        *(below(f"idle: {name}", part, "%", IDLE_GOAL_PERCENT) for name, part in idle.items()),
    ]


@contextlib.contextmanager
def _up(folder: Path) -> Iterator[tuple[psutil.Process, float]]:
    begun = time.monotonic()
    environment = {"QM_PORT": str(free_port()), "QM_DATA": str(folder), "QM_AMQP_URL": ""}
    with running([*QUARTERMASTER, "up"], environment, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"ready "):
                break
        else:
            raise RuntimeError("it ended before it was ready")
        yield psutil.Process(process.pid), time.monotonic() - begun


def _ours(process: psutil.Process) -> list[psutil.Process]:
    """The supervisor and the processes that it runs; not the servers."""
    children = [each for each in process.children() if "cli.main" in each.cmdline()]
    return [process, *children]


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    return " ".join(words[words.index("cli.main") + 1 :][:2])


def _idle_percent(process: psutil.Process) -> dict[str, float]:
    """Percent of one processor that each process takes while nothing is asked of it."""
    before = {each: each.cpu_times() for each in _ours(process)}
    time.sleep(WATCH_S)
    percent = {}
    for each, earlier in before.items():
        now = each.cpu_times()
        spent = now.user + now.system - earlier.user - earlier.system
        percent[_name(each)] = round(100 * spent / WATCH_S, 2)
    return percent
