"""Webhooks: what may be named, what they want, and what can be asked of them."""

from datetime import timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest

from domain.errors import InvalidField, PermissionMissing
from domain.notifications.addresses import check_url, host_of, is_public
from domain.notifications.errors import WebhookDisabled, WebhookNotFound
from domain.notifications.patterns import OFFERED, check_patterns, wants
from domain.notifications.webhook import Webhook
from infrastructure.event_store.topics import decode, encode
from tests.builders.people import ADMINISTRATOR, NOW, TECHNICIAN


def webhook() -> Webhook:
    return Webhook.add(
        uuid4(),
        host="hooks.example.org",
        description="",
        events=("requisition.*",),
        by=ADMINISTRATOR,
        at=NOW,
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/lending?room=1",
        "https://hooks.example.org:8443/",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]/hook",
        f"https://{'a' * 63}.example.org./hook",
    ],
)
def test_addresses_of_the_open_internet_are_fine(url: str) -> None:
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://localhost/",
        "https://printer.local/",
        "https://db.internal./",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/",
        "https:///path",
        "https://hooks.example.org/a b",
        "https://hooks.example.org\\@10.0.0.1/",
        "https://hooks.example.org/\r\nX-Header: 1",
        "https://[::1/",
        f"https://hooks.example.org/{'x' * 2000}",
        f"https://{'a' * 64}.example.org/",
        "https://a..example.org/",
        "https://.example.org/",
        "https://./",
        f"https://{'hooks.' * 42}example.org/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(InvalidField):
        check_url(url, allow_private=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("2606:4700:4700::1111", True),
        ("2002:808:808::", True),  # 6to4 of 8.8.8.8
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("fec0::1", False),
        ("64:ff9b:1::a00:1", False),
        ("::ffff:0:10.0.0.1", False),
        ("::ffff:0:8.8.8.8", False),
        ("5f00::1", False),
        ("4000::1", False),
        ("2002:a00:1::", False),  # 6to4 of 10.0.0.1
        ("2002:7f00:1::", False),
        ("2001:0:808:808::f5ff:fffe", False),  # Teredo of 10.0.0.1
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", False),  # Teredo of 8.8.8.8: nobody routes it
        ("2001:db8::1", False),
        ("ff0e::1", False),
        ("::", False),
    ],
)
def test_an_address_is_public_only_in_what_the_internet_routes(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def test_an_installation_may_allow_what_is_inside() -> None:
    for url in ("http://127.0.0.1:9000/hook", "https://printer.local/"):
        check_url(url, allow_private=True)
    with pytest.raises(InvalidField):
        check_url("ftp://127.0.0.1/", allow_private=True)


def test_of_an_address_events_hold_the_host_alone() -> None:
    assert host_of("https://hooks.example.org/services/T0KEN") == "hooks.example.org"
    assert host_of("https://hooks.example.org:8443/T0KEN") == "hooks.example.org:8443"


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*", True),
        ("requisition.*", True),
        ("requisition.approved", True),
        ("requisition.approved.v1", True),
        ("requisition.approved.v2", False),
        ("requisition.rejected", False),
        ("assignment.*", False),
    ],
)
def test_patterns_stand_for_names(pattern: str, wanted: bool) -> None:
    check_patterns((pattern,))
    assert wants((pattern,), "requisition.approved.v1") is wanted


def test_accounts_and_sessions_leave_by_no_webhook() -> None:
    for topic in ("session.opened.v1", "user.registered.v1", "webhook.added.v1"):
        assert topic.partition(".")[0] not in OFFERED
        assert not wants(("*",), topic)


@pytest.mark.parametrize(
    "patterns", [(), ("",), ("requisition",), ("session.*",), ("Requisition.*",), ("*",) * 51]
)
def test_other_patterns_are_refused(patterns: tuple[str, ...]) -> None:
    with pytest.raises(InvalidField):
        check_patterns(patterns)


def test_only_who_manages_the_tenant_changes_webhooks() -> None:
    made = webhook()
    with pytest.raises(PermissionMissing):
        made.request_test(TECHNICIAN, NOW)
    with pytest.raises(PermissionMissing):
        made.rotate_secret(NOW, TECHNICIAN, NOW)
    with pytest.raises(PermissionMissing):
        made.remove(TECHNICIAN, NOW)


def test_the_number_of_a_secret_is_the_version_that_made_it() -> None:
    made = webhook()
    made.request_test(ADMINISTRATOR, NOW)

    made.rotate_secret(NOW + timedelta(hours=1), ADMINISTRATOR, NOW)

    assert (made.secret_version, made.version) == (3, 3)
    assert made.previous_secret_version == 1
    assert replayed(made).secret_version == 3


def test_a_webhook_that_is_off_is_not_tested() -> None:
    made = webhook()
    made.give_up("it failed", NOW)

    with pytest.raises(WebhookDisabled):
        made.request_test(ADMINISTRATOR, NOW)
    made.enable(ADMINISTRATOR, NOW)
    made.request_test(ADMINISTRATOR, NOW)


def test_what_changes_nothing_is_no_event() -> None:
    made = webhook()
    made.enable(ADMINISTRATOR, NOW)
    change(made)

    assert made.version == 1


def test_an_address_on_the_same_host_is_a_change_that_names_no_path() -> None:
    made = webhook()
    change(made, moved=True)

    *_, changed = made.pending_events
    assert isinstance(changed, Webhook.Changed)
    assert (made.version, changed.host) == (2, made.host)


def test_a_removed_webhook_is_gone() -> None:
    made = webhook()
    made.remove(ADMINISTRATOR, NOW)

    assert not made.enabled
    with pytest.raises(WebhookNotFound):
        made.enable(ADMINISTRATOR, NOW)
    with pytest.raises(WebhookNotFound):
        made.give_up("it failed", NOW)


def change(made: Webhook, *, moved: bool = False) -> None:
    made.change(
        host=made.host,
        moved=moved,
        description=made.description,
        events=made.events,
        by=ADMINISTRATOR,
        at=NOW,
    )


def replayed(made: Webhook) -> Webhook:
    again: Webhook | None = None
    for event in made.collect_events():
        topic, state = encode(event)
        stored = decode(event.originator_id, event.originator_version, topic, state)
        again = stored.mutate(again)
    assert again is not None
    return again
