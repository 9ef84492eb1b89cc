"""Which servers a tenant may be connected to, and whose tokens go there."""

import pytest

from domain.errors import InvalidField
from domain.inventory.servers import AllowedServers

ALLOWED = AllowedServers.read(
    "https://snipe.school.example/, https://b.example file:/run/secrets/b-token,"
    " http://127.0.0.1:8091 env:QM_SNIPE_IT_TOKEN_DEMO"
)


@pytest.mark.parametrize(
    ("url", "source", "plain"),
    [
        (
            "https://SNIPE.school.example:443/api/v1",
            "env:QM_SNIPE_IT_TOKEN",
            "https://snipe.school.example",
        ),
        ("https://b.example", "file:/run/secrets/b-token", "https://b.example"),
        ("http://127.0.0.1:8091", "env:QM_SNIPE_IT_TOKEN_DEMO", "http://127.0.0.1:8091"),
    ],
)
def test_a_listed_server_with_its_own_token_is_taken(url: str, source: str, plain: str) -> None:
    assert ALLOWED.check(url, source) == plain


@pytest.mark.parametrize(
    ("url", "source", "field"),
    [
        ("https://evil.example", "env:QM_SNIPE_IT_TOKEN", "base_url"),
        ("https://snipe.school.example@evil.example", "env:QM_SNIPE_IT_TOKEN", "base_url"),
        # Another's token, or another secret, must not be sent to a server of one's own.
        ("https://snipe.school.example", "file:/run/secrets/b-token", "token_source"),
        ("https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN_DEMO", "token_source"),
        ("https://snipe.school.example", "env:QM_SECRET_KEY", "token_source"),
        ("https://snipe.school.example", "env:HOME", "token_source"),
        ("https://snipe.school.example", "file:/etc/passwd", "token_source"),
        ("https://b.example", "env:QM_SNIPE_IT_TOKEN", "token_source"),
    ],
)
def test_what_is_not_listed_is_refused_by_its_field(url: str, source: str, field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        ALLOWED.check(url, source)
    assert refused.value.path == (field,)


@pytest.mark.parametrize("text", ["snipe.example", "https://a.example token", "ftp://a.example"])
def test_a_list_that_cannot_be_read_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError, match="not a server's address"):
        AllowedServers.read(text)


def test_an_empty_list_lets_nobody_in() -> None:
    with pytest.raises(InvalidField):
        AllowedServers.read("").check("https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN")
