"""Every event of the log, as the history of an object and the audit of a tenant show it."""

from sqlalchemy import BigInteger, Column, Index, Table

from read_tables.tables import document, metadata, text, time, ulid, whole

history = Table(
    "history",
    metadata,
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    ulid("tenant_id"),
    ulid("aggregate_id"),
    # The first word of the event's name: requisition, project, membership …
    text("aggregate_kind"),
    whole("version"),
    # The event's name, such as requisition.submitted.v1
    text("type"),
    time("at"),
    ulid("actor_id", null=True),
    text("correlation_id"),
    # The event's own fields, as stored.
    document("data"),
)
Index("history_by_position", *history.c["tenant_id", "position"])
Index("history_by_aggregate", *history.c["tenant_id", "aggregate_id", "position"])
Index("history_by_actor", *history.c["tenant_id", "actor_id", "position"])
Index("history_by_type", *history.c["tenant_id", "type", "position"])
Index("history_by_time", *history.c["tenant_id", "at", "position"])
