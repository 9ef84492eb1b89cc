"""Who reads, and what: every route names its permission and its read tables in its signature."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Executable, Row

from domain.caller import Caller
from domain.errors import PermissionMissing
from domain.ids import PLATFORM_TENANT, Id
from domain.permissions import PERMISSIONS
from infrastructure.clock import utc_now
from infrastructure.event_store.log_reader import LogReader
from infrastructure.http.problems import Unauthenticated
from infrastructure.prepared_selects import Question
from infrastructure.read_engine import Opening, ReadEngine, Snapshot
from infrastructure.read_positions import ReadPositions
from infrastructure.security import Principal
from query_api.errors import PositionNotReached, PositionNotWritten
from query_api.min_position import MinPosition, min_position
from query_api.tenant_scope import TenantScope

BEARER: Final = HTTPBearer(auto_error=False, description="The token of POST /me/signin.")

ANYBODY: Final = "anybody signed in"
BY_OBJECT: Final = "whoever may see this very object"


@dataclass(frozen=True, slots=True)
class Sources:
    """What answers are read from. ``secret`` seals cursors."""

    engine: ReadEngine
    positions: ReadPositions
    log: LogReader
    secret: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """One request that may read: by whom, in which tenant, and how far the tables are.

    ``projections`` are those that the route reads; none where it reads identity tables only.
    """

    principal: Principal
    caller: Caller
    scope: TenantScope
    snapshot: Snapshot
    sources: Sources
    projections: Sequence[str]
    position: int
    at: datetime
    if_none_match: str | None

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of a select."""
        return await self.snapshot.rows(statement)

    async def row(self, statement: Executable) -> Row[Any] | None:
        """The first row of a select, or None."""
        return await self.snapshot.row(statement)

    async def answers(self, *questions: Question) -> list[Sequence[Any]]:
        """The rows of each of the scope's questions, all in one round trip."""
        return await self.snapshot.answers(*questions)


class Reads:
    """The dependency of a route that reads: who may, and which projections it reads.

    Any one of ``permissions`` is enough. ``ANYBODY`` and ``BY_OBJECT`` let in whoever is signed
    in; with ``BY_OBJECT`` the route decides once it knows the object (404 comes before 403).
    With ``own_permissions``, any permission of the tenant's own making is enough, too: it may be
    that of a step.
    """

    def __init__(
        self, *permissions: str, projections: Sequence[str] = (), own_permissions: bool = False
    ) -> None:
        self.permissions = permissions
        self.projections = tuple(projections)
        self._own_permissions = own_permissions

    async def __call__(
        self,
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
        min_position_header: Annotated[
            str | None,
            Header(
                alias="Min-Position",
                description="Answer only when the tables read have seen this position.",
                json_schema_extra={"pattern": "^[0-9]{1,18}$"},
            ),
        ] = None,
        prefer: Annotated[
            str | None,
            Header(description="`wait=<seconds>`: how long to wait for Min-Position (2; ≤ 30)."),
        ] = None,
        if_none_match: Annotated[
            str | None, Header(description="An ETag: 304 if the whole answer is still the same.")
        ] = None,
    ) -> AsyncIterator[Reading]:
        """The reading of one request. Raises the refusals of this module, in their order."""
        sources: Sources = request.app.state.sources
        token = None if credentials is None else credentials.credentials
        async with sources.engine.snapshot() as snapshot:
            opening = await self._open(snapshot, token)
            wanted = min_position(min_position_header, prefer)
            if opening.position >= wanted.position:
                yield self._reading(sources, snapshot, opening, if_none_match)
                return
            if opening.head < wanted.position:
                raise PositionNotWritten(opening.position)
        await self._wait(sources, opening, wanted)
        # What was read while waiting is old: the right to read it, too.
        async with sources.engine.snapshot() as snapshot:
            opening = await self._open(snapshot, token)
            if opening.position < wanted.position:
                raise PositionNotReached(opening.position)
            yield self._reading(sources, snapshot, opening, if_none_match)

    async def _open(self, snapshot: Snapshot, token: str | None) -> Opening:
        opening = None if token is None else await snapshot.open(token, self.projections)
        if opening is None:
            raise Unauthenticated
        if not self._lets_in(opening.principal.permissions):
            raise PermissionMissing(self.permissions[0])
        return opening

    def _lets_in(self, held: frozenset[str]) -> bool:
        if self.permissions in ((ANYBODY,), (BY_OBJECT,)):
            return True
        own = held - PERMISSIONS if self._own_permissions else frozenset()
        return bool(own) or not held.isdisjoint(self.permissions)

    def _reading(
        self, sources: Sources, snapshot: Snapshot, opening: Opening, if_none_match: str | None
    ) -> Reading:
        principal = opening.principal
        return Reading(
            principal=principal,
            caller=principal.caller() or _without_tenant(principal.user_id),
            scope=TenantScope(principal.tenant_id),
            snapshot=snapshot,
            sources=sources,
            projections=self.projections,
            position=opening.position,
            at=utc_now(),
            if_none_match=if_none_match,
        )

    async def _wait(self, sources: Sources, opening: Opening, wanted: MinPosition) -> None:
        came = await sources.positions.wait_for(self.projections, wanted.position, wanted.wait_s)
        if not came:
            raise PositionNotReached(opening.position)


def reads(*permissions: str, projections: Sequence[str] = (), own_permissions: bool = False) -> Any:
    """``Reads`` as a dependency that ends before the answer is sent, not after."""
    what = Reads(*permissions, projections=projections, own_permissions=own_permissions)
    return Depends(what, scope="function")


def _without_tenant(user_id: Id) -> Caller:
    return Caller(user_id, PLATFORM_TENANT, frozenset())
