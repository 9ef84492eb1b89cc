"""How a command ends that cannot do what it should: one line, and exit code 1.

For settings it is a line for each of them.
"""

import contextlib
import sys
from collections.abc import Iterator

import typer

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.settings import SettingsUnusable


class CannotServe(Exception):
    """The address cannot be listened on; the message is the line for the person."""


@contextlib.contextmanager
def one_line(*expected: type[Exception]) -> Iterator[None]:
    """Turn an expected error into its one line on standard error, and exit 1."""
    known: tuple[type[Exception], ...] = (
        SettingsUnusable,
        EmbeddedUnavailable,
        CannotServe,
        *expected,
    )
    try:
        yield
    except known as error:
        lines = error.args if isinstance(error, SettingsUnusable) else (error,)
        for line in lines:
            print(f"quartermaster: {line}", file=sys.stderr)
        raise typer.Exit(1) from None
