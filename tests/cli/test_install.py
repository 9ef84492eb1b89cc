"""What `make` says on a machine that lacks something: one line, before anything is touched."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A copy of what an installation starts from, in a folder with a blank in its name."""
    folder = tmp_path / "a copy"
    folder.mkdir()
    for name in (
        "install.py",
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
        "requirements-dev.lock",
    ):
        shutil.copy(ROOT / name, folder)
    return folder


def _run(folder: Path, pretence: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; {pretence}; sys.argv = ['install.py', 'run']; import runpy; runpy.run_path('install.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_python_that_is_too_old_is_named_in_one_line(elsewhere: Path) -> None:
    done = _run(elsewhere, "sys.version_info = (3, 9, 2)")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (elsewhere / ".venv").exists()


def test_a_python_without_venv_says_what_to_install(elsewhere: Path) -> None:
    done = _run(elsewhere, "sys.modules['ensurepip'] = None")
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (elsewhere / ".venv").exists()


def test_no_python_at_all_is_one_line_and_the_target_fails(elsewhere: Path) -> None:
    done = subprocess.run(
        ["make", "up", "PYTHON=no-such-python"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_pinned_with_hashes_and_no_index_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="ascii")
    entries = [part for part in text.replace("\\\n", " ").splitlines() if part.strip()]
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_help_lists_every_target_that_a_person_calls() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert {"up", "test", "check", "bench", "replay"} <= listed
