"""Checking assets out and in: what the inventory shows decides, whatever it answers."""

import asyncio
from datetime import date, timedelta

import pytest

from domain.ids import Id
from domain.inventory_operations.events import ItemData, TargetData
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.ids import derived_id
from tests.builders.operations import requested
from tests.builders.world import World, run

FREE, BROKEN, ARCHIVED = 1, 6, 13
BEN, CHI = ("user", 3), ("user", 4)
CHECKOUT = "/api/v1/hardware/.*/checkout"


def item(external_id: int) -> ItemData:
    return ItemData(
        kind="asset", id=derived_id("test", "asset", str(external_id)), external_id=external_id
    )


def target(who: tuple[str, int] = BEN) -> TargetData:
    return TargetData(kind=who[0], id=derived_id("test", *map(str, who)), external_id=who[1])


async def check_out(
    world: World, asset: int = FREE, to: tuple[str, int] = BEN, due: str | None = None
) -> Id:
    return await world.request(
        requested(
            Kind.CHECKOUT,
            item=item(asset),
            target=target(to),
            wanted={"due": due},
            at=world.clock(),
        )
    )


async def check_in(
    world: World, asset: int = FREE, by: tuple[str, int] = BEN, **wanted: int | None
) -> Id:
    return await world.request(
        requested(
            Kind.CHECKIN,
            purpose="return",
            item=item(asset),
            target=target(by),
            wanted={"status_id": None, "location_id": None, **wanted},
            at=world.clock(),
        )
    )


def test_a_checkout_is_proven_by_what_is_read_back() -> None:
    async def history(world: World) -> None:
        id = await check_out(world, due="2026-12-24")
        world.start_worker()
        await world.settle()
        assert world.told(id) == ["requested", "attempt_started", "attempt_accepted", "synced"]
        assert world.holder(FREE) == BEN
        assert str(world.asset(FREE).expected_checkin) == "2026-12-24"

    run(history)


def test_what_is_as_wanted_already_is_not_sent() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=3)
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-2:] == ["already_applied", "synced"]
        assert world.writes() == 0

    run(history)


@pytest.mark.parametrize("due", ["2026-12-24", None])
@pytest.mark.parametrize("by_hand", ["2026-12-01", None])
def test_what_was_handed_out_by_hand_gets_our_date(by_hand: str | None, due: str | None) -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=3)
        world.asset(FREE).expected_checkin = (
            None if by_hand is None else date.fromisoformat(by_hand)
        )
        id = await check_out(world, due=due)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        shown = world.asset(FREE).expected_checkin
        assert (None if shown is None else shown.isoformat()) == due
        assert (world.holder(FREE), world.asset(FREE).checkout_counter) == (BEN, 1)
        assert world.writes("checkout") == 0

    run(history)


@pytest.mark.parametrize(
    ("asset", "gone"), [(BROKEN, False), (ARCHIVED, True)], ids=["broken", "archived"]
)
def test_what_cannot_be_handed_out_fails_for_good_without_being_sent(
    asset: int, gone: bool
) -> None:
    async def history(world: World) -> None:
        id = await check_out(world, asset)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "failed"
        assert (await world.operation(id)).reason == "not_available"
        assert f'"gone":{str(gone).lower()}' in world.store.streams[id][-1][1].decode()
        assert world.writes() == 0

    run(history)


def test_a_removed_asset_is_gone() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="delete", table="hardware", id=FREE)
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "failed"
        assert (await world.operation(id)).reason == "gone"

    run(history)


def test_an_asset_that_never_was_needs_attention() -> None:
    async def history(world: World) -> None:
        id = await check_out(world, 999)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "blocked"
        assert (await world.operation(id)).reason == "not_found"

    run(history)


def test_a_target_that_is_not_there_needs_attention() -> None:
    async def history(world: World) -> None:
        id = await check_out(world, to=("user", 77))
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "blocked"
        assert (await world.operation(id)).reason == "invalid_target"

    run(history)


@pytest.mark.parametrize("fault", ["error_after", "bad_gateway_after", "slow_answer"])
def test_an_effect_without_an_answer_is_found_at_once(fault: str) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", path=CHECKOUT, seconds=16)
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert world.told(id)[2:] == ["outcome_unknown", "synced"]
        assert (world.writes(), world.holder(FREE)) == (1, BEN)
        assert world.time() < 20

    run(history)


@pytest.mark.parametrize("seconds", [13, 30, 59])
@pytest.mark.parametrize("fault", ["late", "gateway_timeout"])
def test_a_late_effect_is_waited_for_and_nothing_is_sent_twice(fault: str, seconds: int) -> None:
    async def history(world: World) -> None:
        world.order(fault, method="POST", path=CHECKOUT, seconds=seconds)
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert "verified_not_applied" not in world.told(id)
        assert world.told(id)[-1] == "synced"
        assert (world.writes(), world.asset(FREE).checkout_counter) == (1, 1)

    run(history)


def test_a_write_that_was_lost_is_repeated_when_it_can_no_longer_happen() -> None:
    async def history(world: World) -> None:
        world.wire.trouble("lost", "POST")
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        told = world.told(id)
        assert told[:3] == ["requested", "attempt_started", "outcome_unknown"]
        assert told[-4:] == [
            "verified_not_applied",
            "attempt_started",
            "attempt_accepted",
            "synced",
        ]
        assert 60 <= world.time() < 70
        assert world.asset(FREE).checkout_counter == 1

    run(history)


