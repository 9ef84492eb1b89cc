"""What a group of tasks ends with, without the groups around it."""

from collections.abc import Iterator
from contextlib import contextmanager


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors of a group and of the groups in it, in their order."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


@contextmanager
def plainly(kind: type[Exception]) -> Iterator[None]:
    """Raise an error of ``kind`` that has ended a group of tasks as itself; others as they come."""
    try:
        yield
    except BaseExceptionGroup as group:
        for error in leaves(group):
            if isinstance(error, kind):
                raise error from None
        raise
