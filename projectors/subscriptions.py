"""Who listens to what: every projection, its tables, and the function for each event."""

from typing import Final

from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.projects.project import Project
from domain.requisitions.requisition import Requisition
from infrastructure.projection_store import OwnedTable
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
        Requisition.Drafted: requisitions.drafted,
        Requisition.HeaderChanged: requisitions.header_changed,
        Requisition.LineAdded: requisitions.line_added,
        Requisition.LineChanged: requisitions.line_changed,
        Requisition.LineRemoved: requisitions.line_removed,
        Requisition.Submitted: requisitions.submitted,
        Requisition.Withdrawn: requisitions.withdrawn,
        Requisition.ChangesRequested: requisitions.changes_requested,
        Requisition.StepApproved: requisitions.step_approved,
        Requisition.Approved: requisitions.approved,
        Requisition.Rejected: requisitions.rejected,
        Requisition.Delegated: requisitions.delegated,
        Requisition.Cancelled: requisitions.cancelled,
        Requisition.Expired: requisitions.expired,
        Requisition.LineFulfilled: requisitions.line_fulfilled,
        Requisition.LineClosedShort: requisitions.line_closed_short,
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
