"""Under which address a request is counted."""

from typing import Any

import pytest

from infrastructure.http.client_address import UNKNOWN, ClientAddresses


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"client": None if peer is None else (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", (), "192.0.2.1"),
        ("192.0.2.1", ("198.51.100.1",), "192.0.2.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("203.0.113.9, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("203.0.113.9", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("anything",), UNKNOWN),
        (None, (), UNKNOWN),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", (), "192.0.2.1"),
        ("::ffff:10.0.0.1", ("203.0.113.9, 198.51.100.1, ::ffff:10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1:40000",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1, 10.0.0.2:40000",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8:1:2:3:4:5:6]:40000",), "2001:db8:1:2::"),
        ("10.0.0.1", ("[2001:db8:1:2:3:4:5:6]",), "2001:db8:1:2::"),
        ("10.0.0.1", ("198.51.100.1:1:2",), UNKNOWN),
    ],
)
def test_only_a_trusted_proxy_speaks_for_somebody_else(
    peer: str | None, forwarded: tuple[str, ...], expected: str
) -> None:
    assert ClientAddresses(["10.0.0.0/8"]).of(scope(peer, *forwarded)) == expected


def test_without_trusted_proxies_nobody_speaks_for_somebody_else() -> None:
    assert ClientAddresses().of(scope("10.0.0.1", "198.51.100.1")) == "10.0.0.1"
