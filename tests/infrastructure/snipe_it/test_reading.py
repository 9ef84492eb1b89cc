"""What the reads make of the recorded answers, and of a server that changes meanwhile."""

from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from demo.snipe_it_simulator.hand_edits import apply
from infrastructure.snipe_it import parsing
from infrastructure.snipe_it.answers import MOST_CHARACTERS, Forbidden, Unauthorized
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from infrastructure.snipe_it.fields import LONG_AGO, Row, server_time
from infrastructure.snipe_it.reading import AssetFilter, Reader
from infrastructure.snipe_it.records import Asset, Holder, HolderType, Ref, StatusRef
from infrastructure.snipe_it.transport import Call
from tests.infrastructure.snipe_it.test_answers import EXPECTED, label
from tests.infrastructure.snipe_it.worlds import (
    CONNECTION,
    OPERATION,
    UTC_ZONE,
    client,
    in_memory,
    simulator,
)
from tests.snipe_it_recordings import Recording, recordings, without_cut_marks

PARSERS: tuple[tuple[str, Callable[[Row], Any]], ...] = (
    ("/api/v1/hardware", parsing.asset),
    ("/api/v1/models", parsing.model),
    ("/api/v1/users", parsing.user),
    ("/api/v1/locations", parsing.location),
    ("/api/v1/statuslabels", parsing.status_label),
    ("/api/v1/categories", parsing.category),
    ("/api/v1/suppliers", parsing.supplier),
    ("/api/v1/companies", parsing.company),
    ("/api/v1/accessories/1/checkedout", parsing.checked_out_row),
    ("/api/v1/accessories", parsing.accessory),
    ("/api/v1/consumables/1/users", lambda row: row.required("note")),
    ("/api/v1/consumables", parsing.consumable),
    ("/api/v1/reports/activity", parsing.activity),
    ("/api/v1/maintenances", parsing.maintenance),
)
NO_RECORDS = {"/health", "/api/v1/version"}


def records_of(recording: Recording) -> list[Any]:
    """Every record of a recorded answer, parsed."""
    parse = next(one for path, one in PARSERS if recording.path.startswith(path))
    body = without_cut_marks(recording.body)
    rows = body.get("rows", [body])
    return [parse(Row(row, UTC_ZONE)) for row in rows]


def asset_of(name: str, zone: ZoneInfo = UTC_ZONE) -> Asset:
    return parsing.asset(Row(recordings()[name].body, zone))


GOOD_READS = [
    one
    for one in recordings().values()
    if one.method == "GET" and one.name not in EXPECTED and one.path not in NO_RECORDS
]


@pytest.mark.parametrize("recording", GOOD_READS, ids=lambda one: str(one.name))
def test_every_recorded_record_is_understood(recording: Recording) -> None:
    body = without_cut_marks(recording.body)
    expected = len(body["rows"]) if "rows" in body else 1
    assert len(records_of(recording)) == expected


@pytest.mark.parametrize("recording", recordings().values(), ids=recordings())
async def test_every_recording_passes_through_the_client_with_its_class(
    recording: Recording,
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in recording.headers.items() if name != "set-cookie"}
        return httpx.Response(recording.status, content=recording.raw_answer(), headers=headers)

    async with client(httpx.MockTransport(answer)) as snipe_it:
        given = await snipe_it.transport.send(Call(recording.method, "/x", body={}))
    assert label(given) == EXPECTED.get(recording.name, "Done")


def test_an_asset_in_somebodys_hands() -> None:
    asset = asset_of("hardware-checkout-to-user.after.hardware-get")
    assert (asset.id, asset.tag, asset.serial) == (1, "3DP-0001", "SN-3DP-0001")
    assert asset.assigned_to == Holder(HolderType.USER, 3, "Ben Baker", "ben", "ben@lab.example")
    assert asset.status == StatusRef(2, "Ready to Deploy", "deployable", "deployed")
    assert asset.location == Ref(2, "Wood Shop")
    assert asset.home == Ref(1, "Main Lab")
    assert asset.can_check_out is False
    assert asset.last_checkout == datetime(2026, 11, 20, tzinfo=UTC)
    assert asset.expected_checkin == date(2026, 12, 15)
    assert (asset.checkout_counter, asset.checkin_counter) == (1, 0)


