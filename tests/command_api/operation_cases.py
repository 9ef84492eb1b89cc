"""The routes of operations that need attention."""

from datetime import UTC, datetime
from typing import Final

from domain.ids import id_of
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.commands import Envelope
from tests.builders.operations import requested
from tests.command_api.case import Case, Ids
from tests.command_api.lab import Tenant

REASON: Final = {"reason": "The label is mended."}
PATH: Final = "/inventory/operations/{id}"


async def needing_attention(tenant: Tenant) -> Ids:
    """An operation at version 3 that a worker could not do."""
    at = datetime.now(UTC)
    operation = requested(tenant_id=tenant.id, at=at)

    async def fall_short(store: Store, _: Facts) -> Receipt:
        operation.start_attempt(1, at)
        operation.block("not_found", "The inventory has no such thing.", at)
        return await store.save(operation)

    await tenant.services.commands.run(Envelope(tenant.id, None, "test"), fall_short)
    return {"id": id_of(operation.id)}


def _case(what: str, status: int) -> Case:
    return Case(
        f"{what}_inventory_operation",
        "POST",
        f"{PATH}/{what}",
        needing_attention,
        "admin",
        "technician",
        lambda _: REASON,
        {"reason": 5},
        "reason",
        status=status,
        version=3,
    )


OPERATION_CASES: Final = (_case("retry", 202), _case("resolve", 202), _case("abandon", 200))
