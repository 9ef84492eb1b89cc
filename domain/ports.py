"""What a handler may ask of the world: the store it loads from and saves to, and facts.

Handlers receive these as arguments; ``infrastructure`` provides them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from eventsourcing.domain import Aggregate

from domain.identity.changes import IdentityChange
from domain.ids import Id
from domain.inventory.changes import InventoryChange
from domain.notifications.changes import NotificationChange

A = TypeVar("A", bound=Aggregate)

RowChange = IdentityChange | InventoryChange | NotificationChange


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a command is in the log.

    ``version`` is the aggregate's, ``position`` that of the command's last event (of the log's
    head, where the command changed nothing). ``line_id`` is set by the routes of a line.
    """

    id: Id
    version: int
    position: int
    line_id: Id | None = None


class Store(Protocol):
    """The event store as one command sees it: bound to its tenant, caller and idempotency key."""

    async def load(self, kind: type[A], id: Id, expected_version: int | None = None) -> A:
        """The aggregate as it is now.

        Raises ``NotFound`` where this tenant has no such aggregate, and ``VersionMismatch`` where
        ``expected_version`` (from If-Match) is given and is not its version.
        """
        ...

    async def save(
        self,
        aggregate: Aggregate,
        *others: Aggregate,
        changes: Sequence[RowChange] = (),
        unchanged: Sequence[tuple[Id, int]] = (),
        line_id: Id | None = None,
    ) -> Receipt:
        """Append the pending events of all given aggregates in one transaction.

        ``changes`` are rows beside the log, written in that transaction too.
        ``unchanged`` names streams that the decision rests on, as (id, version): if one has
        moved, nothing is stored and the command is decided again. The receipt is that of the
        first aggregate. Aggregates without pending events are stored as they are: nothing.
        """
        ...

    async def note(self, id: Id, changes: Sequence[RowChange]) -> Receipt:
        """Write rows that go with no event, under the command's key; the receipt names ``id``.

        Only for what nothing is decided by: see ``domain.notifications.changes``.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProjectStanding:
    """A project and one user's place in it. ``role`` is None for those who are not members."""

    project_id: Id
    archived: bool
    role: str | None
    version: int


@dataclass(frozen=True, slots=True)
class PolicyFact:
    """An approval policy: ``steps`` are (name, permission) pairs, in order.

    ``min_amount`` (decimal text) and ``project_id`` say where it applies; None means anywhere.
    With ``require_live_availability``, what asks for things of the inventory is approved only
    while it is known how many are left.
    """

    id: Id
    name: str
    steps: tuple[tuple[str, str], ...]
    min_amount: str | None
    project_id: Id | None
    require_live_availability: bool = False


@dataclass(frozen=True, slots=True)
class MemberFact:
    """A user as a member of the tenant, with the permissions of their roles.

    ``membership_id`` and ``version`` are those of the membership's stream, so that a decision
    which rests on it can ask the store that it be ``unchanged``.
    """

    user_id: Id
    membership_id: Id
    permissions: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True)
class InventoryStanding:
    """The tenant's inventory: whether there is one, and whether it can be asked just now.

    ``available`` is the state of the circuit that all processes share. ``status_labels`` maps our
    purposes (``archived, retired, disposed, lost, stolen, repair, deployable``) to its numbers.
    """

    connected: bool
    available: bool
    reason: str | None = None
    retry_after_s: int | None = None
    status_labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemFact:
    """A thing of the inventory as the mirror last saw it, ``as_of`` then.

    ``kind`` is ``asset, accessory, consumable`` or ``model``. ``model_id`` is ours, of an asset.
    ``deployable`` says whether an asset could be handed out, ``remaining`` how many units of the
    others are left, ``holder`` who has an asset there, as (kind, external id).
    """

    kind: str
    id: Id
    external_id: int
    model_id: Id | None
    deployable: bool | None
    remaining: int | None
    holder: tuple[str, int] | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class ThingFact:
    """Anything of the inventory by our id, as the mirror last saw it: removed things, too.

    ``kind`` is ``asset, model, location`` or ``category``. ``type`` is what a category is for,
    ``holder`` who has an asset there, as (kind, external id).
    """

    kind: str
    id: Id
    external_id: int
    removed: bool
    type: str | None = None
    holder: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class CustodianFact:
    """A member or a location of the tenant; ``external_id`` None where it is not mapped."""

    kind: str
    id: Id
    external_id: int | None


@dataclass(frozen=True, slots=True)
class MappingFact:
    """What our id stands for in the inventory; ``external_id`` None where for nothing any more."""

    kind: str
    id: Id
    external_id: int | None


@dataclass(frozen=True, slots=True)
class MirroredFact:
    """A thing that is in the inventory; ``id`` is ours, None where nothing stands for it."""

    kind: str
    external_id: int
    id: Id | None


class Facts(Protocol):
    """Strongly consistent facts of the caller's tenant, read from identity and inventory tables.

    What the mirror says of the inventory (``ItemFact``) is as old as it says, and never proof.
    """

    async def project_standing(self, project_id: Id, user_id: Id) -> ProjectStanding | None:
        """The user's place in a project; None where the tenant has no such project."""
        ...

    async def approval_policies(self) -> Sequence[PolicyFact]:
        """All approval policies of the tenant, oldest first."""
        ...

    async def member(self, user_id: Id) -> MemberFact | None:
        """A member of the tenant; None for anyone else."""
        ...

    async def administrators(self) -> Sequence[MemberFact]:
        """The members who hold the shipped role ``tenant_admin``."""
        ...

    async def roles(self) -> Mapping[str, frozenset[str]]:
        """The roles that the tenant can grant, shipped and its own, with their permissions."""
        ...

    async def inventory(self) -> InventoryStanding:
        """The tenant's inventory and the circuit to it."""
        ...

    async def inventory_item(self, kind: str, id: Id) -> ItemFact | None:
        """A thing of the inventory by our id; None where the tenant has no such thing."""
        ...

    async def inventory_thing(self, kind: str, id: Id) -> ThingFact | None:
        """Anything of the inventory by our id, removed or not; None for what it never had."""
        ...

    async def custodian(self, kind: str, id: Id) -> CustodianFact | None:
        """A member (``user``) or a ``location``; None where the tenant has none such."""
        ...

    async def mapping(self, id: Id) -> MappingFact | None:
        """What our id stands for in the inventory; None where it was never mapped."""
        ...

    async def has_mappings(self) -> bool:
        """Whether ids of ours were ever given to things of the inventory."""
        ...

    async def mirrored(self, kind: str, external_id: int) -> MirroredFact | None:
        """A thing by its number over there; None where the mirror has none such, or no longer."""
        ...

    async def has_event(self, position: int, topics: Collection[str]) -> bool:
        """Whether the tenant's log has an event of one of these names at a position."""
        ...

    async def webhook_count(self) -> int:
        """How many webhooks the tenant has."""
        ...

    async def webhook_url(self, webhook_id: Id) -> str | None:
        """The address of a webhook, which is in no event; None where the tenant has none such."""
        ...


class Clock(Protocol):
    """The time, as an argument."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
        ...
