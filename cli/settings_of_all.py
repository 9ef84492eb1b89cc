"""The settings of all processes of ``up``, read before the first of them starts."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from cli.embedded_system import LOGINS
from cli.measured import metrics_ports
from infrastructure.notifications.smtp import mail_server
from infrastructure.settings import (
    CommandSettings,
    MirrorSettings,
    NotificationSettings,
    ProcessSettings,
    ProjectorSettings,
    QuerySettings,
    RelaySettings,
    SettingsUnusable,
    SnipeItSyncSettings,
    UpSettings,
    WorkerSettings,
    check_all,
)

_MADE_BY_UP: Final = {
    "secret_key": "k" * 32,
    **{f"{login}_database_url": "postgresql://127.0.0.1/made-by-up" for login in LOGINS},
}
"""In the place of what ``up`` makes itself, and tells its processes over what is set outside."""


def check_settings(settings: UpSettings) -> None:
    """Read what every process will read. Raises ``SettingsUnusable`` with all that is wrong."""
    check_all(_readings(settings))


def _readings(settings: UpSettings) -> Iterator[Callable[[], object]]:
    kinds: list[type[ProcessSettings]] = [
        CommandSettings,
        QuerySettings,
        ProjectorSettings,
        MirrorSettings,
        SnipeItSyncSettings,
        WorkerSettings,
    ]
    for kind in kinds:
        yield partial(kind.from_environment, **_MADE_BY_UP)
    if settings.amqp_url is not None:
        yield lambda: RelaySettings.from_environment(**_MADE_BY_UP)
    elif settings.broker:
        yield lambda: RelaySettings.from_environment(**_MADE_BY_UP, amqp_url="amqp://127.0.0.1")
    yield lambda: mail_server(NotificationSettings.from_environment(**_MADE_BY_UP))
    yield lambda: _check_metrics_ports(settings.port)


def _check_metrics_ports(port: int) -> None:
    for name, measures in metrics_ports().items():
        if measures == port:
            raise SettingsUnusable(
                f"QM_METRICS_PORT: the measures of {name} would have {port}, the port of QM_PORT"
            )
