"""Refusals of changes of the inventory's own things, named after the rule they protect."""

from domain.errors import RuleBroken
from domain.ids import Id


class AssetInUse(RuleBroken):
    """Somebody has the asset, or it is kept for somebody."""

    code = "asset_in_use"
    help = "Take it back, or cancel the reservation, and ask again."


class LossOfAnAssignedAsset(RuleBroken):
    """Somebody has the asset: that it is gone concerns their assignment, too."""

    code = "asset_is_assigned"
    help = "Report it on that assignment: POST /assignments/{id}/report-loss."

    def __init__(self, assignment_id: Id) -> None:
        super().__init__(f"The asset is out under the assignment {assignment_id}.")


class AssetRemoved(RuleBroken):
    """The asset was removed from the inventory."""

    code = "asset_removed"
    help = "Bring it back with POST /assets/{id}/restore."
