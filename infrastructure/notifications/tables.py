"""The tables of what was told, as the query API selects from them."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from infrastructure.ids import UlidType

metadata = MetaData(schema="notifications")

# One row: the feed shows what is after this position.
beginning = Table("beginning", metadata, Column("position", BigInteger(), primary_key=True))

switched_off = Table(
    "switched_off",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("user_id", UlidType(), primary_key=True),
    Column("kind", Text(), primary_key=True),
    Column("channel", Text(), primary_key=True),
)

read_marks = Table(
    "read_marks",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("user_id", UlidType(), primary_key=True),
    Column("position", BigInteger(), primary_key=True),
    Column("at", DateTime(timezone=True)),
)

read_upto = Table(
    "read_upto",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("user_id", UlidType(), primary_key=True),
    Column("position", BigInteger()),
    Column("at", DateTime(timezone=True)),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", UlidType(), primary_key=True),
    Column("tenant_id", UlidType()),
    Column("url", Text()),
    Column("description", Text()),
    Column("events", ARRAY(Text())),
    Column("enabled", Boolean()),
    Column("disabled_reason", Text()),
    Column("previous_until", DateTime(timezone=True)),
    Column("version", BigInteger()),
    Column("created_at", DateTime(timezone=True)),
    Column("failing_since", DateTime(timezone=True)),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", UlidType(), primary_key=True),
    Column("tenant_id", UlidType()),
    Column("position", BigInteger()),
    Column("recipient_id", UlidType()),
    Column("channel", Text()),
    Column("kind", Text()),
    Column("state", Text()),
    Column("attempts", Integer()),
    Column("due_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True)),
    Column("settled_at", DateTime(timezone=True)),
    Column("log", JSONB()),
)
