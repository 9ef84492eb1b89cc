"""Pages of lists from the query API: with very many rows, beside few of them, and beside pgbench.

Two tenants in databases of their own, with a query API process each; the rounds alternate. pgbench
sends the select of the page, and nothing else, in the role and with the settings of the query API.
"""

import asyncio
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import httpx
from sqlalchemy import Select, Table
from sqlalchemy.dialects.postgresql import psycopg as dialect

from bench.cast import Cast
from bench.list_load import Answers, Job, ask
from bench.list_rows import fill
from bench.load import quantile
from bench.pgbench import PLANNED_EACH_TIME, transactions
from bench.report import Figure, at_least, at_most, say
from bench.stack import Stack
from domain.caller import Caller
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import uuid_of
from infrastructure.clock import utc_now
from infrastructure.read_engine import reader_parameters
from query_api.assignments import selects as of_assignments
from query_api.keyset import LARGEST_LIMIT, Cursors, PageQuery, Sort, Window
from query_api.requisitions import selects as of_requisitions
from query_api.tenant_scope import TenantScope
from read_tables.assignments import assignments
from read_tables.requisitions import requisitions

SLOWER_GOAL: Final = 1.5
RATE_GOAL: Final = 0.25
MANY: Final = 1_000_000
FEW: Final = 10_000
LENDINGS: Final = 1000
CLIENTS: Final = 8
ROUNDS: Final = 3
ROUND_S: Final = 4.0
DEEP_PAGES: Final = 100
"""Places all over the list at which pages begin."""

SAY_EVERY_PAGES: Final = 400
Place = Sequence[Any]
PageOf = Callable[[TenantScope, Caller, Window], Select[Any]]


class RowsMissing(Exception):
    """A list does not show every row once."""


@dataclass(frozen=True, slots=True)
class _Tenant:
    """Who asks, at which query API, and how the reader's role reaches the database."""

    rows: Mapping[Table, int]
    url: str
    port: int
    cast: Cast

    @property
    def caller(self) -> Caller:
        """The one who asks, who sees all."""
        id = self.cast.members["technician"]
        return Caller(id, self.cast.tenant_id, SHIPPED_ROLES["technician"], 1)

    @property
    def token(self) -> str:
        """Theirs."""
        return self.cast.tokens["technician"]


@dataclass(frozen=True, slots=True)
class _List:
    """A list of the query API, and the select of one page of it."""

    path: str
    table: Table
    page_of: PageOf
    sort: Sort


@dataclass(frozen=True, slots=True)
class _Pages:
    """What is measured: pages of both tenants, and what pgbench sends for those of the large one."""

    what: str
    of: _List
    few: Sequence[str]
    many: Sequence[str]
    selects: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Round:
    many_alone: Answers
    few_alone: Answers
    many: Answers
    few: Answers
    pgbench: float


def measure(
    stack: Stack,
    many_rows: int = MANY,
    few_rows: int = FEW,
    lendings: int = LENDINGS,
    rounds: int = ROUNDS,
    round_s: float = ROUND_S,
) -> Sequence[Figure]:
    """First pages and later ones, by one client and by ``CLIENTS``."""
    with ExitStack() as exits:
        few, many = (_tenant(stack, exits, rows, lendings) for rows in (few_rows, many_rows))
        figures: list[Figure] = []
        for pages in _all_pages(few, many):
            say(pages.what)
            measured = [_round(pages, few, many, round_s) for _ in range(rounds)]
            figures.extend(_figures(pages, few, many, measured))
    return figures


def _tenant(stack: Stack, exits: ExitStack, rows: int, lendings: int) -> _Tenant:
    log = stack.new_log()
    with stack.command_api(log) as port:
        cast = stack.cast(port)
    filled = asyncio.run(fill(stack, log, cast, rows, min(lendings, rows)))
    port = exits.enter_context(stack.query_api(log))
    return _Tenant(filled, log["QM_QUERY_DATABASE_URL"], port, cast)


def _requisitions(scope: TenantScope, caller: Caller, window: Window) -> Select[Any]:
    nothing = of_requisitions.Filters()
    return of_requisitions.requisition_page(scope, caller, nothing, window, utc_now())


def _assignments(scope: TenantScope, caller: Caller, window: Window) -> Select[Any]:
    return of_assignments.assignment_page(scope, caller, of_assignments.Filters(), window)


REQUISITIONS: Final = _List(
    "/api/v1/requisitions",
    requisitions,
    _requisitions,
    of_requisitions.SORTS["-updated_at"],
)
ASSIGNMENTS: Final = _List(
    "/api/v1/assignments",
    assignments,
    _assignments,
    of_assignments.SORTS["-updated_at"],
)


def _all_pages(few: _Tenant, many: _Tenant) -> Iterator[_Pages]:
    yield _first_pages(REQUISITIONS, many)
    yield _later_pages(REQUISITIONS, few, many)
    yield _first_pages(ASSIGNMENTS, many)


