"""Which Snipe-IT servers an administrator of this machine lets tenants connect to.

A tenant's own administrator names the server and the place of its token, and must not be able to
send anybody else's token, or another secret of this machine, to a server of their choice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from domain.errors import InvalidField

TOKEN_VARIABLES: Final = "QM_SNIPE_IT_TOKEN"  # noqa: S105  a name, not a token
"""Environment variables whose names begin so hold tokens, and nothing else."""

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
class AllowedServers:
    """The servers by their plain URL, each with the one place of its token, or None.

    Where the list names no place, the token stands in a variable that begins with
    ``QM_SNIPE_IT_TOKEN`` and that no other server has for its own.
    """

    sources: Mapping[str, str | None]

    @classmethod
    def read(cls, text: str) -> Self:
        """From ``https://a.example, https://b.example file:/run/secrets/b-token``.

        Raises ``ValueError`` for an entry that is not a URL, with or without a token's place.
        """
        sources: dict[str, str | None] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            address, _, source = entry.partition(" ")
            url, source = plain_url(address), source.strip()
            if url is None or (source and not _SOURCE.fullmatch(source)):
                raise ValueError(f"{entry!r} is not a server's address, with its token's place")
            sources[url] = source or None
        return cls(sources)

    def check(self, base_url: str, token_source: str) -> str:
        """The server's plain URL. Raises ``InvalidField`` for what the list does not allow."""
        url = plain_url(base_url)
        if url is None or url not in self.sources:
            raise InvalidField(
                ("base_url",),
                "This is not one of the inventory servers of this installation;"
                " its operator lists them in QM_SNIPE_IT_ALLOWED_URLS.",
            )
        if not self._may_use(token_source, self.sources[url]):
            raise InvalidField(
                ("token_source",),
                f"The token of this server does not stand there: write env:{TOKEN_VARIABLES}…, or"
                " the place that the operator lists beside the server.",
            )
        return url

    def _may_use(self, token_source: str, listed: str | None) -> bool:
        if listed is not None:
            return token_source == listed
        if token_source in self.sources.values():
            return False
        return token_source.startswith(f"env:{TOKEN_VARIABLES}") and bool(
            _SOURCE.fullmatch(token_source)
        )
