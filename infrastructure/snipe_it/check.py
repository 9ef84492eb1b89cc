"""Tests a connection and says in plain lines what is missing.

Permissions are tried, not looked up: a user's groups grant some that the server does not
tell. The writes among the tries name object 0, or lack every field the server asks for, so
the server refuses each of them whatever the permissions are; only *how* it refuses differs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from infrastructure.snipe_it.answers import (
    Answer,
    Done,
    Forbidden,
    NotFound,
    Refused,
    Unauthorized,
    in_words,
)
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from infrastructure.snipe_it.records import User
from infrastructure.snipe_it.transport import Call

RECORDED_MINOR = "v8.1."
"""Versions whose answers this client was tested against."""
OPERATION = "connection-check"
NEAR_FUTURE = timedelta(minutes=5)

NOTHING = Call("GET", "/hardware/0")
NOBODY = {"checkout_to_type": "user", "assigned_user": 0}
READS = (
    ("assets.view", "/hardware"),
    ("models.view", "/models"),
    ("users.view", "/users"),
    ("locations.view", "/locations"),
    ("statuslabels.view", "/statuslabels"),
    ("categories.view", "/categories"),
    ("accessories.view", "/accessories"),
    ("consumables.view", "/consumables"),
    ("suppliers.view", "/suppliers"),
    ("reports.view", "/reports/activity"),
)
WRITES = (
    ("assets.checkout", Call("POST", "/hardware/0/checkout", (), NOBODY, OPERATION)),
    ("assets.checkin", Call("POST", "/hardware/0/checkin", (), {}, OPERATION)),
    ("assets.edit", Call("POST", "/maintenances", (), {}, OPERATION)),
    ("assets.create", Call("POST", "/hardware", (), {}, OPERATION)),
    ("accessories.checkout", Call("POST", "/accessories/0/checkout", (), {}, OPERATION)),
)

FOR_ASSET_ROUTES = (
    (
        "assets.delete",
        Call("DELETE", "/hardware/0", operation_id=OPERATION),
        "assets can be neither removed nor restored from here",
    ),
    (
        "models.create",
        Call("POST", "/models", (), {}, OPERATION),
        "models cannot be added from here",
    ),
)
"""Writes that nothing but the asset routes needs, and what is refused without them."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report, for a person."""

    level: Level
    line: str


async def check(snipe_it: SnipeIt) -> list[Finding]:
    """Findings about address, token, version, language, permissions, company, time zone, in order.

    Stops at the first of address and token that fails, since nothing after it could work.
    Raises nothing but cancellation.
    """
    try:
        findings = [await _reachable(snipe_it)]
        owner = await _owner(snipe_it)
    except _Stop as stop:
        return [Finding(Level.MISSING, stop.line)]
    findings.append(_token(owner))
    findings.append(await _version(snipe_it))
    findings += await _language(snipe_it)
    findings += [await _may_read(snipe_it, *read) for read in READS]
    findings += [await _may_write(snipe_it, *write) for write in WRITES]
    findings += [await _may_use_route(snipe_it, *write) for write in FOR_ASSET_ROUTES]
    findings += _untried(owner)
    findings += await _company(snipe_it)
    findings += await _zone(snipe_it)
    return findings


class _Stop(Exception):
    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


async def _reachable(snipe_it: SnipeIt) -> Finding:
    url = snipe_it.connection.base_url
    answer = await snipe_it.transport.health()
    if isinstance(answer, Done):
        return Finding(Level.OK, f"{url} answers and its database is up.")
    raise _Stop(f"{url} does not answer as a running Snipe-IT does: {in_words(answer)}.")


async def _owner(snipe_it: SnipeIt) -> User:
    try:
        return await snipe_it.read.me()
    except ReadFailed as failed:
        if isinstance(failed.answer, Unauthorized):
            line = "The token is not accepted: wrong, revoked, or its owner was deleted."
            raise _Stop(line) from failed
        raise _Stop(f"The token could not be tried: {failed}.") from failed
    except UnexpectedForm as error:
        raise _Stop(f"The server's answer about the token's owner is odd: {error}") from error


