"""How often one may sign up from one address, and where nobody may."""

import asyncio
from typing import Any

import httpx

from infrastructure.settings import CommandSettings
from tests.command_api.conftest import Log
from tests.command_api.own_database.addresses import AtAddresses
from tests.command_api.test_routes import check_problem


async def sign_up(client: httpx.AsyncClient, name: str, **other: Any) -> httpx.Response:
    body = {
        "username": name,
        "email": f"{name}@lab.example",
        "password": "kettle and spoon",
        "tenant_name": f"Lab of {name}",
    }
    return await client.post("/me/signup", json={**body, **other})


async def test_only_so_many_sign_up_from_one_address(settings: CommandSettings, log: Log) -> None:
    few = settings.model_copy(update={"sign_ups_per_hour": 3})
    async with AtAddresses(few) as addresses:
        crowd = addresses("192.0.2.1")
        answers = await asyncio.gather(*(sign_up(crowd, f"user{number}") for number in range(9)))

        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 6
        assert log.topics().count("tenant.created.v1") == 3
        refused = await sign_up(crowd, "late")
        check_problem(refused, 429, "too_many_tries")
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert (await sign_up(addresses("192.0.2.2"), "elsewhere")).status_code == 201


async def test_who_asks_for_names_that_are_taken_is_counted(settings: CommandSettings) -> None:
    few = settings.model_copy(update={"sign_ups_per_hour": 2})
    async with AtAddresses(few) as addresses:
        await sign_up(addresses("192.0.2.1"), "ann")
        guesser = addresses("192.0.2.2")

        assert (await sign_up(guesser, "bob", password="short")).status_code == 422
        check_problem(await sign_up(guesser, "ann"), 409, "username_taken")
        check_problem(await sign_up(guesser, "bob", email="ann@lab.example"), 409, "email_taken")
        check_problem(await sign_up(guesser, "ann"), 429, "too_many_tries")


async def test_where_sign_up_is_closed_nobody_becomes_a_user(
    settings: CommandSettings, log: Log
) -> None:
    closed = settings.model_copy(update={"sign_up": "closed"})
    async with AtAddresses(closed) as addresses:
        client = addresses("192.0.2.1")

        check_problem(await sign_up(client, "ann"), 403, "sign_up_closed")
        check_problem(await sign_up(client, "ann", tenant_name=None), 403, "sign_up_closed")
    assert log.head == 0
