"""Where a connection may lead, and where its token comes from."""

import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from infrastructure.snipe_it.errors import AddressNotAllowed, TokenMissing, UnknownZone
from infrastructure.snipe_it.settings import (
    Connection,
    allowed_base_url,
    checked_connection,
    read_token,
)
from infrastructure.snipe_it.transport import Transport

ALLOWED = ("https://snipe.school.example", "https://it.example:8443/snipe/", "http://[::1]:8091")


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("https://snipe.school.example", "https://snipe.school.example"),
        ("https://SNIPE.school.example:443/", "https://snipe.school.example"),
        ("https://snipe.school.example/api/v1/", "https://snipe.school.example"),
        ("https://it.example:8443/snipe", "https://it.example:8443/snipe"),
        ("http://[::1]:8091/", "http://[::1]:8091"),
    ],
)
def test_an_address_on_the_list_is_taken_in_its_plain_form(given: str, plain: str) -> None:
    assert allowed_base_url(given, ALLOWED) == plain


@pytest.mark.parametrize(
    "given",
    [
        "http://snipe.school.example",
        "https://snipe.school.example:8443",
        "https://snipe.school.example.evil.example",
        "https://snipe.school.example@evil.example",
        "https://user:password@snipe.school.example",
        "https://it.example:8443",
        "https://it.example:8443/snipe/../admin",
        "https://snipe.school.example/?a=b",
        "https://snipe.school.example/#a",
        "http://169.254.169.254",
        "http://127.0.0.1",
        "http://2130706433",
        "file:///etc/passwd",
        "snipe.school.example",
        "https://snipe.school.example:port",
        "https://[",
        "",
    ],
)
def test_an_address_that_is_not_on_the_list_is_refused(given: str) -> None:
    with pytest.raises(AddressNotAllowed):
        allowed_base_url(given, ALLOWED)


def test_an_entry_that_is_no_address_opens_nothing() -> None:
    with pytest.raises(AddressNotAllowed):
        allowed_base_url("nonsense", ("nonsense",))


def test_a_token_is_read_from_the_environment() -> None:
    token = read_token("env:TOKEN", {"TOKEN": " secret\n"})
    assert token.get_secret_value() == "secret"


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    assert read_token(f"file:{path}").get_secret_value() == "secret"


@pytest.mark.parametrize("text", ["", "  ", "two words", "line\nbreak", "tokän"])
def test_a_text_that_cannot_be_a_token_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(TokenMissing) as refused:
        read_token("env:TOKEN", {"TOKEN": text})
    assert not text.strip() or text not in str(refused.value)


@pytest.mark.parametrize("source", ["TOKEN", "env:", "file:", "vault:x", "file:/no/such/file"])
def test_a_place_that_holds_no_token_is_refused(source: str) -> None:
    with pytest.raises(TokenMissing):
        read_token(source, {})


def test_the_token_stands_in_no_text_about_the_connection() -> None:
    connection = Connection("https://snipe.school.example", SecretStr("secret"))
    assert "secret" not in repr(connection)
    assert "secret" not in str(connection)


def test_a_connection_is_made_of_what_an_administrator_wrote() -> None:
    made = checked_connection(
        "https://it.example:8443/snipe/api/v1",
        "env:TOKEN",
        ALLOWED,
        company_id=3,
        server_zone="Europe/Berlin",
        environment={"TOKEN": "secret"},
    )
    assert made.base_url == "https://it.example:8443/snipe"
    assert made.token.get_secret_value() == "secret"
    assert (made.company_id, made.server_zone.key) == (3, "Europe/Berlin")


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "../etc/passwd"])
def test_a_time_zone_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(UnknownZone):
        checked_connection(
            ALLOWED[0], "env:T", ALLOWED, server_zone=zone, environment={"T": "secret"}
        )


def test_a_certificate_file_that_is_none_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nonsense")
    connection = Connection("https://snipe.school.example", SecretStr("secret"), ca_file=path)
    with pytest.raises(ssl.SSLError):
        Transport(connection)
