"""Changes of the inventory's own things: each becomes an operation that a worker carries out.

The inventory stays their owner. So nothing is promised while it cannot be asked, and what a
command rests on (who has the asset, what is kept of it) is looked at here, and again in the
inventory itself right before the change.

All of them raise ``PermissionMissing`` and ``InventoryUnavailable``; those of an asset that
should exist, ``NotFound``.
"""

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from domain.assignments.content import ASSET
from domain.assignments.item_book import Hold, ItemBook
from domain.caller import Caller
from domain.custody.asset_commands import (
    GONE,
    PURPOSES,
    AssetFields,
    ChangeAsset,
    CreateAsset,
    CreateModel,
    DeleteAsset,
    RestoreAsset,
    SetStanding,
)
from domain.custody.asset_errors import (
    AssetInUse,
    AssetRemoved,
    LossOfAnAssignedAsset,
)
from domain.custody.errors import StatusLabelMissing
from domain.errors import InvalidField, InventoryUnavailable, NotFound
from domain.ids import Id, book_id, uuid_of
from domain.inventory_operations import queue
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.permissions import ASSETS_WRITE
from domain.ports import Facts, InventoryStanding, Receipt, Store, ThingFact

MODEL: Final = "model"
DEPLOYABLE: Final = "deployable"
_SUBJECT: Final = "asset"
_TAG_LENGTH: Final = 10

_NAMES: Final = {
    "name": "name",
    "serial_number": "serial",
    "asset_tag": "asset_tag",
    "notes": "notes",
    "order_number": "order_number",
    "purchase_date": "purchase_date",
    "requestable": "requestable",
}
"""Our fields that need no look-up, and what the inventory calls them."""


async def create(command: CreateAsset, store: Store, facts: Facts) -> Receipt:
    """Add an asset. Raises ``InvalidField`` for an unknown model or place, ``StatusLabelMissing``.

    An asset without a tag gets one that follows from its id: it tells this very asset from every
    other even where the inventory's answer is lost.
    """
    command.by.require(ASSETS_WRITE)
    standing = await _reachable(facts)
    named = AssetFields(**command.fields, model_id=command.model_id)
    fields = await _inventory_fields(named, facts)
    fields.setdefault("asset_tag", f"QM-{command.asset_id[-_TAG_LENGTH:]}")
    fields["status_id"] = _label(standing, DEPLOYABLE)
    new = _Subject(ASSET, command.asset_id, None)
    operation = _operation(command, Kind.CREATE_ASSET, "create", new, {"fields": fields})
    return await _save(operation, command.at, store)


async def create_model(command: CreateModel, store: Store, facts: Facts) -> Receipt:
    """Add a model of assets. Raises ``InvalidField`` for an unknown or unfit category."""
    command.by.require(ASSETS_WRITE)
    await _reachable(facts)
    category = await _named("category", command.category_id or "", ("category_id",), facts)
    if (category.type or "").lower() != ASSET:
        raise InvalidField(("category_id",), "This category is not one of assets.")
    fields = {"name": command.name, "category_id": category.external_id}
    new = _Subject(MODEL, command.model_id, None)
    operation = _operation(command, Kind.CREATE_MODEL, "create", new, {"fields": fields})
    return await _save(operation, command.at, store)


async def change(command: ChangeAsset, store: Store, facts: Facts) -> Receipt:
    """Change fields of an asset. Raises ``InvalidField``, ``AssetRemoved``, ``AssetInUse``.

    The inventory moves an asset along with its home, so the home of one that is out stays.
    """
    asset = await _asset(command.asset_id, command.by, facts)
    await _reachable(facts)
    fields = await _inventory_fields(command.changes, facts)
    _check_not_removed(asset)
    book = await _Book.of(asset, command.by, store)
    if "home_location_id" in command.changes and (asset.holder is not None or book.out):
        raise AssetInUse("The asset is out: its home is changed when it is back.")
    operation = _operation(command, Kind.CHANGE_ASSET, "edit", _subject(asset), {"fields": fields})
    return await _save(operation, command.at, store, book)


async def set_standing(command: SetStanding, store: Store, facts: Facts) -> Receipt:
    """Archive, retire, dispose of an asset, or mark it lost or stolen.

    Raises ``StatusLabelMissing``, ``AssetRemoved``, ``AssetInUse`` and ``LossOfAnAssignedAsset``.
    """
    asset = await _asset(command.asset_id, command.by, facts)
    standing = await _reachable(facts)
    _check_not_removed(asset)
    book = await _Book.of(asset, command.by, store)
    if command.standing in GONE:
        book.check_not_assigned()
    else:
        book.check_free(asset)
    wanted = {"status_id": _label(standing, command.standing)}
    purpose = PURPOSES[command.standing]
    operation = _operation(command, Kind.SET_STATUS, purpose, _subject(asset), wanted)
    return await _save(operation, command.at, store, book)


async def restore(command: RestoreAsset, store: Store, facts: Facts) -> Receipt:
    """Bring an asset back: a removed one as it was, any other with the deployable label.

    Raises ``StatusLabelMissing``.
    """
    asset = await _asset(command.asset_id, command.by, facts)
    standing = await _reachable(facts)
    if asset.removed:
        operation = _operation(command, Kind.RESTORE_ASSET, "restore", _subject(asset), {})
    else:
        wanted = {"status_id": _label(standing, DEPLOYABLE)}
        operation = _operation(command, Kind.SET_STATUS, "restore", _subject(asset), wanted)
    return await _save(operation, command.at, store)


