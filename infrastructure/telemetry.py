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
NOTIFICATIONS_LAG: Final = Gauge(
    "qm_notifications_lag", "Events of the log that were not looked at for whom to tell"
)
DELIVERIES: Final = Counter("qm_deliveries", "Attempts to send", ["channel", "outcome"])
DELIVERIES_WAITING: Final = Gauge("qm_deliveries_waiting", "What is still to be sent", ["channel"])
WEBHOOKS_DISABLED: Final = Counter(
    "qm_webhooks_disabled", "Webhooks switched off because they failed for too long"
)
