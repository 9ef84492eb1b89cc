"""Rows of the inventory tables, as plain facts that a handler hands to the store.

The sync worker must find its work, and a command the number of a thing, without waiting for a
projector: these rows are written in the transaction of the events that they go with.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import Id


@dataclass(frozen=True, slots=True)
class OperationWaiting:
    """An operation that a worker is to look at from ``due_at`` on.

    ``thing`` names what is locked while it does (``asset:17``): the inventory's own kind and
    number, so that all operations on one thing queue behind one another.
    """

    tenant_id: Id
    operation_id: Id
    thing: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OperationSettled:
    """An operation that no worker needs to look at any longer."""

    tenant_id: Id
    operation_id: Id


@dataclass(frozen=True, slots=True)
class ConnectionSet:
    """The tenant's connection. ``token_source`` says where the token is, never what it is.

    ``status_labels`` maps our purposes (``archived, retired, disposed, lost, stolen, repair,
    deployable``) to the inventory's label numbers. ``version`` is the connection's.
    """

    tenant_id: Id
    base_url: str
    token_source: str
    company_id: int | None
    server_zone: str
    status_labels: dict[str, int]
    version: int


@dataclass(frozen=True, slots=True)
class MappingSet:
    """Our id for the inventory's thing ``external_id`` of a kind, as somebody has decided it.

    Another id that stood for that thing loses it. ``version`` is the connection's.
    """

    tenant_id: Id
    kind: str
    id: Id
    external_id: int
    version: int


@dataclass(frozen=True, slots=True)
class ThingCreated:
    """What was asked for under our id is in the inventory now, as ``external_id`` of its kind.

    Should the mirror have seen it first and given it another id, that id loses it.
    """

    tenant_id: Id
    kind: str
    id: Id
    external_id: int


@dataclass(frozen=True, slots=True)
class MappingRemoved:
    """Our id no longer stands for anything in the inventory. ``version`` is the connection's."""

    tenant_id: Id
    kind: str
    id: Id
    version: int


InventoryChange = (
    OperationWaiting | OperationSettled | ConnectionSet | MappingSet | ThingCreated | MappingRemoved
)
