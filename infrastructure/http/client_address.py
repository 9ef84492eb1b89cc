"""From which address a request comes, as far as that can be believed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.types import Scope

UNKNOWN: Final = "unknown"
_HOUSEHOLD_BITS: Final = 64


class ClientAddresses:
    """X-Forwarded-For counts only where the peer is a trusted proxy (an address or a network)."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(ip_network(network) for network in trusted)

    def of(self, scope: Scope) -> str:
        """The address a request is counted under; IPv6 by its /64, which one client owns."""
        peer = (scope.get("client") or (UNKNOWN, 0))[0]
        for hop in (peer, *reversed(_forwarded(scope))):
            if not self._is_trusted(hop):
                return _grouped(hop)
            peer = hop
        return _grouped(peer)

    def _is_trusted(self, hop: str) -> bool:
        address = _address(hop)
        return address is not None and any(address in network for network in self._trusted)


def _forwarded(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for hop in b",".join(values).decode("latin-1").split(",") if hop.strip()]


def _address(hop: str) -> IPv4Address | IPv6Address | None:
    """The address of a hop, which may name its port; None where it is none.

    IPv4 inside IPv6 is IPv4: it depends on the socket that is listened on.
    """
    text = hop
    if hop.startswith("["):
        text = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        text = hop.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _grouped(hop: str) -> str:
    address = _address(hop)
    if not isinstance(address, IPv6Address):
        return UNKNOWN if address is None else str(address)
    return str(ip_network((int(address), _HOUSEHOLD_BITS), strict=False).network_address)
