"""Why an operation needs a person: one of three forms."""

from dataclasses import dataclass
from typing import Final

from domain.inventory_operations.events import EvidenceData

CONFLICT: Final = "conflict"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something has to be mended first. ``reason`` is a class: ``unauthorized, not_found, …``."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """The inventory shows ``actual``, which is not what was wanted."""

    actual: EvidenceData

    @property
    def reason(self) -> str:
        """The class, as the other forms have it."""
        return CONFLICT


@dataclass(frozen=True, slots=True)
class Exhausted:
    """It was tried often enough, or for long enough; ``reason`` is what failed last."""

    reason: str


Problem = Blocked | Conflict | Exhausted
