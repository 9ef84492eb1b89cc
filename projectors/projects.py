"""Projects and their members as rows."""

from domain.projects.project import Project
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows


def created(rows: Rows, event: Project.Created, recorded: RecordedEvent) -> Rows:
    """A project began, still without members."""
    project: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "name": event.name,
        "description": event.description,
        "archived_at": None,
        "created_by": event.created_by,
        "created_at": recorded.recorded_at,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "projects": [project], "project_members": []}


def member_set(rows: Rows, event: Project.MemberSet, recorded: RecordedEvent) -> Rows:
    """Somebody joined, or plays another part: they are a member since they joined."""
    (project,) = rows["projects"]
    others = [row for row in rows["project_members"] if row["user_id"] != event.user_id]
    before = [row for row in rows["project_members"] if row["user_id"] == event.user_id]
    member: Row = {
        "project_id": recorded.aggregate_id,
        "user_id": event.user_id,
        "tenant_id": project["tenant_id"],
        "role": event.role,
        "since": before[0]["since"] if before else recorded.recorded_at,
    }
    return {**_touched(rows, recorded), "project_members": [*others, member]}


def member_removed(rows: Rows, event: Project.MemberRemoved, recorded: RecordedEvent) -> Rows:
    """Somebody left."""
    others = [row for row in rows["project_members"] if row["user_id"] != event.user_id]
    return {**_touched(rows, recorded), "project_members": others}


def _touched(rows: Rows, recorded: RecordedEvent) -> Rows:
    (project,) = rows["projects"]
    changed = {**project, "updated_at": recorded.recorded_at, "version": recorded.version}
    return {**rows, "projects": [changed]}
