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
SHOW_LOADED: Final = """
import json, sys
from cli.processes import Side, application
application(Side(sys.argv[1]))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
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
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_LOADED, side],
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
    loaded = set(json.loads(shown.stdout))
    assert loaded & {"command_api", "query_api"} == own
    assert loaded & NEVER == set()
