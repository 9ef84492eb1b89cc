"""Measures of the HTTP edge, and the separate listener that shows all measures of a process."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Counter, Histogram, start_http_server

REQUESTS: Final = Counter(
    "qm_http_requests_total", "Requests answered.", ("api", "method", "route", "status")
)
SECONDS: Final = Histogram(
    "qm_http_request_seconds",
    "Time to answer.",
    ("api", "method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def serve_metrics(port: int, address: str = "127.0.0.1") -> Callable[[], None]:
    """Serve ``/metrics`` on a listener of its own; the returned function stops it."""
    server, thread = start_http_server(port, address)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

    return stop
