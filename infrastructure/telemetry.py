"""What the processes that move events tell the monitoring."""

from typing import Final

from prometheus_client import Counter, Gauge

RELAY_LEADS: Final = Gauge("qm_relay_leads", "1 while this relay is the one that publishes")
RELAY_LAG: Final = Gauge("qm_relay_lag", "Events of the log that the broker has not confirmed")
RELAY_STOPPED: Final = Counter("qm_relay_stopped", "Times publishing stopped", ["reason"])
PROJECTOR_LAG: Final = Gauge(
    "qm_projector_lag", "Events of the log that are not in the rows", ["projection"]
)
PARKED_EVENTS: Final = Gauge("qm_parked_events", "Events put aside", ["projection"])
APPLIED_EVENTS: Final = Counter("qm_applied_events", "Events taken into the rows", ["projection"])
