"""Runs the benchmarks, one after the other, and prints their tables."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import (
    append,
    commands_over_http,
    footprint,
    issue,
    lists,
    long_log,
    mirror,
    rebuild,
    sync_worker,
    visibility,
)
from bench.report import Figure, show, write
from bench.stack import Stack, stack_in

BENCHMARKS: Final[dict[str, tuple[str, Callable[[Stack], Sequence[Figure]]]]] = {
    "append": ("Append", append.measure),
    "long-log": ("Append to a long log", long_log.measure),
    "http": ("Commands over HTTP", commands_over_http.measure),
    "visibility": ("From answered to visible, through RabbitMQ", visibility.measure),
    "lists": ("Pages of lists", lists.measure),
    "rebuild": ("Making the read tables anew", rebuild.measure),
    "sync": ("Hand-overs through the sync worker", sync_worker.measure),
    "issue": ("From approved to issued, in the inventory", issue.measure),
    "mirror": ("Mirror of an inventory", mirror.measure),
    "footprint": ("Starting, memory, idle", footprint.measure),
}


class UnknownBenchmark(Exception):
    """There is no benchmark of this name."""


def run(names: Sequence[str], console: Console, json_file: Path | None = None) -> None:
    """Run the named benchmarks (all, if none is named) and print a table for each.

    ``json_file`` gets the same figures. Servers and data live in a folder that goes in the end.
    Raises ``UnknownBenchmark``.
    """
    for name in names:
        if name not in BENCHMARKS:
            raise UnknownBenchmark(f"no benchmark is called {name}: {', '.join(BENCHMARKS)}")
    tables: dict[str, Sequence[Figure]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder,
        stack_in(Path(folder)) as stack,
    ):
        for name in names or list(BENCHMARKS):
            title, measure = BENCHMARKS[name]
            console.print(f"{title} …", highlight=False)
            tables[title] = measure(stack)
            show(console, title, tables[title])
    if json_file:
        write(json_file, tables)
