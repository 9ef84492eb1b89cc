"""`quartermaster up`: what a person sees of it, and what it leaves behind."""

import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from cli.embedded_system import DATABASE
from infrastructure.embedded.machine import free_port
from infrastructure.embedded.postgres import EmbeddedPostgres
from tests.cli.running import System, quartermaster, still_there, system

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that runs, its data in a folder with a blank in its name."""
    data = tmp_path_factory.mktemp("up") / "data folder"
    with system(data, free_port()) as one:
        one.until_ready()
        yield one
        assert one.stop() == 0


def test_the_printed_lines_do_the_main_job(running: System) -> None:
    done = subprocess.run(
        ["/bin/sh", "-euc", running.shell_lines()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert '"position":' in done.stdout
    assert '"state":"draft"' in done.stdout
    assert f"ready {running.origin}" in running.lines


def test_both_apis_answer_at_one_address_with_one_document(running: System) -> None:
    with httpx.Client(base_url=running.origin, trust_env=False, timeout=30) as client:
        assert client.get("/docs").status_code == 200
        assert client.head("/docs").status_code == 200
        document = client.get("/openapi.json").json()
        parts = client.get("/health/ready").json()["parts"]
        assert client.get("/health/live").status_code == 200
        assert client.post("/docs").status_code in {404, 405}
    assert {"get", "post"} <= document["paths"]["/api/v1/requisitions"].keys()
    assert {name.partition(".")[0] for name in parts} == {"command", "query"}


def test_the_demo_tenant_has_an_inventory_whose_people_are_its_members(running: System) -> None:
    with httpx.Client(base_url=f"{running.origin}/api/v1", trust_env=False, timeout=30) as client:
        (line,) = (line for line in running.lines if line.startswith("sign in as"))
        password = line.rpartition(" ")[2]
        signed_in = client.post(
            "/me/signin", data={"username": "demo-admin", "password": password}
        ).json()
        client.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        until = time.monotonic() + 60
        while client.get("/inventory/connection").json()["mirror"]["swept_at"] is None:
            assert time.monotonic() < until, "the inventory was not mirrored"
            time.sleep(0.2)
        people = client.get("/inventory/mappings?kind=user&matched=true").json()["items"]
        assets = client.get("/assets?available=true").json()["items"]
    names = {"demo-admin", "demo-requester", "demo-approver", "demo-technician"}
    assert {one["name"] for one in people} == names
    assert assets


def test_nobody_else_may_read_what_it_keeps(running: System) -> None:
    postgres = running.data / "postgres" / "data"
    kept = [running.data, *(p for p in running.data.rglob("*") if postgres not in p.parents)]
    assert [p for p in kept if stat.S_IMODE(p.stat().st_mode) & 0o077] == []
    assert stat.S_IMODE(postgres.stat().st_mode) == 0o700


def test_everything_listens_on_loopback_only(running: System) -> None:
    heard = {
        name: {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
        for name, process in running.processes().items()
    }
    assert heard["api"] == heard["postgres"] == {"127.0.0.1"}
    assert set().union(*heard.values()) == {"127.0.0.1"}


def test_no_secret_stands_in_the_logs(running: System) -> None:
    secrets = [p.read_text(encoding="ascii") for p in (running.data / "secrets").iterdir()]
    secrets.append((running.data / "postgres" / "password").read_text(encoding="ascii"))
    logs = [p.read_text(encoding="utf-8") for p in (running.data / "logs").iterdir()]
    assert len(secrets) > 5
    assert [secret for secret in secrets if any(secret in log for log in logs)] == []


def test_status_and_verify_find_it_sound(running: System) -> None:
    status = quartermaster(running.data, running.port, "status")
    assert "up: running" in status.stdout
    assert "api: ready" in status.stdout
    assert "requisitions" in status.stdout
    verify = quartermaster(running.data, running.port, "verify")
    assert (verify.returncode, verify.stdout.splitlines()[-1]) == (0, "no difference")


def test_a_second_one_on_the_same_folder_says_so_in_one_line(running: System) -> None:
    second = quartermaster(running.data, free_port(), "up")
    assert second.returncode == 1
    assert "runs already on the data folder" in second.stderr
    assert str(running.process.pid) in second.stderr
    assert second.stderr.count("\n") == 1


def test_a_child_that_dies_is_started_again(running: System) -> None:
    before = running.processes()["projector"]
    before.kill()
    running.hear("projector was killed by signal 9; starting it again")
    subprocess.run(["/bin/sh", "-euc", running.shell_lines()], check=True, timeout=60)
    after = running.wait_for("projector")
    assert after != before


def test_a_postgres_that_dies_is_started_again(running: System) -> None:
    running.processes()["postgres"].kill()
    running.hear("Postgres runs again")
    running.until_the_api_is_ready()
    subprocess.run(["/bin/sh", "-euc", running.shell_lines()], check=True, timeout=60)


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = quartermaster(tmp_path / "data", port, "up")
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_data_folder_that_cannot_be_one_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = quartermaster(tmp_path / "file", free_port(), "up")
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr
    assert done.stderr.count("\n") == 1


def test_after_kill_9_the_next_one_takes_over_keeps_the_data_and_refills_old_tables(
    tmp_path: Path,
) -> None:
    data, port = tmp_path / "data folder", free_port()
    with system(data, port) as first:
        first.until_ready()
        subprocess.run(["/bin/sh", "-euc", first.shell_lines()], check=True, timeout=60)
        processes = first.processes()
        _let_another_version_have_made(data, "history")
        first.stop(signal.SIGKILL)
        with system(data, port) as second:
            second.until_ready()
            assert still_there(processes.values()) == []
            listed = subprocess.run(
                ["/bin/sh", "-euc", second.shell_lines()],
                check=True,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert listed.stdout.count('"state":"draft"') == 2
            (refilled,) = (line for line in second.lines if line.startswith("making the tables"))
            assert "of history anew" in refilled
            assert quartermaster(data, port, "verify").returncode == 0
            assert second.stop() == 0


def _let_another_version_have_made(data: Path, projection: str) -> None:
    url = EmbeddedPostgres(data / "postgres").superuser_url(DATABASE)
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute(
            "UPDATE read.projection_positions SET version = 99 WHERE projection = %s", (projection,)
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    with system(tmp_path / "data", free_port()) as one:
        one.until_ready()
        processes = one.processes()
        assert one.stop(number) == 0
        assert still_there(processes.values(), within_s=1) == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(one.origin, trust_env=False)
