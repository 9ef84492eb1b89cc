"""A tenant's connection to its Snipe-IT, and the mapping ids that people have mended."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import Id


@dataclass(frozen=True, slots=True)
class Settings:
    """How the inventory is reached. ``status_labels`` maps our purposes to its label numbers."""

    base_url: str
    token_source: str
    company_id: int | None
    server_zone: str
    status_labels: Mapping[str, int]


class SnipeItConnection(Aggregate):
    """The one connection of a tenant. The token itself is never in it, only its place."""

    TOPIC = "snipe_it_connection"

    class Event(Aggregate.Event):
        """What happened to a connection."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "snipe_it_connection.created.v1"

    class Connected(Event, Created):
        """A tenant has an inventory. ``token_source`` is where its token stands."""

        TOPIC = "snipe_it_connection.connected.v1"
        tenant_id: Id
        base_url: str
        token_source: str
        company_id: int | None
        server_zone: str
        status_labels: dict[str, int]

    class Changed(Event):
        """The inventory is reached in another way, or its labels mean something else to us."""

        TOPIC = "snipe_it_connection.changed.v1"
        base_url: str
        token_source: str
        company_id: int | None
        server_zone: str
        status_labels: dict[str, int]

    class MappingLinked(Event):
        """Somebody has decided what our id stands for in the inventory."""

        TOPIC = "snipe_it_connection.mapping_linked.v1"
        kind: str
        mapped_id: Id
        external_id: int

    class MappingUnlinked(Event):
        """Somebody has decided that our id stands for nothing in the inventory."""

        TOPIC = "snipe_it_connection.mapping_unlinked.v1"
        kind: str
        mapped_id: Id

    def __init__(
        self,
        tenant_id: Id,
        base_url: str,
        token_source: str,
        company_id: int | None,
        server_zone: str,
        status_labels: dict[str, int],
    ) -> None:
        self.tenant_id = tenant_id
        self._take(base_url, token_source, company_id, server_zone, status_labels)

    @classmethod
    def connect(cls, id: UUID, tenant_id: Id, settings: Settings, at: datetime) -> Self:
        """A new connection."""
        return cls._create(
            cls.Connected,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            base_url=settings.base_url,
            token_source=settings.token_source,
            company_id=settings.company_id,
            server_zone=settings.server_zone,
            status_labels=dict(settings.status_labels),
        )

    def change(self, settings: Settings, at: datetime) -> None:
        """Reach the inventory in another way; the same way changes nothing."""
        if settings == self.settings:
            return
        self._changed(
            base_url=settings.base_url,
            token_source=settings.token_source,
            company_id=settings.company_id,
            server_zone=settings.server_zone,
            status_labels=dict(settings.status_labels),
            timestamp=at,
        )

    def link(self, kind: str, id: Id, external_id: int, at: datetime) -> None:
        """Let our id stand for a thing of the inventory."""
        self._mapping_linked(kind=kind, mapped_id=id, external_id=external_id, timestamp=at)

    def unlink(self, kind: str, id: Id, at: datetime) -> None:
        """Let our id stand for nothing."""
        self._mapping_unlinked(kind=kind, mapped_id=id, timestamp=at)

    @event(Changed)
    def _changed(
        self,
        base_url: str,
        token_source: str,
        company_id: int | None,
        server_zone: str,
        status_labels: dict[str, int],
        timestamp: datetime,
    ) -> None:
        self._take(base_url, token_source, company_id, server_zone, status_labels)

    @event(MappingLinked)
    def _mapping_linked(
        self, kind: str, mapped_id: Id, external_id: int, timestamp: datetime
    ) -> None:
        """The tables hold what stands for what: only the history is kept here."""

    @event(MappingUnlinked)
    def _mapping_unlinked(self, kind: str, mapped_id: Id, timestamp: datetime) -> None:
        """As above."""

    def _take(
        self,
        base_url: str,
        token_source: str,
        company_id: int | None,
        server_zone: str,
        status_labels: dict[str, int],
    ) -> None:
        self.settings = Settings(
            base_url, token_source, company_id, server_zone, MappingProxyType(dict(status_labels))
        )
