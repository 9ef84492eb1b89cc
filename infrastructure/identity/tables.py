"""The identity tables as the query API selects from them: the columns that it may read."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from infrastructure.ids import UlidType

metadata = MetaData(schema="identity")

# A user is global; row-level security shows the members of the present tenant.
users = Table(
    "users",
    metadata,
    Column("id", UlidType(), primary_key=True),
    Column("username", Text()),
    Column("email", Text()),
)

roles = Table(
    "roles",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("name", Text(), primary_key=True),
    Column("permissions", ARRAY(Text())),
)

members = Table(
    "members",
    metadata,
    Column("tenant_id", UlidType(), primary_key=True),
    Column("user_id", UlidType(), primary_key=True),
    Column("roles", ARRAY(Text())),
    Column("version"),
)

projects = Table(
    "projects",
    metadata,
    Column("id", UlidType(), primary_key=True),
    Column("tenant_id", UlidType()),
    Column("name", Text()),
    Column("archived_at", DateTime(timezone=True)),
)

project_members = Table(
    "project_members",
    metadata,
    Column("tenant_id", UlidType()),
    Column("project_id", UlidType(), primary_key=True),
    Column("user_id", UlidType(), primary_key=True),
    Column("role", Text()),
)

approval_policies = Table(
    "approval_policies",
    metadata,
    Column("id", UlidType(), primary_key=True),
    Column("tenant_id", UlidType()),
    Column("steps", JSONB()),
)
