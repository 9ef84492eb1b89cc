"""What each process is told from outside: environment variables that start with ``QM_``.

A secret may stand in the variable itself or in a file that ``<variable>_FILE`` names. There is
one small class per process, so that each can be given what it needs and nothing else.
"""

import json
import os
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from domain.inventory.servers import AllowedServers

PREFIX: Final = "QM_"
_SHORTEST_SECRET_KEY: Final = 32

Tls = Literal["none", "starttls", "implicit"]
"""How a connection to a mail server is protected."""


class SettingsUnusable(Exception):
    """Settings are missing or wrong; each argument names one and never shows its value."""

    def __str__(self) -> str:
        return "; ".join(self.args)


class _FileSource(EnvSettingsSource):
    """``QM_X_FILE=/run/secrets/x`` gives the setting ``QM_X`` the text of that file."""

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002  the library's signature
        field_name: str,
    ) -> tuple[Any, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsUnusable(
                f"{variable} names a file that cannot be read: {error}"
            ) from error


def _database_url(url: SecretStr) -> SecretStr:
    try:
        conninfo_to_dict(url.get_secret_value())
    except psycopg.ProgrammingError:
        raise ValueError("looks like postgresql://user:password@host:5432/database") from None
    return url


def _broker_url(url: SecretStr) -> SecretStr:
    form = "looks like amqp://user:password@host:5672/"
    try:
        parts = urlsplit(url.get_secret_value())
    except ValueError:
        # What it says quotes the password.
        raise ValueError(form) from None
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ValueError(form)
    return url


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]


def check_all(readings: Iterable[Callable[[], object]]) -> None:
    """Read several settings. Raises ``SettingsUnusable`` with all that is wrong, each once."""
    wrong: list[str] = []
    for read in readings:
        try:
            read()
        except SettingsUnusable as error:
            wrong += error.args
    if wrong:
        raise SettingsUnusable(*dict.fromkeys(wrong))


class ProcessSettings(BaseSettings):
    """How all of them are read."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  see _FileSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the variable, then the file that it names."""
        return init_settings, env_settings, _FileSource(settings_cls)

    @classmethod
    def from_environment(cls, **given: str) -> Self:
        """Read them; what is ``given`` here is read nowhere.

        Raises ``SettingsUnusable`` naming each variable that is missing or wrong.
        """
        values: dict[str, Any] = {**given}
        try:
            return cls(**values)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)
            raise SettingsUnusable(*map(_line, wrong)) from error
        except SettingsError as error:
            raise SettingsUnusable(str(error.__cause__ or error)) from None


def _line(wrong: ErrorDetails) -> str:
    name = f"{PREFIX}{'_'.join(map(str, wrong['loc'])).upper()}"
    if wrong["type"] == "missing":
        return f"{name} is missing; set it, or name in {name}_FILE a file that holds it"
    return f"{name}: {wrong['msg'].removeprefix('Value error, ')}"


class MetricsSettings(ProcessSettings):
    """Where a process shows its measures: on a listener of its own, if a port is given."""

    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    metrics_address: str = "127.0.0.1"


class InventorySettings(ProcessSettings):
    """Which Snipe-IT servers tenants may be connected to: entries with commas between them.

    An entry is an address, the place of its token (``env:QM_SNIPE_IT_TOKEN`` if none is named), and
    the id of the tenant that it is for, ``*`` for all:
    ``https://a.example 01M7…RMY, https://b.example file:/run/secrets/b-token 01M8…TK4``.
    """

    snipe_it_allowed_urls: str = ""

    @field_validator("snipe_it_allowed_urls")
    @classmethod
    def _readable(cls, text: str) -> str:
        AllowedServers.read(text)
        return text

    def inventory_servers(self) -> AllowedServers:
        """The list, as it is asked."""
        return AllowedServers.read(self.snipe_it_allowed_urls)


class _HttpSettings(ProcessSettings):
    secret_key: SecretStr = Field(min_length=_SHORTEST_SECRET_KEY)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> tuple[str, ...]:
        try:
            entries = _listed(value)
            for entry in entries:
                ip_network(entry)
        except ValueError:
            raise ValueError(
                "give addresses or networks with commas between them, such as"
                " 10.0.0.1, 172.30.250.0/24"
            ) from None
        return entries


def _listed(value: object) -> tuple[str, ...]:
    """The entries of a list with commas, or of a JSON list. Raises ``ValueError`` for neither."""
    if isinstance(value, str):
        text = value.strip()
        value = json.loads(text) if text.startswith("[") else filter(str.strip, text.split(","))
    if not isinstance(value, Iterable):
        raise ValueError(value)  # noqa: TRY004  what the validator takes for a wrong value
    return tuple(str(entry).strip() for entry in value)


