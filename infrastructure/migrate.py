"""Brings a database to the present schema, as its owner. No other process runs as the owner."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

MIGRATIONS = Path(__file__).parent.parent / "migrations"
LOCK = 0x514D_0001
CONNECT_TIMEOUT_S = 10


def migrate(owner_url: str, role_urls: dict[str, str]) -> None:
    """Apply every migration not yet applied, and give the login roles their passwords.

    ``role_urls`` maps a role (``qm_command``…) to the URL its process connects with; only the
    password is taken from it, and without one the role keeps what it has. Two at once: the second
    waits, then finds nothing to do. Raises ``psycopg.Error`` or SQLAlchemy's ``DBAPIError`` where
    the database refuses.
    """
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        _upgrade(owner_url)
        for role, url in sorted(role_urls.items()):
            _let_in(lock, role, str(conninfo_to_dict(url).get("password") or ""))


def _upgrade(owner_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(owner_url, connect_timeout=CONNECT_TIMEOUT_S),
        poolclass=NullPool,
    )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


# Roles belong to the cluster: a migration of another database may touch the same row just now.
@retry(
    retry=retry_if_exception_type(psycopg.errors.InternalError_),
    stop=stop_after_attempt(10),
    wait=wait_random(0.01, 0.1),
    reraise=True,
)
def _let_in(connection: psycopg.Connection, role: str, password: str) -> None:
    name = sql.Identifier(role)
    if not password:
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(name))
        return
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(name, sql.Literal(verifier)))
