"""kill -9 of the command API at every point: a repeat under the same key tells the truth."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from infrastructure.crash_points import CrashPoint
from infrastructure.embedded.machine import free_port
from tests.faults.checks import ask, assert_tables_equal_a_fresh_replay, wait_until_projected
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Process, Processes, eventually

POINTS: Final = [point for point in CrashPoint if point.startswith("command_")]
COMMANDS: Final = 16
AT_ONCE: Final = 4

Body = dict[str, Any]


@dataclass
class Api:
    """The command API on a port of its own, started as often as it takes."""

    processes: Processes
    port: int
    token: str = ""

    def start(self, **environment: str) -> Process:
        process = self.processes.start("api", "command", QM_PORT=str(self.port), **environment)
        eventually(lambda: self._is_ready() or not process.is_running, "the command API is ready")
        return process

    def sign_up(self) -> None:
        answer = self._send("/me/signup", SIGN_UP)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self.token = answer.json()["access_token"]

    def post(self, path: str, body: Body, key: str) -> httpx.Response | None:
        """The answer; None where the connection was lost."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        try:
            return self._send(path, body, headers)
        except httpx.TransportError:
            return None

    def _send(self, path: str, body: Body, headers: dict[str, str] | None = None) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False)

    def _is_ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/health/ready"
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False


SIGN_UP: Final[Body] = {
    "username": "nina",
    "email": "nina@lab.example",
    "password": "kettle and spoon",
    "tenant_name": "Lab",
}
DRAFT: Final[Body] = {
    "purpose": "Measure things",
    "lines": [{"item": {"kind": "purchase", "description": "Oscilloscope"}, "quantity": 2}],
}


@pytest.fixture
def api(processes: Processes) -> Api:
    """Not running; somebody has signed up."""
    api = Api(processes, free_port())
    first = api.start()
    api.sign_up()
    first.kill()
    return api


def send_all(api: Api, path: str, body: Body) -> dict[str, httpx.Response | None]:
    """The same command under many keys, several at once."""
    keys = [f"{path} {number}" for number in range(COMMANDS)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(lambda key: api.post(path, body, key), keys)
        return dict(zip(keys, answers, strict=True))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 5])
def test_projects_of_a_killed_command_api(
    database: Database, processes: Processes, api: Api, point: CrashPoint, nth: int
) -> None:
    body = {"name": "Solar car"}
    doomed = api.start(QM_CRASH_AT=f"{point}:{nth}")
    first = send_all(api, "/projects", body)
    doomed.wait_until_killed()
    api.start()

    second = send_all(api, "/projects", body)

    assert_told_the_truth(first, second)
    assert_stored_once(database, "project.created.v1", second)
    assert_projected(database, processes)


@pytest.mark.parametrize(
    "point", [CrashPoint.COMMAND_BEFORE_APPEND, CrashPoint.COMMAND_AFTER_COMMIT]
)
def test_requisitions_of_a_killed_command_api(
    database: Database, processes: Processes, api: Api, point: CrashPoint
) -> None:
    healthy = api.start()
    project = api.post("/projects", {"name": "Solar car"}, "the project")
    assert project is not None
    body = {**DRAFT, "project_id": project.json()["id"]}
    healthy.kill()
    doomed = api.start(QM_CRASH_AT=f"{point}:3")
    first = send_all(api, "/requisitions", body)
    doomed.wait_until_killed()
    api.start()

    second = send_all(api, "/requisitions", body)

    assert_told_the_truth(first, second)
    assert_stored_once(database, "requisition.drafted.v1", second)
    assert_projected(database, processes)


def assert_told_the_truth(
    first: dict[str, httpx.Response | None], second: dict[str, httpx.Response | None]
) -> None:
    assert None in first.values()
    for key, repeat in second.items():
        assert repeat is not None
        assert repeat.status_code == httpx.codes.CREATED, repeat.text
        earlier = first[key]
        if earlier is not None:
            assert (earlier.status_code, earlier.json()) == (repeat.status_code, repeat.json())
            assert repeat.headers["Idempotency-Replayed"] == "true"


def assert_stored_once(
    database: Database, topic: str, answers: dict[str, httpx.Response | None]
) -> None:
    stored = ask(database, "SELECT originator_id FROM log.stored_events WHERE topic = %s", topic)
    receipts = {answer.json()["id"] for answer in answers.values() if answer is not None}
    assert len(stored) == len(set(stored)) == len(receipts) == len(answers)


def assert_projected(database: Database, processes: Processes) -> None:
    processes.start("projector")
    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)
