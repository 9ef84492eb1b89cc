"""Units that are there, but for somebody else.

How many there are is read live; who reserved them stands in the item's book. Nobody is handed
what others reserved before.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.assignments.content import Item
from domain.inventory_operations.operation import InventoryOperation
from workers.snipe_it_sync.plans.sight import Refusal, Sight
from workers.snipe_it_sync.ports import Operations

ISSUE: Final = "issue"


async def less_reserved(
    sight: Sight, operation: InventoryOperation, operations: Operations, at: datetime
) -> Sight:
    """The same, with a refusal where too few units are left beside those that are reserved.

    Raises ``StoreUnavailable``.
    """
    item_id = operation.item["id"]
    if sight.spare is None or sight.refusal or operation.purpose != ISSUE or item_id is None:
        return sight
    book = await operations.book(operation.tenant_id, Item(operation.item["kind"], item_id))
    if book is None or operation.subject_id not in book.holds:
        return sight
    kept = book.kept_for_others(operation.subject_id, at)
    if kept <= sight.spare:
        return sight
    return replace(sight, refusal=Refusal("no_stock", f"{kept} of those left are reserved."))
