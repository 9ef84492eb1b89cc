"""Who may connect the inventory, and what may be mapped: shared by handlers and routes."""

from typing import Final

from domain.caller import Caller
from domain.ids import Id, derived_id
from domain.permissions import INVENTORY_MANAGE

PURPOSES: Final = ("archived", "retired", "disposed", "lost", "stolen", "repair", "deployable")
"""What a status label can be for."""
USER: Final = "user"
KINDS: Final = (
    "asset",
    "model",
    "accessory",
    "consumable",
    "location",
    "status_label",
    "category",
    "supplier",
    "company",
    USER,
)
"""What can be mapped. A user of the inventory stands for a member of the tenant."""


def connection_id(tenant_id: Id) -> Id:
    """The stream of a tenant's connection: it has one."""
    return derived_id("inventory-connection", tenant_id)


def require_manager(caller: Caller) -> None:
    """Raise ``PermissionMissing`` unless the caller may manage the inventory."""
    caller.require(INVENTORY_MANAGE)
