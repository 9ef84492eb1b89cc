"""Small facts about this machine: whose a port is, and when it comes free."""

import socket

from infrastructure.embedded.machine import LOOPBACK, free_port, ports_come_free
from tests.infrastructure.embedded.ports import held_for_a_moment


def test_ports_of_a_program_that_is_dying_come_free() -> None:
    first, second = free_port(), free_port()
    with held_for_a_moment(second, 0.3):
        assert ports_come_free(first, second)


def test_a_port_that_somebody_keeps_does_not_come_free() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert not ports_come_free(free_port(), port)
