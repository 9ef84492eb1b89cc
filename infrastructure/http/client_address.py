"""From which address a request comes, as far as that can be believed."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
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

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _forwarded(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for hop in b",".join(values).decode("latin-1").split(",") if hop.strip()]


def _grouped(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _HOUSEHOLD_BITS), strict=False).network_address)