def _token(owner: User) -> Finding:
    return Finding(Level.OK, f"The token is accepted; it belongs to {owner.username}.")


def _untried(owner: User) -> list[Finding]:
    """What cannot be tried without an effect: the server looks for the object first."""
    if owner.permissions.get("superuser"):
        return []
    line = (
        "Permissions accessories.checkin and consumables.checkout cannot be tried; "
        "see to it that the token's owner has them."
    )
    return [Finding(Level.NOTE, line)]


async def _version(snipe_it: SnipeIt) -> Finding:
    try:
        version = await snipe_it.read.version()
    except (ReadFailed, UnexpectedForm) as error:
        return Finding(Level.WARNING, f"The version could not be read: {error}.")
    if version.startswith(RECORDED_MINOR):
        return Finding(Level.OK, f"Snipe-IT {version} is a version this was tested with.")
    line = f"Snipe-IT {version} was not tested; {RECORDED_MINOR}x was."
    return Finding(Level.WARNING, line)


async def _language(snipe_it: SnipeIt) -> list[Finding]:
    """The server says that something is not there in the language of the token's owner."""
    answer = await snipe_it.read.ask(NOTHING)
    if isinstance(answer, NotFound | Forbidden):
        return []
    line = (
        "The server's words for what is not there are not understood: "
        f"is English the language of the token's owner? {in_words(answer)}"
    )
    return [Finding(Level.WARNING, line)]


async def _may_read(snipe_it: SnipeIt, permission: str, path: str) -> Finding:
    answer = await snipe_it.read.ask(Call("GET", path, (("limit", "1"),)))
    return _judged(permission, answer, passes=isinstance(answer, Done))


async def _may_write(snipe_it: SnipeIt, permission: str, call: Call) -> Finding:
    answer = await snipe_it.transport.send(call)
    return _judged(permission, answer, passes=isinstance(answer, Refused | NotFound))


async def _may_use_route(snipe_it: SnipeIt, permission: str, call: Call, without: str) -> Finding:
    found = await _may_write(snipe_it, permission, call)
    if found.level is not Level.MISSING:
        return found
    return Finding(Level.WARNING, f"Permission {permission} is missing: {without}.")


def _judged(permission: str, answer: Answer, *, passes: bool) -> Finding:
    if passes:
        return Finding(Level.OK, f"Permission {permission} is there.")
    if isinstance(answer, Forbidden):
        return Finding(Level.MISSING, f"Permission {permission} is missing.")
    return Finding(
        Level.WARNING, f"Permission {permission} could not be tried: {in_words(answer)}."
    )


async def _company(snipe_it: SnipeIt) -> list[Finding]:
    company_id = snipe_it.connection.company_id
    if company_id is None:
        return []
    try:
        company = await snipe_it.read.company(company_id)
    except (ReadFailed, UnexpectedForm) as error:
        return [Finding(Level.WARNING, f"Company {company_id} could not be read: {error}.")]
    if company is None:
        return [Finding(Level.MISSING, f"There is no company {company_id}.")]
    return [Finding(Level.OK, f"Company {company_id} is {company.name}.")]


async def _zone(snipe_it: SnipeIt) -> list[Finding]:
    """The server does not tell its zone; a row from the future gives a wrong one away."""
    try:
        newest = await snipe_it.read.newest_activity()
    except (ReadFailed, UnexpectedForm):
        # Said already by the line about reports.view.
        return []
    written = None if newest is None else newest.created_at
    if written is None or written <= datetime.now(UTC) + NEAR_FUTURE:
        return []
    zone = snipe_it.connection.server_zone
    line = f"The newest activity lies in the future: is {zone} the server's APP_TIMEZONE?"
    return [Finding(Level.WARNING, line)]
