"""Signing up, in and out."""

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from command_api.main import BODY_LIMIT
from command_api.me import SESSION_LASTS
from infrastructure.identity.signin import Limits
from infrastructure.postgres import pool_of
from infrastructure.security import Tokens
from infrastructure.settings import CommandSettings
from tests.command_api.conftest import Log
from tests.command_api.own_database.addresses import AtAddresses
from tests.command_api.test_routes import check_problem
from tests.fixtures.postgres import Database

ANN = {
    "username": "Ann",
    "email": "ann@lab.example",
    "password": "kettle and spoon",
    "tenant_name": "Lab",
}


async def sign_in(
    client: httpx.AsyncClient, login: str = "ann", password: str = ANN["password"]
) -> httpx.Response:
    return await client.post("/me/signin", data={"username": login, "password": password})


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_signing_up_with_a_tenant_makes_its_administrator(
    client: httpx.AsyncClient, log: Log
) -> None:
    answer = await client.post("/me/signup", json=ANN)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["user"] == {"id": body["user"]["id"], "username": "Ann", "email": ANN["email"]}
    assert body["tenant"]["name"] == "Lab"
    assert log.topics() == [
        "user.registered.v1",
        "tenant.created.v1",
        "membership.joined.v1",
        "session.opened.v1",
    ]
    made = await client.post(
        "/roles",
        json={"name": "buyer", "permissions": ["budget:approve"]},
        headers=bearer(answer),
    )
    assert made.status_code == 201, made.text


async def test_a_user_without_a_tenant_can_sign_out_and_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    body = {name: value for name, value in ANN.items() if name != "tenant_name"}
    answer = await client.post("/me/signup", json=body)
    assert (answer.status_code, answer.json()["tenant"]) == (201, None)
    refused = await client.post("/projects", json={"name": "P"}, headers=bearer(answer))
    check_problem(refused, 403, "no_tenant")
    gone = await client.post("/me/signout", headers=bearer(answer))
    assert gone.status_code == 200
    check_problem(await client.post("/me/signout", headers=bearer(answer)), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"username": "ann@home"}, "username"),
        ({"username": "ann lee"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a\x00b"}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"email": "a b@c"}, "email"),
        ({"password": "7 chars"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "Password1!"}, "password"),
        ({"password": "12345678"}, "password"),
        ({"password": "ann@lab.example"}, "password"),
        ({"tenant_name": "  "}, "tenant_name"),
        ({"roles": ["tenant_admin"]}, "roles"),
        ({"user_id": "01M7YC5N6NPA341E2RCD18W7EK"}, "user_id"),
        ({"username": 5}, "username"),
    ],
)
async def test_signing_up_names_the_field_that_cannot_be_accepted(
    client: httpx.AsyncClient, log: Log, change: dict[str, Any], path: str
) -> None:
    answer = await client.post("/me/signup", json={**ANN, **change})
    assert answer.status_code == 422, answer.text
    assert [wrong["path"] for wrong in answer.json()["errors"]] == [path]
    assert str(change.get("password", "no password")) not in answer.text
    assert log.head == 0


