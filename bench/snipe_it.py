"""The simulated Snipe-IT of a benchmark, as slow as a live server was recorded, and bare calls to it.

The bare calls are what a program without us would send: the same requests over connections that
are kept open, their answers read as JSON, and nothing else.
"""

import asyncio
import gzip
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import orjson

from bench.http_connection import Connection, connect
from bench.processes import ROOT, DidNotStart, running
from infrastructure.snipe_it.transport import Call

ASSETS: Final = 2000
HOLDER: Final = 15
"""The user over there who gets everything."""

TOKEN: Final = "simulator-token"  # noqa: S105 - a made-up server's made-up token
LATENCY: Final = {
    "answer_after_s": 0.037,
    "before_write_s": 0.030,
    "between_writes_s": 0.005,
    "jitter": 0.0,
}
"""With what the simulator needs itself: 40 ms for an asset, 80 ms for a check-out."""

_SEED: Final = ROOT / "demo" / "data" / "snipe-it-inventory.json.gz"
_UNLIMITED: Final = "100000000"
_OK: Final = 200
_HEADERS: Final = f"Accept: application/json\r\nAuthorization: Bearer {TOKEN}\r\n"


class BareCallFailed(Exception):
    """The inventory does not do what it is asked."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Where it answers, and the number of the model that all of its assets are of."""

    base_url: str
    model: int

    @property
    def port(self) -> int:
        """Its port on this machine."""
        return urlsplit(self.base_url).port or 0

    def rename(self, asset_ids: Sequence[int], name: str) -> None:
        """Change the names of assets by hand, as in Snipe-IT's own screens."""
        with self._control() as control:
            for asset_id in asset_ids:
                change = {"table": "hardware", "id": asset_id, "fields": {"name": name}}
                control.post("/simulator/edit", json={"do": "set", **change}).raise_for_status()

    def lent(self) -> int:
        """How many assets somebody has."""
        with self._control() as control:
            rows = control.get("/simulator/assets").raise_for_status().json()["rows"]
        return sum(row["assigned_to"] is not None for row in rows)

    def be_as_slow_as_recorded(self) -> None:
        """Pause in each call from here on."""
        with self._control() as control:
            control.patch("/simulator/settings", json=LATENCY).raise_for_status()

    def _control(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, timeout=30, trust_env=False)


@contextmanager
def simulated() -> Iterator[Inventory]:
    """A simulator with ``ASSETS`` assets that can be checked out, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        dump, file = _dump(), Path(folder) / "inventory.json"
        file.write_text(json.dumps(dump), encoding="utf-8")
        arguments = ["-m", "demo.snipe_it_simulator", "--port", "0", "--inventory", str(file)]
        arguments += ["--calls-per-minute", _UNLIMITED]
        with running(arguments, {}, stdout=PIPE) as process:
            line = b"" if process.stdout is None else process.stdout.readline()
            found = [word.rstrip(",") for word in line.decode().split() if "://" in word]
            if not found:
                raise DidNotStart("the simulator ended before it was ready")
            inventory = Inventory(found[0], dump["hardware"][0]["model"]["id"])
            inventory.be_as_slow_as_recorded()
            yield inventory


def _dump() -> Mapping[str, list[dict[str, Any]]]:
    """The demo's inventory, with copies of one asset that can be checked out instead of its own."""
    dump: dict[str, list[dict[str, Any]]] = json.loads(gzip.decompress(_SEED.read_bytes()))
    pattern = next(row for row in dump["hardware"] if row["user_can_checkout"])
    dump["hardware"] = [
        {**pattern, "id": id, "asset_tag": f"B{id:05}", "serial": f"SN-{id:05}"}
        for id in range(1, ASSETS + 1)
    ]
    dump["activity"] = []
    return dump


async def read(connection: Connection, call: Call) -> Any:
    """Make one call and read its answer. Raises ``BareCallFailed``."""
    query = f"?{urlencode(call.params)}" if call.params else ""
    body = b"" if call.body is None else orjson.dumps(call.body)
    status, content = await connection.request(
        call.method, f"/api/v1{call.path}{query}", _HEADERS, body
    )
    answer = orjson.loads(content)
    if status != _OK or (isinstance(answer, dict) and answer.get("status") == "error"):
        raise BareCallFailed(f"{call}: {status} {content[:200]!r}")
    return answer


async def hand_out(connection: Connection, asset_id: int) -> None:
    """Read, check out, read back: what an operation consists of over there."""
    asset = Call("GET", f"/hardware/{asset_id}")
    target = {"checkout_to_type": "user", "assigned_user": HOLDER, "note": "bare"}
    await read(connection, asset)
    await read(connection, Call("POST", f"/hardware/{asset_id}/checkout", body=target))
    shown = await read(connection, asset)
    if shown["assigned_to"] is None or shown["assigned_to"]["id"] != HOLDER:
        raise BareCallFailed(f"asset {asset_id} was not checked out")


async def hand_out_all(inventory: Inventory, asset_ids: Sequence[int], at_once: int) -> float:
    """Seconds that it takes to hand these out, so many at once."""
    waiting = list(asset_ids)

    async def one_by_one(connection: Connection) -> None:
        while waiting:
            await hand_out(connection, waiting.pop())

    async with connections(inventory, at_once) as all_of_them:
        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for connection in all_of_them:
                tasks.create_task(one_by_one(connection))
        return time.monotonic() - begun


@asynccontextmanager
async def connections(inventory: Inventory, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections to the inventory."""
    opened = [await connect(inventory.port) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
