"""Refusals of the connection to the inventory, named after the rule they protect."""

from domain.errors import InvalidField, NotFound, RuleBroken


class NotConnected(NotFound):
    """This tenant has no inventory yet."""

    code = "inventory_not_connected"
    help = "Connect it first: PUT /inventory/connection."


class ServerNotAllowed(InvalidField):
    """The operator has not listed this server for this tenant in QM_SNIPE_IT_ALLOWED_URLS."""

    code = "server_not_allowed"
    help = (
        "Ask the operator of this installation to list the server's address with the id of the"
        " tenant, which GET /me shows."
    )


class InventoryMapped(RuleBroken):
    """Our ids stand for things by their numbers in this inventory: another numbers other things."""

    code = "inventory_mapped"
    help = (
        "If the same inventory is reached at this address now, with the numbers that its things"
        " had, say so with moved: true. Another inventory needs another tenant."
    )


class MappingNotFound(NotFound):
    """Nothing in the inventory was ever mapped to this id."""


class ThingMapped(RuleBroken):
    """A thing of the inventory stands for one id at a time."""

    code = "thing_mapped"
    help = "Take the mapping from the other id first: DELETE /inventory/mappings/{id}."
