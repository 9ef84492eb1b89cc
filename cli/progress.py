"""How far something slow is, for the person who waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def bar(console: Console, what: str, total: int | None = None) -> Iterator["partial[None]"]:
    """A bar that is gone at the end of the block. Yields what moves it: rich's ``update``."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        yield partial(progress.update, progress.add_task(what, total=total))
