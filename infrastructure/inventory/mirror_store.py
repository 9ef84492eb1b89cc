"""The mirror's rows of one tenant: written in bulk, given ids of ours, found to be gone.

Every statement is a transaction of its own and may be repeated.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import orjson
from psycopg.rows import TupleRow

from domain.ids import Id, inventory_id
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.inventory import matching
from infrastructure.inventory.kinds import TABLES
from infrastructure.inventory.tables import metadata
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool

DEADLINE_S: Final = 30.0
BATCH: Final = 1_000

Row = Mapping[str, Any]
"""A thing of the inventory by the columns of its table; those of ours are the store's."""

_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""In JSON, a character that Postgres cannot store."""
_OF_OURS: Final = frozenset({"tenant_id", "external_id", "id", "as_of"})

_ENTER: Final = "SELECT set_config('app.tenant', %s, true)"
_SAVE_STATE: Final = (
    "INSERT INTO inventory.mirror_states AS s"
    " (tenant_id, base_url, last_activity_id, swept_at, as_of)"
    " VALUES (%(tenant)s, %(base_url)s, %(last)s, %(swept_at)s, %(as_of)s)"
    " ON CONFLICT (tenant_id) DO UPDATE SET base_url = excluded.base_url,"
    " last_activity_id = excluded.last_activity_id,"
    " swept_at = coalesce(excluded.swept_at, s.swept_at), as_of = excluded.as_of,"
    " error = NULL, message = NULL, failing_since = NULL"
)
_FAILED: Final = (
    "INSERT INTO inventory.mirror_states AS s (tenant_id, base_url, error, message, failing_since)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant_id) DO UPDATE"
    " SET error = excluded.error, message = excluded.message,"
    " failing_since = coalesce(s.failing_since, excluded.failing_since)"
)
_KIND: Final = (
    "INSERT INTO inventory.mirror_kinds (tenant_id, kind, as_of, things) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (tenant_id, kind)"
    " DO UPDATE SET as_of = excluded.as_of, things = excluded.things"
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A reading that has begun, ``at`` by the clock, which may be set back or be another's.

    ``number`` is above those of all that began before it, in whatever process.
    """

    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How far a mirror is: of which server, and up to which row of its activity report."""

    base_url: str
    last_activity_id: int | None
    swept_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lonely:
    """What did not match: a member (``id``), or a thing of the inventory (``external_id``)."""

    kind: str
    id: Id | None
    external_id: int | None
    name: str | None


class MirrorStore:
    """The mirror of one tenant. Every call raises ``StoreUnavailable`` where it must."""

    def __init__(self, pool: Pool, tenant_id: Id) -> None:
        self._pool = pool
        self._tenant_id = tenant_id
        self._tenant = to_uuid(tenant_id)

    async def state(self) -> MirrorState | None:
        """How far it is; None for one that never began."""
        rows = await self._run(
            "SELECT base_url, last_activity_id, swept_at FROM inventory.mirror_states"
            " WHERE tenant_id = %s",
            self._tenant,
        )
        return MirrorState(*rows[0]) if rows else None

    async def save_state(
        self,
        base_url: str,
        last_activity_id: int | None,
        as_of: datetime,
        swept_at: datetime | None = None,
    ) -> None:
        """The mirror holds all that the report says up to this row; with ``swept_at``, all."""
        values = {
            "tenant": self._tenant,
            "base_url": base_url,
            "last": last_activity_id,
            "swept_at": swept_at,
            "as_of": as_of,
        }
        async with pooled_call(self._pool, DEADLINE_S) as connection:
            await connection.execute(_SAVE_STATE, values)

    async def failed(self, base_url: str, error: str, message: str, at: datetime) -> None:
        """Nothing can be read just now, since ``at`` if it could until then.

        ``error`` is the class, for everybody; ``message`` is for those who can mend it.
        """
        await self._run(_FAILED, self._tenant, base_url, error, message, at)

    async def begin(self, at: datetime) -> Begun:
        """A reading that begins now, which is ``at``: what it finds is newer than all before."""
        rows = await self._run("SELECT nextval('inventory.readings')")
        return Begun(rows[0][0], at)

    async def put(self, kind: str, rows: Sequence[Row], begun: Begun) -> None:
        """Things as a reading found them. What one that began later has found stays."""
        statement = _upsert(TABLES[kind])
        for start in range(0, len(rows), BATCH):
            batch = orjson.dumps(rows[start : start + BATCH]).decode()
            values = (self._tenant, begun.at, begun.number, _NUL.sub(r"\1", batch))
            await self._run(statement, *values)

    async def unseen(self, kind: str, begun: Begun) -> list[int]:
        """The numbers of living things that neither this reading has found nor a later one."""
        rows = await self._run(
            f"SELECT external_id FROM inventory.{TABLES[kind]}"  # noqa: S608
            " WHERE tenant_id = %s AND deleted_at IS NULL AND reading < %s ORDER BY external_id",
            self._tenant,
            begun.number,
        )
        return [external_id for (external_id,) in rows]

    async def put_away(self, kind: str, external_ids: Sequence[int], begun: Begun) -> None:
        """These things are no longer in the inventory, unless a later reading has found them."""
        await self._run(
            f"UPDATE inventory.{TABLES[kind]} SET deleted_at = %s, as_of = %s, reading = %s"  # noqa: S608
            " WHERE tenant_id = %s AND external_id = ANY (%s) AND deleted_at IS NULL"
            " AND reading <= %s",
            begun.at,
            begun.at,
            begun.number,
            self._tenant,
            list(external_ids),
            begun.number,
        )

    async def complete(self, kind: str, as_of: datetime) -> int:
        """All things of a kind are as of then, or newer. Returns how many there are."""
        things = await self.living(kind)
        await self._run(_KIND, self._tenant, kind, as_of, things)
        return things

    async def living(self, kind: str) -> int:
        """How many things of a kind there are."""
        rows = await self._run(
            f"SELECT count(*) FROM inventory.{TABLES[kind]}"  # noqa: S608
            " WHERE tenant_id = %s AND deleted_at IS NULL",
            self._tenant,
        )
        things: int = rows[0][0]
        return things

    async def give_ids(self, kind: str) -> None:
        """Let everything of a kind have an id of ours, but for what somebody took away.

        An asset that was made again keeps the id of the one it replaces. What comes back after
        that, or after its id was given to something else by hand, gets another one.
        """
        table = TABLES[kind]
        if kind == "asset":
            await self._run_all(matching.adopt("serial"), matching.adopt("tag"))
        rows = await self._run(
            f"SELECT external_id FROM inventory.{table}"  # noqa: S608
            " WHERE tenant_id = %s AND id IS NULL",
            self._tenant,
        )
        if not rows:
            return
        given_away = 0
        while numbers := [number for (number,) in rows]:
            ids = [
                to_uuid(inventory_id(self._tenant_id, kind, number, given_away))
                for number in numbers
            ]
            await self._run(matching.FIRST_SEEN, self._tenant, kind, ids, numbers)
            rows = await self._run(matching.given_away(table), ids, numbers, self._tenant, kind)
            given_away += 1
        await self._run(matching.take_over(table), self._tenant, kind)

    async def match_members(self) -> None:
        """Let members stand for users over there, by e-mail, then by user name."""
        await self._run_all(
            matching.members_by("email"),
            matching.members_by("username"),
            matching.FREE_USERS,
            matching.TAKE_OVER_USERS,
        )

    async def lonely(self) -> list[Lonely]:
        """What of ours stands for nothing over there, then what there nothing of ours stands for."""
        things = (matching.lonely_things(kind, table) for kind, table in TABLES.items())
        found: list[Lonely] = []
        async with pooled_call(self._pool, DEADLINE_S) as connection, connection.transaction():
            await connection.execute(_ENTER, (str(self._tenant),))
            for query in (matching.LONELY_MEMBERS, *things):
                cursor = await connection.execute(query, {"tenant": self._tenant})
                for kind, id, external_id, name in await cursor.fetchall():
                    ours = None if id is None else from_uuid(id)
                    found.append(Lonely(kind, ours, external_id, name))
        return found

    async def _run_all(self, *statements: LiteralString) -> None:
        async with pooled_call(self._pool, DEADLINE_S) as connection, connection.transaction():
            await connection.execute(_ENTER, (str(self._tenant),))
            for statement in statements:
                await connection.execute(statement, {"tenant": self._tenant})

    async def _run(self, statement: LiteralString, *values: object) -> list[TupleRow]:
        async with pooled_call(self._pool, DEADLINE_S) as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []


def _upsert(table: LiteralString) -> LiteralString:
    columns = [column for column in _columns(table) if column not in _OF_OURS]
    listed = ", ".join(columns)
    taken = ", ".join(f"r.{column}" for column in columns)
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO inventory.{table} AS m (tenant_id, as_of, reading, external_id, {listed})"  # noqa: S608
        f" SELECT %s, %s, %s, r.external_id, {taken}"
        f" FROM jsonb_populate_recordset(NULL::inventory.{table}, %s::jsonb) AS r"
        " ON CONFLICT (tenant_id, external_id)"
        f" DO UPDATE SET as_of = excluded.as_of, reading = excluded.reading, {changed}"
        " WHERE m.reading <= excluded.reading"
    )


def _columns(table: str) -> list[LiteralString]:
    found: list[Any] = [column.name for column in metadata.tables[f"inventory.{table}"].columns]
    return found
