"""What a process loads is its own: that keeps each of them small."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import cli

ROOT: Final = Path(cli.__file__).parent.parent
NEVER: Final = frozenset(
    {"aio_pika", "alembic", "bench", "demo", "docker", "httpx", "projectors", "workers"}
)
LIST: Final = "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize(
    ("side", "own"),
    [
        ("command", {"command_api"}),
        ("query", {"query_api"}),
        ("both", {"command_api", "query_api"}),
    ],
)
def test_a_process_loads_its_own_api_and_nothing_of_the_workers(side: str, own: set[str]) -> None:
    loaded = _loaded("from cli.processes import Side, application", f"application(Side({side!r}))")
    assert loaded & {"command_api", "query_api"} == own
    assert loaded & NEVER == set()


def test_a_worker_is_not_given_what_serves_an_api() -> None:
    assert _loaded("import cli.main") & {"fastapi", "sqlalchemy", "uvicorn"} == set()


def _loaded(*lines: str) -> set[str]:
    """The packages of a new Python that has run these lines."""
    shown = subprocess.run(
        [sys.executable, "-c", "\n".join(("import json, sys", *lines, LIST))],
        cwd=ROOT,
        env={
            "QM_SECRET_KEY": "k" * 40,
            "QM_COMMAND_DATABASE_URL": NOWHERE,
            "QM_QUERY_DATABASE_URL": NOWHERE,
        },
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return set(json.loads(shown.stdout))
