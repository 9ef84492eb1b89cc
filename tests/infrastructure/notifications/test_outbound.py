"""Messages to addresses that somebody has chosen go to the open internet and nowhere else."""

import ssl
from collections.abc import AsyncIterator, Sequence

import pytest

from infrastructure.notifications.outbound import Deadlines, Outbound
from infrastructure.notifications.outcomes import Never, NotNow, Sent
from tests.fixtures.smtp_server import AUTHORITY, server_context
from tests.fixtures.webhook_receiver import Receiver

DAY = "Sat, 21 Nov 2026"
QUICK = Deadlines(connect=0.3, read=0.3, total=0.6)
HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running


@pytest.fixture
async def inside() -> AsyncIterator[Outbound]:
    """One that may reach the loopback of the tests."""
    async with Outbound(allow_private=True, deadlines=QUICK) as outbound:
        yield outbound


def leading_to(*addresses: str) -> "Resolver":
    return Resolver([list(addresses)])


class Resolver:
    """Answers each question for a name with the next of its answers."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


async def test_a_message_arrives_with_its_headers(receiver: Receiver, inside: Outbound) -> None:
    assert await inside.post(receiver.url("/a?b=c"), HEADERS, b'{"a":1}') == Sent(204)

    (message,) = receiver.messages
    assert (message.path, message.body) == ("/a?b=c", b'{"a":1}')
    assert HEADERS.items() <= message.headers.items()
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert message.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["10.0.0.7"],
        ["172.16.3.4"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["fe80::1%eth0"],
        ["0.0.0.0"],  # noqa: S104  an address to be refused
        ["100.100.100.200"],
        ["224.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["8.8.8.8", "10.0.0.7"],
        [],
    ],
)
async def test_a_name_that_leads_inside_is_not_connected_to(
    receiver: Receiver, addresses: list[str]
) -> None:
    resolver = leading_to(*addresses)
    async with Outbound(resolve=resolver, deadlines=QUICK) as outbound:
        outcome = await outbound.post(f"https://hooks.example.org:{receiver.port}/", HEADERS, b"")

    assert isinstance(outcome, NotNow)
    assert "address refused" in outcome.error
    assert receiver.messages == []


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://2130706433/", "https://[::1]/", "https://localhost/"],
)
async def test_an_address_inside_is_refused_however_it_is_written(url: str) -> None:
    async with Outbound(deadlines=QUICK) as outbound:
        outcome = await outbound.post(url, HEADERS, b"")

    assert isinstance(outcome, NotNow)
    assert "address refused" in outcome.error


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name that leads elsewhere a moment later is not asked again, and TLS checks the name."""
    context = ssl.create_default_context(cafile=str(AUTHORITY))
    resolver = Resolver([["127.0.0.1"], ["192.0.2.1"]])
    async with (
        Receiver(context=server_context()).running() as receiver,
        Outbound(
            allow_private=True, resolve=resolver, deadlines=QUICK, authorities=context
        ) as outbound,
    ):
        url = f"https://hooks.example.org:{receiver.port}/hook"
        assert await outbound.post(url, HEADERS, b"{}") == Sent(204)
        other = f"https://elsewhere.example.org:{receiver.port}/hook"
        resolver.asked = 0
        mistaken = await outbound.post(other, HEADERS, b"{}")

        assert receiver.messages[0].headers["host"] == f"hooks.example.org:{receiver.port}"
    assert resolver.asked == 1
    assert isinstance(mistaken, NotNow)
    assert "certificate" in mistaken.error.lower()


async def test_no_redirect_is_followed(receiver: Receiver, inside: Outbound) -> None:
    receiver.answers = [f"302 Found\r\nLocation: {receiver.url('/elsewhere')}"]

    outcome = await inside.post(receiver.url(), HEADERS, b"{}")

    assert isinstance(outcome, NotNow)
    assert outcome.status == 302
    assert [message.path for message in receiver.messages] == ["/hook"]


async def test_who_hangs_or_never_ends_is_left(receiver: Receiver, inside: Outbound) -> None:
    receiver.answers = ["hang", "endless"]

    hung = await inside.post(receiver.url(), HEADERS, b"{}")
    endless = await inside.post(receiver.url(), HEADERS, b"{}")

    assert isinstance(hung, NotNow)
    assert endless == Sent(200)


@pytest.mark.parametrize(
    ("answer", "status", "after_s"),
    [
        ("500 Oops", 500, None),
        ("404 Not Found", 404, None),
        ("429 Slow down\r\nRetry-After: 17", 429, 17.0),
        ("503 Later\r\nRetry-After: 999999999", 503, 24 * 3600.0),
        ("503 Later\r\nRetry-After: soon", 503, None),
        (f"503 Later\r\nDate: {DAY} 09:00:00 GMT\r\nRetry-After: {DAY} 09:01:00 GMT", 503, 60.0),
    ],
)
async def test_a_failure_says_when_it_may_be_tried_again(
    receiver: Receiver, inside: Outbound, answer: str, status: int, after_s: float | None
) -> None:
    receiver.answers = [answer]

    outcome = await inside.post(receiver.url(), HEADERS, b"{}")

    assert isinstance(outcome, NotNow)
    assert (outcome.status, outcome.after_s) == (status, after_s)


async def test_who_is_gone_wants_no_more(receiver: Receiver, inside: Outbound) -> None:
    receiver.answers = ["410 Gone"]

    outcome = await inside.post(receiver.url(), HEADERS, b"{}")

    assert isinstance(outcome, Never)
    assert outcome.gone


async def test_nobody_there_is_no_error_of_ours(inside: Outbound) -> None:
    assert isinstance(await inside.post("http://127.0.0.1:9/", HEADERS, b"{}"), NotNow)
    assert isinstance(await inside.post("http://[::1]:9/", HEADERS, b"{}"), NotNow)
