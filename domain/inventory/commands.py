"""What can be asked of the connection to the inventory, as plain facts.

A command with a field that cannot be accepted cannot be made: it raises ``InvalidField`` with the
path of that field in the request's body.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import available_timezones

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, Path, check_text
from domain.ids import Id
from domain.inventory.rules import KINDS, PURPOSES, USER
from domain.inventory.servers import AllowedServers

LARGEST_NUMBER: Final = 2**53
"""What a number of the inventory can be and still come through JSON unharmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConnection:
    """Reach the tenant's inventory so, from now on. ``allowed`` is the operator's list.

    ``moved`` says that the inventory at another address than before is the same one.
    """

    base_url: str
    token_source: str
    allowed: AllowedServers
    by: Caller
    at: datetime
    company_id: int | None = None
    server_zone: str = "UTC"
    status_labels: Mapping[str, int] = field(default_factory=dict)
    moved: bool = False
    expected_version: int | None = None

    def __post_init__(self) -> None:
        check_text(("base_url",), self.base_url)
        check_text(("token_source",), self.token_source)
        check_text(("server_zone",), self.server_zone, NAME_LIMIT)
        if self.server_zone not in available_timezones():
            raise InvalidField(("server_zone",), "This is not a time zone, such as Europe/Berlin.")
        if self.company_id is not None:
            _check_number(("company_id",), self.company_id)
        for purpose, label in self.status_labels.items():
            if purpose not in PURPOSES:
                known = ", ".join(PURPOSES)
                raise InvalidField(("status_labels", purpose), f"A label is for one of {known}.")
            _check_number(("status_labels", purpose), label)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMapping:
    """Let our ``id`` stand for a thing of the inventory.

    ``id`` may name what has none yet; of a user it is the member that they are.
    """

    kind: str
    id: Id
    external_id: int
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        _check_kind(self.kind)
        _check_number(("external_id",), self.external_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkMapping:
    """Let our ``id`` stand for nothing; no later sync gives it a thing by itself."""

    id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None


def is_a_member(kind: str) -> bool:
    """Whether things of this kind stand for members of the tenant, not for ids of their own."""
    return kind == USER


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidField(("kind",), f"This is one of {', '.join(KINDS)}.")


def _check_number(path: Path, number: int) -> None:
    if not 1 <= number <= LARGEST_NUMBER:
        raise InvalidField(path, "This is not a number of the inventory.")
