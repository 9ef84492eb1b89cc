"""Who has an asset, until when, and under which label."""

from datetime import datetime

from domain.assignments.content import EXTERNAL_RETURN
from domain.custody.asking import LOSS
from domain.custody.asset_commands import PUT_AWAY
from domain.inventory_operations.kinds import RELINK, Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import Asset, Holder, HolderType
from infrastructure.snipe_it.writing import Target
from workers.snipe_it_sync.plans.sight import (
    IN_USE,
    NOT_BACK,
    Plan,
    Refusal,
    Sight,
    Verdict,
    activity_of,
    date_of,
    evidence_of_asset,
    name_of,
    number_of,
)

ARCHIVED = "archived"


class _OfAnAsset:
    """What they have in common: one asset is read, and its row of the report."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Read the asset and compare."""
        number = number_of(operation)
        asset = await snipe_it.read.asset(number)
        shown = evidence_of_asset(number, asset, at)
        if asset is None:
            return Sight(Verdict.MISSING, shown)
        verdict, refusal = self.compare(operation, asset)
        return Sight(verdict, shown, refusal, rest=asset)

    def compare(
        self, operation: InventoryOperation, asset: Asset
    ) -> tuple[Verdict, Refusal | None]:
        """How the asset compares, and why the inventory would refuse the change."""
        raise NotImplementedError

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Whether a row of the report about the asset does."""
        return await activity_of("asset", number_of(operation), operation, snipe_it) is not None


class CheckOut(_OfAnAsset):
    """Hand the asset to the target; to relink, it is only seen whether they have it."""

    def compare(
        self, operation: InventoryOperation, asset: Asset
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once the target has it until the wanted date, whoever did that."""
        if asset.deleted_at is not None:
            return Verdict.OPEN, Refusal("gone", "The asset was removed.", gone=True)
        if asset.assigned_to is not None:
            if _is(asset.assigned_to, operation):
                return (Verdict.APPLIED if _is_due(asset, operation) else Verdict.PARTLY), None
            return Verdict.OTHER, Refusal("not_available", "Somebody else has the asset.")
        if operation.purpose == RELINK:
            return Verdict.OPEN, Refusal("not_held", "Nobody has the asset any more.")
        if asset.can_check_out:
            return Verdict.OPEN, None
        label = asset.status.name if asset.status else "none"
        archived = asset.status is not None and asset.status.type == ARCHIVED
        message = f"The asset's status label does not allow it: {label}."
        return Verdict.OPEN, Refusal("not_available", message, gone=archived)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Check it out; where the target has it already, set the date."""
        if sight.verdict is Verdict.PARTLY:
            return await _set_due(operation, snipe_it)
        return await snipe_it.write.check_out_asset(
            number_of(operation),
            _target(operation),
            name_of(operation),
            expected_checkin=date_of(operation.wanted.get("due")),
        )


class CheckIn(_OfAnAsset):
    """Take the asset back from the target, with the label and the place that it is to have then.

    For a return that others made over there it is only seen whether nobody has it.
    """

    def compare(
        self, operation: InventoryOperation, asset: Asset
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once nobody has it, under the wanted label and at the wanted place."""
        if asset.assigned_to is None:
            applied = _has_label(asset, operation) and _is_there(asset, operation)
            return (Verdict.APPLIED if applied else Verdict.OPEN), None
        if operation.purpose == EXTERNAL_RETURN:
            return Verdict.OPEN, NOT_BACK
        if asset.deleted_at is None and _is(asset.assigned_to, operation):
            return Verdict.OPEN, None
        return Verdict.OTHER, None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Check it in; where somebody did so already, give it its label and its place."""
        asset: Asset = sight.rest
        name, wanted = name_of(operation), operation.wanted
        label, place = wanted.get("status_id"), wanted.get("location_id")
        if asset.assigned_to is not None:
            return await snipe_it.write.check_in_asset(
                asset.id, name, status_id=label, location_id=place
            )
        changes = {"status_id": label, "location_id": place}
        given = {field: number for field, number in changes.items() if number is not None}
        return await snipe_it.write.change_asset(asset.id, given, name)


class SetDue(_OfAnAsset):
    """Change the date on which the target is to bring the asset back."""

    def compare(
        self, operation: InventoryOperation, asset: Asset
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once the target has it until that date."""
        if asset.deleted_at is not None or not _is(asset.assigned_to, operation):
            return Verdict.OTHER, None
        return (Verdict.APPLIED if _is_due(asset, operation) else Verdict.OPEN), None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Edit the date."""
        return await _set_due(operation, snipe_it)


class SetStatus(_OfAnAsset):
    """Give the asset another status label.

    What somebody has is not put away, and what somebody else has is not lost.
    """

    def compare(
        self, operation: InventoryOperation, asset: Asset
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once it has the label."""
        in_use = asset.assigned_to is not None and operation.purpose in PUT_AWAY
        if operation.purpose == LOSS and _is_elsewhere(asset, operation):
            return Verdict.OTHER, Refusal("not_lost", "Somebody else has the asset.")
        if _has_label(asset, operation):
            return (Verdict.OTHER if in_use else Verdict.APPLIED), None
        if asset.deleted_at is not None:
            return Verdict.OPEN, Refusal("gone", "The asset was removed.", gone=True)
        return Verdict.OPEN, IN_USE if in_use else None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Edit the label."""
        changes = {"status_id": operation.wanted["status_id"]}
        return await snipe_it.write.change_asset(number_of(operation), changes, name_of(operation))


CUSTODY: dict[Kind, Plan] = {
    Kind.CHECKOUT: CheckOut(),
    Kind.CHECKIN: CheckIn(),
    Kind.SET_DUE: SetDue(),
    Kind.SET_STATUS: SetStatus(),
}


async def _set_due(operation: InventoryOperation, snipe_it: SnipeIt) -> Answer:
    changes = {"expected_checkin": date_of(operation.wanted.get("due"))}
    return await snipe_it.write.change_asset(number_of(operation), changes, name_of(operation))


def _is_due(asset: Asset, operation: InventoryOperation) -> bool:
    return asset.expected_checkin == date_of(operation.wanted.get("due"))


def _is_there(asset: Asset, operation: InventoryOperation) -> bool:
    wanted = operation.wanted.get("location_id")
    return wanted is None or (asset.location is not None and asset.location.id == wanted)


def _has_label(asset: Asset, operation: InventoryOperation) -> bool:
    wanted = operation.wanted.get("status_id")
    return wanted is None or (asset.status is not None and asset.status.id == wanted)


def _is(holder: Holder | None, operation: InventoryOperation) -> bool:
    target = operation.target
    return (
        holder is not None
        and target is not None
        and (holder.type.value, holder.id) == (target["kind"], target["external_id"])
    )


def _is_elsewhere(asset: Asset, operation: InventoryOperation) -> bool:
    return asset.assigned_to is not None and not _is(asset.assigned_to, operation)


def _target(operation: InventoryOperation) -> Target:
    target = operation.target
    if target is None:
        raise LookupError(f"operation {name_of(operation)} has nobody to hand anything to")
    return Target(HolderType(target["kind"]), target["external_id"])
