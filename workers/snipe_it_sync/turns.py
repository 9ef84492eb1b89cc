"""Whose turn it is, where a round has time for only a few of many."""

from collections.abc import Collection, Iterator

from domain.ids import Id


class Turns:
    """A line of those who wait. Whoever has had a turn goes to its end."""

    def __init__(self) -> None:
        self._line: dict[Id, None] = {}

    def take(self, waiting: Collection[Id]) -> Iterator[Id]:
        """Those of ``waiting`` whose turn was longest ago, each once; newcomers stand at the end.

        A turn counts from when it is taken, so that whoever comes to grief in it does not keep
        the place at the front.
        """
        there = dict.fromkeys(waiting)
        self._line = {id: None for id in self._line if id in there} | there
        for id in tuple(self._line):
            del self._line[id]
            self._line[id] = None
            yield id
