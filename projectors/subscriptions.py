"""Who listens to what: every projection, its tables, and the function for each event."""

from typing import Final

from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.projects.project import Project
from domain.requisitions import events as requisition_events
from infrastructure.projection_rows import OwnedTable
from projectors import approval_policies, history, projects, requisitions
from projectors.projection import Projection
from read_tables.approval_policies import approval_policies as approval_policies_table
from read_tables.history import history as history_table
from read_tables.projects import project_members as project_members_table
from read_tables.projects import projects as projects_table
from read_tables.requisitions import requisition_lines as requisition_lines_table
from read_tables.requisitions import requisition_words as requisition_words_table
from read_tables.requisitions import requisitions as requisitions_table

REQUISITIONS: Final = Projection(
    name="requisitions",
    version=1,
    tables=(
        OwnedTable(requisitions_table, by="id"),
        OwnedTable(requisition_lines_table, by="requisition_id"),
        OwnedTable(requisition_words_table, by="requisition_id"),
    ),
    folds={
        requisition_events.Drafted: requisitions.drafted,
        requisition_events.HeaderChanged: requisitions.header_changed,
        requisition_events.LineAdded: requisitions.line_added,
        requisition_events.LineChanged: requisitions.line_changed,
        requisition_events.LineRemoved: requisitions.line_removed,
        requisition_events.Submitted: requisitions.submitted,
        requisition_events.Withdrawn: requisitions.withdrawn,
        requisition_events.ChangesRequested: requisitions.changes_requested,
        requisition_events.StepApproved: requisitions.step_approved,
        requisition_events.Approved: requisitions.approved,
        requisition_events.Rejected: requisitions.rejected,
        requisition_events.Delegated: requisitions.delegated,
        requisition_events.Cancelled: requisitions.cancelled,
        requisition_events.Expired: requisitions.expired,
        requisition_events.LineFulfilled: requisitions.line_fulfilled,
        requisition_events.LineClosedShort: requisitions.line_closed_short,
    },
)

PROJECTS: Final = Projection(
    name="projects",
    version=1,
    tables=(
        OwnedTable(projects_table, by="id"),
        OwnedTable(project_members_table, by="project_id"),
    ),
    folds={
        Project.Created: projects.created,
        Project.MemberSet: projects.member_set,
        Project.MemberRemoved: projects.member_removed,
    },
)

APPROVAL_POLICIES: Final = Projection(
    name="approval_policies",
    version=1,
    tables=(OwnedTable(approval_policies_table, by="id"),),
    folds={ApprovalPolicy.Added: approval_policies.added},
)

HISTORY: Final = Projection(
    name="history",
    version=1,
    tables=(OwnedTable(history_table, by="aggregate_id", append_only=True),),
    every=history.entry,
)

PROJECTIONS: Final = (REQUISITIONS, PROJECTS, APPROVAL_POLICIES, HISTORY)
