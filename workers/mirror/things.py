"""How each kind of thing is read from Snipe-IT: all of them, or one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from infrastructure.inventory.mirror_store import Row
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.reading import EVERYTHING, AssetFilter, Reader
from infrastructure.snipe_it.records import Accessory, Asset, Consumable
from workers.mirror import rows

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Thing(Generic[R]):
    """A kind: its list, its page, and its row in the mirror.

    ``certain`` says whether something that was not in the list is not there any more. ``ours``
    says whether a record belongs to the company of the connection.
    """

    kind: str
    every: Callable[[Reader], AsyncIterator[R]]
    one: Callable[[Reader, int], Awaitable[R | None]]
    row: Callable[[R], Row]
    certain: bool = True
    ours: Callable[[R, int], bool] = lambda _record, _company_id: True

    async def all(self, snipe_it: SnipeIt) -> list[Row]:
        """The rows of everything that there is. Raises ReadFailed and UnexpectedForm."""
        found: dict[int, Row] = {}
        async for record in self.every(snipe_it.read):
            if self._is_ours(record, snipe_it):
                row = self.row(record)
                found[row["external_id"]] = row
        return list(found.values())

    async def single(self, snipe_it: SnipeIt, external_id: int) -> Row | None:
        """The row of one; None where it is gone. Raises ReadFailed and UnexpectedForm."""
        record = await self.one(snipe_it.read, external_id)
        if record is None or not self._is_ours(record, snipe_it):
            return None
        return self.row(record)

    def _is_ours(self, record: R, snipe_it: SnipeIt) -> bool:
        company_id = snipe_it.connection.company_id
        return company_id is None or self.ours(record, company_id)


async def _assets(reader: Reader) -> AsyncIterator[Asset]:
    """The list leaves out what is archived or deleted; that of the archived, what somebody has."""
    archived = [label.id async for label in reader.status_labels() if label.type == "archived"]
    labelled = (AssetFilter(status_id=label) for label in archived)
    for only in (EVERYTHING, *labelled, AssetFilter("Deleted")):
        async for asset in reader.assets(only):
            yield asset


def _of_company(record: Asset | Accessory | Consumable, company_id: int) -> bool:
    return record.company is not None and record.company.id == company_id


ASSETS: Final = Thing(
    # Between two of the lists an asset may move from the later into the earlier.
    "asset",
    _assets,
    Reader.asset,
    rows.asset,
    certain=False,
    ours=_of_company,
)

THINGS: Final[Sequence[Thing[Any]]] = (
    Thing("status_label", Reader.status_labels, Reader.status_label, rows.status_label),
    Thing("category", Reader.categories, Reader.category, rows.category),
    Thing("company", Reader.companies, Reader.company, rows.named),
    Thing("supplier", Reader.suppliers, Reader.supplier, rows.named),
    Thing("location", Reader.locations, Reader.location, rows.location),
    Thing("model", Reader.models, Reader.model, rows.model),
    Thing("user", Reader.users, Reader.user, rows.user),
    ASSETS,
    Thing("accessory", Reader.accessories, Reader.accessory, rows.accessory, ours=_of_company),
    Thing("consumable", Reader.consumables, Reader.consumable, rows.consumable, ours=_of_company),
)
"""In the order in which a sweep reads them: what others point to comes first."""

BY_KIND: Final = {thing.kind: thing for thing in THINGS}
