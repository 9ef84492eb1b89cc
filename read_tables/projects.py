"""Projects and their members, as lists and pages show them."""

from sqlalchemy import Index, Table

from read_tables.tables import metadata, text, time, ulid, whole

projects = Table(
    "projects",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    text("name"),
    text("description", null=True),
    time("archived_at", null=True),
    ulid("created_by", null=True),
    time("created_at"),
    time("updated_at"),
    whole("version"),
)
Index("projects_by_creation", *projects.c["tenant_id", "created_at", "id"])
Index("projects_by_name", *projects.c["tenant_id", "name", "id"])
Index("projects_by_update", *projects.c["tenant_id", "updated_at", "id"])

project_members = Table(
    "project_members",
    metadata,
    ulid("project_id", key=True),
    ulid("user_id", key=True),
    ulid("tenant_id"),
    text("role"),
    time("since"),
)
Index("project_members_by_user", *project_members.c["tenant_id", "user_id", "project_id"])
