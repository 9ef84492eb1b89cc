"""What ``up`` keeps in its data folder, and the environment that its processes get from it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo.inventory import TOKEN, TOKEN_SOURCE
from domain.inventory.servers import EVERY_TENANT
from infrastructure.embedded.machine import (
    LOOPBACK,
    free_port,
    kept_secret,
    ports_come_free,
    private_folder,
)
from infrastructure.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq
    from infrastructure.embedded.rabbitmq_binaries import Say

DATABASE: Final = "quartermaster"
_ALLOWED_URLS: Final = "QM_SNIPE_IT_ALLOWED_URLS"
_MIRROR_EVERY_S: Final = "2"
"""Somebody watches: what is done by hand over there is seen at once."""
_CALLS_PER_MINUTE: Final = {
    "QM_SNIPE_IT_CALLS_PER_MINUTE": "110",
    "QM_MIRROR_CALLS_PER_MINUTE": "60",
}
"""More than by default, for a mirror that asks so often; a server lets one user make 120."""
LOGINS: Final = ("command", "query", "relay", "projector", "rebuild", "worker")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data folder of ``up``; nothing in it may be read by anybody else."""

    path: Path

    @property
    def postgres(self) -> EmbeddedPostgres:
        """Its Postgres."""
        return EmbeddedPostgres(self.path / "postgres")

    def rabbitmq(self, say: "Say") -> "EmbeddedRabbitmq":
        """Its RabbitMQ, of ``QM_BROKER=private``."""
        from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq

        return EmbeddedRabbitmq(self.path / "rabbitmq", say)

    @property
    def logs(self) -> Path:
        """Where its processes write."""
        return private_folder(self.path / "logs")

    @property
    def running_mark(self) -> Path:
        """Stands while ``up`` runs, and after one that was killed."""
        return self.path / "running"

    @property
    def inventory(self) -> Path:
        """What the demo's Snipe-IT keeps."""
        return private_folder(self.path / "inventory")

    @property
    def inventory_port(self) -> int:
        """The port of the demo's Snipe-IT: the one it was last started on."""
        return int(self._inventory_port.read_text(encoding="ascii"))

    @property
    def inventory_url(self) -> str:
        """The address of the demo's Snipe-IT."""
        return f"http://{LOOPBACK}:{self.inventory_port}"

    def choose_inventory_port(self) -> None:
        """Let the demo's Snipe-IT have the port that it had, or another that is free."""
        kept = self._inventory_port
        if not (kept.exists() and ports_come_free(self.inventory_port)):
            kept.write_text(str(free_port()), encoding="ascii")

    @property
    def has_demo(self) -> bool:
        """Whether ``up`` has made the demo here."""
        return (self.path / "secrets" / "demo").exists() and self._inventory_port.exists()

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
            **self._inventories(),
            **{f"QM_{login.upper()}_DATABASE_URL": urls[f"qm_{login}"] for login in LOGINS},
        }

    def _inventories(self) -> dict[str, str]:
        """The demo's Snipe-IT beside those that the person who starts this allows.

        It is for every tenant: the demo's has no id yet, and nobody else reaches this machine.
        """
        if not self._inventory_port.exists():
            return {}
        own = os.environ.get(_ALLOWED_URLS, "").strip()
        demo = f"{self.inventory_url} {TOKEN_SOURCE} {EVERY_TENANT}"
        return {
            _ALLOWED_URLS: ", ".join(filter(None, (own, demo))),
            TOKEN_SOURCE.removeprefix("env:"): TOKEN,
            "QM_MIRROR_EVERY_S": os.environ.get("QM_MIRROR_EVERY_S", _MIRROR_EVERY_S),
            **{name: os.environ.get(name, most) for name, most in _CALLS_PER_MINUTE.items()},
        }

    @property
    def _inventory_port(self) -> Path:
        return self.inventory / "port"

    @property
    def _secrets(self) -> Path:
        return private_folder(self.path / "secrets")


def settings_of(data: Path) -> None:
    """Where no database is named, let a tool work on the system of ``up`` in ``data``."""
    named = any(name.endswith(("_DATABASE_URL", "_DATABASE_URL_FILE")) for name in os.environ)
    folder = DataFolder(data.expanduser().absolute())
    if not named and (folder.path / "postgres" / "port").exists():
        os.environ.update(folder.environment())
