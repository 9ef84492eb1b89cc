"""What an answer of Snipe-IT means, as data.

Snipe-IT answers most refusals with 200 and a database outage with a redirect, so a status
code alone says little. ``classify`` turns everything a call can end in into one of nine
classes; nothing else in the project looks at a status code of Snipe-IT.

For a write the question behind the classes is "may it have happened?": only ``Ambiguous``
says yes. For a read that question does not arise, so what would be ambiguous is
``Unavailable`` there.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

WINDOW_SECONDS = 60.0
"""Length of the server's rate-limit window; its 429 says nothing about when to come back."""

LONGEST_PAUSE_S = 3600.0
"""For no longer a server is left alone, whatever its Retry-After says: a slip of its proxy must not
cut a tenant off for a year, and to ask once an hour burdens nobody."""


class Phase(StrEnum):
    """How far a call got."""

    NOT_SENT = "not_sent"
    """Nothing of the request left this machine."""
    SENT = "sent"
    """Some of the request was sent, no complete answer came back."""
    ANSWERED = "answered"


class Refusal(StrEnum):
    """Why a write was refused, as far as the answer tells; a hint, the asset tells the rest."""

    NOT_AVAILABLE = "not_available"
    ALREADY_CHECKED_IN = "already_checked_in"
    INVALID_TARGET = "invalid_target"
    NO_STOCK = "no_stock"
    VALIDATION = "validation"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Done:
    """The read or write succeeded; ``body`` is the decoded JSON."""

    body: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """The write did not happen and would not happen if repeated unchanged."""

    kind: Refusal
    message: str
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotFound:
    """The object of the call, or the endpoint itself, does not exist."""

    message: str
    endpoint: bool = False


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The write may have happened. Read back before anything else.

    It may also still happen, unless ``finished``: then the server itself has said that it is
    through with the call, and what is read back is final.
    """

    reason: str
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Refused by the rate limit before any effect.

    Free again after ``retry_after_s`` seconds; None where the answer does not say, which is
    Snipe-IT's own form: then the window of ``WINDOW_SECONDS`` has to end.
    """

    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing happened; the server or the way to it is down. ``retry_after_s`` where given.

    ``reason`` is in words of our own, ``message`` is what the server says.
    """

    reason: str
    retry_after_s: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The token is missing, wrong or revoked, or its owner was deleted."""

    message: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The token's owner lacks a permission."""

    message: str


Answer = Done | Refused | NotFound | Ambiguous | Throttled | Unavailable | Unauthorized | Forbidden
Failure = Refused | NotFound | Ambiguous | Throttled | Unavailable | Unauthorized | Forbidden

MOST_CHARACTERS = 200
"""Of what a server says: enough for its own sentences, and for a log and a page."""


def class_of(answer: Answer) -> str:
    """The class of an answer, in one word."""
    return type(answer).__name__.lower()


def in_words(answer: Answer) -> str:
    """An answer as one line for a person."""
    match answer:
        case Unavailable(reason, _, message):
            return f"{reason}: {message}" if message else reason
        case Ambiguous(reason):
            return f"{reason}, so it is not known whether it happened"
        case Throttled(None):
            return "the rate limit is used up"
        case Throttled(float(pause_s)):
            return f"the rate limit is used up for {pause_s:.0f} s"
        case Refused() | NotFound() | Unauthorized() | Forbidden():
            told = class_of(answer).replace("notfound", "not found")
            return f"{told}: {answer.message}" if answer.message else told
        case _:
            return "done"


def cut(text: str) -> str:
    """What a server says, printable and not too long: all that is kept or shown of it."""
    plain = "".join(one if one.isprintable() else " " for one in text[: MOST_CHARACTERS + 1])
    return plain if len(plain) <= MOST_CHARACTERS else plain[: MOST_CHARACTERS - 1] + "…"


def classify(  # noqa: PLR0911 - one return per answer form of the contract
    method: str,
    status: int | None,
    headers: Mapping[str, str],
    body: bytes,
    phase: Phase,
) -> Answer:
    """Class of what a call ended in.

    ``headers`` have lower-case names; ``status`` is None and ``body`` empty unless the
    phase is ANSWERED. Never raises: an answer that fits nothing is Ambiguous for a write
    and Unavailable for a read.
    """
    write = method not in {"GET", "HEAD"}
    if phase is Phase.NOT_SENT:
        return Unavailable("could not connect")
    if phase is Phase.SENT or status is None:
        return _unknown("no complete answer", write=write)
    decoded = _json(headers, body)
    if status == 401:  # noqa: PLR2004 - status codes read better as numbers
        return Unauthorized(_text(decoded, "error"))
    if status == 403:  # noqa: PLR2004
        return _forbidden(decoded, write=write)
    if status == 429:  # noqa: PLR2004
        return Throttled(_retry_after(headers))
    if 300 <= status < 400:  # noqa: PLR2004
        return _redirect(headers.get("location", ""), write=write)
    if status == 200:  # noqa: PLR2004
        return _ok(decoded, write=write)
    if 400 <= status < 500:  # noqa: PLR2004
        return _client_error(status, decoded, write=write)
    return _server_error(status, headers, decoded, write=write)


