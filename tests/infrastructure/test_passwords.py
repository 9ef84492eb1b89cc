"""Hashing in a bounded pool, by the book's parameters."""

import asyncio
import threading

import pytest

from domain.errors import InvalidField
from domain.identity.passwords import check_password
from infrastructure.errors import PasswordsBusy
from infrastructure.passwords import Passwords


async def test_a_hash_is_argon2id_with_the_parameters_of_owasp() -> None:
    passwords = Passwords()
    encoded = await passwords.hash("kettle and spoon")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(encoded, "kettle and spoon")
    assert not await passwords.verify(encoded, "kettle and spoom")
    assert await passwords.renewed(encoded, "kettle and spoon") is None
    passwords.close()


async def test_nobody_has_a_password_and_a_damaged_hash_fits_none() -> None:
    passwords = Passwords(workers=1)
    assert not await passwords.verify(None, "nobody has this password")
    assert not await passwords.verify("$argon2id$damaged", "kettle and spoon")
    passwords.close()


async def test_a_hash_of_weaker_parameters_is_renewed() -> None:
    passwords = Passwords(workers=1)
    weak = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + "A" * 43
    renewed = await passwords.renewed(weak, "kettle and spoon")
    assert renewed is not None
    assert await passwords.verify(renewed, "kettle and spoon")
    passwords.close()


async def test_whoever_finds_the_queue_full_is_told_to_come_back() -> None:
    passwords = Passwords(workers=1, waiting=2)
    gate = threading.Event()
    held = [asyncio.ensure_future(passwords._run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy):
        await passwords.hash("kettle and spoon")
    gate.set()
    await asyncio.gather(*held)
    assert await passwords.hash("kettle and spoon")
    passwords.close()


async def test_whoever_would_wait_past_the_deadline_is_told_to_come_back() -> None:
    passwords = Passwords(workers=1, waiting=5, deadline_s=0.05)
    gate = threading.Event()
    held = asyncio.ensure_future(passwords._run(gate.wait))
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy):
        await passwords.hash("kettle and spoon")
    gate.set()
    with pytest.raises(PasswordsBusy):
        await held
    passwords.close()


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 129,
        "password",
        "Password123!",
        "p@ssw0rd",
        "qwertyuiop",
        "1234567890",
        "abcdefgh",
        "hgfedcba",
        "aaaaaaaaaa",
        "abababab",
        "letmein!!",
        "Summer2026",
        "ann-marie",
        "Ann-Marie99",
        "ann@lab.example",
        "",
    ],
)
def test_what_a_guesser_tries_first_is_no_password(password: str) -> None:
    with pytest.raises(InvalidField):
        check_password(password, "Ann-Marie", "ann@lab.example")


@pytest.mark.parametrize(
    "password",
    [
        "kettle and spoon",
        "x7!kQ2#p",
        "пароль от склада",
        "🔑🔑🔒🔒🔓🔓🗝🗝",
        "82719304",
        "x" * 126 + "yz",
    ],
)
def test_any_characters_may_occur_and_none_must(password: str) -> None:
    check_password(password, "Ann-Marie", "ann@lab.example")