class CommandSettings(_HttpSettings, InventorySettings):
    """The command API: the login that may append, and the key of request fingerprints.

    ``sign_ups_per_hour`` are those tried from one address, whatever comes of them.
    """

    command_database_url: DatabaseUrl
    pool_size: int = Field(default=8, ge=2, le=200)
    sign_up: Literal["open", "closed"] = "open"
    sign_ups_per_hour: int = Field(default=60, ge=1, le=1_000_000)
    webhook_allow_private: bool = False


class QuerySettings(_HttpSettings):
    """The query API: the login that may only read, and the key that signs cursors."""

    query_database_url: DatabaseUrl
    query_pool_size: int = Field(default=8, ge=2, le=200)


class RelaySettings(ProcessSettings):
    """The relay: it reads the log of all tenants and publishes to the broker."""

    relay_database_url: DatabaseUrl
    amqp_url: BrokerUrl
    relay_lease_s: float = Field(default=15, ge=1, le=300)


class ProjectorSettings(ProcessSettings):
    """The projectors: from the broker if there is one, else straight from the log."""

    projector_database_url: DatabaseUrl
    amqp_url: BrokerUrl | None = None


class RebuildSettings(ProcessSettings):
    """A rebuild of read tables, beside the live ones."""

    rebuild_database_url: DatabaseUrl


class WorkerSettings(InventorySettings):
    """Workers that give commands by themselves: timers, the mirror, the inventory's writers."""

    worker_database_url: DatabaseUrl


class NotificationSettings(ProcessSettings):
    """Notifications: the log to follow, the mail server if there is one, and where we are.

    ``smtp_url`` says it all at once, or host, port, user, password and kind of TLS by themselves.
    ``public_url`` is what links in letters begin with. ``secret_key`` is that of the APIs: the
    secrets of webhooks come from it.
    """

    worker_database_url: DatabaseUrl
    secret_key: SecretStr = Field(min_length=_SHORTEST_SECRET_KEY)
    public_url: str | None = Field(default=None, pattern=r"^https?://[!-~]+$")
    smtp_url: SecretStr | None = None
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Tls = "starttls"
    smtp_from: str | None = None
    smtp_ca_file: Path | None = None
    webhook_allow_private: bool = False


class SnipeItSettings(WorkerSettings):
    """How much all processes together may ask of one tenant's server in a minute."""

    snipe_it_calls_per_minute: int = Field(default=50, ge=1, le=6000)


class MirrorSettings(SnipeItSettings):
    """The mirror: how often it asks what happened, and how often it reads everything.

    ``mirror_calls_per_minute`` is its share of what all processes may ask.
    """

    mirror_every_s: float = Field(default=10, ge=0.1, le=3600)
    mirror_sweep_every_s: float = Field(default=900, ge=1, le=7 * 24 * 3600)
    mirror_calls_per_minute: int = Field(default=20, ge=1, le=6000)


class SnipeItSyncSettings(SnipeItSettings):
    """The sync worker: how it may use each tenant's server.

    ``snipe_it_call_s`` is how long a call may take; ``snipe_it_late_s`` for how long one may still
    take effect after nobody waits for it any more. Set it no lower than what ends a request over
    there (PHP's and the proxy's limits): before it is over, nothing is sent again.
    """

    snipe_it_call_s: float = Field(default=15, ge=0.5, le=120)
    snipe_it_late_s: float = Field(default=60, ge=0.5, le=600)
    snipe_it_watch_every_s: float = Field(default=300, ge=0.2, le=24 * 3600)


class MigrateSettings(ProcessSettings):
    """The migrator: the owner, and the URL of each login whose password it sets."""

    owner_database_url: DatabaseUrl
    command_database_url: DatabaseUrl
    query_database_url: DatabaseUrl
    relay_database_url: DatabaseUrl
    projector_database_url: DatabaseUrl
    rebuild_database_url: DatabaseUrl
    worker_database_url: DatabaseUrl
    amqp_url: BrokerUrl | None = None

    def role_urls(self) -> dict[str, str]:
        """The URL of each login, by the name of its database role."""
        return {
            "qm_command": self.command_database_url.get_secret_value(),
            "qm_query": self.query_database_url.get_secret_value(),
            "qm_relay": self.relay_database_url.get_secret_value(),
            "qm_projector": self.projector_database_url.get_secret_value(),
            "qm_rebuild": self.rebuild_database_url.get_secret_value(),
            "qm_worker": self.worker_database_url.get_secret_value(),
        }


class StatusSettings(ProcessSettings):
    """``status``: how far the projections are, and how the inventories are where it may look."""

    projector_database_url: DatabaseUrl
    worker_database_url: DatabaseUrl | None = None


class UpSettings(ProcessSettings):
    """``make up``: everything on this machine, for one person."""

    port: int = Field(default=8000, ge=1, le=65535)
    data: Path = Path(".quartermaster")
    amqp_url: BrokerUrl | None = None
    broker: Literal["private"] | None = None
