"""What is to be seen of an operation in the inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from domain.fields import optional_time_text, time_text
from domain.ids import id_of
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import Asset


class Verdict(StrEnum):
    """How the inventory compares with what is wanted."""

    APPLIED = "applied"
    """It is as wanted."""
    OPEN = "open"
    """It is as it was before: nothing of this operation is to be seen."""
    PARTLY = "partly"
    """Some of it is done; the rest can still be."""
    EXCESS = "excess"
    """More of it is done than is wanted."""
    OTHER = "other"
    """Something else has happened: only a person can say what is right."""
    BY_HAND = "by_hand"
    """A person has to make the change: no call of ours could."""
    MISSING = "missing"
    """The thing itself is not there."""


CONTRARY: Final = frozenset({Verdict.EXCESS, Verdict.OTHER})
"""What a person has to look at."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the inventory would not do it, however often it is asked.

    ``gone`` where the thing itself can no longer be handed out.
    """

    reason: str
    message: str
    gone: bool = False


IN_USE: Final = Refusal("in_use", "Somebody has the asset.")
NOT_BACK: Final = Refusal("not_back", "It did not come back: somebody has it there.")


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the inventory. ``rest`` is what a plan needs to do what is left of it.

    ``spare`` is how many units are in the store beyond those wanted, where units are wanted.
    """

    verdict: Verdict
    evidence: EvidenceData
    refusal: Refusal | None = None
    rest: Any = None
    spare: int | None = None


class Plan(Protocol):
    """One family of changes."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """See how the inventory compares. Raises ``ReadFailed`` and ``UnexpectedForm``."""
        ...

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Make the change that ``sight`` leaves to be made. Raises what the writer's guard does."""
        ...

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Whether the activity report, or a unit's own row, names the operation."""
        ...


class Untraced:
    """A plan whose changes leave no row of the report."""

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Never: the report tells nothing."""
        return False


def name_of(operation: InventoryOperation) -> str:
    """What every write of an operation carries, and what the activity report is searched for."""
    return id_of(operation.id)


def number_of(operation: InventoryOperation) -> int:
    """The inventory's number of the thing. Raises ``LookupError`` while there is none."""
    external_id = operation.item["external_id"]
    if external_id is None:
        raise LookupError(f"operation {name_of(operation)} is about nothing that exists")
    return external_id


def evidence_of_asset(
    external_id: int, asset: Asset | None, at: datetime, *, activity_id: int | None = None
) -> EvidenceData:
    """What the inventory says of an asset, read at ``at``."""
    if asset is None:
        return evidence(external_id, at, activity_id=activity_id)
    holder = asset.assigned_to
    return EvidenceData(
        external_id=external_id,
        assigned_to=None if holder is None else (holder.type.value, holder.id),
        last_checkout=optional_time_text(asset.last_checkout),
        last_checkin=optional_time_text(asset.last_checkin),
        expected_checkin=_date_text(asset.expected_checkin),
        status_id=None if asset.status is None else asset.status.id,
        rows=[],
        activity_id=activity_id,
        read_at=time_text(at),
    )


def evidence(
    external_id: int,
    at: datetime,
    *,
    holder: tuple[str, int] | None = None,
    rows: Sequence[int] = (),
    activity_id: int | None = None,
) -> EvidenceData:
    """What the inventory says of anything else."""
    return EvidenceData(
        external_id=external_id,
        assigned_to=holder,
        last_checkout=None,
        last_checkin=None,
        expected_checkin=None,
        status_id=None,
        rows=list(rows),
        activity_id=activity_id,
        read_at=time_text(at),
    )


def date_of(text: str | None) -> date | None:
    """A date of ``wanted``; of a time, its day."""
    return None if text is None else date.fromisoformat(text[:10])


async def activity_of(
    item_type: str, external_id: int, operation: InventoryOperation, snipe_it: SnipeIt
) -> int | None:
    """The newest row of the report about a thing that names the operation."""
    rows = snipe_it.read.activity_of(item_type, external_id, name_of(operation))
    return max([row.id async for row in rows], default=None)


def _date_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
