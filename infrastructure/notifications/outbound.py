"""HTTP to addresses that tenants have chosen: only to the open internet, and nowhere else.

A name is looked up once, all of its addresses are judged, and the connection goes to one that was
judged: a name that leads elsewhere a moment later changes nothing. No redirect is followed, no
proxy of the environment is used, and an answer is read no further than it matters.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

import httpx

from domain.errors import InvalidField
from domain.notifications.addresses import check_url, is_public
from infrastructure.notifications.outcomes import Never, NotNow, Outcome, Sent

AGENT: Final = "Quartermaster-Webhooks/1"
CONNECT_S: Final = 5.0
READ_S: Final = 10.0
TOTAL_S: Final = 15.0
ANSWER_LIMIT: Final = 4 * 1024
"""Bytes of an answer that are read; it is its status that counts."""

LONGEST_RETRY_AFTER_S: Final = 24 * 3600.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """The name leads where nothing is sent to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses behind a name. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a connection, a silence of the other side and the whole may take."""

    connect: float = CONNECT_S
    read: float = READ_S
    total: float = TOTAL_S


class Outbound:
    """Posts messages. ``allow_private`` also lets it reach addresses inside, and plain http.

    ``authorities`` replaces the certificate authorities of the system.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        deadlines: Deadlines | None = None,
        authorities: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._deadlines = deadlines or Deadlines()
        # Nothing is kept open: the next message may go to another address of the same name.
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=authorities or httpx.create_ssl_context(trust_env=False),
                trust_env=False,
                limits=httpx.Limits(max_keepalive_connections=0),
            ),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._deadlines.read, connect=self._deadlines.connect),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send a body and say what became of it. Raises nothing but cancellation."""
        try:
            async with asyncio.timeout(self._deadlines.total):
                return await self._post(url, headers, body)
        except (AddressRefused, InvalidField) as error:
            return NotNow(f"address refused: {error}")
        except TimeoutError:
            return NotNow(f"no answer within {self._deadlines.total:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return NotNow(_said(error))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        check_url(url, allow_private=self._allow_private)
        parts = urlsplit(url)
        address = await self._judged(parts)
        request = self._http.build_request(
            "POST",
            httpx.URL(url).copy_with(host=address),
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": AGENT,
                **headers,
                "Host": parts.netloc,
            },
            # The certificate must be that of the name, whatever address it is shown at.
            extensions={"sni_hostname": parts.hostname},
        )
        response = await self._http.send(request, stream=True)
        try:
            await _read_a_little(response)
        finally:
            await response.aclose()
        return _outcome(response)

    async def _judged(self, parts: SplitResult) -> str:
        """The address to connect to. Raises ``AddressRefused`` if any of the name's is inside."""
        host = parts.hostname or ""
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        addresses = await self._resolve(host, port)
        if not addresses:
            raise AddressRefused("the name has no address")
        if not self._allow_private:
            for address in addresses:
                if not is_public(ipaddress.ip_address(address.partition("%")[0])):
                    raise AddressRefused("the name leads to a private address")
        return addresses[0]


async def _read_a_little(response: httpx.Response) -> None:
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read >= ANSWER_LIMIT:
            return


def _outcome(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Sent(status)
    if status == HTTPStatus.GONE:
        return Never("the receiver wants no more (410)", status, gone=True)
    if response.is_redirect:
        return NotNow("the receiver redirects, which is not followed", status)
    return NotNow(f"the receiver answered {status}", status, _retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the receiver asks to be left alone; None where it asks for none."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text).timestamp()
        now = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (ValueError, KeyError, OverflowError):
        return None
    return min(max(0.0, until - now), LONGEST_RETRY_AFTER_S)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]
