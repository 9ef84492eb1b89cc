"""What is believed once two readings in a row have shown it."""

from collections.abc import Container
from typing import Generic, TypeVar

from domain.ids import Id

T = TypeVar("T")


class Twice(Generic[T]):
    """What the last reading of each thing showed that is not what we say."""

    def __init__(self) -> None:
        self._shown: dict[Id, T] = {}

    def keep(self, ids: Container[Id]) -> None:
        """Forget all others."""
        self._shown = {id: shown for id, shown in self._shown.items() if id in ids}

    def forget(self, id: Id) -> None:
        """A reading has shown what we say."""
        self._shown.pop(id, None)

    def shows(self, id: Id, shown: T) -> bool:
        """Whether the reading before this one showed the same. Then both are forgotten."""
        if id in self._shown and self._shown[id] == shown:
            del self._shown[id]
            return True
        self._shown[id] = shown
        return False
