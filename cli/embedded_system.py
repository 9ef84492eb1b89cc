"""What ``up`` keeps in its data folder, and the environment that its processes get from it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infrastructure.embedded.machine import kept_secret, private_folder
from infrastructure.embedded.postgres import EmbeddedPostgres
from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq
from infrastructure.embedded.rabbitmq_binaries import Say

DATABASE: Final = "quartermaster"
LOGINS: Final = ("command", "query", "relay", "projector", "rebuild", "worker")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of ``up``; nothing in it may be read by anybody else."""

    path: Path

    @property
    def postgres(self) -> EmbeddedPostgres:
        """Its Postgres."""
        return EmbeddedPostgres(self.path / "postgres")

    def rabbitmq(self, say: Say) -> EmbeddedRabbitmq:
        """Its RabbitMQ, of ``QM_BROKER=private``."""
        return EmbeddedRabbitmq(self.path / "rabbitmq", say)

    @property
    def logs(self) -> Path:
        """Where its processes write."""
        return private_folder(self.path / "logs")

    @property
    def running_mark(self) -> Path:
        """Stands while ``up`` runs, and after one that was killed."""
        return self.path / "running"

    def demo_password(self) -> str:
        """The password of the demo's users."""
        return f"demo-{kept_secret(self._secrets / 'demo', size=9)}"

    def role_urls(self) -> dict[str, str]:
        """The URL of each database role that logs in."""
        server = self.postgres
        return {
            f"qm_{login}": server.url(f"qm_{login}", kept_secret(self._secrets / login), DATABASE)
            for login in LOGINS
        }

    def environment(self) -> dict[str, str]:
        """What the processes of this system are told."""
        urls = self.role_urls()
        return {
            "QM_SECRET_KEY": kept_secret(self._secrets / "key"),
            **{f"QM_{login.upper()}_DATABASE_URL": urls[f"qm_{login}"] for login in LOGINS},
        }

    @property
    def _secrets(self) -> Path:
        return private_folder(self.path / "secrets")


def settings_of(data: Path) -> None:
    """Where no database is named, let a tool work on the system of ``up`` in ``data``."""
    named = any(name.endswith(("_DATABASE_URL", "_DATABASE_URL_FILE")) for name in os.environ)
    folder = DataFolder(data.expanduser().absolute())
    if not named and (folder.path / "postgres" / "port").exists():
        os.environ.update(folder.environment())
