"""Plans that Postgres makes for a select, in a database with enough rows for it to choose."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.dialects.postgresql import psycopg

from domain.ids import Id
from infrastructure.ids import to_uuid
from infrastructure.prepared_selects import AnySelect
from tests.fixtures.postgres import Database
from tests.query_api.world import World


@contextmanager
def filled(
    database: Database,
    world: World,
    tenant_id: Id,
    statements: Sequence[str],
    values: Mapping[str, Any],
) -> Iterator[Connection]:
    """A connection of the query API's role in a tenant, after these have filled the database."""
    with world.engine.begin() as connection:
        for statement in statements:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    engine = create_engine(make_url(database.url("query")).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(
            text("SELECT set_config('app.tenant', :tenant, false)"),
            {"tenant": str(to_uuid(tenant_id))},
        )
        yield connection
    engine.dispose()


class Plan:
    """A plan, as what it reads and how."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.nodes = list(nodes_below(root))

    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    def kinds(self, relation: str | None = None) -> set[str]:
        return {
            node["Node Type"]
            for node in self.nodes
            if relation is None or node.get("Relation Name") == relation
        }

    def conditions_of(self, index: str) -> str:
        """What the index is searched by."""
        return " ".join(
            node.get("Index Cond", "") for node in self.nodes if node.get("Index Name") == index
        )


def nodes_below(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan, and all that it reads from."""
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes_below(inner)


def plan_of(reader: Connection, select: AnySelect) -> Plan:
    compiled = select.compile(dialect=psycopg.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's
    processors: dict[str, Any] = dict(
        compiled._bind_processors
    )  # SQLAlchemy has no public way to bind by hand
    values = {
        name: processors[name](value) if name in processors else value
        for name, value in compiled.params.items()
    }
    found = reader.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", values)
    return Plan(found.scalar_one()[0]["Plan"])
