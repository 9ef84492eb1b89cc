"""Where the processes of ``up`` show their measures: each on a port of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cli.supervisor import Job
from infrastructure.settings import MetricsSettings, SettingsUnusable

ORDER: Final = (
    "api",
    "projector",
    "relay",
    "mirror",
    "snipe-it-sync",
    "timers",
    "notifications",
)
"""The first has the port of ``QM_METRICS_PORT``, the next one the port after it, and so on."""

_LAST_PORT: Final = 65535


def metrics_ports() -> dict[str, int]:
    """The port of each process, by its name; none where no port is set.

    Raises ``SettingsUnusable``.
    """
    first = MetricsSettings.from_environment().metrics_port
    if first is None:
        return {}
    if first + len(ORDER) - 1 > _LAST_PORT:
        raise SettingsUnusable(
            f"QM_METRICS_PORT: {len(ORDER)} processes have ports from there on,"
            f" and the last port is {_LAST_PORT}"
        )
    return {name: first + place for place, name in enumerate(ORDER)}


def measured(jobs: Sequence[Job]) -> list[Job]:
    """The same jobs, each told its own port, or none. Raises ``SettingsUnusable``."""
    ports = metrics_ports()
    return [
        replace(
            job,
            environment={
                **job.environment,
                "QM_METRICS_PORT": str(ports.get(job.name, "")),
                "QM_METRICS_PORT_FILE": "",
            },
        )
        for job in jobs
    ]