async def delete(command: DeleteAsset, store: Store, facts: Facts) -> Receipt:
    """Remove an asset from the inventory. Raises ``AssetRemoved`` and ``AssetInUse``."""
    asset = await _asset(command.asset_id, command.by, facts)
    await _reachable(facts)
    _check_not_removed(asset)
    book = await _Book.of(asset, command.by, store)
    book.check_free(asset)
    operation = _operation(command, Kind.DELETE_ASSET, "delete", _subject(asset), {})
    return await _save(operation, command.at, store, book)


class _Subject(NamedTuple):
    """What is changed; it has no number over there while it is still to be made."""

    kind: str
    id: Id
    external_id: int | None


class _Book:
    """What is kept of an asset, and the version of the book that says so."""

    def __init__(self, id: Id, version: int, holds: tuple[Hold, ...]) -> None:
        self.id = id
        self.version = version
        self._holds = holds

    @classmethod
    async def of(cls, asset: ThingFact, by: Caller, store: Store) -> "_Book":
        """The asset's book; one that was never opened holds nothing."""
        id = book_id(by.tenant_id, ASSET, asset.id)
        try:
            book = await store.load(ItemBook, id)
        except NotFound:
            return cls(id, 0, ())
        return cls(id, book.version, tuple(book.holds.values()))

    @property
    def out(self) -> bool:
        """Whether the asset is being handed out, or has been."""
        return any(hold.out for hold in self._holds)

    def check_free(self, asset: ThingFact) -> None:
        """Raise ``AssetInUse`` where somebody has the asset or waits for it."""
        if self._holds:
            named = ", ".join(hold.assignment_id for hold in self._holds)
            raise AssetInUse(f"The asset is out or reserved under {named}.")
        if asset.holder is not None:
            raise AssetInUse("Somebody has the asset, as the inventory has it.")

    def check_not_assigned(self) -> None:
        """Raise ``LossOfAnAssignedAsset`` where it is out under an assignment."""
        for hold in self._holds:
            if hold.out:
                raise LossOfAnAssignedAsset(hold.assignment_id)


async def _asset(id: Id, by: Caller, facts: Facts) -> ThingFact:
    asset = await facts.inventory_thing(ASSET, id)
    if asset is None:
        raise NotFound("There is no such asset.")
    by.require(ASSETS_WRITE)
    return asset


async def _reachable(facts: Facts) -> InventoryStanding:
    standing = await facts.inventory()
    if not standing.connected:
        raise InventoryUnavailable("No inventory is connected.")
    if not standing.available:
        raise InventoryUnavailable(retry_after_s=standing.retry_after_s)
    return standing


def _subject(thing: ThingFact) -> _Subject:
    return _Subject(thing.kind, thing.id, thing.external_id)


def _check_not_removed(asset: ThingFact) -> None:
    if asset.removed:
        raise AssetRemoved


def _label(standing: InventoryStanding, purpose: str) -> int:
    label = standing.status_labels.get(purpose)
    if label is None:
        raise StatusLabelMissing(purpose)
    return label


async def _named(kind: str, id: Id, path: tuple[str], facts: Facts) -> ThingFact:
    thing = await facts.inventory_thing(kind, id)
    if thing is None or thing.removed:
        raise InvalidField(path, f"There is no such {kind} in the inventory.")
    return thing


async def _inventory_fields(fields: AssetFields, facts: Facts) -> dict[str, Any]:
    """The fields under the names and numbers that the inventory has for them."""
    found: dict[str, Any] = {
        theirs: _plain(fields[ours])  # type: ignore[literal-required]  # a name of the table
        for ours, theirs in _NAMES.items()
        if ours in fields
    }
    if "model_id" in fields:
        model = await _named(MODEL, fields["model_id"], ("model_id",), facts)
        found["model_id"] = model.external_id
    if "home_location_id" in fields:
        found["rtd_location_id"] = await _home(fields["home_location_id"], facts)
    return found


async def _home(id: Id | None, facts: Facts) -> int | None:
    if id is None:
        return None
    return (await _named("location", id, ("home_location_id",), facts)).external_id


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


_AssetCommand = CreateAsset | CreateModel | ChangeAsset | SetStanding | RestoreAsset | DeleteAsset


def _operation(
    command: _AssetCommand,
    kind: Kind,
    purpose: str,
    subject: _Subject,
    wanted: dict[str, Any],
) -> InventoryOperation:
    return InventoryOperation.request(
        uuid_of(command.operation_id),
        tenant_id=command.by.tenant_id,
        kind=kind,
        purpose=purpose,
        subject_kind=_SUBJECT,
        subject_id=subject.id,
        item={"kind": subject.kind, "id": subject.id, "external_id": subject.external_id},
        target=None,
        wanted=wanted,
        requested_by=command.by.user_id,
        at=command.at,
    )


async def _save(
    operation: InventoryOperation, at: datetime, store: Store, book: _Book | None = None
) -> Receipt:
    """Store it beside the workers' queue, as long as ``book`` says what it said."""
    unchanged = [] if book is None else [(book.id, book.version)]
    waiting = queue.waiting(operation, at)
    return await store.save(operation, changes=[waiting], unchanged=unchanged)
