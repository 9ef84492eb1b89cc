"""Everything the project reads from Snipe-IT.

Reads change nothing, so a read that got no answer is tried again a few times; all else goes
to the caller as ReadFailed, which carries the classed answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from infrastructure.snipe_it import parsing
from infrastructure.snipe_it.answers import Answer, Done, Failure, NotFound, Unavailable
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from infrastructure.snipe_it.fields import Row, tell_of_odd_dates
from infrastructure.snipe_it.records import (
    Accessory,
    Activity,
    Asset,
    Category,
    CheckedOutRow,
    Company,
    Consumable,
    HolderType,
    Location,
    Maintenance,
    Model,
    StatusLabel,
    Supplier,
    User,
)
from infrastructure.snipe_it.settings import Connection
from infrastructure.snipe_it.transport import Call, Transport

PAGE = 500
"""Rows asked for at once: the server's own default ceiling."""
ATTEMPTS = 3
STEPS_BACK = 20
"""How often a list may step back without a new row: enough for half a thousand million rows."""

R = TypeVar("R")
Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """What to narrow the list of assets to.

    Typed because the server ignores a filter it does not know and then returns everything.
    ``status`` is one of RTD, Deployed, Pending, Undeployable, Archived, Requestable, Deleted;
    without it the server leaves archived assets out.
    """

    status: str | None = None
    status_id: int | None = None
    model_id: int | None = None
    category_id: int | None = None
    location_id: int | None = None
    home_id: int | None = None
    assigned_to: tuple[HolderType, int] | None = None
    search: str | None = None

    def params(self) -> Params:
        """As the server wants it."""
        named = {
            "status": self.status,
            "status_id": self.status_id,
            "model_id": self.model_id,
            "category_id": self.category_id,
            "location_id": self.location_id,
            "rtd_location_id": self.home_id,
            "search": self.search,
        }
        params = tuple((k, str(v)) for k, v in named.items() if v is not None)
        if self.assigned_to is None:
            return params
        kind, holder_id = self.assigned_to
        assigned_type = f"App\\Models\\{kind.value.capitalize()}"
        return (
            *params,
            ("assigned_to", str(holder_id)),
            ("assigned_type", assigned_type),
        )


EVERYTHING = AssetFilter()


