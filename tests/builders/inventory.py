"""A tenant that is connected to a Snipe-IT, with members, as rows of a real database."""

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from domain.ids import Id
from infrastructure.ids import derived_id, to_uuid
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database

TOKEN_SOURCE: Final = "env:QM_SNIPE_IT_TOKEN_TEST"


@dataclass(frozen=True, slots=True)
class InventoryTables:
    """The inventory tables of one tenant, written and read as nobody else may."""

    database: Database
    tenant_id: Id = TENANT

    def entry(self, base_url: str) -> str:
        """What an operator writes down to let the tenant connect to a server."""
        return f"{base_url} {TOKEN_SOURCE} {self.tenant_id}"

    def connect(
        self, base_url: str, company_id: int | None = None, token_source: str = TOKEN_SOURCE
    ) -> None:
        """Let the tenant exist, connected to a server."""
        self._run(
            "INSERT INTO identity.tenants VALUES (%s, 'Lab', now()) ON CONFLICT DO NOTHING",
            self._tenant,
        )
        self._run(
            "INSERT INTO inventory.connections (tenant_id, base_url, token_source, company_id,"
            " server_zone, status_labels, version) VALUES (%s, %s, %s, %s, 'UTC', '{}', 1)",
            self._tenant,
            base_url,
            token_source,
            company_id,
        )

    def change_company(self, company_id: int) -> None:
        """Narrow the connection to a company of the inventory."""
        self._run(
            "UPDATE inventory.connections SET company_id = %s, set_at = now() WHERE tenant_id = %s",
            company_id,
            self._tenant,
        )

    def add_member(self, username: str, email: str) -> Id:
        """A user who is a member of the tenant."""
        user_id = derived_id("test", "member", self.tenant_id, username)
        self._run(
            "INSERT INTO identity.users VALUES (%s, %s, %s, 'hash', now())",
            to_uuid(user_id),
            username,
            email,
        )
        self._run(
            "INSERT INTO identity.members VALUES (%s, %s, '{}', 1)",
            self._tenant,
            to_uuid(user_id),
        )
        return user_id

    def put_location(self, external_id: int, id: Id | None = None) -> None:
        """A room of the inventory; with ``id``, one that this id of ours stands for."""
        ours = None if id is None else to_uuid(id)
        self._run(
            "INSERT INTO inventory.locations (tenant_id, external_id, id, as_of, name)"
            " VALUES (%s, %s, %s, now(), %s)",
            self._tenant,
            external_id,
            ours,
            f"Room {external_id}",
        )
        if id is not None:
            self.map("location", id, external_id)

    def map(self, kind: str, id: Id, external_id: int) -> None:
        """Let an id of ours stand for a thing."""
        self._run(
            "INSERT INTO inventory.mappings (tenant_id, kind, id, external_id, matched_by)"
            " VALUES (%s, %s, %s, %s, 'first_seen')",
            self._tenant,
            kind,
            to_uuid(id),
            external_id,
        )

    def delete(self, table: str, external_id: int) -> None:
        """Let a thing be gone over there, as the mirror has seen it."""
        self._run(
            f"UPDATE inventory.{table} SET deleted_at = now()"  # noqa: S608
            " WHERE tenant_id = %s AND external_id = %s",
            self._tenant,
            external_id,
        )

    def put_user(self, external_id: int, username: str) -> None:
        """A user of the inventory who is no member."""
        self._run(
            "INSERT INTO inventory.users (tenant_id, external_id, as_of, name, username, activated)"
            " VALUES (%s, %s, now(), %s, %s, true)",
            self._tenant,
            external_id,
            username,
            username,
        )

    def unlink(self, id: Id) -> None:
        """Take a mapping away, as a person does."""
        self._run(
            "UPDATE inventory.mappings SET external_id = NULL, matched_by = 'hand'"
            " WHERE tenant_id = %s AND id = %s",
            self._tenant,
            to_uuid(id),
        )

    def rows(self, table: str, where: str = "true", *values: object) -> list[dict[str, Any]]:
        """The tenant's rows of a table, in the order of their numbers over there."""
        query = (
            f"SELECT * FROM inventory.{table} WHERE tenant_id = %s AND {where}"  # noqa: S608
            " ORDER BY external_id"
        )
        with psycopg.connect(self.database.superuser_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), (self._tenant, *values)).fetchall()

    def row(self, table: str, external_id: int) -> dict[str, Any]:
        """One row by its number over there."""
        (row,) = self.rows(table, "external_id = %s", external_id)
        return row

    def state(self) -> dict[str, Any] | None:
        """How far the mirror is."""
        query = "SELECT * FROM inventory.mirror_states WHERE tenant_id = %s"
        with psycopg.connect(self.database.superuser_url, row_factory=dict_row) as connection:
            return connection.execute(query, (self._tenant,)).fetchone()

    @property
    def _tenant(self) -> Any:
        return to_uuid(self.tenant_id)

    def _run(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.database.superuser_url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)
