"""Who is calling, what they need, and how their command is run.

A route names what it needs in its signature: ``call: Annotated[Call, Requires("users:write")]``.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Depends, Header, Request, Response

from command_api.receipts import response_of
from command_api.services import Services
from domain.caller import Caller
from domain.errors import Forbidden, NotFound, PermissionMissing
from domain.ids import Id, uuid_of
from domain.ports import Facts, Receipt, Store
from infrastructure.errors import CallerChanged, StoreUnavailable
from infrastructure.event_store.commands import Envelope, IdempotencyKey
from infrastructure.http.json_route import ask_first, refuse_unknown_parameters
from infrastructure.http.problems import FieldError, Problem, Unauthenticated
from infrastructure.ids import derived_id
from infrastructure.security import Principal, bearer

C = TypeVar("C")

Handle = Callable[[C, Store, Facts], Awaitable[Receipt]]
Make = Callable[[Caller], C]
Also = Callable[[Receipt], Mapping[str, str]]

ATTEMPTS: Final = 3
KEY_LENGTHS: Final = range(1, 256)
_ETAG: Final = 'Read the object and send its ETag: If-Match: "3".'
_VERSION: Final = re.compile(r'"([1-9][0-9]{0,17})(?:\.[0-9A-Za-z_-]+)?"')

KEY_HEADER: Final = Header(
    description="A name for this request: repeated, it has one effect and one answer.",
    json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
)
VERSION_HEADER: Final = Header(
    description='The version that the command is meant for, as in ETag: "3"; "*" is any.',
    json_schema_extra={"pattern": r'^(\*|"[1-9][0-9]{0,8}(\.[0-9A-Za-z_-]+)?")$'},
)


class NoTenant(Forbidden):
    """This user belongs to no tenant."""

    code = "no_tenant"
    help = "Sign up with a tenant_name, or be added to a tenant by its administrator."


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be looked at before a fault of the request is answered. ``ids`` are the path's."""

    caller: Caller
    at: datetime
    ids: Mapping[str, Id]
    store: Store
    facts: Facts


Look = Callable[[Scene], Awaitable[None]]


@dataclass(slots=True)
class Call:
    """One authenticated request to change something."""

    request: Request
    services: Services
    principal: Principal
    caller: Caller
    at: datetime
    key: str | None = None
    if_match: str | None = None

    @property
    def version(self) -> int | None:
        """The version that If-Match names; None where it names none, or any."""
        found = _VERSION.fullmatch(self.if_match or "")
        return int(found.group(1)) if found else None

    async def run(
        self,
        handle: Handle[C],
        make: Make[C],
        *,
        status: int = 200,
        location: str | None = None,
        turn: Id | None = None,
        version_needed: bool = False,
        also: Also | None = None,
    ) -> Response:
        """Carry out the command that ``make`` builds for the present caller, and answer.

        ``location`` may contain ``{id}``; ``turn`` is the aggregate that the command is for;
        ``version_needed`` asks for If-Match; ``also`` makes more of the answer than the receipt.
        """
        for _ in range(ATTEMPTS):
            command = make(self.caller)
            self._check_precondition(version_needed=version_needed)
            envelope = await self._envelope(status, location, turn)
            try:
                answer = await self.services.commands.run(envelope, partial(handle, command))
            except CallerChanged:
                await self._ask_again()
            else:
                return response_of(answer, {} if also is None else also(answer.receipt))
        raise StoreUnavailable

    async def look(self, look: Look) -> None:
        """Let ``look`` raise what stands before this call: 404, then 403."""
        ids = cast("Mapping[str, Id]", self.request.path_params)

        async def without_saving(store: Store, facts: Facts) -> Receipt:
            await look(Scene(self.caller, self.at, ids, store, facts))
            return Receipt(self.caller.user_id, 1, 0)

        await self.services.commands.run(
            Envelope(self.caller.tenant_id, self.caller.user_id, request_id(self.request)),
            without_saving,
        )

    def _check_precondition(self, *, version_needed: bool) -> None:
        if self.if_match is None and version_needed:
            raise Problem(
                428,
                "version_required",
                "This needs If-Match with the version that the change is meant for.",
                help=_ETAG,
            )
        if self.if_match not in (None, "*") and self.version is None:
            raise Problem(
                412, "version_mismatch", 'If-Match has the form "3", one version.', help=_ETAG
            )

    async def _envelope(self, status: int, location: str | None, turn: Id | None) -> Envelope:
        caller = self.caller
        return Envelope(
            tenant_id=caller.tenant_id,
            actor_id=caller.user_id,
            correlation_id=request_id(self.request),
            member=(membership_id(caller.tenant_id, caller.user_id), caller.member_version),
            key=await self._named(),
            success_status=status,
            location=location,
            turn=turn,
        )

    async def _named(self) -> IdempotencyKey | None:
        if self.key is None:
            return None
        if len(self.key) not in KEY_LENGTHS or not self.key.isascii():
            wrong = FieldError("header", ("Idempotency-Key",), "1 to 255 characters.", "length")
            raise Problem(422, "invalid_fields", "This key cannot be kept.", errors=[wrong])
        request = self.request
        whole = b"\n".join(
            (request.method.encode(), request.scope["path"].encode(), await request.body())
        )
        return IdempotencyKey(self.key, hmac.digest(self.services.secret_key, whole, "sha256"))

    async def _ask_again(self) -> None:
        """The caller's roles have just changed: what they may do is decided anew."""
        self.principal = await authenticated(self.request)
        self.caller = _in_tenant(self.principal)
        needs: Requirement = self.request.state.needs
        await needs.check(self)


