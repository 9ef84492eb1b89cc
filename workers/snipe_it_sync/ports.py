"""What the step logic needs of the world: in Postgres for real, in memory for tests."""

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol, TypeVar

from domain.assignments.assignment import Assignment
from domain.assignments.content import Item
from domain.assignments.item_book import ItemBook
from domain.ids import Id
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, Receipt, Store
from infrastructure.inventory.circuit import CircuitState
from infrastructure.inventory.work_queue import Due
from infrastructure.snipe_it.client import SnipeIt

C = TypeVar("C")
Handle = Callable[[C, Store, Facts], Awaitable[Receipt]]


class Lease(Protocol):
    """Leave to be the only one at a thing, for a while."""

    @property
    def fence(self) -> int:
        """Counts the holders: higher than that of every one before."""
        ...

    def check(self, for_s: float = 0.0) -> None:
        """Raise ``LeaseLost`` unless it is held now, and for ``for_s`` from now."""
        ...

    async def renew(self) -> None:
        """Hold it for its whole time from now. Raises ``LeaseLost``."""
        ...

    async def give_back(self) -> None:
        """Let somebody else have it at once."""
        ...


class Leases(Protocol):
    """Hands out leases."""

    async def take(self, name: str, ttl_s: float) -> Lease | None:
        """The lease, if nobody holds it."""
        ...


class Queue(Protocol):
    """Which operations are to be looked at, and when."""

    async def due(self, limit: int, of_one: int, but: Collection[Id] = ()) -> list[Due]:
        """What is due now, longest first, ``of_one`` tenant at most so many, apart from ``but``."""
        ...

    async def still_due(self, due: Due) -> bool:
        """Whether it is due as before: another worker may have been faster."""
        ...

    async def waits(self, tenant_id: Id, thing: str) -> bool:
        """Whether any operation on the thing is under way."""
        ...

    async def put_off(self, operation_id: Id, seconds: float) -> None:
        """Let it be looked at so much later."""
        ...

    async def remove(self, operation_id: Id) -> None:
        """Let it no longer be looked at."""
        ...


class CircuitBoard(Protocol):
    """The circuits of all tenants."""

    async def lets_through(self, tenant_id: Id) -> bool:
        """Whether an operation may be begun."""
        ...

    async def failed(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        """A call did not get through."""
        ...

    async def open(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        """Let nothing through, from now on."""
        ...

    async def worked(self, tenant_id: Id) -> None:
        """A call got through."""
        ...

    async def answered(self, tenant_id: Id) -> None:
        """The server has told its version."""
        ...

    async def to_probe(self) -> list[Id]:
        """The tenants whose pause is over, or whom no operation has tried for."""
        ...

    async def take_probe(self, tenant_id: Id) -> CircuitState | None:
        """How it stands where the caller is the one to ask the server now; None where not."""
        ...


class Inventories(Protocol):
    """The inventories of all tenants."""

    async def of(self, tenant_id: Id) -> SnipeIt | None:
        """The tenant's, None where it has none that can be used."""
        ...


class Operations(Protocol):
    """Reads operations, and what they are about, as they are now."""

    async def load(self, tenant_id: Id, operation_id: Id) -> InventoryOperation | None:
        """One operation; None where there is none."""
        ...

    async def assignment(self, tenant_id: Id, assignment_id: Id) -> Assignment | None:
        """One assignment; None where there is none."""
        ...

    async def book(self, tenant_id: Id, item: Item) -> ItemBook | None:
        """Who reserved how many units of an item; None where nobody ever did."""
        ...


class Ask(Protocol):
    """Gives a command in the worker's own name."""

    async def __call__(self, tenant_id: Id, turn: Id, handle: Handle[C], command: C) -> None:
        """Carry out a command. Raises its refusals, ``StoreUnavailable`` and ``OutcomeUnknown``."""
        ...