def test_an_asset_held_by_a_location_and_by_an_asset() -> None:
    at_place = asset_of("hardware-checkout-to-location.after.hardware-get").assigned_to
    assert at_place == Holder(HolderType.LOCATION, 2, "Wood Shop")
    at_asset = asset_of("hardware-checkout-to-asset.after.hardware-get").assigned_to
    assert at_asset is not None
    assert (at_asset.type, at_asset.id) == (HolderType.ASSET, 14)


def test_a_deleted_asset_says_so() -> None:
    asset = asset_of("hardware-delete.while-checked-out.after.hardware-get")
    assert asset.deleted_at == datetime(2026, 11, 21, 1, 24, 59, tzinfo=UTC)
    assert asset.assigned_to is None


def test_custom_fields_carry_the_name_by_which_they_are_written() -> None:
    field = asset_of("hardware-get.with-custom-fields").custom_fields["MAC Address"]
    assert (field.column, field.value, field.format) == (
        "_snipeit_mac_address_1",
        "00:11:22:33:44:01",
        "MAC",
    )


def test_text_is_unescaped_once() -> None:
    (user,) = records_of(recordings()["users-list.employee_num"])
    assert user.name == "Dee O'Dell"
    once = Row({"name": "&amp;lt;b&amp;gt;"}, UTC_ZONE)
    assert once.text("name") == "&lt;b&gt;"
    asset = asset_of("hardware-create.after.hardware-get")
    assert asset.notes == "from <b>API</b>"


def test_server_times_are_read_in_the_servers_zone() -> None:
    zone = ZoneInfo("America/New_York")
    asset = asset_of("hardware-checkout-to-user.after.hardware-get", zone)
    assert asset.updated_at == datetime(2026, 11, 21, 6, 24, 57, tzinfo=UTC)
    assert asset.purchase_date == date(2025, 9, 1)
    assert server_time("2026-07-01 12:00:00", zone) == datetime(2026, 7, 1, 16, tzinfo=UTC)


def test_the_hour_that_comes_twice_is_read_as_its_first_pass() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert server_time("2026-10-25 02:30:00", zone) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_activity_tells_who_did_what_with_which_operation() -> None:
    (row,) = records_of(recordings()["activity.search-by-correlation-id"])
    assert (row.id, row.action, row.note) == (28, "checkout", "op-4c1d2e3f-5a6b")
    assert row.user_agent == "lab-sync/1.0 op-4c1d2e3f-5a6b"
    assert (row.item.type, row.item.id) == ("asset", 2)
    assert (row.target.type, row.target.id) == ("user", 3)
    assert row.by == Ref(1, "Sync Worker")
    assert row.changes["Current Location"].new == "[id: 2] Wood Shop"


def test_an_accessorys_rows_name_what_a_check_in_wants() -> None:
    rows = records_of(recordings()["accessories-checkedout.some"])
    assert [row.id for row in rows] == [1, 2]
    assert rows[0].holder.id == 3
    (stock,) = records_of(recordings()["accessories-checkout.after.get"])
    assert (stock.quantity, stock.remaining) == (10, 8)


def test_a_maintenance_is_open_until_it_is_completed() -> None:
    (before,) = records_of(recordings()["maintenances-get.ok"])
    (after,) = records_of(recordings()["maintenances-update.after.get"])
    assert (before.started_on, before.completed_on) == (date(2026, 11, 20), None)
    assert (after.completed_on, after.cost) == (date(2026, 11, 21), "12.50")


def test_permissions_of_the_tokens_owner() -> None:
    (owner,) = records_of(recordings()["auth.valid-token.users-me"])
    assert owner.permissions["superuser"] is True
    (limited,) = records_of(recordings()["auth.limited-user.users-me"])
    assert limited.permissions == {"admin": False}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": "1"}, "an id is a number"),
        ({"model": "Prusa"}, "a model is an object"),
        ({"updated_at": 5}, "a time is an object or text"),
        ({"updated_at": {"datetime": "yesterday"}}, "a time can be read"),
        ({"expected_checkin": {"date": "soon"}}, "a date can be read"),
        ({"assigned_to": {"id": 1, "name": "x", "type": "robot"}}, "a holder is of a known type"),
        ({"serial": ["x"]}, "a serial is text"),
    ],
)
def test_a_record_in_another_form_is_refused(change: dict[str, Any], why: str) -> None:
    body = {**recordings()["hardware-get.ok"].body, **change}
    with pytest.raises(UnexpectedForm):
        parsing.asset(Row(body, UTC_ZONE))
    assert why


