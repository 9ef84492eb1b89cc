"""Refusals of what happens to an asset at a desk, named after the rule they protect."""

from domain.errors import RuleBroken


class AssetNotOut(RuleBroken):
    """Nobody has this asset under an assignment."""

    code = "asset_not_out"
    help = (
        "GET /assets/{id} says who has it by the inventory's word. What was lost and has turned up"
        " is taken back by POST /assignments/{id}/recover of the assignment that it was lost under:"
        " GET /assets/{id}/assignments."
    )


class NotTheCustodian(RuleBroken):
    """Somebody else has this asset."""

    code = "not_the_custodian"
    help = "GET /assets/{id}/assignments says who has it."
