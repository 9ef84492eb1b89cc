"""The exchanges recorded from a live Snipe-IT v8.1.4, as the tests use them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fixtures" / "snipe_it"
SEED = FOLDER / "seed.json"


@dataclass(frozen=True)
class Recording:
    """One exchange. ``body`` is decoded JSON, text, or None."""

    name: str
    method: str
    path: str
    request_headers: dict[str, str]
    request_body: Any
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def at(self) -> datetime:
        """The server's clock when it answered, in whole seconds."""
        return parsedate_to_datetime(self.headers["date"]).astimezone(UTC)

    @property
    def is_json(self) -> bool:
        """Whether the answer was JSON."""
        return self.headers.get("content-type", "").startswith("application/json")

    def raw_request(self) -> bytes | None:
        """The request's body as it was sent."""
        if self.request_body is None:
            return None
        if isinstance(self.request_body, dict) and "_raw" in self.request_body:
            return str(self.request_body["_raw"]).encode()
        return json.dumps(self.request_body).encode()

    def raw_answer(self) -> bytes:
        """The answer's body as it was received, but for what the recorder cut off."""
        if self.is_json:
            return json.dumps(without_cut_marks(self.body)).encode()
        return str(self.body or "").encode()


@cache
def recordings() -> dict[str, Recording]:
    """Every recording of an endpoint that the client uses, by name."""
    found = {}
    for path in sorted((FOLDER / "recordings").glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        request, response = data["request"], data["response"]
        found[data["name"]] = Recording(
            name=data["name"],
            method=request["method"],
            path=request["path"],
            request_headers=request["headers"],
            request_body=request["body"],
            status=response["status"],
            headers=response["headers"],
            body=response["body"],
        )
    return found


def cut_mark(row: Any) -> bool:
    """Whether a list's row is the recorder's mark for the rows it left out."""
    return isinstance(row, str) and row.startswith("<trimmed")


def without_cut_marks(body: Any) -> Any:
    """A list without the recorder's marks."""
    if not isinstance(body, dict) or not isinstance(body.get("rows"), list):
        return body
    return {**body, "rows": [row for row in body["rows"] if not cut_mark(row)]}
