"""Inventory operations in every situation a test may start from."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from domain.ids import Id, uuid_of
from domain.inventory_operations.events import EvidenceData, ItemData, TargetData
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.ids import derived_id
from tests.builders.people import NOW, TECHNICIAN, TENANT

ASSET: Final = ItemData(kind="asset", id=derived_id("test", "asset"), external_id=17)
BEN: Final = TargetData(kind="user", id=derived_id("test", "ben"), external_id=3)
LATER: Final = NOW + timedelta(minutes=5)


def requested(
    kind: Kind = Kind.CHECKOUT,
    *,
    purpose: str = "issue",
    item: ItemData = ASSET,
    target: TargetData | None = BEN,
    wanted: dict[str, Any] | None = None,
    subject_kind: str = "asset",
    subject_id: Id | None = None,
    tenant_id: Id = TENANT,
    at: datetime = NOW,
    id: Id | None = None,
) -> InventoryOperation:
    return InventoryOperation.request(
        uuid4() if id is None else uuid_of(id),
        tenant_id=tenant_id,
        kind=kind,
        purpose=purpose,
        subject_kind=subject_kind,
        subject_id=subject_id or derived_id("test", "subject"),
        item=item,
        target=target,
        wanted={"due": None} if wanted is None else wanted,
        requested_by=TECHNICIAN.user_id,
        at=at,
    )


def in_flight() -> InventoryOperation:
    operation = requested()
    operation.start_attempt(1, NOW)
    return operation


def unknown() -> InventoryOperation:
    operation = in_flight()
    operation.outcome_unknown("no complete answer", NOW)
    return operation


def synced() -> InventoryOperation:
    operation = in_flight()
    operation.accept(None, NOW)
    operation.sync(evidence(holder=("user", 3)), NOW)
    return operation


def failed() -> InventoryOperation:
    operation = in_flight()
    operation.fail("not_available", "That asset is not available for checkout!", gone=False, at=NOW)
    return operation


def blocked() -> InventoryOperation:
    operation = in_flight()
    operation.block("unauthorized", "The token is not accepted.", NOW)
    return operation


def compensated() -> InventoryOperation:
    operation = synced()
    operation.request_compensation(TENANT, NOW)
    operation.compensate(TENANT, NOW)
    return operation


IN_STATE: Final[Mapping[State, Callable[[], InventoryOperation]]] = {
    State.PENDING: requested,
    State.IN_FLIGHT: in_flight,
    State.VERIFYING: unknown,
    State.SYNCED: synced,
    State.FAILED: failed,
    State.NEEDS_ATTENTION: blocked,
    State.COMPENSATED: compensated,
}


def evidence(
    holder: tuple[str, int] | None = None, *, external_id: int = 17, **more: Any
) -> EvidenceData:
    """What the inventory shows: ``holder`` has the thing."""
    shown = EvidenceData(
        external_id=external_id,
        assigned_to=holder,
        last_checkout=None,
        last_checkin=None,
        expected_checkin=None,
        status_id=None,
        rows=[],
        activity_id=None,
        read_at="2026-11-21T09:00:00Z",
    )
    return EvidenceData(**{**shown, **more})  # type: ignore[typeddict-item]  # the test's to get right
