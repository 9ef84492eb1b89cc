"""A program that listens where a server wants to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infrastructure.embedded.machine import LOOPBACK


@contextmanager
def held_for_a_moment(port: int, moment_s: float = 1.0) -> Iterator[None]:
    """Somebody listens on ``port`` and lets go of it after ``moment_s``."""
    with socket.create_server((LOOPBACK, port)) as listener:
        letting_go = threading.Timer(moment_s, listener.close)
        letting_go.start()
        try:
            yield
        finally:
            letting_go.join()
