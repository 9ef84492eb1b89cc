"""What `make up` costs: the time until the first command would succeed, memory, idle processor.

Memory is looked at before, half way through and after a load: by half way the caches are full, and
the later half shows whether it stays flat. The API's is what it takes beside the pool of argon2,
whose threads keep theirs.
"""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from bench.cast import job_for, make_cast, sign_in_at_once
from bench.commands_over_http import drive
from bench.processes import running
from bench.report import Figure, below
from bench.stack import QUARTERMASTER, Stack
from infrastructure.embedded.machine import free_port
from infrastructure.passwords import MEMORY_KIB, WORKERS

WARM_GOAL_S: Final = 15.0
COLD_GOAL_S: Final = 90.0
MEMORY_GOAL_MIB: Final = 120.0
GROWTH_GOAL_MIB: Final = 2.0
IDLE_GOAL_PERCENT: Final = 1.0
SETTLE_S: Final = 5.0
WATCH_S: Final = 15.0
HALF_S: Final = 20.0
WARM_UP_S: Final = 2.0
CLIENTS: Final = 16
LOOK_EVERY: Final = 5
POOL_MIB: Final = WORKERS * MEMORY_KIB / 1024
_MIB: Final = 1024 * 1024
_TENANT: Final = "footprint"


@dataclass(frozen=True, slots=True)
class _Up:
    process: psutil.Process
    port: int
    ready_s: float


@dataclass(frozen=True, slots=True)
class _Memory:
    """MiB by process: before a load of so many commands, half way, and after it."""

    commands: int
    before: Mapping[str, float]
    half_way: Mapping[str, float]
    after: Mapping[str, float]


def measure(stack: Stack) -> Sequence[Figure]:
    """Start it in an empty folder, stop it, start it again and watch it do nothing."""
    del stack
    with tempfile.TemporaryDirectory(prefix="quartermaster-up-") as folder:
        with _up(Path(folder)) as first:
            pass
        with _up(Path(folder)) as second:
            time.sleep(SETTLE_S)
            idle = _idle_percent(second.process)
            memory = _memory_under_load(second)
    return [
        below("up, an empty data folder (packages installed)", first.ready_s, "s", COLD_GOAL_S),
        below("up, a known data folder", second.ready_s, "s", WARM_GOAL_S),
        *_memory_figures(memory),
        *(below(f"idle: {name}", part, "%", IDLE_GOAL_PERCENT) for name, part in idle.items()),
    ]


@contextlib.contextmanager
def _up(folder: Path) -> Iterator[_Up]:
    begun = time.monotonic()
    port = free_port()
    environment = {"QM_PORT": str(port), "QM_DATA": str(folder), "QM_AMQP_URL": ""}
    with running([*QUARTERMASTER, "up"], environment, stdout=subprocess.PIPE) as process:
        for line in process.stdout or ():
            if line.startswith(b"ready "):
                break
        else:
            raise RuntimeError("it ended before it was ready")
        yield _Up(psutil.Process(process.pid), port, time.monotonic() - begun)


def _memory_under_load(up: _Up) -> _Memory:
    cast = make_cast(up.port, _TENANT)
    sign_in_at_once(up.port, _TENANT, times=4 * WORKERS)
    load = job_for(cast, up.port, clients=CLIENTS, warm_up_s=WARM_UP_S, seconds=HALF_S)
    job = replace(load, watch_port=up.port, watch_every=LOOK_EVERY)
    before = _memory(up.process)
    first = drive(job)
    half_way = _memory(up.process)
    second = drive(job)
    return _Memory(first.commands + second.commands, before, half_way, _memory(up.process))


def _memory_figures(memory: _Memory) -> Iterator[Figure]:
    for name, size in memory.after.items():
        beside = f"beside {POOL_MIB:.0f} MiB of argon2; " if _is_api(name) else ""
        note = f"{beside}{memory.before[name]:.0f} MiB before {memory.commands:,} commands"
        yield below(f"memory: {name}", size, "MiB", MEMORY_GOAL_MIB, note)
    growth = {name: size - memory.half_way[name] for name, size in memory.after.items()}
    most = max(growth, key=lambda name: growth[name])
    what = "memory: grown in the later half of the load"
    yield below(what, growth[most], "MiB", GROWTH_GOAL_MIB, f"the most of all: {most}")


def _memory(process: psutil.Process) -> dict[str, float]:
    """MiB by process; an API's is beside the pool of argon2, all of which it has had."""
    sizes = {_name(each): each.memory_info().rss / _MIB for each in _ours(process)}
    return {name: size - POOL_MIB * _is_api(name) for name, size in sizes.items()}


def _ours(process: psutil.Process) -> list[psutil.Process]:
    """The supervisor and the processes that it runs; not the servers."""
    children = [each for each in process.children() if "cli.main" in each.cmdline()]
    return [process, *children]


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    return " ".join(words[words.index("cli.main") + 1 :][:2])


def _is_api(name: str) -> bool:
    return name.startswith("api ")


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
