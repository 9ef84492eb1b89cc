"""The measures of each process are on a port that no other one wants."""

import socket
from collections.abc import Iterator

import pytest
import typer

from cli.errors import one_line
from cli.measured import ORDER, measured
from cli.processes import run_timers
from cli.supervisor import Job
from infrastructure.settings import SettingsUnusable

JOBS = [Job(name, [name]) for name in (*ORDER, "simulator")]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_every_process_of_up_has_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QM_METRICS_PORT", "9911")
    *ports, none = [job.environment["QM_METRICS_PORT"] for job in measured(JOBS)]
    assert ports == [str(9911 + place) for place in range(len(ORDER))]
    assert none == ""


def test_without_a_port_none_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QM_METRICS_PORT", raising=False)
    assert {job.environment["QM_METRICS_PORT"] for job in measured(JOBS)} == {""}


def test_a_first_port_without_room_for_the_others_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QM_METRICS_PORT", "65530")
    with pytest.raises(SettingsUnusable, match="QM_METRICS_PORT"):
        measured(JOBS)


def test_a_taken_port_of_measures_is_told_in_one_line_with_its_setting(
    taken_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QM_METRICS_PORT", str(taken_port))
    monkeypatch.setenv("QM_WORKER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr("cli.processes.configure_logging", lambda _name: None)
    with pytest.raises(typer.Exit), one_line():
        run_timers()
    (line,) = capsys.readouterr().err.splitlines()
    assert f"port {taken_port} of 127.0.0.1" in line
    assert "QM_METRICS_PORT" in line
