"""One connection to one Snipe-IT server: where it is and how it may be used."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr

from domain.inventory.servers import plain_url
from infrastructure.snipe_it.errors import AddressNotAllowed, TokenMissing, UnknownZone


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds a call may take, and before that may wait for the rate limit (``queue``).

    The wait is not part of ``total``: a write that has little time left would only end in
    an unknown outcome.
    """

    connect: float = 2.0
    read: float = 10.0
    total: float = 15.0
    queue: float = 5.0


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything the client needs to know about one Snipe-IT server.

    ``server_zone`` is the server's ``APP_TIMEZONE``: its times carry no zone. ``calls_per_minute``
    is our own ceiling; the server's answers can only lower it. ``ca_file`` is for servers
    whose certificate comes from an authority of their own.
    """

    base_url: str
    token: SecretStr
    server_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    company_id: int | None = None
    calls_per_minute: int = 50
    deadlines: Deadlines = field(default_factory=Deadlines)
    ca_file: Path | None = None


def checked_connection(
    base_url: str,
    token_source: str,
    allowed: Iterable[str],
    *,
    company_id: int | None = None,
    server_zone: str = "UTC",
    environment: Mapping[str, str] = os.environ,
) -> Connection:
    """A connection from what an administrator wrote down, see the two functions below.

    Raises AddressNotAllowed, TokenMissing, and UnknownZone for a time zone there is not.
    """
    try:
        zone = ZoneInfo(server_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownZone(f"{server_zone!r} is not a time zone.") from error
    return Connection(
        base_url=allowed_base_url(base_url, allowed),
        token=read_token(token_source, environment),
        server_zone=zone,
        company_id=company_id,
    )


def allowed_base_url(base_url: str, allowed: Iterable[str]) -> str:
    """``base_url`` in its plain form, if it is one of ``allowed``.

    Both are compared whole (scheme, host, port, path), so an entry opens one server and
    nothing beside it. Raises AddressNotAllowed.
    """
    plain = plain_url(base_url)
    if plain is None or plain not in {plain_url(entry) for entry in allowed}:
        raise AddressNotAllowed(f"{base_url!r} is not an allowed Snipe-IT address.")
    return plain


def read_token(source: str, environment: Mapping[str, str] = os.environ) -> SecretStr:
    """Token from ``env:NAME`` or ``file:/path``. Raises TokenMissing; never shows the token."""
    kind, _, name = source.partition(":")
    if kind == "env" and name:
        text = environment.get(name, "")
    elif kind == "file" and name:
        text = _file_text(Path(name))
    else:
        raise TokenMissing("A token's place is written env:NAME or file:/path.")
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise TokenMissing(f"{source} holds no usable token.")
    return SecretStr(token)


def _file_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenMissing(f"file:{path} cannot be read.") from error