def test_what_the_server_itself_says_has_failed_is_repeated_soon() -> None:
    async def history(world: World) -> None:
        world.order("error_before", method="POST", path=CHECKOUT)
        id = await check_out(world)
        world.start_worker()
        await world.settle()
        assert "verified_not_applied" in world.told(id)
        assert (await world.operation(id)).state is State.SYNCED
        assert world.time() < 10

    run(history)


def test_an_asset_that_somebody_else_took_meanwhile_needs_attention() -> None:
    async def history(world: World) -> None:
        world.wire.trouble("lost", "POST")
        id = await check_out(world)
        world.start_worker()
        await asyncio.sleep(20)
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=4)
        await world.settle()
        assert world.told(id)[-1] == "conflict_detected"
        assert world.holder(FREE) == CHI

    run(history)


def test_what_was_done_and_undone_by_hand_is_not_done_again() -> None:
    async def history(world: World) -> None:
        world.order("late", method="POST", path=CHECKOUT, seconds=20)
        id = await check_out(world)
        world.start_worker()
        await asyncio.sleep(20.5)
        assert world.holder(FREE) == BEN
        world.by_hand(do="checkin", id=FREE)
        await world.settle()
        assert world.told(id)[-1] == "conflict_detected"
        assert (world.writes(), world.holder(FREE)) == (1, None)

    run(history)


def test_a_return_takes_the_asset_from_its_holder_with_its_new_label() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=3)
        id = await check_in(world, status_id=5)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-2:] == ["attempt_accepted", "synced"]
        assert (world.holder(FREE), world.asset(FREE).status_id) == (None, 5)

    run(history)


def test_a_return_never_takes_the_asset_from_somebody_else() -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=4)
        id = await check_in(world)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "conflict_detected"
        assert (world.holder(FREE), world.writes()) == (CHI, 0)

    run(history)


def test_what_was_checked_in_by_hand_still_gets_its_label() -> None:
    async def history(world: World) -> None:
        id = await check_in(world, status_id=5)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert world.asset(FREE).status_id == 5

    run(history)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("status_id", [5, None])
def test_what_comes_back_is_where_it_was_received(by_hand: bool, status_id: int | None) -> None:
    async def history(world: World) -> None:
        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=3)
        if by_hand:
            world.by_hand(do="checkin", id=FREE)
        label = status_id or world.asset(FREE).status_id
        id = await check_in(world, location_id=3, status_id=status_id)
        world.start_worker()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        back = world.asset(FREE)
        assert (world.holder(FREE), back.location_id, back.status_id) == (None, 3, label)
        assert (world.writes(), world.writes("checkin")) == (1, int(not by_hand))

    run(history)


def test_a_due_date_is_changed_for_its_holder_alone() -> None:
    async def history(world: World) -> None:
        def wish(asset: int, due: str | None) -> InventoryOperation:
            return requested(
                Kind.SET_DUE,
                purpose="due",
                item=item(asset),
                target=target(),
                wanted={"due": due},
                at=world.clock(),
            )

        world.by_hand(do="checkout", id=FREE, to_type="user", to_id=3)
        world.by_hand(do="checkout", id=2, to_type="user", to_id=4)
        ours = await world.request(wish(FREE, "2026-12-31"))
        open_ended = await world.request(wish(FREE, None))
        theirs = await world.request(wish(2, "2026-12-31"))
        world.start_worker()
        await world.settle()
        assert world.told(ours)[-1] == world.told(open_ended)[-1] == "synced"
        assert world.told(theirs)[-1] == "conflict_detected"
        assert world.asset(FREE).expected_checkin is None

    run(history)


def test_operations_on_one_thing_go_in_the_order_they_were_asked_for() -> None:
    async def history(world: World) -> None:
        world.wire.trouble("lost", "POST")
        out = await check_out(world)
        back = await check_in(world)
        elsewhere = await check_out(world, 2)
        world.start_worker()
        world.start_worker()
        await world.settle()
        assert [world.told(id)[-1] for id in (out, back, elsewhere)] == ["synced"] * 3
        assert (world.holder(FREE), world.holder(2)) == (None, BEN)

    run(history)


def test_it_is_tried_ten_times_and_then_needs_attention() -> None:
    async def history(world: World) -> None:
        world.order("error_before", method="POST", path=CHECKOUT, times=None)
        id = await check_out(world)
        world.start_worker()
        await world.settle(within_s=4 * 3600)
        assert world.told(id).count("attempt_started") == 10
        assert world.told(id)[-1] == "retries_exhausted"

    run(history)


def test_nothing_is_concluded_while_it_cannot_be_read_back_for_a_day() -> None:
    async def history(world: World) -> None:
        world.order("late", method="POST", path=CHECKOUT, seconds=16)
        id = await check_out(world)
        world.start_worker()
        await asyncio.sleep(5)
        world.order("database_down", times=None)
        await asyncio.sleep(timedelta(hours=20).total_seconds())
        assert world.told(id)[2] == "outcome_unknown"
        assert (await world.operation(id)).state is State.VERIFYING
        world.simulator.faults.ordered.clear()
        await world.settle()
        assert world.told(id)[-1] == "synced"
        assert world.writes("checkout") == 1

    run(history)
