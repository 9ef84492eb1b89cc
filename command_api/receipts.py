"""How a command that was carried out is answered."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from domain.ports import Receipt
from infrastructure.event_store.commands import Answer

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_POSITION: Final = {"description": "The command's place in the log.", "schema": {"type": "string"}}
_HEADERS: Final[dict[str, Any]] = {
    "ETag": {"description": 'The version: "3".', "schema": {"type": "string"}},
    "X-Event-Position": _POSITION,
    "X-Request-Id": {"schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "true, where this is the answer of an earlier request.",
        "schema": {"type": "string"},
    },
}
_LOCATION: Final = {"Location": {"schema": {"type": "string"}}}


class ReceiptBody(BaseModel):
    """Proof that a command is in the log, at ``position``."""

    id: str = Field(examples=["01JD8Y4Z3N6V8M2K5T7W9XQ1RC"])
    version: int = Field(ge=1)
    position: int = Field(ge=0)


class LineReceiptBody(ReceiptBody):
    """The requisition's receipt, with the line."""

    line_id: str


def response_of(answer: Answer, more: Mapping[str, str] = NOTHING) -> Response:
    """The receipt, with the headers that go with it. ``more`` is shown and kept nowhere."""
    receipt = answer.receipt
    headers = {
        "ETag": f'"{receipt.version}"',
        "X-Event-Position": str(receipt.position),
    }
    if answer.location is not None:
        headers["Location"] = answer.location
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(
        orjson.dumps({**_body(receipt), **more}),
        status_code=answer.status,
        headers=headers,
        media_type="application/json",
    )


def documented(status: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` entry of a receipt that is answered with ``status``."""
    located = status in (201, 202)
    return {status: {"headers": _HEADERS | _LOCATION if located else _HEADERS}}


def _body(receipt: Receipt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": receipt.id,
        "version": receipt.version,
        "position": receipt.position,
    }
    if receipt.line_id is not None:
        body["line_id"] = receipt.line_id
    return body
