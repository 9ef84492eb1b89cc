"""What the inventory had of the things asked for, when somebody decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.ids import Id
from domain.ports import Facts
from domain.requisitions.content import INVENTORY_KINDS, Line


@dataclass(frozen=True, slots=True)
class Availability:
    """Units left of each line's item that is in the inventory, None where that is not known.

    ``known`` is whether the inventory could be asked at all, ``as_of`` how old the oldest is,
    ``retry_after_s`` when it is worth another try, where that is known.
    """

    known: bool
    remaining: Mapping[Id, int | None]
    as_of: datetime | None = None
    retry_after_s: int | None = None

    @property
    def complete(self) -> bool:
        """Whether the units left of every item are known."""
        return self.known and None not in self.remaining.values()


async def availability_of(lines: Mapping[Id, Line], facts: Facts) -> Availability | None:
    """What the inventory has of these lines' items; None where none of them is in it."""
    asked_for = {id: line.item for id, line in lines.items() if line.item.kind in INVENTORY_KINDS}
    if not asked_for:
        return None
    standing = await facts.inventory()
    if not standing.available:
        unknown = dict.fromkeys(asked_for)
        return Availability(known=False, remaining=unknown, retry_after_s=standing.retry_after_s)
    remaining: dict[Id, int | None] = dict.fromkeys(asked_for)
    seen: list[datetime] = []
    for line_id, item in asked_for.items():
        found = None if item.id is None else await facts.inventory_item(item.kind, item.id)
        if found is not None:
            remaining[line_id] = found.remaining
            seen.append(found.as_of)
    return Availability(known=True, remaining=remaining, as_of=min(seen, default=None))