async def test_a_name_and_an_address_belong_to_one_user_in_any_spelling(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.post("/me/signup", json=ANN)
    head = log.head
    same_name = await client.post(
        "/me/signup", json={**ANN, "username": "aNN", "email": "other@lab.example"}
    )
    check_problem(same_name, 409, "username_taken")
    same_address = await client.post(
        "/me/signup", json={**ANN, "username": "other", "email": "ANN@lab.example"}
    )
    check_problem(same_address, 409, "email_taken")
    assert log.head == head


async def test_of_simultaneous_sign_ups_under_one_name_one_succeeds(
    client: httpx.AsyncClient, log: Log
) -> None:
    answers = await asyncio.gather(*(client.post("/me/signup", json=ANN) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert log.topics().count("user.registered.v1") == 1


@pytest.mark.parametrize("login", ["Ann", "ann", "ann@lab.example", "ANN@LAB.example"])
async def test_signing_in_by_name_or_address_gives_a_token_that_works(
    client: httpx.AsyncClient, login: str
) -> None:
    signed_up = (await client.post("/me/signup", json=ANN)).json()
    answer = await sign_in(client, login)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["user"], body["tenant"]) == (signed_up["user"], signed_up["tenant"])
    assert body["access_token"] != signed_up["access_token"]
    made = await client.post("/projects", json={"name": "P"}, headers=bearer(answer))
    assert made.status_code == 201


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    client: httpx.AsyncClient, log: Log
) -> None:
    await client.post("/me/signup", json=ANN)
    head = log.head
    wrong = check_problem(
        await sign_in(client, "ann", "wrong password"), 401, "invalid_credentials"
    )
    unknown = check_problem(
        await sign_in(client, "bob", "wrong password"), 401, "invalid_credentials"
    )
    wrong.pop("trace_id")
    unknown.pop("trace_id")
    assert wrong == unknown
    assert log.head == head


async def test_the_password_form_of_oauth_is_read_and_other_fields_are_not(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/me/signup", json=ANN)
    form = {"username": "ann", "password": ANN["password"], "grant_type": "password", "scope": ""}
    assert (await client.post("/me/signin", data=form)).status_code == 200
    refused = await client.post("/me/signin", data={**form, "tenant_id": "x"})
    problem = check_problem(refused, 422, "invalid_fields")
    assert [wrong["path"] for wrong in problem["errors"]] == ["tenant_id"]
    as_json = await client.post("/me/signin", json={"username": "ann", "password": "x"})
    check_problem(as_json, 422, "invalid_fields")


async def test_signing_out_kills_the_token_for_every_reader_of_sessions(
    client: httpx.AsyncClient, database: Database
) -> None:
    first = await client.post("/me/signup", json=ANN)
    second = await sign_in(client)
    gone = await client.post("/me/signout", headers=bearer(first))
    assert gone.status_code == 200, gone.text
    check_problem(await client.post("/me/signout", headers=bearer(first)), 401, "unauthenticated")
    async with pool_of(database.url("query")) as pool:
        tokens = Tokens(pool)
        assert await tokens.authenticate(first.json()["access_token"]) is None
        principal = await tokens.authenticate(second.json()["access_token"])
    assert principal is not None
    assert principal.username == "Ann"


async def test_a_token_ends_by_itself(
    settings: CommandSettings, client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post("/me/signup", json=ANN)
    expires_at = datetime.fromisoformat(answer.json()["expires_at"])
    assert abs(expires_at - datetime.now(UTC) - SESSION_LASTS) < timedelta(minutes=1)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("UPDATE identity.sessions SET expires_at = now()")
    check_problem(await client.post("/me/signout", headers=bearer(answer)), 401, "unauthenticated")


async def test_no_secret_is_stored_as_it_was_given(
    client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post("/me/signup", json=ANN)
    token = answer.json()["access_token"]
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname IN ('log', 'identity', 'read', 'delivery')"
        ).fetchall()
        rows = [
            str(row)
            for (table,) in tables
            for row in connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        ]
        events = connection.execute("SELECT state FROM log.stored_events").fetchall()
    stored = " ".join(rows)
    assert token not in stored
    assert ANN["password"] not in stored
    assert "$argon2id$" in stored
    for state in events:
        for secret in (token, ANN["password"], "Ann", ANN["email"]):
            assert secret.encode() not in bytes(state[0])


async def test_an_old_hash_is_renewed_when_its_owner_signs_in(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch, app: FastAPI
) -> None:
    await client.post("/me/signup", json=ANN)
    before = _stored_hash(database)
    hasher = app.state.services.passwords._hasher
    monkeypatch.setattr(hasher._parameters, "time_cost", 2, raising=False)
    object.__setattr__(hasher._parameters, "time_cost", 2)
    assert (await sign_in(client)).status_code == 200
    assert _stored_hash(database) != before
    assert (await sign_in(client)).status_code == 200


async def test_guessing_at_one_account_is_stopped_at_the_address_it_comes_from(
    settings: CommandSettings,
) -> None:
    limits = Limits(pair=4, tight=2, account=8, address=100)
    async with AtAddresses(settings, limits) as addresses:
        attacker, owner = addresses("192.0.2.1"), addresses("192.0.2.2")
        await owner.post("/me/signup", json=ANN)
        for _ in range(4):
            check_problem(await sign_in(attacker, "ann", "guess"), 401, "invalid_credentials")
        for login, password in (("ann", "guess"), ("ANN@lab.example", ANN["password"])):
            refused = await sign_in(attacker, login, password)
            check_problem(refused, 429, "too_many_tries")
            assert 0 < int(refused.headers["retry-after"]) <= 900
        assert (await sign_in(owner)).status_code == 200
        assert (await sign_in(attacker, "somebody", "guess")).status_code == 401


async def test_guessing_from_many_addresses_never_locks_the_owner_out(
    settings: CommandSettings,
) -> None:
    limits = Limits(pair=4, tight=2, account=8, address=100)
    async with AtAddresses(settings, limits) as addresses:
        owner = addresses("192.0.2.1")
        await owner.post("/me/signup", json=ANN)
        tried = []
        for number in range(10, 20):
            attacker = addresses(f"192.0.2.{number}")
            answers = [await sign_in(attacker, "ann", "guess") for _ in range(4)]
            tried.append(sum(answer.status_code == 401 for answer in answers))
        assert tried[:2] == [4, 4]
        assert set(tried[2:]) == {2}
        for number in range(1, 4):
            assert (await sign_in(addresses(f"192.0.2.{number}"))).status_code == 200


async def test_guessing_at_many_accounts_is_stopped_at_the_address(
    settings: CommandSettings,
) -> None:
    async with AtAddresses(settings, Limits(address=5)) as addresses:
        attacker = addresses("2001:db8::1")
        for number in range(5):
            assert (await sign_in(attacker, f"user{number}", "guess")).status_code == 401
        neighbour_address = addresses("2001:db8::2")
        check_problem(await sign_in(neighbour_address, "user9", "guess"), 429, "too_many_tries")
        assert (await sign_in(addresses("2001:db8:0:1::1"), "user9", "g")).status_code == 401


async def test_a_burst_cannot_outrun_the_count(settings: CommandSettings) -> None:
    async with AtAddresses(settings, Limits(pair=4)) as addresses:
        attacker = addresses("192.0.2.1")
        await attacker.post("/me/signup", json=ANN)
        answers = await asyncio.gather(*(sign_in(attacker, "ann", "guess") for _ in range(30)))
        assert sum(answer.status_code == 401 for answer in answers) == 4
        assert sum(answer.status_code == 429 for answer in answers) == 26


async def test_two_processes_share_the_count(settings: CommandSettings) -> None:
    limits = Limits(pair=4)
    async with (
        AtAddresses(settings, limits) as one,
        AtAddresses(settings, limits) as other,
    ):
        for place in (one, other, one, other):
            assert (await sign_in(place("192.0.2.1"), "ann", "guess")).status_code == 401
        assert (await sign_in(one("192.0.2.1"), "ann", "guess")).status_code == 429
        assert (await sign_in(other("192.0.2.1"), "ann", "guess")).status_code == 429


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    settings: CommandSettings,
) -> None:
    async def tries(chosen: CommandSettings) -> list[int]:
        async with AtAddresses(chosen, Limits(pair=2)) as addresses:
            client = addresses("10.0.0.9")
            answers = []
            for number in range(4):
                client.headers["X-Forwarded-For"] = f"198.51.100.7, 203.0.113.{number}"
                answers.append(await sign_in(client, "ann", "guess"))
            return [answer.status_code for answer in answers]

    assert await tries(settings) == [401, 401, 429, 429]
    trusting = settings.model_copy(update={"trusted_proxies": ("10.0.0.0/8",)})
    assert await tries(trusting) == [401, 401, 401, 401]


async def test_the_right_password_is_not_counted(settings: CommandSettings) -> None:
    async with AtAddresses(settings, Limits(pair=2, account=2, address=2)) as addresses:
        client = addresses("192.0.2.1")
        await client.post("/me/signup", json=ANN)
        for _ in range(6):
            assert (await sign_in(client)).status_code == 200


async def test_many_sign_ins_at_once_do_not_stall_the_rest(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/me/signup", json=ANN)
    monkeypatch.setattr(app.state.services.sign_ins, "_limits", Limits(999, 999, 999, 999))
    real = app.state.services.passwords._matches

    def slow(encoded: str, password: str) -> bool:
        time.sleep(0.01)
        return bool(real(encoded, password))

    monkeypatch.setattr(app.state.services.passwords, "_matches", slow)
    signing_in = asyncio.gather(*(sign_in(client) for _ in range(200)))
    asked = 0
    while not signing_in.done():
        assert (await client.get("http://command/health/live")).status_code == 200
        asked += 1
        await asyncio.sleep(0.005)
    answers = await signing_in
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert asked > 20


async def test_an_unknown_user_costs_as_much_time_as_a_known_one(app: FastAPI) -> None:
    passwords = app.state.services.passwords
    encoded = await passwords.hash("kettle and spoon")

    async def median(of: str | None) -> float:
        times = []
        for _ in range(40):
            began = time.thread_time()
            passwords._matches(of or passwords._nobody, "guess")
            times.append(time.thread_time() - began)
        return statistics.median(times)

    known, unknown = await median(encoded), await median(None)
    assert 0.5 < known / unknown < 2
    assert await passwords.verify(None, "nobody has this password") is False


async def test_open_routes_refuse_what_is_malformed_oversized_or_unknown(
    client: httpx.AsyncClient, log: Log
) -> None:
    as_json = {"Content-Type": "application/json"}
    for content in (b"{", b"\xff", b"[" * 100_000):
        answer = await client.post("/me/signup", content=content, headers=as_json)
        check_problem(answer, 400, "malformed_json")
    for path in ("/me/signup", "/me/signin"):
        large = await client.post(path, content=b" " * (BODY_LIMIT + 1), headers=as_json)
        check_problem(large, 413, "body_too_large")
        asked = await client.post(path, json=ANN, params={"next": "/"})
        assert asked.status_code == 422
    assert log.head == 0


def _stored_hash(database: Database) -> str:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute("SELECT password_hash FROM identity.users").fetchone()
    assert row
    return str(row[0])
