"""A tenant with very many requisitions and what was lent for them, as rows of the read tables.

Some lendings are folded by our projections; their rows are copied until there are enough. They go
into tables beside the live ones, which they then replace: as in a rebuild, with the same indexes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final
from urllib.parse import urlsplit

import psycopg
from sqlalchemy import Table

from bench.cast import Cast
from bench.copies import multiply
from bench.lendings import Crew, Lendings
from bench.stack import Stack
from domain.ids import Id, uuid_of
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import new_id
from infrastructure.projection_bulk import bulk_tables
from infrastructure.projection_rows import Row
from projectors.batches import fold_batch
from projectors.projection import Projection
from projectors.rebuild import NEXT_SCHEMA
from projectors.subscriptions import CUSTODY, REQUISITIONS
from read_tables.assignments import assignments
from read_tables.inventory_operations import inventory_operations
from read_tables.positions import parked_events, projection_positions, skipped_events
from read_tables.requisitions import requisitions
from read_tables.tables import LIVE_SCHEMA

PEOPLE: Final = 200
PROJECTS: Final = 20
SPREAD: Final = timedelta(days=3 * 365)
"""Over which the rows were made."""

TABLES: Final = (requisitions, assignments, inventory_operations)
_BOOKKEEPING: Final = (projection_positions, parked_events, skipped_events)

_MEMBER: Final = """
WITH new_user AS (
    INSERT INTO identity.users VALUES (%(id)s, %(name)s, %(name)s || '@example.org', 'x', now()))
INSERT INTO identity.members (tenant_id, user_id, roles, version)
VALUES (%(tenant)s, %(id)s, '{requester}', 1)
"""
_PROJECT: Final = "INSERT INTO identity.projects VALUES (%(id)s, %(tenant)s, %(name)s, NULL, 1)"
_ASSET: Final = """
INSERT INTO inventory.assets (tenant_id, external_id, id, as_of, name, tag, model_external_id,
    can_check_out, requestable, checkout_counter, checkin_counter, custom_fields)
VALUES (%(tenant)s, %(number)s, %(id)s, now(), %(name)s, %(name)s, 1, true, false, 0, 0, '{}')
"""
_MODEL: Final = """
INSERT INTO inventory.models (tenant_id, external_id, id, as_of, name, requestable, assets_count)
VALUES (%(tenant)s, 1, gen_random_uuid(), now(), 'Notebook 14"', false, 0)
"""


async def fill(
    stack: Stack, log: Mapping[str, str], cast: Cast, requisitions_wanted: int, lendings: int
) -> Mapping[Table, int]:
    """Give the tenant of ``cast`` so many requisitions, and all that was lent for them.

    They are copies of ``lendings`` ones. Returns the number of rows by table.
    """
    database = urlsplit(log["QM_REBUILD_DATABASE_URL"]).path.lstrip("/")
    url = stack.postgres.superuser_url(database)
    crew = Crew.new(new_id, cast.tenant_id, PEOPLE, PROJECTS)
    originals = _originals(crew, lendings)
    _know(url, crew, _own_things(originals[assignments]))
    copies = requisitions_wanted // lendings
    async with bulk_tables(log["QM_REBUILD_DATABASE_URL"], NEXT_SCHEMA) as bulk:
        await bulk.make([*TABLES, *_BOOKKEEPING])
        for table in TABLES:
            multiply(url, table, bulk.schema, originals[table], copies, SPREAD / copies)
        await bulk.finish(TABLES)
        await bulk.guard(TABLES)
        async with bulk.transaction():
            await bulk.replace(LIVE_SCHEMA, TABLES, [])
        await bulk.drop(_BOOKKEEPING)
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    return {table: len(originals[table]) * copies for table in TABLES}


def _originals(crew: Crew, lendings: int) -> dict[Table, list[Row]]:
    """The rows of some lendings, by table."""
    told = enumerate(Lendings(crew).tell(lendings), start=1)
    events = [
        RecordedEvent.of(
            one.event,
            position=position,
            tenant_id=one.tenant_id,
            recorded_at=one.event.timestamp,
            actor_id=one.actor_id,
        )
        for position, one in told
    ]
    by_stream = attrgetter("aggregate_id")
    rows: defaultdict[Table, list[Row]] = defaultdict(list)
    for id, stream in groupby(sorted(events, key=by_stream), by_stream):
        history = list(stream)
        for projection in (REQUISITIONS, CUSTODY):
            if projection.concerns(history[0]):
                _fold(projection, id, history, rows)
    return rows


def _fold(
    projection: Projection,
    id: Id,
    history: Sequence[RecordedEvent],
    rows: Mapping[Table, list[Row]],
) -> None:
    empty = {owned.name: () for owned in projection.tables}
    folded = fold_batch(projection, {id: empty}, history)
    for owned in projection.tables:
        rows[owned.table].extend(folded.rows[id][owned.name])


def _own_things(rows: list[Row]) -> Iterable[Id]:
    """The ids of what is lent, which are the same in every copy from now on."""
    own: dict[Id, Id] = defaultdict(new_id)
    for row in rows:
        row["item_id"] = own[row["item_id"]]
    return own.values()


def _know(url: str, crew: Crew, things: Iterable[Id]) -> None:
    """Have the names of people, projects and things."""
    tenant = uuid_of(crew.technician.tenant_id)
    people = [crew.approver, crew.technician, *crew.requesters]
    named = (
        (_MEMBER, "person", [one.user_id for one in people]),
        (_PROJECT, "project", crew.projects),
        (_ASSET, "notebook", things),
    )
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute(_MODEL, {"tenant": tenant})
        for statement, kind, ids in named:
            for number, id in enumerate(ids):
                values = {"tenant": tenant, "id": uuid_of(id), "number": number}
                connection.execute(statement, {**values, "name": f"{kind}-{number}"})
