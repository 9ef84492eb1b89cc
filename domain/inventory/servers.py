"""Which Snipe-IT servers an administrator of this machine lets which tenants connect to.

A tenant's own administrator names the server and the place of its token. Anybody may be one, where
sign-up is open: they must not reach another tenant's inventory, or send another server's token, or
another secret of this machine, to a server of their choice.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from domain.errors import InvalidField
from domain.ids import ULID_FORM, Id
from domain.inventory.errors import ServerNotAllowed

EVERY_TENANT: Final = "*"
"""For whom a server is that every tenant may connect to, those that are still to sign up too."""
TOKEN_SOURCE: Final = "env:QM_SNIPE_IT_TOKEN"  # noqa: S105  a place, not a token
"""Where the token stands of a server that is listed without a place of its own."""

_SOURCE: Final = re.compile(r"env:[A-Z_][A-Z0-9_]*|file:/[^\x00-\x1f\x7f]+")
_PORTS: Final = {"http": 80, "https": 443}


def plain_url(url: str) -> str | None:
    """``scheme://host[:port][/path]`` in lower case but for the path, None if it is more."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    if "@" in parts.netloc or parts.query or parts.fragment:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}"
    path = parts.path.rstrip("/").removesuffix("/api/v1").rstrip("/")
    return f"{parts.scheme}://{where}{path}"


@dataclass(frozen=True, slots=True)
class AllowedServer:
    """A server by its plain URL, the one place of its token, and for whom it is."""

    url: str
    token_source: str
    tenant: Id

    @classmethod
    def read(cls, entry: str) -> Self:
        """From ``https://b.example file:/run/secrets/b-token 01M7Z9ZSM7WX6NKRM6AFYKERMY``.

        Raises ``ValueError`` for an entry that is anything else, or that says not for whom it is.
        """
        address, _, rest = entry.partition(" ")
        source, _, tenant = rest.strip().rpartition(" ")
        url = plain_url(address)
        if url is None:
            raise ValueError(
                "an entry does not begin with a server's address, such as https://snipe.example"
            )
        if tenant != EVERY_TENANT and not re.fullmatch(ULID_FORM, tenant):
            raise ValueError(
                f"{url} is for nobody: its entry has to end with the id of the tenant that may"
                f" connect to it, or with {EVERY_TENANT} if nobody else can sign up here"
            )
        source = source.strip() or TOKEN_SOURCE
        if not _SOURCE.fullmatch(source):
            raise ValueError(
                f"{url} has no token's place behind it: write env:NAME or file:/path, or nothing"
                f" where it is {TOKEN_SOURCE}"
            )
        return cls(url, source, tenant)

    def is_for(self, tenant_id: Id) -> bool:
        """Whether this tenant may connect to it."""
        return self.tenant in {tenant_id, EVERY_TENANT}


@dataclass(frozen=True, slots=True)
class AllowedServers:
    """The servers that tenants may be connected to. No two of them have a token in common."""

    servers: frozenset[AllowedServer]

    @classmethod
    def read(cls, text: str) -> Self:
        """From entries with commas between them.

        Raises ``ValueError`` for an entry that cannot be read, and for two that name one token.
        """
        servers = frozenset(
            AllowedServer.read(entry) for entry in filter(None, map(str.strip, text.split(",")))
        )
        for source, several in Counter(one.token_source for one in servers).items():
            if several > 1:
                raise ValueError(
                    f"{several} entries have their token at {source}: write between address and"
                    f" tenant where each has its own (no place means {TOKEN_SOURCE})"
                )
        return cls(servers)

    def check(self, tenant_id: Id, base_url: str, token_source: str) -> str:
        """The server's plain URL.

        Raises ``ServerNotAllowed``, and ``InvalidField`` for a place that is not its token's.
        """
        url = plain_url(base_url)
        sources = {
            one.token_source for one in self.servers if one.url == url and one.is_for(tenant_id)
        }
        if url is None or not sources:
            raise ServerNotAllowed(("base_url",))
        if token_source not in sources:
            raise InvalidField(
                ("token_source",),
                "The token of this server does not stand there: name the place that the operator"
                f" lists beside the server, {TOKEN_SOURCE} where there is none.",
            )
        return url
