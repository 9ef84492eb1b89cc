"""An error that ends a group of tasks is told as itself where that is asked for."""

import asyncio

import pytest

from infrastructure.task_groups import leaves, plainly


async def _inside_two_groups(*errors: Exception) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as outer:

        async def in_an_inner_group() -> None:
            async with asyncio.TaskGroup() as inner:
                for error in errors:
                    inner.create_task(fail(error))

        outer.create_task(in_an_inner_group())


async def test_what_was_asked_for_is_raised_as_itself() -> None:
    stopped = LookupError("stopped")

    with pytest.raises(LookupError) as raised, plainly(LookupError):
        await _inside_two_groups(OSError("meanwhile"), stopped)

    assert raised.value is stopped


async def test_what_was_not_asked_for_stays_as_it_comes() -> None:
    with pytest.raises(BaseExceptionGroup) as raised, plainly(LookupError):
        await _inside_two_groups(OSError("one"), OSError("two"))

    assert [str(error) for error in leaves(raised.value)] == ["one", "two"]
