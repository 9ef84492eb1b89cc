"""The secrets of ``compose.yaml``: one file each, made up once."""

import secrets
from pathlib import Path
from typing import Final

from cli.embedded_system import DATABASE, LOGINS
from infrastructure.embedded.machine import private_folder
from infrastructure.embedded.postgres import OWNER

_BROKER_USER: Final = "quartermaster"


class SecretsIncomplete(Exception):
    """Some of the secrets are there and some are not."""


def write_secrets(folder: Path) -> list[Path]:
    """Write those that are missing into ``folder``; says which. What is there is kept.

    They are readable for the user of the containers, the folder for its owner alone.
    """
    private_folder(folder)
    missing = {
        folder / name: text for name, text in _made_up().items() if not (folder / name).exists()
    }
    if missing and len(missing) < len(_made_up()):
        names = ", ".join(sorted(path.name for path in missing))
        raise SecretsIncomplete(
            f"{folder} holds some secrets but not {names}: they belong together;"
            " put the missing ones back, or choose an empty folder"
        )
    for path, text in missing.items():
        path.write_text(text, encoding="ascii")
        path.chmod(0o444)
    return sorted(missing)


def _made_up() -> dict[str, str]:
    owner, broker = _new(), _new()
    return {
        "postgres_password": _new(),
        "secret_key": _new(),
        "owner_password": owner,
        "owner_database_url": _url(OWNER, owner),
        **{f"{login}_database_url": _url(f"qm_{login}", _new()) for login in LOGINS},
        "amqp_url": f"amqp://{_BROKER_USER}:{broker}@rabbitmq:5672/",
        "rabbitmq_conf": f"default_user = {_BROKER_USER}\ndefault_pass = {broker}\n",
    }


def _url(user: str, password: str) -> str:
    return f"postgresql://{user}:{password}@postgres:5432/{DATABASE}"


def _new() -> str:
    return secrets.token_urlsafe(32)