def _unknown(
    reason: str, *, write: bool, retry_after_s: float | None = None, message: str = ""
) -> Answer:
    return Ambiguous(reason) if write else Unavailable(reason, retry_after_s, message)


def _json(headers: Mapping[str, str], body: bytes) -> Any:
    """Decoded body, or None where it is not JSON, or none that can be read."""
    if not headers.get("content-type", "").lower().startswith("application/json"):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _forbidden(decoded: Any, *, write: bool) -> Answer:
    if isinstance(decoded, dict):
        return Forbidden(_text(decoded, "message"))
    return _unknown("403 that is not Snipe-IT's", write=write)


def _redirect(location: str, *, write: bool) -> Answer:
    """Snipe-IT's redirects by where they lead; any other one was made on the way."""
    path = _path(location)
    if path.endswith("/setup"):
        return Unavailable("the server cannot reach its database")
    if path.endswith("/login"):
        return Unauthorized("redirected to the sign-in page")
    return _unknown("redirected", write=write, message=cut(path))


def _path(location: str) -> str:
    try:
        return urlsplit(location).path
    except ValueError:
        return ""


def _ok(decoded: Any, *, write: bool) -> Answer:
    if not isinstance(decoded, dict):
        return _unknown("200 without a JSON object", write=write)
    status = decoded.get("status")
    if status == "error":
        return _refusal(decoded) if write else _not_read(decoded)
    if write and status != "success":
        return Ambiguous("200 without success or error")
    return Done(decoded)


def _client_error(status: int, decoded: Any, *, write: bool) -> Answer:
    if not isinstance(decoded, dict):
        return _unknown(f"{status} that is not Snipe-IT's", write=write)
    if status in {404, 405}:
        message = _text(decoded, "message") or _text(decoded, "messages")
        return NotFound(message, endpoint=True)
    if status == 422:  # noqa: PLR2004
        return Refused(Refusal.VALIDATION, _text(decoded, "messages"))
    return _unknown(f"status {status}", write=write)


def _server_error(status: int, headers: Mapping[str, str], decoded: Any, *, write: bool) -> Answer:
    """Maintenance mode is refused before any effect; every other 5xx may follow one."""
    after = _retry_after(headers)
    maintenance = isinstance(decoded, dict) and decoded.get("messages") == 503  # noqa: PLR2004
    if status == 503 and maintenance:  # noqa: PLR2004
        return Unavailable("maintenance mode", after)
    if write and status == 500 and isinstance(decoded, dict):  # noqa: PLR2004
        return Ambiguous("status 500", finished=True)
    return _unknown(f"status {status}", write=write, retry_after_s=after)


def _not_read(decoded: dict[str, Any]) -> Answer:
    """A refused read: absence only in the words that were recorded for it, else no answer."""
    text = _text(decoded, "messages")
    if ABSENT.fullmatch(text):
        return NotFound(text)
    return Unavailable("200 with an error", message=text)


def _refusal(decoded: dict[str, Any]) -> Answer:
    messages, payload = decoded.get("messages"), decoded.get("payload")
    if isinstance(messages, dict):
        fields = {name: _lines(value) for name, value in messages.items()}
        kind = Refusal.NO_STOCK if "checkout_qty" in fields else Refusal.VALIDATION
        text = " ".join(line for lines in fields.values() for line in lines)
        return Refused(kind, cut(text), fields)
    text = messages if isinstance(messages, str) else _plain(payload)
    found = _kind(text, payload)
    if found is None:
        return NotFound(cut(text))
    return Refused(found, cut(text))


PHRASES = (
    ("not available for checkout", Refusal.NOT_AVAILABLE),
    ("not enough", Refusal.NO_STOCK),
    ("no user found", Refusal.INVALID_TARGET),
)
MISSING = ("not found", "does not exist.")

ABSENT = re.compile(
    r"\w+ not found"
    r"|Asset does not exist\."
    r"|User does not exist or you do not have permission view them\."
)
"""How the server says in English that there is no such object, recorded for each kind of object."""


def _kind(text: str, payload: Any) -> Refusal | None:
    """Kind of a refusal given as one text, None for "there is no such object".

    The payload's form comes first: the text is in the language of the token's owner.
    """
    keys = set(payload) if isinstance(payload, dict) else set()
    if {"target_id", "target_type"} <= keys:
        return Refusal.INVALID_TARGET
    if {"asset_tag", "model"} <= keys:
        return Refusal.ALREADY_CHECKED_IN
    words = text.lower()
    for phrase, kind in PHRASES:
        if phrase in words:
            return kind
    return None if words.endswith(MISSING) else Refusal.OTHER


def _lines(value: Any) -> tuple[str, ...]:
    """The lines of a message; anything else in it is left out."""
    lines = value if isinstance(value, list) else [value]
    return tuple(cut(line) for line in lines if isinstance(line, str))


def _plain(payload: Any) -> str:
    return payload if isinstance(payload, str) else ""


def _text(decoded: Any, key: str) -> str:
    value = decoded.get(key) if isinstance(decoded, dict) else None
    return cut(value) if isinstance(value, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After given as a whole number, at most ``LONGEST_PAUSE_S``.

    Dates are not used by Snipe-IT.
    """
    value = headers.get("retry-after", "")
    if not (value.isascii() and value.isdigit()):
        return None
    return min(float(value), LONGEST_PAUSE_S)