ODD = "-0001-11-30"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (ODD, None),
        ("0000-00-00", None),
        ("20260-01-01", None),
        ("2026-02-30", None),
        ("9999-12-31", date(9999, 12, 31)),
    ],
)
def test_a_date_that_no_calendar_has_counts_as_none(given: str, meant: date | None) -> None:
    row = Row({**recordings()["hardware-get.ok"].body, "purchase_date": {"date": given}}, UTC_ZONE)
    assert parsing.asset(row).purchase_date == meant
    assert row.odd == (set() if meant else {"purchase_date"})


@pytest.mark.parametrize("given", [ODD, "0000-00-00", "0001-01-01", "9999-12-31"])
def test_a_moment_that_no_calendar_has_counts_as_none_but_what_was_deleted_stays_so(
    given: str,
) -> None:
    moment = {"datetime": f"{given} 23:59:00"}
    body = {**recordings()["hardware-get.ok"].body, "updated_at": moment, "deleted_at": moment}
    for zone in ("Asia/Tokyo", "America/New_York"):
        asset = parsing.asset(Row(body, ZoneInfo(zone)))
        assert asset.updated_at is None
        assert asset.deleted_at == LONG_AGO


async def test_records_with_odd_dates_are_read_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = recordings()["hardware-get.ok"].body
    rows = [
        {**one, "id": number, "purchase_date": {"date": ODD if number > 1 else "2025-09-01"}}
        for number in range(1, 14)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        listed = request.url.path.endswith("/hardware")
        return httpx.Response(200, json={"total": 13, "rows": rows} if listed else rows[6])

    async with client(httpx.MockTransport(answer)) as snipe_it:
        assert await gathered(snipe_it.read.assets()) == list(range(1, 14))
        assert await snipe_it.read.asset(7) is not None
    told = "dates that no calendar has count as none, of"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"/hardware: {told} 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more",
        f"/hardware/7: {told} 7",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "SECRET"}, "id should be a whole number, not text."),
        ({"id": None}, "id should be a whole number, not nothing."),
        ({"serial": ["SECRET"]}, "serial should be text, not a list."),
        ({"assigned_to": [{"email": "SECRET"}]}, "assigned_to should be an object, not a list."),
        ({"updated_at": {"datetime": "SECRET"}}, "updated_at should be a server time."),
        ({"purchase_date": {"date": "SECRET"}}, "purchase_date should be a date."),
        (
            {"assigned_to": {"id": 1, "type": "SECRET"}},
            "assigned_to is of a type that is not known.",
        ),
    ],
)
def test_what_is_odd_about_a_record_is_told_without_what_people_wrote(
    change: dict[str, Any], told: str
) -> None:
    body = {**recordings()["hardware-get.ok"].body, **change}
    with pytest.raises(UnexpectedForm) as odd:
        parsing.asset(Row(body, UTC_ZONE))
    assert str(odd.value) == told


def test_a_field_that_people_named_at_length_is_cut() -> None:
    with pytest.raises(UnexpectedForm) as odd:
        Row({"x" * 5_000: [1]}, UTC_ZONE).text("x" * 5_000)
    assert len(str(odd.value)) < 2 * MOST_CHARACTERS


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("text", ["9999-12-31 23:59:59", "0001-01-01 00:00:00"])
def test_a_time_beyond_the_calendar_is_in_another_form(text: str, zone: str) -> None:
    west = (zone == "America/New_York") == text.startswith("9999")
    with pytest.raises(UnexpectedForm) if west else nullcontext():
        server_time(text, ZoneInfo(zone))


async def test_a_row_that_is_no_object_is_refused() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"total": 1, "rows": ["Prusa"]})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        with pytest.raises(UnexpectedForm):
            await gathered(snipe_it.read.models())


async def gathered(rows: AsyncIterator[Any]) -> list[int]:
    return [row.id async for row in rows]


