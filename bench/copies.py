"""Copies of events and of rows, with ids of their own: a large database, made of real parts.

A new id begins with 48 bits of time, as a ULID does. All new ids of one copy share them: they are a
family. To copy is to put another family's bits in their place, wherever an id stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import Column, DateTime, Table
from sqlalchemy.dialects.postgresql import JSONB

from bench.report import say
from domain.ids import Id, id_of, uuid_of
from infrastructure.copy_rows import copy_text
from infrastructure.ids import UlidType
from infrastructure.projection_rows import Row

TAIL_BITS: Final = 80
CHUNK: Final = 100_000
"""Events or rows that are made with one statement."""

_FIRST_MS: Final = int(datetime(2023, 1, 9, 8, tzinfo=UTC).timestamp() * 1000)
_ULID_CHARACTERS: Final = 10
_UUID_CHARACTERS: Final = 13

_TOLD: Final = """
CREATE TEMP TABLE told (
    position bigint, version bigint, at timestamptz, originator text, tenant text, actor text,
    topic text, state text)
"""
_FILL: Final = """
INSERT INTO log.stored_events (
    notification_id, originator_version, recorded_at, originator_id, tenant_id, command_id,
    actor_id, topic, correlation_id, state)
SELECT family.number * %(size)s + position, version, at + family.number * %(apart)s::interval,
    replace(originator, %(uuid)s, family.uuid)::uuid, replace(tenant, %(uuid)s, family.uuid)::uuid,
    gen_random_uuid(), replace(actor, %(uuid)s, family.uuid)::uuid, topic, 'bench',
    convert_to(replace(state, %(ulid)s, family.ulid), 'UTF8')
FROM unnest(%(numbers)s::bigint[], %(ulids)s::text[], %(uuids)s::text[])
    AS family (number, ulid, uuid), told
WHERE family.number * %(size)s + position <= %(events)s
"""
_MULTIPLY: Final = """
INSERT INTO {into} ({columns})
SELECT {copied} FROM unnest(%(numbers)s::bigint[], %(ulids)s::text[], %(uuids)s::text[])
    AS family (number, ulid, uuid), originals
"""
_OTHER_ID: Final = "replace({column}::text, %(uuid)s, family.uuid)::uuid"
_OTHER_IDS: Final = "replace({column}::text, %(ulid)s, family.ulid)::jsonb"
_LATER: Final = "{column} + family.number * %(apart)s::interval"


@dataclass(frozen=True, slots=True)
class Family:
    """Ids that share their first 48 bits."""

    number: int

    @property
    def ulid(self) -> str:
        """How they begin as text."""
        return self.id(0)[:_ULID_CHARACTERS]

    @property
    def uuid(self) -> str:
        """How they begin as Postgres writes a uuid."""
        return str(uuid_of(self.id(0)))[:_UUID_CHARACTERS]

    def id(self, tail: int) -> Id:
        """The id with these last 80 bits."""
        return id_of(UUID(int=((_FIRST_MS + self.number) << TAIL_BITS) | tail))


FIRST: Final = Family(0)
"""The family of what is copied."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event to be copied, in its stored form."""

    version: int
    at: datetime
    originator: UUID
    tenant: UUID
    actor: UUID | None
    topic: str
    state: bytes


def fill_log(url: str, told: Sequence[Stored], events: int, apart: timedelta) -> None:
    """Fill an empty log with so many events: those told, again and again, ``apart`` in time.

    ``url`` is that of a superuser.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(_TOLD)
        with connection.cursor().copy("COPY told FROM STDIN") as copy:
            for position, one in enumerate(told, start=1):
                actor = None if one.actor is None else str(one.actor)
                ids = (str(one.originator), str(one.tenant), actor)
                row = (one.version, one.at, *ids, one.topic, one.state.decode())
                copy.write_row((position, *row))
        for families in _families(-(-events // len(told)), max(CHUNK // len(told), 1)):
            values = {"size": len(told), "apart": apart, "events": events, **_named(families)}
            stored = connection.execute(_FILL, values).rowcount
            connection.execute("UPDATE log.log_head SET position = position + %s", (stored,))
            say(f"{min((families[-1].number + 1) * len(told), events):,} of {events:,} events")
        connection.execute("VACUUM (ANALYZE) log.stored_events")
        connection.execute("CHECKPOINT")


def multiply(
    url: str, table: Table, schema: str, originals: Sequence[Row], copies: int, apart: timedelta
) -> None:
    """Fill a table of ``schema`` with so many copies of rows, each ``apart`` from the one before.

    All times but those within documents lie apart. ``url`` is that of a superuser.
    """
    into = sql.Identifier(schema, str(table.name))
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    copied = sql.SQL(", ").join(map(_copied, table.columns))
    statement = sql.SQL(_MULTIPLY).format(into=into, columns=columns, copied=copied)
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE TEMP TABLE originals (LIKE {})").format(into))
        target = sql.SQL("COPY originals ({}) FROM STDIN").format(columns)
        with connection.cursor().copy(target) as copy:
            copy.write(copy_text(table, originals))
        made = 0
        for families in _families(copies, max(CHUNK // len(originals), 1)):
            made += connection.execute(statement, {"apart": apart, **_named(families)}).rowcount
            say(f"{made:,} of {copies * len(originals):,} rows of {table.name}")


def _copied(column: Column[Any]) -> sql.Composable:
    name = sql.Identifier("originals", str(column.name))
    for kind, form in ((UlidType, _OTHER_ID), (JSONB, _OTHER_IDS), (DateTime, _LATER)):
        if isinstance(column.type, kind):
            return sql.SQL(form).format(column=name)
    return name


def _families(number: int, at_once: int) -> Iterator[Sequence[Family]]:
    for begin in range(0, number, at_once):
        yield [Family(one) for one in range(begin, min(begin + at_once, number))]


def _named(families: Sequence[Family]) -> dict[str, object]:
    return {
        "numbers": [family.number for family in families],
        "ulids": [family.ulid for family in families],
        "uuids": [family.uuid for family in families],
        "ulid": FIRST.ulid,
        "uuid": FIRST.uuid,
    }
