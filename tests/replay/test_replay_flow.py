"""Real cases through the running system, from the command line to the query API and back."""

import gzip
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infrastructure.embedded.machine import free_port
from tests.fixtures.postgres import Database
from tests.flows.live import ROOT, environment_of, process, wait_until_ready
from tests.replay.sample import SAMPLE

TIMEOUT_S = 150


@dataclass(frozen=True)
class System:
    """A running system, and the folder where its replay keeps the password."""

    port: int
    folder: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def replay(self, data: Path) -> subprocess.CompletedProcess[str]:
        """``quartermaster replay`` of a file."""
        environment = {"QM_PORT": str(self.port), "QM_DATA": str(self.folder), "COLUMNS": "200"}
        return run(["-m", "cli.main", "replay", str(data)], environment)

    def killed_after(self, commands: int) -> int:
        """The exit code of a replay of the sample that dies after so many answers."""
        arguments = [self.origin, str(self.folder), str(commands)]
        return run(["-m", "tests.replay.killed", *arguments], {}).returncode


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def system(database: Database, tmp_path: Path) -> Iterator[System]:
    """Both APIs at one address and the projectors, over LISTEN."""
    environment = environment_of(database)
    system = System(free_port(), tmp_path)
    words = ["api", "both", "--port", str(system.port)]
    with process(["projector"], environment), process(words, environment) as api:
        wait_until_ready(api, system.origin)
        yield system


def answered_before(done: subprocess.CompletedProcess[str]) -> int:
    found = re.search(r"\(([\d,]+) of them answered from an earlier run\)", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1].replace(",", ""))


def test_a_replay_that_was_killed_half_way_ends_as_one_that_was_not(system: System) -> None:
    assert system.killed_after(150) == -signal.SIGKILL
    resumed = system.replay(SAMPLE)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "41 cases: nothing differs" in resumed.stdout
    assert 130 <= answered_before(resumed) < 355
    assert re.findall(r"(requestforpayment\d+) │ (\d+)", resumed.stdout) == [
        ("requestforpayment151297", "4"),
        ("requestforpayment173579", "9"),
    ]

    again = system.replay(SAMPLE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert answered_before(again) == 355

    edited = system.folder / "edited.csv.gz"
    edited.write_bytes(
        gzip.compress(gzip.decompress(SAMPLE.read_bytes()).replace(b"34.34", b"9.99"))
    )
    other = system.replay(edited)
    assert other.returncode == 1
    assert "idempotency_key_reused" in other.stdout


def test_a_malformed_file_stops_before_anything_is_asked(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv.gz"
    bad.write_bytes(gzip.compress(b"case,when\n"))
    stopped = System(free_port(), tmp_path).replay(bad)
    assert stopped.returncode == 1
    assert (
        "bad.csv.gz, line 1, column 2: the header says 'when' where 'at' belongs" in stopped.stderr
    )
    assert "Traceback" not in stopped.stderr


def test_a_system_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    stopped = System(free_port(), tmp_path).replay(SAMPLE)
    assert stopped.returncode == 1
    assert "cannot be reached" in stopped.stderr
    assert "Traceback" not in stopped.stderr
