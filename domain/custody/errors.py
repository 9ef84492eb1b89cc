"""Refusals of what concerns assignments and the inventory together."""

from domain.errors import InvalidField, RuleBroken


class NoInventory(RuleBroken):
    """The tenant has no inventory that could be asked."""

    code = "inventory_not_connected"
    help = "Ask an inventory manager to connect one."


class UnknownItem(InvalidField):
    """The inventory has no such item."""

    code = "unknown_item"
    help = "Choose one that GET /assets, /accessories or /consumables lists."

    def __init__(self) -> None:
        super().__init__(("item", "id"), "The inventory has no such item.")


class ItemNotMapped(RuleBroken):
    """Nothing in the inventory stands for this item any more."""

    code = "item_not_mapped"
    help = "Ask an inventory manager to map it."


class CustodianNotMapped(RuleBroken):
    """The inventory has no user or location that stands for this custodian."""

    code = "custodian_not_mapped"
    help = "Ask an inventory manager to map the member or the location."


class HolderUnknown(RuleBroken):
    """No member or location of ours stands for whom the inventory shows with the item."""

    code = "holder_unknown"
    help = "Map them to a member or a location, or have the item checked in in the inventory."


class CustodianLeft(RuleBroken):
    """Whoever is to have it is no longer a member."""

    code = "custodian_left"
    help = "Reserve the item for somebody else, or ask for it again for another beneficiary."


class StatusLabelMissing(RuleBroken):
    """The connection does not say which of the inventory's status labels stands for this."""

    code = "status_label_missing"
    help = (
        "Ask an inventory manager to name it in status_labels of PUT /inventory/connection; GET"
        " /status-labels has the numbers."
    )

    def __init__(self, purpose: str) -> None:
        super().__init__(f"No status label of the inventory stands for {purpose}.")


class EvidenceUnfit(RuleBroken):
    """What the inventory shows is not what was wanted: nothing is claimed."""

    code = "evidence_unfit"
    help = "Read the inventory again, or attest to it with a reason."
