"""Where a webhook may point to, as far as its text tells.

A name can lead anywhere by the time that something is sent: then its addresses are looked at
again (``infrastructure.notifications.outbound``). This check tells the administrator early.
"""

import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from domain.errors import InvalidField

URL_LIMIT: Final = 2_000
HOST_LIMIT: Final = 253
LABEL_LIMIT: Final = 63
"""Characters of a name, and of a part of it between dots (RFC 1035): no other can be looked up."""

_PATH: Final = ("url",)
_NAMES_OF_INSIDE: Final = ("localhost", "local", "internal", "lan", "home.arpa")


def check_url(url: str, *, allow_private: bool) -> None:
    """Raise ``InvalidField`` for an address that nothing will be sent to.

    With ``allow_private``, plain http and addresses inside are fine.
    """
    parts = _parts(url)
    schemes = ("https", "http") if allow_private else ("https",)
    if parts.scheme not in schemes:
        raise InvalidField(_PATH, "This must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise InvalidField(_PATH, "This must hold no user name or password.")
    if parts.fragment:
        raise InvalidField(_PATH, "This must hold no #fragment: it is never sent.")
    if not allow_private and _is_inside(parts.hostname or ""):
        raise InvalidField(_PATH, "This leads to a private address.")


def host_of(url: str) -> str:
    """The host of a checked address, with its port if it names one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if parts.port is None else f"{host}:{parts.port}"


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the open internet.

    IPv6 addresses that carry an IPv4 one are judged by that.
    """
    if isinstance(address, ipaddress.IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return is_public(carried)
        if address not in _ROUTED:
            return False
    return address.is_global and not address.is_multicast


_ROUTED: Final = ipaddress.ip_network("2000::/3")
"""What is given out of IPv6 (IANA, global unicast); ``is_global`` also takes what nobody has."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.ip_network("::/96")


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _parts(url: str) -> SplitResult:
    if len(url) > URL_LIMIT:
        raise InvalidField(_PATH, f"This is longer than {URL_LIMIT} characters.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidField(_PATH, "An address has no spaces and only ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidField(_PATH, "This is no address.") from error
    if not parts.hostname or port == 0:
        raise InvalidField(_PATH, "This must name a host, as https://example.org/hook does.")
    if not _can_be_looked_up(parts.hostname):
        raise InvalidField(_PATH, "There can be no host of this name.")
    return parts


def _can_be_looked_up(host: str) -> bool:
    if ":" in host:  # an IPv6 address
        return True
    name = host.removesuffix(".")
    labels = name.split(".")
    return len(name) <= HOST_LIMIT and all(0 < len(label) <= LABEL_LIMIT for label in labels)


def _is_inside(host: str) -> bool:
    name = host.rstrip(".").lower()
    if any(name == inside or name.endswith(f".{inside}") for inside in _NAMES_OF_INSIDE):
        return True
    try:
        return not is_public(ipaddress.ip_address(name))
    except ValueError:
        # A number in any other writing (2130706433, 0x7f.1, 0177.0.0.1) is an address, too.
        return name.rpartition(".")[2][:1].isdigit()
