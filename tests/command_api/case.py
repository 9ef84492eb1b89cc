"""What the tests know of one route."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from domain.ids import Id
from tests.command_api.lab import Tenant

Ids = dict[str, Id]
Arrange = Callable[[Tenant], Awaitable[Ids]]


@dataclass(frozen=True)
class Case:
    """A route that needs a token.

    ``arrange`` makes what the path names, and may add ids that ``body`` needs. ``wrong`` is a
    field of a wrong type. ``version`` is the one that what ``arrange`` makes is at.
    """

    operation: str
    method: str
    path: str
    arrange: Arrange
    actor: str
    lacking: str
    body: Callable[[Ids], dict[str, Any]] | None = None
    wrong: dict[str, Any] = field(default_factory=dict)
    wrong_path: str = ""
    status: int = 200
    version_needed: bool = False
    version: int = 2

    @property
    def is_of_an_object(self) -> bool:
        return "{" in self.path

    def url(self, ids: Ids) -> str:
        return self.path.format(**ids)

    def sent(self, ids: Ids) -> dict[str, Any] | None:
        return None if self.body is None else self.body(ids)
