"""Drives recordings against the simulator and says where the answers differ."""

from datetime import UTC, datetime
from typing import Any

import httpx

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.hand_edits import apply
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Simulator
from tests.demo.storylines import ORDINARY, Do, Edit, Story
from tests.snipe_it_recordings import SEED, Recording, cut_mark, recordings

DAY = "2026-11-21"
COMPARED_HEADERS = (
    "content-type",
    "location",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "retry-after",
    "x-ratelimit-reset",
)


class Clock:
    """The server's clock, set to the moment of each recording."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 1, 24, 52, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def set(self, time: str) -> None:
        """Set to a time of the recordings' day."""
        self.now = datetime.fromisoformat(f"{DAY}T{time}+00:00")


async def play(story: Story) -> dict[str, list[str]]:
    """Differences of each recording of a story; an empty list is none."""
    clock = Clock()
    simulator = Simulator(read_dump(SEED), clock=clock)
    simulator.access.tokens[ORDINARY] = 2
    if story.server.calls_per_minute is not None:
        simulator.settings.calls_per_minute = story.server.calls_per_minute
        simulator.apply_settings()
    if story.server.fault is not None:
        simulator.faults.ordered.append(story.server.fault)
    found: dict[str, list[str]] = {}
    async with _client(simulator) as http:
        for step in story.steps:
            if isinstance(step, Edit):
                clock.set(step.time)
                apply(simulator.inventory, step.edit)
            elif isinstance(step, Do):
                clock.set(step.time)
                await _do(http, step)
            else:
                recording = recordings()[step]
                clock.now = recording.at
                answer = await _drive(http, recording, story.token or _token(recording))
                found[step] = differences(recording, answer)
    return found


def differences(recording: Recording, answer: httpx.Response) -> list[str]:
    """Where an answer differs from the recorded one, as ``path: recorded != answered``."""
    found = []
    if answer.status_code != recording.status:
        found.append(f"status: {recording.status} != {answer.status_code} {answer.text[:200]}")
    for name in COMPARED_HEADERS:
        was, now = recording.headers.get(name), answer.headers.get(name)
        only_presence = _volatile_header(recording, name) and was is not None and now is not None
        if was != now and not only_presence:
            found.append(f"{name}: {was!r} != {now!r}")
    if recording.is_json:
        body = answer.json() if _is_json(answer) else answer.text
        found += _different(recording.body, body, "body")
    elif recording.body and recording.body != answer.text:
        found.append(f"body: {str(recording.body)[:60]!r}… != {answer.text[:60]!r}…")
    return found


def _client(simulator: Simulator) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(SimulatorApp(simulator))
    http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8091")
    # Whoever recorded sent no headers but those in the recordings.
    http.headers.clear()
    return http


async def _do(http: httpx.AsyncClient, step: Do) -> None:
    headers = {"Accept": "application/json", "Authorization": f"Bearer {DEMO_TOKEN}"}
    body = step.body if step.method != "GET" else None
    for _ in range(step.times):
        answer = await http.request(step.method, "/api/v1" + step.path, json=body, headers=headers)
        assert answer.json().get("status") != "error", (step, answer.text)


async def _drive(http: httpx.AsyncClient, recording: Recording, token: str) -> httpx.Response:
    headers = {
        name: f"Bearer {token}" if value == "Bearer REDACTED" else value
        for name, value in recording.request_headers.items()
    }
    return await http.request(
        recording.method, recording.path, content=recording.raw_request(), headers=headers
    )


def _token(recording: Recording) -> str:
    return ORDINARY if recording.name == "ratelimit.429.other-user-has-own-budget" else DEMO_TOKEN


def _volatile_header(recording: Recording, name: str) -> bool:
    """The recorder emptied the server's counter before each call, so what is left says nothing.

    The recordings of the limit itself are compared in full.
    """
    return name == "x-ratelimit-remaining" and not recording.name.startswith("ratelimit.")


def _is_json(answer: httpx.Response) -> bool:
    content_type: str = answer.headers.get("content-type", "")
    return content_type.startswith("application/json")


def _different(was: Any, now: Any, path: str) -> list[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        found = [f"{path}.{key}: missing" for key in was.keys() - now.keys()]
        found += [f"{path}.{key}: not recorded" for key in now.keys() - was.keys()]
        for key in was.keys() & now.keys():
            found += _different(was[key], now[key], f"{path}.{key}")
        return found
    if isinstance(was, list) and isinstance(now, list):
        return _different_rows(was, now, path)
    same = was == now and type(was) is type(now)
    return [] if same else [f"{path}: {was!r} != {now!r}"]


def _different_rows(was: list[Any], now: list[Any], path: str) -> list[str]:
    """Row by row; where the recorder cut rows off, their number still has to be right."""
    kept = [row for row in was if not cut_mark(row)]
    cut = sum(int(row.split()[1]) for row in was if cut_mark(row))
    if len(now) != len(kept) + cut:
        return [f"{path}: {len(kept) + cut} rows != {len(now)}"]
    found = []
    for number, (old, new) in enumerate(zip(kept, now, strict=False)):
        found += _different(old, new, f"{path}[{number}]")
    return found
