"""ULID text and uuid are two forms of the same 128 bits."""

from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import given
from ulid import ULID

from domain.ids import PLATFORM_TENANT, id_of, uuid_of


@given(st.uuids())
def test_an_id_changes_its_form_without_loss(uuid: UUID) -> None:
    assert uuid_of(id_of(uuid)) == uuid


@given(st.uuids())
def test_the_text_is_the_one_that_the_standard_gives(uuid: UUID) -> None:
    assert id_of(uuid) == str(ULID.from_uuid(uuid))


def test_ids_sort_alike_in_both_forms() -> None:
    low, high = UUID(int=1 << 64), UUID(int=1 << 127)
    assert id_of(low) < id_of(high)


def test_the_tenant_of_the_platform_is_all_zeros() -> None:
    assert uuid_of(PLATFORM_TENANT) == UUID(int=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 25,
        "0" * 27,
        "8" + "0" * 25,
        "U" + "0" * 25,
        "0" * 25 + "a",
        "0" * 25 + " ",
        " " + "0" * 25,
        "+" + "0" * 25,
        "-" + "0" * 25,
        "0" * 12 + "_" + "0" * 13,
        "0" * 25 + "é",
        "0" * 25 + "٣",
    ],
)
def test_a_text_that_is_not_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which of them says so is no contract
        uuid_of(text)
