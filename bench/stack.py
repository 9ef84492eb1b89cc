"""What the benchmarks run on: a private Postgres with durable settings, and our processes on it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench.cast import Cast, make_cast
from bench.processes import running, wait_for
from infrastructure.embedded.machine import free_port, kept_secret
from infrastructure.embedded.postgres import EmbeddedPostgres
from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq
from infrastructure.migrate import migrate

QUARTERMASTER: Final = ("-m", "cli.main")
POOL_SIZE: Final = 16
MOST_CONNECTIONS: Final = "400"
"""Sixteen sync workers may open some fourteen each."""

ROLES: Final = ("command", "query", "relay", "projector", "rebuild", "worker")
_names = count(1)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where our two APIs answer."""

    command: int
    query: int


class Stack:
    """Servers in ``folder``; each benchmark gets a database of its own."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres, amqp_url: str) -> None:
        self.postgres = postgres
        self.amqp_url = amqp_url
        self._password = kept_secret(folder / "role-password")
        self._secret_key = kept_secret(folder / "secret-key")

    def new_database(self, name: str) -> str:
        """The URL of a new, empty database for its owner."""
        database = f"{name}_{next(_names)}"
        self.postgres.ensure_database(database)
        return self.postgres.owner_url(database)

    def new_log(self) -> Mapping[str, str]:
        """A migrated database, as the environment that our processes read."""
        owner_url = self.new_database("quartermaster")
        database = urlsplit(owner_url).path.lstrip("/")
        urls = {role: self.postgres.url(f"qm_{role}", self._password, database) for role in ROLES}
        migrate(owner_url, {f"qm_{role}": url for role, url in urls.items()})
        return {
            "QM_SECRET_KEY": self._secret_key,
            "QM_POOL_SIZE": str(POOL_SIZE),
            "QM_QUERY_POOL_SIZE": str(POOL_SIZE),
            **{f"QM_{role.upper()}_DATABASE_URL": url for role, url in urls.items()},
        }

    def cast(self, port: int) -> Cast:
        """A new tenant with its members at the command API on ``port``."""
        return make_cast(port, f"bench{next(_names)}")

    @contextmanager
    def command_api(self, environment: Mapping[str, str] | None = None) -> Iterator[int]:
        """The command API alone, on an empty log unless one is given; its port."""
        with ExitStack() as exits:
            yield _api(exits, "command", environment or self.new_log())

    @contextmanager
    def query_api(self, environment: Mapping[str, str]) -> Iterator[int]:
        """The query API alone, on a log; its port."""
        with ExitStack() as exits:
            yield _api(exits, "query", environment)

    @contextmanager
    def everything(self, log: Mapping[str, str] | None = None) -> Iterator[Ports]:
        """All processes over RabbitMQ, on an empty log unless one is given."""
        environment = {**(log or self.new_log()), "QM_AMQP_URL": self.amqp_url}
        with ExitStack() as exits:
            for words in (["relay"], ["projector"]):
                exits.enter_context(running([*QUARTERMASTER, *words], environment))
            yield Ports(
                command=_api(exits, "command", environment),
                query=_api(exits, "query", environment),
            )


def _api(exits: ExitStack, side: str, environment: Mapping[str, str]) -> int:
    port = free_port()
    arguments = [*QUARTERMASTER, "api", side, "--port", str(port)]
    process = exits.enter_context(running(arguments, environment))
    wait_for(process, f"http://127.0.0.1:{port}/health/ready")
    return port


@contextmanager
def stack_in(folder: Path) -> Iterator[Stack]:
    """A stack whose servers keep everything in ``folder`` and stop at the end."""
    postgres = EmbeddedPostgres(folder / "postgres", {"max_connections": MOST_CONNECTIONS})
    broker = EmbeddedRabbitmq(folder / "rabbitmq")
    try:
        postgres.start()
        postgres.ensure_owner()
        broker.start()
        yield Stack(folder, postgres, broker.url())
    finally:
        broker.stop()
        postgres.stop()