class Requirement:
    """A dependency: the permission that a route needs, and what is looked at before it."""

    def __init__(self, permission: str | None, first: Look | None) -> None:
        self.permission = permission
        self.first = first

    async def __call__(
        self,
        request: Request,
        idempotency_key: Annotated[str | None, KEY_HEADER] = None,
        if_match: Annotated[str | None, VERSION_HEADER] = None,
    ) -> Call:
        """The call, or the refusal that comes first: 401, 404, 403."""
        services = services_of(request)
        principal = await authenticated(request)
        call = Call(
            request,
            services,
            principal,
            _in_tenant(principal),
            services.clock(),
            idempotency_key,
            if_match,
        )
        request.state.needs = self
        if not all(map(_is_id, request.path_params.values())):
            raise NotFound
        if self.first is not None:
            ask_first(request, partial(call.look, self.first))
        await self.check(call)
        await refuse_unknown_parameters(request)
        return call

    async def check(self, call: Call) -> None:
        """Raise what a caller without the permission is told."""
        if self.permission is None or call.caller.may(self.permission):
            return
        if self.first is not None:
            await call.look(self.first)
        raise PermissionMissing(self.permission)


def Requires(permission: str | None, *, first: Look | None = None) -> Any:  # noqa: N802 - reads as Depends does
    """What a route needs: a permission (None: any member's), and ``first``, who may do it there."""
    return Depends(Requirement(permission, first))


@dataclass(slots=True)
class Session:
    """A signed-in user, in a tenant or in none."""

    services: Services
    principal: Principal
    at: datetime
    request_id: str


@dataclass(slots=True)
class Visit:
    """Somebody who has not signed in."""

    services: Services
    address: str
    at: datetime
    request_id: str


async def signed_in(request: Request) -> Session:
    """A dependency: a live token is all that the route needs."""
    principal = await authenticated(request)
    await refuse_unknown_parameters(request)
    services = services_of(request)
    return Session(services, principal, services.clock(), request_id(request))


async def anyone(request: Request) -> Visit:
    """A dependency: the route is open to everybody."""
    await refuse_unknown_parameters(request)
    services = services_of(request)
    address = services.addresses.of(request.scope)
    return Visit(services, address, services.clock(), request_id(request))


async def authenticated(request: Request) -> Principal:
    """The principal behind the request's token. Raises ``Unauthenticated``."""
    token = bearer(request.headers.get("authorization"))
    if token is None:
        raise Unauthenticated
    principal = await services_of(request).tokens.authenticate(token)
    if principal is None:
        raise Unauthenticated("This token is unknown, has expired or was signed out.")
    return principal


def services_of(request: Request) -> Services:
    """What the process shares."""
    return cast("Services", request.app.state.services)


def request_id(request: Request) -> str:
    """The correlation id of the request."""
    return cast("str", request.state.request_id)


def membership_id(tenant_id: Id, user_id: Id) -> Id:
    """The stream of a user's membership in a tenant."""
    return derived_id("membership", tenant_id, user_id)


def _in_tenant(principal: Principal) -> Caller:
    caller = principal.caller()
    if caller is None:
        raise NoTenant
    return caller


def _is_id(text: str) -> bool:
    try:
        uuid_of(text)
    except ValueError:
        return False
    return True
