"""Which servers which tenant may be connected to, and whose tokens go there."""

from typing import Final

import pytest

from domain.errors import InvalidField
from domain.inventory.errors import ServerNotAllowed
from domain.inventory.servers import AllowedServers
from infrastructure.ids import derived_id

SCHOOL: Final = derived_id("test", "school")
OTHER: Final = derived_id("test", "other")
STRANGER: Final = derived_id("test", "stranger")
ALLOWED: Final = AllowedServers.read(
    f"https://snipe.school.example/ {SCHOOL}, https://b.example file:/run/secrets/b-token {OTHER},"
    f" https://b.example  env:QM_SNIPE_IT_TOKEN_SCHOOL {SCHOOL},"
    " http://127.0.0.1:8091 env:QM_SNIPE_IT_TOKEN_DEMO *,"
)


@pytest.mark.parametrize(
    ("tenant", "url", "source", "plain"),
    [
        (
            SCHOOL,
            "https://SNIPE.school.example:443/api/v1",
            "env:QM_SNIPE_IT_TOKEN",
            "https://snipe.school.example",
        ),
        (OTHER, "https://b.example", "file:/run/secrets/b-token", "https://b.example"),
        (SCHOOL, "https://b.example", "env:QM_SNIPE_IT_TOKEN_SCHOOL", "https://b.example"),
        (STRANGER, "http://127.0.0.1:8091", "env:QM_SNIPE_IT_TOKEN_DEMO", "http://127.0.0.1:8091"),
    ],
)
def test_a_server_that_is_listed_for_the_tenant_is_taken(
    tenant: str, url: str, source: str, plain: str
) -> None:
    assert ALLOWED.check(tenant, url, source) == plain


@pytest.mark.parametrize(
    ("tenant", "url", "source"),
    [
        (SCHOOL, "https://evil.example", "env:QM_SNIPE_IT_TOKEN"),
        (SCHOOL, "https://snipe.school.example@evil.example", "env:QM_SNIPE_IT_TOKEN"),
        (OTHER, "https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN"),
        (STRANGER, "https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN"),
        (STRANGER, "https://b.example", "file:/run/secrets/b-token"),
    ],
)
def test_a_server_that_is_not_listed_for_the_tenant_is_refused(
    tenant: str, url: str, source: str
) -> None:
    with pytest.raises(ServerNotAllowed) as refused:
        ALLOWED.check(tenant, url, source)
    assert refused.value.path == ("base_url",)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        # Another's token, or another secret, must not be sent to a server of one's own.
        ("https://snipe.school.example", "file:/run/secrets/b-token"),
        ("https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN_SCHOOL"),
        ("https://snipe.school.example", "env:QM_SNIPE_IT_TOKEN_OF_NOBODY"),
        ("https://snipe.school.example", "env:QM_SECRET_KEY"),
        ("https://snipe.school.example", "env:HOME"),
        ("https://snipe.school.example", "file:/etc/passwd"),
        ("https://b.example", "env:QM_SNIPE_IT_TOKEN"),
        # The same server lets another tenant in with another token.
        ("https://b.example", "file:/run/secrets/b-token"),
    ],
)
def test_no_token_goes_to_a_server_but_the_one_it_is_listed_for(url: str, source: str) -> None:
    with pytest.raises(InvalidField) as refused:
        ALLOWED.check(SCHOOL, url, source)
    assert refused.value.path == ("token_source",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"snipe.example {SCHOOL}", "does not begin with a server's address"),
        (f"ftp://a.example {SCHOOL}", "does not begin with a server's address"),
        (f"https://a.example token {SCHOOL}", "https://a.example has no token's place behind it"),
        ("https://a.example", "https://a.example is for nobody: .* the id of the tenant .* or"),
        ("https://a.example env:QM_SNIPE_IT_TOKEN_A", "https://a.example is for nobody"),
        ("https://a.example everybody", "https://a.example is for nobody"),
        (
            f"https://a.example {SCHOOL}, https://b.example {OTHER}",
            "2 entries have their token at env:QM_SNIPE_IT_TOKEN: write",
        ),
        (
            f"https://a.example file:/token {SCHOOL}, https://a.example file:/token {OTHER}",
            "2 entries have their token at file:/token: write",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_not_guessed_at(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        AllowedServers.read(text)


def test_an_entry_may_stand_there_twice() -> None:
    entry = f"https://a.example {SCHOOL}"
    assert AllowedServers.read(f"{entry}, {entry}") == AllowedServers.read(entry)


def test_an_empty_list_lets_nobody_in() -> None:
    with pytest.raises(ServerNotAllowed):
        AllowedServers.read("").check(SCHOOL, "https://snipe.school.example", "env:X")
