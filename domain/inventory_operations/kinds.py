"""The kinds of inventory operations and what each of them wants."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What is done in the inventory. In brackets, the keys of ``Requested.wanted``.

    Dates are ISO text, quantities units, the other ids the inventory's own numbers.
    """

    CHECKOUT = "checkout"
    """Hand the asset to the target. [due: date | None]"""
    CHECKIN = "checkin"
    """Take the asset back from the target. [status_id: int | None, location_id: int | None]"""
    SET_DUE = "set_due"
    """Change the date on which the target is to bring the asset back. [due: date | None]"""
    SET_STATUS = "set_status"
    """Give the asset another status label. [status_id: int]"""
    QUANTITY_CHECKOUT = "qty_checkout"
    """Hand units of an accessory or a consumable to the target. [quantity: int, earlier: list of
    operations that wanted the same and were given up: units that went out under them count]"""
    QUANTITY_CHECKIN = "qty_checkin"
    """Take units of an accessory back. [quantity: int, rows: list of checkout rows]"""
    QUANTITY_WRITE_OFF = "qty_write_off"
    """Have a person write off units of an accessory. [quantity: int, rows: list of checkout rows]"""
    MAINTENANCE_OPEN = "maintenance_open"
    """Begin a maintenance. [supplier_id: int, type: str, title: str, started_on: date]"""
    MAINTENANCE_CLOSE = "maintenance_close"
    """End a maintenance. [maintenance_id: int, completed_on: date, cost: str | None]"""
    CREATE_ASSET = "create_asset"
    """Add an asset. [fields: the inventory's fields by name]"""
    CHANGE_ASSET = "change_asset"
    """Change fields of the asset. [fields: the inventory's fields by name]"""
    DELETE_ASSET = "delete_asset"
    """Remove the asset. []"""
    RESTORE_ASSET = "restore_asset"
    """Bring a removed asset back. []"""
    CREATE_MODEL = "create_model"
    """Add a model of assets. [fields: name and category_id]"""


RELINK: Final = "relink"
"""Purpose of a check-out that somebody else has made: it is proven, and never made by us."""


class State(StrEnum):
    """Where an operation stands. ``in_flight`` and ``verifying`` are a worker's business."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    VERIFYING = "verifying"
    SYNCED = "synced"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"
    COMPENSATED = "compensated"
