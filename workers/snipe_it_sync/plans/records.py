"""The inventory's own records: assets that come, change and go, and models."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import Asset, Ref
from workers.snipe_it_sync.plans.sight import (
    IN_USE,
    Plan,
    Refusal,
    Sight,
    Untraced,
    Verdict,
    activity_of,
    date_of,
    evidence,
    evidence_of_asset,
    name_of,
    number_of,
)

CUSTOM: Final = "_snipeit_"
HOME: Final = "rtd_location_id"
_GONE: Final = Refusal("gone", "The asset was removed.", gone=True)
_TAGS: Final = re.compile(r"<[^>]*>")
_SIGNS: Final = re.compile(r"[\W_]+")


class CreateAsset:
    """Add an asset. Its tag, which nothing else has, tells whether it is there."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Search for the tag."""
        asset = await self._found(operation, snipe_it)
        if asset is None:
            return Sight(Verdict.OPEN, evidence(0, at))
        traced = await activity_of("asset", asset.id, operation, snipe_it)
        shown = evidence_of_asset(asset.id, asset, at, activity_id=traced)
        if traced is not None or (_sent(operation) and _has(asset, operation)):
            return Sight(Verdict.APPLIED, shown)
        refusal = Refusal("tag_taken", f"Another asset has the tag {asset.tag}.")
        return Sight(Verdict.OTHER, shown, refusal)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Add it."""
        return await snipe_it.write.create_asset(
            _typed(operation.wanted["fields"]), name_of(operation)
        )

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Whether a row of the report about the asset with the tag does."""
        asset = await self._found(operation, snipe_it)
        if asset is None:
            return False
        return await activity_of("asset", asset.id, operation, snipe_it) is not None

    @staticmethod
    async def _found(operation: InventoryOperation, snipe_it: SnipeIt) -> Asset | None:
        if operation.created_external_id is not None:
            return await snipe_it.read.asset(operation.created_external_id)
        return await snipe_it.read.asset_by_tag(operation.wanted["fields"]["asset_tag"])


class _OfAnAsset:
    """What is done to an asset that exists."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Read the asset and compare."""
        number = number_of(operation)
        asset = await snipe_it.read.asset(number)
        verdict, refusal = self.compare(operation, asset)
        return Sight(verdict, evidence_of_asset(number, asset, at), refusal)

    def compare(
        self, operation: InventoryOperation, asset: Asset | None
    ) -> tuple[Verdict, Refusal | None]:
        """How the asset compares, and why the inventory would refuse the change."""
        raise NotImplementedError

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Whether a row of the report about the asset does."""
        return await activity_of("asset", number_of(operation), operation, snipe_it) is not None


class ChangeAsset(_OfAnAsset):
    """Change fields of the asset. Its home is not changed while somebody has it: it would move."""

    def compare(
        self, operation: InventoryOperation, asset: Asset | None
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once every field is as wanted."""
        if asset is None:
            return Verdict.MISSING, None
        unseen = sorted(name for name in operation.wanted["fields"] if not _is_shown(name))
        if unseen:
            message = f"The inventory does not show {', '.join(unseen)}."
            return Verdict.OPEN, Refusal("not_provable", message)
        if asset.deleted_at is not None:
            return Verdict.OPEN, _GONE
        if _has(asset, operation):
            return Verdict.APPLIED, None
        moves = asset.assigned_to is not None and HOME in operation.wanted["fields"]
        return Verdict.OPEN, IN_USE if moves else None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Edit them."""
        fields = _typed(operation.wanted["fields"])
        return await snipe_it.write.change_asset(number_of(operation), fields, name_of(operation))


class DeleteAsset(_OfAnAsset):
    """Remove the asset, which nobody may have: the inventory would take it from them."""

    def compare(
        self, operation: InventoryOperation, asset: Asset | None
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once it is shown as removed, as the inventory does for ever."""
        if asset is None:
            return Verdict.MISSING, None
        if asset.deleted_at is not None:
            return Verdict.APPLIED, None
        if asset.assigned_to is not None:
            return Verdict.OPEN, IN_USE
        return Verdict.OPEN, None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Remove it."""
        return await snipe_it.write.delete_asset(number_of(operation), name_of(operation))


class RestoreAsset(_OfAnAsset):
    """Bring a removed asset back."""

    def compare(
        self, operation: InventoryOperation, asset: Asset | None
    ) -> tuple[Verdict, Refusal | None]:
        """Applied once it is there."""
        if asset is None:
            return Verdict.MISSING, None
        return (Verdict.APPLIED if asset.deleted_at is None else Verdict.OPEN), None

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Bring it back."""
        return await snipe_it.write.restore_asset(number_of(operation), name_of(operation))


