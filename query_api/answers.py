"""The form of answers: JSON with how far the tables are, and an ETag for one object."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import orjson
from fastapi import Response

from query_api.errors import POSITION_HEADER
from query_api.reader import Reading

_OPTIONS: Final = orjson.OPT_UTC_Z
_HASH_BYTES: Final = 8
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def one(reading: Reading, body: Mapping[str, Any], version: int, *, names: bool) -> Response:
    """One object, or 304 where the client has this very answer.

    With ``names`` the answer shows more than the object's own version tells (names of others,
    what the caller may do): its ETag carries a hash of the whole.
    """
    content = json_bytes(body)
    etag = f'"{version}.{_digest(content)}"' if names else f'"{version}"'
    return _unless_known(reading, content, etag)


def unversioned(reading: Reading, body: Mapping[str, Any]) -> Response:
    """One object that comes from no event of ours: its ETag is a hash of the whole answer."""
    content = json_bytes(body)
    return _unless_known(reading, content, f'"{_digest(content)}"')


def page(
    reading: Reading,
    items: Sequence[Any],
    following: str | None,
    more: Mapping[str, Any] = NOTHING,
) -> Response:
    """One page of a list, with the cursor of the page after it, and ``more`` about the list."""
    content = json_bytes({"items": items, "next": following, **more})
    return _json(content, {POSITION_HEADER: str(reading.position)})


def json_bytes(value: Any) -> bytes:
    """JSON with times in UTC."""
    return orjson.dumps(value, option=_OPTIONS)


def _unless_known(reading: Reading, content: bytes, etag: str) -> Response:
    headers = {"ETag": etag, POSITION_HEADER: str(reading.position)}
    if reading.if_none_match is not None and _matches(reading.if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return _json(content, headers)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_HASH_BYTES).hexdigest()


def _json(content: bytes, headers: Mapping[str, str]) -> Response:
    return Response(content, media_type="application/json", headers=dict(headers))


def _matches(if_none_match: str, etag: str) -> bool:
    candidates = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return any(candidate in ("*", etag) for candidate in candidates)
