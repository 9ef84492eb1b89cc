"""The routes of operations that need attention."""

from typing import Final

from tests.builders import inventory_answers
from tests.command_api.case import Case, Ids
from tests.command_api.lab import Tenant

REASON: Final = {"reason": "The label is mended."}
PATH: Final = "/inventory/operations/{id}"


async def needing_attention(tenant: Tenant) -> Ids:
    """An operation at version 3 that a worker could not do."""
    return {"id": await inventory_answers.fall_short(tenant.services.commands, tenant.id)}


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