class CreateModel(Untraced):
    """Add a model. It leaves no row of the report: its name in its category tells it."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Search for the name."""
        fields = operation.wanted["fields"]
        async for model in snipe_it.read.models():
            category = None if model.category is None else model.category.id
            if (model.name, category) == (fields["name"].strip(), fields["category_id"]):
                return _named_model(operation, evidence(model.id, at))
        return Sight(Verdict.OPEN, evidence(0, at))

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Add it."""
        fields = operation.wanted["fields"]
        return await snipe_it.write.create_model(
            fields["name"], fields["category_id"], name_of(operation)
        )


def _named_model(operation: InventoryOperation, shown: EvidenceData) -> Sight:
    """One that was there before anything was sent is somebody else's: it keeps its id."""
    if _sent(operation):
        return Sight(Verdict.APPLIED, shown)
    refusal = Refusal("name_taken", "There is a model of this name in this category already.")
    return Sight(Verdict.OTHER, shown, refusal)


RECORDS: dict[Kind, Plan] = {
    Kind.CREATE_ASSET: CreateAsset(),
    Kind.CHANGE_ASSET: ChangeAsset(),
    Kind.DELETE_ASSET: DeleteAsset(),
    Kind.RESTORE_ASSET: RestoreAsset(),
    Kind.CREATE_MODEL: CreateModel(),
}


def _sent(operation: InventoryOperation) -> bool:
    """Whether it may have been sent: what has its fields is then ours.

    An attempt whose reading failed, or that was refused, has sent nothing that counts. What is read
    back although nothing was sent was done by hand: so says who asked for it to be read.
    """
    return operation.unsettled_at is not None or operation.state is State.VERIFYING


_Shown = Callable[[Asset], object]


def _id(ref: Ref | None) -> int | None:
    return None if ref is None else ref.id


_SHOWN: Final[Mapping[str, _Shown]] = MappingProxyType(
    {
        "asset_tag": lambda asset: asset.tag,
        "expected_checkin": lambda asset: asset.expected_checkin,
        "location_id": lambda asset: _id(asset.location),
        "model_id": lambda asset: _id(asset.model),
        "name": lambda asset: asset.name,
        "notes": lambda asset: asset.notes,
        "order_number": lambda asset: asset.order_number,
        "purchase_date": lambda asset: asset.purchase_date,
        "requestable": lambda asset: asset.requestable,
        HOME: lambda asset: _id(asset.home),
        "serial": lambda asset: asset.serial,
        "status_id": lambda asset: None if asset.status is None else asset.status.id,
        "supplier_id": lambda asset: _id(asset.supplier),
    }
)
"""Where a record shows the fields that can be written."""

_DATES: Final = frozenset({"expected_checkin", "purchase_date"})


def _is_shown(name: str) -> bool:
    return name in _SHOWN or name.startswith(CUSTOM)


def _has(asset: Asset, operation: InventoryOperation) -> bool:
    fields: Mapping[str, Any] = operation.wanted["fields"]
    return all(_same(name, wanted, _shown(asset, name)) for name, wanted in fields.items())


def _shown(asset: Asset, name: str) -> object:
    if name in _SHOWN:
        return _SHOWN[name](asset)
    values = {field.column: field.value for field in asset.custom_fields.values()}
    return values.get(name)


def _same(name: str, wanted: object, shown: object) -> bool:
    """Whether a field is as wanted: the server trims text, and renders notes as Markdown."""
    if isinstance(shown, date):
        return isinstance(wanted, str) and shown == date_of(wanted)
    if name == "notes":
        return _letters(wanted) == _letters(shown)
    if isinstance(wanted, str):
        return wanted.strip() == ("" if shown is None else str(shown).strip())
    return wanted == shown


def _letters(text: object) -> str:
    return "" if text is None else _SIGNS.sub("", _TAGS.sub("", str(text)))


def _typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: date_of(value) if name in _DATES else value for name, value in fields.items()}
