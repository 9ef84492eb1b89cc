"""How far each projection is in the log, and the events that it has put aside."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from read_tables.tables import metadata, text, time, ulid

# A change is announced on this channel as "<projection>:<position>", several with spaces between.
READ_CHANNEL = "qm_read"

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("projection", Text(), primary_key=True),
    # Of the fold: a rebuild raises it.
    Column("version", Integer(), nullable=False),
    # Of the log that ``position`` counts in; a restored log has another.
    ulid("epoch"),
    Column("position", BigInteger(), nullable=False),
)

# An aggregate with a row here is not up to date in that projection: a page of it answers 503
# ``projection_parked`` rather than something stale.
parked_events = Table(
    "parked_events",
    metadata,
    Column("projection", Text(), primary_key=True),
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    ulid("tenant_id"),
    ulid("aggregate_id"),
    text("type"),
    # Why it was put aside; for the later events of the same aggregate: that an earlier one is.
    text("error"),
    Column("attempts", Integer(), nullable=False),
    time("parked_at"),
)
Index("parked_events_of_one", *parked_events.c["projection", "aggregate_id", "position"])
Index("parked_events_of_tenant", *parked_events.c["tenant_id", "aggregate_id"])

# Parked events that somebody decided to pass over: no replay may take them up again.
skipped_events = Table(
    "skipped_events",
    metadata,
    Column("projection", Text(), primary_key=True),
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    ulid("tenant_id"),
    ulid("aggregate_id"),
    text("type"),
    time("skipped_at"),
)
