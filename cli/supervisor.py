"""Keeps child processes running: starts them again when they end, and takes them along at the end."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.processes import GRACE_S, SUPERVISED

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
_STOP_WITHIN_S: Final = GRACE_S + 1.0
_LOG_LIMIT: Final = 20 * 1024 * 1024
_ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Job:
    """One child: ``quartermaster`` with these arguments, and variables that are its alone."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Supervisor:
    """Runs jobs, each with its output in a file of ``logs``; ``say`` hears what happens to them.

    Its children hold the other end of a pipe as their standard input, and end when it closes.
    """

    logs: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    _children: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _keepers: list[asyncio.Future[None]] = field(default_factory=list)
    _lifeline: int = -1
    _stopping: bool = False

    @contextlib.asynccontextmanager
    async def running(self, jobs: Sequence[Job]) -> AsyncIterator[None]:
        """Run ``jobs``, and those that are added, for the length of the block."""
        self._lifeline, theirs = os.pipe()
        self.add(jobs)
        try:
            yield
        finally:
            self._stopping = True
            await self._stop()
            for keeper in self._keepers:
                keeper.cancel()
            await asyncio.gather(*self._keepers, return_exceptions=True)
            os.close(self._lifeline)
            os.close(theirs)

    def add(self, jobs: Sequence[Job]) -> None:
        """Run these, too, from now on."""
        self._keepers += [asyncio.ensure_future(self._keep(job)) for job in jobs]

    def is_running(self, name: str) -> bool:
        """Whether the child is there at this moment."""
        child = self._children.get(name)
        return child is not None and child.returncode is None

    def kill_all(self) -> None:
        """End them without waiting."""
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.kill()

    async def _keep(self, job: Job) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping:
            begun = time.monotonic()
            code = await self._run_once(job)
            if self._stopping:
                return
            pause = _FIRST_PAUSE_S if time.monotonic() - begun > _STEADY_S else pause
            log = self.logs / f"{job.name}.log"
            self.say(f"{job.name} {_ending(code)}; starting it again in {pause:g} s (see {log})")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _run_once(self, job: Job) -> int:
        with contextlib.closing(_open_log(self.logs / f"{job.name}.log")) as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cli.main",
                *job.arguments,
                stdin=self._lifeline,
                stdout=log.descriptor,
                stderr=log.descriptor,
                env={**os.environ, **self.environment, **job.environment, SUPERVISED: "1"},
                cwd=_ROOT,
                start_new_session=True,
            )
        self._children[job.name] = child
        return await child.wait()

    async def _stop(self) -> None:
        for child in self._children.values():
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.terminate()
        waits = [asyncio.ensure_future(child.wait()) for child in self._children.values()]
        if waits:
            await asyncio.wait(waits, timeout=_STOP_WITHIN_S)
        self.kill_all()
        await asyncio.gather(*waits)


@dataclass(frozen=True, slots=True)
class _Log:
    descriptor: int

    def close(self) -> None:
        os.close(self.descriptor)


def _open_log(path: Path) -> _Log:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
    return _Log(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))


def _ending(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
