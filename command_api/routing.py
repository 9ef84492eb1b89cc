"""The common part of a command's route: how it is documented."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from command_api import errors
from command_api.receipts import LineReceiptBody, ReceiptBody, documented
from infrastructure.http.json_route import JsonRoute
from infrastructure.http.paths import PREFIX

Options = dict[str, Any]


def router(tag: str) -> APIRouter:
    """A router of commands, under its name in the documents."""
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=JsonRoute)


def creation(operation_id: str, *, of: Callable[[], errors.Responses] = errors.of_new) -> Options:
    """A command that makes something: 201 with ``Location``."""
    return {
        "operation_id": operation_id,
        "status_code": 201,
        "response_model": ReceiptBody,
        "responses": {**documented(201), **of()},
    }


def action(
    operation_id: str, *, of: Callable[[], errors.Responses] = errors.of_existing
) -> Options:
    """A command on something that exists: 200."""
    return {
        "operation_id": operation_id,
        "response_model": ReceiptBody,
        "responses": {**documented(200), **of()},
    }


def line_creation(operation_id: str) -> Options:
    """A command on a line that makes something: 201 with ``Location`` and the line's receipt."""
    options = creation(operation_id, of=errors.of_existing)
    return {**options, "response_model": LineReceiptBody}


def line_action(
    operation_id: str, *, of: Callable[[], errors.Responses] = errors.of_existing
) -> Options:
    """A command on a line: 200 with the requisition's receipt."""
    return {**action(operation_id, of=of), "response_model": LineReceiptBody}


def inventory_action(
    operation_id: str, *, of: Callable[[], errors.Responses] = errors.of_existing
) -> Options:
    """A command that the inventory still has to confirm: 202."""
    return {
        "operation_id": operation_id,
        "status_code": 202,
        "response_model": ReceiptBody,
        "responses": {**documented(202), **of()},
    }


def also(options: Options, status: int) -> Options:
    """The options of a command whose receipt may have another status, too."""
    return {**options, "responses": {**options["responses"], **documented(status)}}
