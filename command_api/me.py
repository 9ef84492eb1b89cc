"""Signing up, in and out. The answers that carry a token are never stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Form, Response
from pydantic import BaseModel, ConfigDict, Field

from command_api.caller import Session, Visit, anyone, membership_id, signed_in
from command_api.fields import Empty, Name
from command_api.receipts import ReceiptBody, documented, response_of
from command_api.routing import router
from command_api.users import Credentials
from domain.errors import Forbidden
from domain.fields import check_text
from domain.identity import commands, handlers
from domain.identity.passwords import LONGEST
from domain.ids import PLATFORM_TENANT, Id
from infrastructure.event_store.commands import Envelope
from infrastructure.http.problems import Problem, refusals
from infrastructure.ids import new_id
from infrastructure.security import digest, new_token

routes = router("me")

SESSION_LASTS: Final = timedelta(hours=12)


class SignUpClosed(Forbidden):
    """Nobody becomes a user here by themselves."""

    code = "sign_up_closed"
    help = "Ask an administrator of your tenant to add you."


class SignUpBody(Credentials):
    """A user to be, and their own tenant if it is named."""

    tenant_name: Name | None = None


class SignInForm(BaseModel):
    """The password form of OAuth 2; what it has beside name and password means nothing here."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=254, description="user name or e-mail")
    password: str = Field(min_length=1, max_length=LONGEST, repr=False)
    grant_type: str | None = Field(None, json_schema_extra={"enum": ["password", None]})
    scope: str = ""
    client_id: str | None = None
    client_secret: str | None = Field(None, repr=False)


class Named(BaseModel):
    """A tenant."""

    id: str
    name: str


class Person(BaseModel):
    """A user."""

    id: str
    username: str
    email: str


class TokenBody(BaseModel):
    """A bearer token. It is shown once."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105  the name of a scheme
    expires_at: datetime
    user: Person
    tenant: Named | None


@dataclass(frozen=True, slots=True)
class _NewToken:
    token: str
    session: commands.NewSession

    @classmethod
    def at(cls, at: datetime) -> "_NewToken":
        token = new_token()
        return cls(
            token,
            commands.NewSession(
                session_id=new_id(), token_sha256=digest(token), expires_at=at + SESSION_LASTS
            ),
        )


@routes.post(
    "/me/signup",
    operation_id="sign_up",
    status_code=201,
    response_model=TokenBody,
    responses=refusals(400, 403, 409, 413, 422, 429, 503),
)
async def sign_up(body: SignUpBody, visit: Annotated[Visit, Depends(anyone)]) -> Response:
    """Become a user, with ``tenant_name`` the administrator of a new tenant."""
    services = visit.services
    if services.sign_ups is None:
        raise SignUpClosed
    body.check()
    await services.sign_ups.begin(visit.address)
    user = body.user(new_id(), await services.passwords.hash(body.password))
    tenant = None if body.tenant_name is None else _new_tenant(body.tenant_name, user.user_id)
    new = _NewToken.at(visit.at)
    command = commands.SignUp(user=user, session=new.session, at=visit.at, tenant=tenant)
    tenant_id = None if tenant is None else tenant.tenant_id
    await services.commands.run(
        _envelope(visit, tenant_id, user.user_id), partial(handlers.sign_up, command)
    )
    person = Person(id=user.user_id, username=user.username, email=user.email)
    return _token_response(201, new, person, _named(tenant_id, body.tenant_name))


@routes.post(
    "/me/signin",
    operation_id="sign_in",
    response_model=TokenBody,
    responses=refusals(400, 401, 413, 422, 429, 503),
)
async def sign_in(
    form: Annotated[SignInForm, Form()], visit: Annotated[Visit, Depends(anyone)]
) -> Response:
    """Get a token for user name or e-mail and password."""
    check_text(("username",), form.username)
    services = visit.services
    account = await services.sign_ins.begin(form.username, visit.address)
    right = await services.passwords.verify(account.password_hash, form.password)
    known = account.known
    if known is None or not right:
        raise _wrong()
    renewed = await services.passwords.renewed(known.password_hash, form.password)
    await services.sign_ins.finish(account, visit.address, renewed)
    new = _NewToken.at(visit.at)
    command = commands.OpenSession(
        session=new.session, user_id=known.user_id, tenant_id=known.tenant_id, at=visit.at
    )
    await services.commands.run(
        _envelope(visit, known.tenant_id, known.user_id), partial(handlers.open_session, command)
    )
    person = Person(id=known.user_id, username=known.username, email=known.email)
    return _token_response(200, new, person, _named(known.tenant_id, known.tenant_name))


@routes.post(
    "/me/signout",
    operation_id="sign_out",
    response_model=ReceiptBody,
    responses={**documented(200), **refusals(400, 401, 409, 413, 422, 503)},
)
async def sign_out(
    session: Annotated[Session, Depends(signed_in)], _body: Empty | None = None
) -> Response:
    """End the session; its token is dead at once."""
    principal = session.principal
    command = commands.CloseSession(session_id=principal.session_id, at=session.at)
    answer = await session.services.commands.run(
        _envelope(session, principal.tenant_id, principal.user_id),
        partial(handlers.close_session, command),
    )
    return response_of(answer)


def _wrong() -> Problem:
    """The same answer whether the account or the password is wrong."""
    return Problem(
        401,
        "invalid_credentials",
        "User name, e-mail or password is wrong.",
        help="Try again. Whoever has no account makes one with POST /me/signup.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _new_tenant(name: str, user_id: Id) -> commands.NewTenant:
    tenant_id = new_id()
    return commands.NewTenant(
        tenant_id=tenant_id, membership_id=membership_id(tenant_id, user_id), name=name
    )


def _envelope(asked: Session | Visit, tenant_id: Id | None, user_id: Id) -> Envelope:
    return Envelope(
        tenant_id=tenant_id or PLATFORM_TENANT,
        actor_id=user_id,
        correlation_id=asked.request_id,
    )


def _named(tenant_id: Id | None, name: str | None) -> Named | None:
    return None if tenant_id is None or name is None else Named(id=tenant_id, name=name)


def _token_response(status: int, new: _NewToken, person: Person, tenant: Named | None) -> Response:
    body: dict[str, Any] = TokenBody(
        access_token=new.token, expires_at=new.session.expires_at, user=person, tenant=tenant
    ).model_dump(mode="json")
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