class Reader:
    """The reads. All raise ReadFailed, and UnexpectedForm for a record in a form unknown to us."""

    def __init__(
        self,
        transport: Transport,
        connection: Connection,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._sleep = sleep

    async def version(self) -> str:
        """The server's version, such as ``v8.1.4``."""
        body = await self._body(Call("GET", "/version"))
        return Row(body, self._connection.server_zone).required("version")

    async def me(self) -> User:
        """The token's owner."""
        return parsing.user(self._row(await self._body(Call("GET", "/users/me"))))

    async def asset(self, asset_id: int) -> Asset | None:
        """One asset, archived and deleted ones too; None where there never was one."""
        return await self._one(f"/hardware/{asset_id}", parsing.asset)

    async def asset_by_tag(self, tag: str) -> Asset | None:
        """The asset with this tag; deleted ones are not found."""
        return await self._one(f"/hardware/bytag/{quote(tag, safe='')}", parsing.asset)

    def assets(self, only: AssetFilter = EVERYTHING) -> AsyncIterator[Asset]:
        """Assets in order of id, narrowed to the connection's company where it has one."""
        return self._all("/hardware", parsing.asset, self._asset_params(only))

    def models(self) -> AsyncIterator[Model]:
        """All models."""
        return self._all("/models", parsing.model)

    async def model(self, model_id: int) -> Model | None:
        """One model."""
        return await self._one(f"/models/{model_id}", parsing.model)

    def users(self) -> AsyncIterator[User]:
        """All users who are not deleted."""
        return self._all("/users", parsing.user)

    async def user(self, user_id: int) -> User | None:
        """One user."""
        return await self._one(f"/users/{user_id}", parsing.user)

    def locations(self) -> AsyncIterator[Location]:
        """All locations."""
        return self._all("/locations", parsing.location)

    async def location(self, location_id: int) -> Location | None:
        """One location."""
        return await self._one(f"/locations/{location_id}", parsing.location)

    def status_labels(self) -> AsyncIterator[StatusLabel]:
        """All status labels."""
        return self._all("/statuslabels", parsing.status_label)

    async def status_label(self, label_id: int) -> StatusLabel | None:
        """One status label."""
        return await self._one(f"/statuslabels/{label_id}", parsing.status_label)

    def categories(self) -> AsyncIterator[Category]:
        """All categories."""
        return self._all("/categories", parsing.category)

    async def category(self, category_id: int) -> Category | None:
        """One category."""
        return await self._one(f"/categories/{category_id}", parsing.category)

    def suppliers(self) -> AsyncIterator[Supplier]:
        """All suppliers."""
        return self._all("/suppliers", parsing.supplier)

    async def supplier(self, supplier_id: int) -> Supplier | None:
        """One supplier."""
        return await self._one(f"/suppliers/{supplier_id}", parsing.supplier)

    def companies(self) -> AsyncIterator[Company]:
        """All companies."""
        return self._all("/companies", parsing.company)

    async def company(self, company_id: int) -> Company | None:
        """One company."""
        return await self._one(f"/companies/{company_id}", parsing.company)

    def accessories(self) -> AsyncIterator[Accessory]:
        """All accessories."""
        return self._all("/accessories", parsing.accessory)

    async def accessory(self, accessory_id: int) -> Accessory | None:
        """One accessory."""
        return await self._one(f"/accessories/{accessory_id}", parsing.accessory)

    async def accessory_checkouts(self, accessory_id: int) -> list[CheckedOutRow]:
        """Every unit of an accessory that is out, with whom.

        In which order the server lists them is not known, so a list of several pages is read until
        two readings in a row agree. Raises ``UnexpectedForm`` where they go on changing.
        """
        before: set[int] | None = None
        for _ in range(ATTEMPTS + 1):
            found, total, pages = await self._unordered(f"/accessories/{accessory_id}/checkedout")
            if len(found) == total and (pages == 1 or found.keys() == before):
                return [parsing.checked_out_row(found[id]) for id in sorted(found)]
            before = set(found)
        raise UnexpectedForm(f"accessory {accessory_id} lists other units each time.")

    async def _unordered(self, path: str) -> tuple[dict[int, Row], int, int]:
        """The rows of a list by id, how many there should be, and of how many pages."""
        found: dict[int, Row] = {}
        offset, total, pages = 0, 1, 0
        while offset < total:
            rows, total = await self._page(path, (), "asc", offset)
            found.update((row.id(), row) for row in rows)
            offset += len(rows) or total
            pages += 1
        return found, total, pages

    def consumables(self) -> AsyncIterator[Consumable]:
        """All consumables."""
        return self._all("/consumables", parsing.consumable)

    async def consumable(self, consumable_id: int) -> Consumable | None:
        """One consumable."""
        return await self._one(f"/consumables/{consumable_id}", parsing.consumable)

    async def consumable_notes(self, consumable_id: int) -> list[str]:
        """The note of every unit of a consumable that was given away.

        These rows have no id, so two pages could show one twice and nobody would know. The server
        lists them all at once, whatever limit and offset say; its total leaves out those whose
        users were deleted. Raises ``UnexpectedForm`` where it lists only some.
        """
        path = f"/consumables/{consumable_id}/users"
        rows, total = self._rows(await self._body(Call("GET", path)))
        if len(rows) < total:
            raise UnexpectedForm(f"consumable {consumable_id} lists only {len(rows)} of {total}.")
        return [row.required("note") for row in rows]

    def maintenances(self, asset_id: int) -> AsyncIterator[Maintenance]:
        """The maintenances of one asset, open and closed."""
        params = (("asset_id", str(asset_id)),)
        return self._all("/maintenances", parsing.maintenance, params)

    async def maintenance(self, maintenance_id: int) -> Maintenance | None:
        """One maintenance."""
        return await self._one(f"/maintenances/{maintenance_id}", parsing.maintenance)

    def activity_of(self, item_type: str, item_id: int, search: str) -> AsyncIterator[Activity]:
        """Report rows about one object that mention ``search``, such as an operation id."""
        params = (
            ("item_type", item_type),
            ("item_id", str(item_id)),
            ("search", search),
        )
        return self._all("/reports/activity", parsing.activity, params)

    async def activity_since(self, last_id: int) -> list[Activity]:
        """Report rows with an id above ``last_id``, oldest first.

        The report has no such filter, so it is read from the newest row down. Rows that
        come in meanwhile push the others back, which shows them twice and skips none.
        """
        found: dict[int, Activity] = {}
        offset = 0
        while True:
            rows, total = await self._page("/reports/activity", (), "desc", offset)
            for row in rows:
                if row.id() > last_id:
                    found[row.id()] = parsing.activity(row)
            offset += len(rows)
            if not rows or rows[-1].id() <= last_id or offset >= total:
                return [found[key] for key in sorted(found)]

    async def newest_activity(self) -> Activity | None:
        """The report's newest row."""
        params = (("sort", "id"), ("order", "desc"), ("limit", "1"))
        body = await self._body(Call("GET", "/reports/activity", params))
        rows, _ = self._rows(body)
        return parsing.activity(rows[0]) if rows else None

    async def ask(self, call: Call) -> Answer:
        """A read's classed answer, tried again while the server is unavailable."""
        retrying = AsyncRetrying(
            retry=retry_if_result(_unavailable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            retry_error_callback=_last_answer,
            sleep=self._sleep,
        )
        return await retrying(self._transport.send, call)

    def _asset_params(self, only: AssetFilter) -> Params:
        company = self._connection.company_id
        narrowed = () if company is None else (("company_id", str(company)),)
        return (*only.params(), *narrowed)

    async def _one(self, path: str, parse: Callable[[Row], R]) -> R | None:
        call = Call("GET", path)
        answer = await self.ask(call)
        if isinstance(answer, NotFound) and not answer.endpoint:
            return None
        row = self._row(_body_of(call, answer))
        record = parse(row)
        tell_of_odd_dates(path, [row.id()] if row.odd else [])
        return record

    async def _all(
        self, path: str, parse: Callable[[Row], R], params: Params = ()
    ) -> AsyncIterator[R]:
        """Every record of a list, by ascending id, each once."""
        odd: list[int] = []
        async for row in self._each(path, params):
            record = parse(row)
            if row.odd:
                odd.append(row.id())
            yield record
        tell_of_odd_dates(path, odd)

    async def _each(self, path: str, params: Params) -> AsyncIterator[Row]:
        """The rows of ``_all``.

        Each page begins with the last row of the one before. If it does not, or has no rows at
        all, rows were deleted meanwhile and the others moved up, so the reading steps back: a
        page, then twice as far each time. Pages of a single row cannot be read that way.
        Raises ``UnexpectedForm`` where no step leads to where the reading was.
        """
        offset, last_id, overlaps, steps_back = 0, 0, False, 0
        while True:
            rows, total = await self._page(path, params, "asc", offset)
            if overlaps and (not rows or rows[0].id() > last_id):
                if steps_back == STEPS_BACK:
                    raise UnexpectedForm(f"{path} lists other rows each time.")
                offset = max(offset - PAGE * 2**steps_back, 0)
                overlaps, steps_back = offset > 0, steps_back + 1
                continue
            for row in rows:
                if row.id() > last_id:
                    last_id, steps_back = row.id(), 0
                    yield row
            if not rows or offset + len(rows) >= total:
                return
            overlaps = len(rows) > 1
            offset += len(rows) - 1 if overlaps else 1

    async def _page(
        self, path: str, params: Params, order: str, offset: int
    ) -> tuple[list[Row], int]:
        paging = (
            ("sort", "id"),
            ("order", order),
            ("limit", str(PAGE)),
            ("offset", str(offset)),
        )
        body = await self._body(Call("GET", path, (*params, *paging)))
        return self._rows(body)

    async def _body(self, call: Call) -> dict[str, Any]:
        return _body_of(call, await self.ask(call))

    def _row(self, body: dict[str, Any]) -> Row:
        return Row(body, self._connection.server_zone)

    def _rows(self, body: dict[str, Any]) -> tuple[list[Row], int]:
        rows, total = body.get("rows"), body.get("total")
        if not isinstance(rows, list) or not isinstance(total, int):
            raise UnexpectedForm("a list should have total and rows.")
        if not all(isinstance(row, dict) for row in rows):
            raise UnexpectedForm("a row of a list should be an object.")
        return [self._row(row) for row in rows], total


def _unavailable(answer: Answer) -> bool:
    return isinstance(answer, Unavailable)


def _last_answer(state: RetryCallState) -> Answer:
    assert state.outcome is not None  # noqa: S101 - set whenever this callback is called
    answer: Answer = state.outcome.result()
    return answer


def _body_of(call: Call, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Done):
        body: dict[str, Any] = answer.body
        return body
    failure: Failure = answer
    raise ReadFailed(str(call), failure)