async def test_a_list_is_read_page_by_page_by_id() -> None:
    server = simulator(max_results=4)
    async with in_memory(server) as snipe_it:
        found = await gathered(snipe_it.read.assets())
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16]
    assert len(server.seen) == 5


async def test_pages_of_one_row_are_read_to_the_end() -> None:
    async with in_memory(simulator(max_results=1)) as snipe_it:
        assert await gathered(snipe_it.read.models()) == [1, 2, 3, 4]


@pytest.mark.parametrize("gone", [(1,), (1, 2), (2, 3, 4)])
async def test_rows_deleted_between_two_pages_hide_no_other(gone: tuple[int, ...]) -> None:
    server = simulator(max_results=4)
    found = []
    async with in_memory(server) as snipe_it:
        async for asset in snipe_it.read.assets():
            found.append(asset.id)
            if asset.id == 4:
                for one in gone:
                    apply(server.inventory, {"do": "delete", "table": "hardware", "id": one})
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16]


@pytest.mark.parametrize("gone", [(2, 3), (2, 3, 4)])
async def test_rows_deleted_before_the_last_page_hide_nobody_on_it(gone: tuple[int, ...]) -> None:
    server = simulator(max_results=4)
    found = []
    async with in_memory(server) as snipe_it:
        async for user in snipe_it.read.users():
            found.append(user.id)
            if user.id == 4:
                for one in gone:
                    apply(server.inventory, {"do": "delete", "table": "users", "id": one})
    assert found == [1, 2, 3, 4, 5]


def page(request: httpx.Request, living: list[int], total: int) -> httpx.Response:
    """What a server that has these rows says of the page that is asked for."""
    offset, limit = (int(request.url.params[name]) for name in ("offset", "limit"))
    rows = [{"id": number, "name": "x"} for number in living[offset : offset + limit]]
    return httpx.Response(200, json={"total": total, "rows": rows})


async def test_where_pages_and_pages_were_deleted_the_reading_steps_back_to_the_first() -> None:
    living = list(range(1, 1601))

    def answer(request: httpx.Request) -> httpx.Response:
        given = page(request, living, len(living))
        if request.url.params["offset"] == "998":
            del living[:1450]
        return given

    async with client(httpx.MockTransport(answer)) as snipe_it:
        assert await gathered(snipe_it.read.suppliers()) == list(range(1, 1601))


async def test_a_list_that_never_comes_to_the_row_it_was_at_is_not_believed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        at_first = request.url.params["offset"] == "0"
        return page(request, [1, 2] if at_first else [], 10)

    async with client(httpx.MockTransport(answer)) as snipe_it:
        with pytest.raises(UnexpectedForm):
            await gathered(snipe_it.read.suppliers())


def listed(*numbers: int) -> list[dict[str, Any]]:
    """Rows of units that are out, in this order."""
    first, _ = recordings()["accessories-checkedout.some"].body["rows"]
    return [{**first, "id": number} for number in numbers]


async def test_units_are_all_read_in_whatever_order_the_server_lists_them() -> None:
    pages = [listed(5, 9, 2), listed(7, 1), listed(1, 5, 7), listed(2, 9)]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"total": 5, "rows": pages.pop(0)})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        rows = await snipe_it.read.accessory_checkouts(1)
    assert [row.id for row in rows] == [1, 2, 5, 7, 9]


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param((listed(1, 2), listed(2)), id="one was shown twice"),
        pytest.param((listed(1, 2), listed(4)), id="one has moved up to a page that was read"),
    ],
)
async def test_a_list_of_units_that_has_changed_meanwhile_is_read_again(torn: Any) -> None:
    pages = [*torn, listed(2, 3), listed(4), listed(2, 3), listed(4)]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"total": 3, "rows": pages.pop(0)})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        rows = await snipe_it.read.accessory_checkouts(1)
    assert [row.id for row in rows] == [2, 3, 4]


async def test_a_list_of_units_that_goes_on_changing_is_not_believed() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"total": 3, "rows": listed(1, 2)})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        with pytest.raises(UnexpectedForm):
            await snipe_it.read.accessory_checkouts(1)


