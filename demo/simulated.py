"""The Snipe-IT of the demo: the simulator with the demo's people, which keeps what it is told."""

import asyncio
import contextlib
import pickle
from pathlib import Path
from typing import Any, Final

from demo.snipe_it_simulator.seed import Dump, read_dump
from demo.snipe_it_simulator.serving import serve
from demo.snipe_it_simulator.simulator import Settings, Simulator
from demo.tenant import DEMO_USERS, email_of

_INVENTORY: Final = Path(__file__).parent / "data" / "snipe-it-inventory.json.gz"
_SAVE_EVERY_S: Final = 0.5
_CALLS_PER_MINUTE: Final = 300
_FIRST_OF_OURS: Final = 9_001


def demo_dump() -> Dump:
    """The demo's inventory with the demo's users among its people."""
    dump = read_dump(_INVENTORY)
    pattern = next(row for row in dump["users"] if row["location"] is not None)
    people = [
        _person(pattern, number, name) for number, name in enumerate(DEMO_USERS, _FIRST_OF_OURS)
    ]
    return {**dump, "users": [*dump["users"], *people]}


async def run(port: int, kept: Path) -> None:
    """Serve until cancelled. What changes is kept in the file ``kept``."""
    settings = Settings(
        calls_per_minute=_CALLS_PER_MINUTE,
        # About as on the live server, where a read takes 0.04 s and a checkout 0.08 s.
        answer_after_s=0.03,
        before_write_s=0.02,
        between_writes_s=0.005,
        jitter=1.0,
    )
    simulator = Simulator(demo_dump(), first_settings=settings)
    saved = _take_up(simulator, kept)
    async with serve(simulator, port):
        try:
            while True:
                await asyncio.sleep(_SAVE_EVERY_S)
                saved = _save(simulator, kept, saved)
        finally:
            _save(simulator, kept, saved)


def _person(pattern: dict[str, Any], number: int, name: str) -> dict[str, Any]:
    first, _, last = name.partition("-")
    told = {"username": name, "email": email_of(name), "first_name": first, "last_name": last}
    names = {"name": f"{first} {last}", "employee_num": str(number), "notes": None}
    counts = {key: 0 for key in pattern if key.endswith("_count")}
    return {**pattern, **told, **names, **counts, "id": number, "permissions": None}


def _take_up(simulator: Simulator, kept: Path) -> bytes:
    """Go on where the last run ended."""
    with contextlib.suppress(FileNotFoundError):
        saved = kept.read_bytes()
        # The file is this process's own, in a folder that nobody else may enter.
        simulator.inventory = pickle.loads(saved)  # noqa: S301
        return saved
    return b""


def _save(simulator: Simulator, kept: Path, saved: bytes) -> bytes:
    """Keep what has changed since ``saved``. Returns what is kept now."""
    now = pickle.dumps(simulator.inventory)
    if now != saved:
        new = kept.with_suffix(".new")
        new.write_bytes(now)
        new.replace(kept)
    return now
