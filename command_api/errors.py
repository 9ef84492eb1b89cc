"""What each kind of route may refuse with, as its page of the documents says it."""

from typing import Any

from infrastructure.http.problems import refusals

Responses = dict[int | str, dict[str, Any]]

ALWAYS = (400, 401, 403, 409, 412, 413, 422, 503)
"""Of every command: the caller, the body, the rules, the key, If-Match, the store."""


def of_new(*more: int) -> Responses:
    """Of a command that makes something."""
    return refusals(*ALWAYS, *more)


def of_existing(*more: int) -> Responses:
    """Of a command on something that exists: it may be gone by now."""
    return refusals(*ALWAYS, 404, *more)


def of_versioned() -> Responses:
    """Of a change that has to say which version it is meant for."""
    return of_existing(428)