async def test_units_of_a_consumable_are_read_in_one_answer() -> None:
    server = simulator(max_results=2)
    async with in_memory(server) as snipe_it:
        await snipe_it.write.check_out_consumable(1, 3, 3, OPERATION)
        server.seen.clear()
        notes = await snipe_it.read.consumable_notes(1)
    assert len([note for note in notes if OPERATION in note]) == 3
    assert len(server.seen) == 1


async def test_a_consumable_that_lists_only_some_of_its_units_is_not_counted() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"total": 3, "rows": [{"note": "x"}, {"note": "y"}]})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        with pytest.raises(UnexpectedForm):
            await snipe_it.read.consumable_notes(1)


async def test_filters_reach_the_server() -> None:
    server = simulator()
    apply(server.inventory, {"do": "checkout", "id": 2, "to_type": "location", "to_id": 2})
    async with in_memory(server) as snipe_it:
        read = snipe_it.read
        held = AssetFilter(assigned_to=(HolderType.LOCATION, 2))
        assert await gathered(read.assets(held)) == [2]
        assert await gathered(read.assets(AssetFilter(status="Archived"))) == [13]
        assert await gathered(read.assets(AssetFilter(model_id=2))) == [5, 6]
        assert await gathered(read.assets(AssetFilter(category_id=4, status_id=5))) == [15]
        assert await gathered(read.assets(AssetFilter(location_id=2))) == [2]
        assert await gathered(read.assets(AssetFilter(home_id=2))) == [16]
        assert await gathered(read.assets(AssetFilter(search="Bench scope 1"))) == [14]


async def test_a_connection_with_a_company_sees_its_assets_only() -> None:
    server = simulator()
    apply(
        server.inventory,
        {"do": "set", "table": "hardware", "id": 9, "fields": {"company_id": 1}},
    )
    async with in_memory(server, replace(CONNECTION, company_id=1)) as snipe_it:
        assert await gathered(snipe_it.read.assets()) == [9]


async def test_single_assets_by_id_and_tag() -> None:
    async with in_memory(simulator()) as snipe_it:
        read = snipe_it.read
        by_id, by_tag = await read.asset(7), await read.asset_by_tag("LAP-0001")
        assert by_id == by_tag
        assert await read.asset(99999) is None
        assert await read.asset_by_tag("NOPE 1?x=#&") is None


async def test_every_other_kind_of_record_can_be_listed_and_read_alone() -> None:
    async with in_memory(simulator()) as snipe_it:
        read: Reader = snipe_it.read
        for rows, one, count in (
            (read.users(), read.user, 5),
            (read.models(), read.model, 4),
            (read.locations(), read.location, 3),
            (read.status_labels(), read.status_label, 5),
            (read.categories(), read.category, 6),
            (read.suppliers(), read.supplier, 1),
            (read.companies(), read.company, 1),
            (read.accessories(), read.accessory, 2),
            (read.consumables(), read.consumable, 1),
        ):
            ids = await gathered(rows)
            assert len(ids) == count
            alone: Any = await one(ids[0])
            assert alone.id == ids[0]
            assert await one(99999) is None
        assert await read.version() == "v8.1.4"
        assert (await read.me()).username == "admin"


async def test_activity_is_read_down_to_the_last_id_seen() -> None:
    server = simulator(max_results=10)
    async with in_memory(server) as snipe_it:
        read = snipe_it.read
        assert [row.id for row in await read.activity_since(23)] == [24, 25, 26]
        assert await read.activity_since(26) == []
        assert [row.id for row in await read.activity_since(0)] == list(range(1, 27))
        newest = await read.newest_activity()
        assert newest is not None
        assert newest.id == 26


async def test_a_read_without_permission_or_token_says_which() -> None:
    server = simulator()
    server.access.permissions[1] = frozenset()
    async with in_memory(server) as snipe_it:
        with pytest.raises(ReadFailed) as failed:
            await snipe_it.read.asset(1)
        assert isinstance(failed.value.answer, Forbidden)
        server.access.tokens.clear()
        with pytest.raises(ReadFailed) as failed:
            await snipe_it.read.version()
        assert isinstance(failed.value.answer, Unauthorized)


async def test_a_list_without_a_total_is_refused() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"rows": []})

    async with client(httpx.MockTransport(answer)) as snipe_it:
        with pytest.raises(UnexpectedForm):
            await gathered(snipe_it.read.models())
