"""A write leaves only while its guard lets it, asked when everything else is done."""

import pytest

from infrastructure.leases import LeaseLost
from infrastructure.snipe_it.answers import Done
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.writing import Target
from tests.infrastructure.snipe_it.worlds import OPERATION, over_tcp, simulator

BEN = Target(HolderType.USER, 3)


async def _nothing() -> None:
    return


def lost() -> None:
    raise LeaseLost("it has run out")


async def test_nothing_of_a_write_is_sent_once_the_guard_says_no() -> None:
    server = simulator()
    async with over_tcp(server) as snipe_it:
        with pytest.raises(LeaseLost):
            await snipe_it.guarded(_nothing, lost).write.check_out_asset(1, BEN, OPERATION)
        assert [call.method for call in server.seen] == []
        assert await snipe_it.read.asset(1) is not None


async def test_the_guard_is_asked_again_when_the_connection_is_there() -> None:
    asked: list[str] = []

    def lost_meanwhile() -> None:
        asked.append("may it leave?")
        if len(asked) == 2:
            raise LeaseLost("it has run out while the connection was made")

    server = simulator()
    async with over_tcp(server) as snipe_it:
        guarded = snipe_it.guarded(_nothing, lost_meanwhile)
        with pytest.raises(LeaseLost):
            await guarded.write.check_out_asset(1, BEN, OPERATION)
        assert server.seen == []
        assert isinstance(await guarded.write.check_out_asset(1, BEN, OPERATION), Done)


async def test_the_lease_is_renewed_before_each_write() -> None:
    renewed: list[str] = []

    async def renew() -> None:
        renewed.append("renewed")

    async with over_tcp(simulator()) as snipe_it:
        guarded = snipe_it.guarded(renew, lambda: None)
        await guarded.write.check_out_asset(1, BEN, OPERATION)
        await guarded.write.check_in_asset(1, OPERATION)
        await guarded.read.asset(1)
    assert renewed == ["renewed", "renewed"]