def _first_pages(of: _List, many: _Tenant) -> _Pages:
    what = f"GET {of.path}, the first page"
    return _Pages(what, of, [of.path], [of.path], [_select(of, many, None)])


def _later_pages(of: _List, few: _Tenant, many: _Tenant) -> _Pages:
    at_few, at_many = (_places(of, tenant) for tenant in (few, many))
    return _Pages(
        f"GET {of.path}, pages all over the list",
        of,
        [f"{of.path}?cursor={cursor}" for cursor, _ in at_few],
        [f"{of.path}?cursor={cursor}" for cursor, _ in at_many],
        [_select(of, many, place) for _, place in at_many],
    )


def _select(of: _List, tenant: _Tenant, place: Place | None) -> str:
    """The select of a page that begins after a place, with its values written into it."""
    cursors = Cursors(b"bench", of.path, {})
    query = PageQuery() if place is None else PageQuery(cursor=cursors.write(place))
    window = Window(query, of.sort, cursors)
    select = of.page_of(TenantScope(tenant.cast.tenant_id), tenant.caller, window)
    form = dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return f"{select.compile(dialect=form, compile_kwargs={'literal_binds': True})};\n"


def _places(of: _List, tenant: _Tenant) -> Sequence[tuple[str, Place]]:
    """Cursors from all over a list, with the places that they stand for; it is read as a whole.

    Raises ``RowsMissing``.
    """
    rows = tenant.rows[of.table]
    limit = max(1, min(LARGEST_LIMIT, rows // DEEP_PAGES))
    places: list[tuple[str, Place]] = []
    seen = 0
    with httpx.Client(
        base_url=f"http://127.0.0.1:{tenant.port}", timeout=30, trust_env=False
    ) as client:
        client.headers["Authorization"] = f"Bearer {tenant.token}"
        query = {"limit": str(limit)}
        while True:
            page = client.get(of.path, params=query).raise_for_status().json()
            seen += len(page["items"])
            if page["next"] is None:
                break
            last = page["items"][-1]
            places.append((page["next"], [last["updated_at"], last["id"]]))
            query["cursor"] = page["next"]
            if len(places) % SAY_EVERY_PAGES == 0:
                say(f"looked for places to begin at: {seen:,} of {rows:,} rows")
    if seen != rows:
        raise RowsMissing(f"{of.path} showed {seen} of {rows} rows")
    return places[:: max(1, len(places) // DEEP_PAGES)][:DEEP_PAGES]


def _round(pages: _Pages, few: _Tenant, many: _Tenant, seconds: float) -> _Round:
    def asked(tenant: _Tenant, paths: Sequence[str], clients: int) -> Answers:
        return ask(Job(tenant.port, tenant.token, paths, clients, seconds / 4, seconds))

    return _Round(
        many_alone=asked(many, pages.many, 1),
        few_alone=asked(few, pages.few, 1),
        many=asked(many, pages.many, CLIENTS),
        few=asked(few, pages.few, CLIENTS),
        pgbench=_pgbench(many, pages.selects, seconds),
    )


def _pgbench(tenant: _Tenant, selects: Sequence[str], seconds: float) -> float:
    """The selects a second, in the role and with the settings of the query API."""
    visible = f"-c app.tenant={uuid_of(tenant.cast.tenant_id)}"
    options = f"{reader_parameters()['options']} {visible}"
    return transactions(
        tenant.url, selects, CLIENTS, seconds, mode=PLANNED_EACH_TIME, options=options
    )


def _figures(
    pages: _Pages, few: _Tenant, many: _Tenant, rounds: Sequence[_Round]
) -> Iterator[Figure]:
    what = f"{pages.what}, {many.rows[pages.of.table]:,} rows"
    for clients, large, small in (
        ("1 client", [one.many_alone for one in rounds], [one.few_alone for one in rounds]),
        (f"{CLIENTS} clients", [one.many for one in rounds], [one.few for one in rounds]),
    ):
        at_many, at_few = _together(large), _together(small)
        p50s = f"p50 {quantile(at_many, 0.5):.1f} and {quantile(at_few, 0.5):.1f} ms"
        yield at_most(
            f"{what}, {clients}, p99",
            quantile(at_many, 0.99),
            "ms",
            f"ms at {few.rows[pages.of.table]:,}",
            quantile(at_few, 0.99),
            SLOWER_GOAL,
            p50s,
        )
    yield at_least(
        f"{what}, {CLIENTS} clients, one process",
        statistics.median(one.many.rate for one in rounds),
        "/s",
        "pgbench, the same select",
        statistics.median(one.pgbench for one in rounds),
        RATE_GOAL,
        "rounds: " + ", ".join(f"{one.many.rate:,.0f}/{one.pgbench:,.0f}" for one in rounds),
    )


def _together(answers: Sequence[Answers]) -> Sequence[float]:
    return sorted(each for one in answers for each in one.ms)
