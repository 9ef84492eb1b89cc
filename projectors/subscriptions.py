"""Who listens to what: every projection, its tables, and the function for each event."""

from typing import Final

from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.assignments import book_events
from domain.assignments import events as assignment_events
from domain.inventory_operations import events as operation_events
from domain.projects.project import Project
from domain.requisitions import events as requisition_events
from infrastructure.projection_rows import OwnedTable
from projectors import (
    approval_policies,
    assignments,
    assignments_elsewhere,
    history,
    inventory_operations,
    item_books,
    notifications,
    projects,
    requisitions,
)
from projectors.projection import Projection
from read_tables.approval_policies import approval_policies as approval_policies_table
from read_tables.assignments import assignments as assignments_table
from read_tables.assignments import item_books as item_books_table
from read_tables.assignments import item_holds as item_holds_table
from read_tables.circulation import circulation as circulation_table
from read_tables.history import history as history_table
from read_tables.inventory_operations import inventory_operations as inventory_operations_table
from read_tables.notifications import notification_subjects as notification_subjects_table
from read_tables.notifications import notifications as notifications_table
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
        requisition_events.LiveAvailabilityRequired: requisitions.live_availability_required,
        requisition_events.Withdrawn: requisitions.withdrawn,
        requisition_events.ChangesRequested: requisitions.changes_requested,
        requisition_events.StepApproved: requisitions.step_approved,
        requisition_events.Approved: requisitions.approved,
        requisition_events.Rejected: requisitions.rejected,
        requisition_events.Delegated: requisitions.delegated,
        requisition_events.Cancelled: requisitions.cancelled,
        requisition_events.Expired: requisitions.expired,
        requisition_events.AvailabilityNoted: requisitions.availability_noted,
        requisition_events.LineFulfilled: requisitions.units_moved,
        requisition_events.LineClosedShort: requisitions.units_moved,
        requisition_events.LineAllocated: requisitions.units_moved,
        requisition_events.LineDeallocated: requisitions.units_moved,
        requisition_events.LineIssuing: requisitions.units_moved,
        requisition_events.LineIssued: requisitions.units_moved,
        requisition_events.LineIssueFailed: requisitions.units_moved,
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
    folds={
        ApprovalPolicy.Added: approval_policies.added,
        ApprovalPolicy.LiveAvailabilityRequired: approval_policies.live_availability_required,
    },
)

# One projection, so that an assignment and the operation that it waits for are read as of one
# position: *issued* is never seen beside a pending operation.
CUSTODY: Final = Projection(
    name="custody",
    version=3,
    tables=(
        OwnedTable(assignments_table, by="id"),
        OwnedTable(item_books_table, by="id"),
        OwnedTable(item_holds_table, by="book_id"),
        OwnedTable(inventory_operations_table, by="id"),
        OwnedTable(circulation_table, by="assignment_id", append_only=True),
    ),
    folds={
        assignment_events.Reserved: assignments.reserved,
        assignment_events.Cancelled: assignments.cancelled,
        assignment_events.CollectionFellDue: assignments.collection_fell_due,
        assignment_events.IssueRequested: assignments.issue_requested,
        assignment_events.Issued: assignments.issued,
        assignment_events.IssueFailed: assignments.issue_failed,
        assignment_events.SyncAttentionRaised: assignments.attention_raised,
        assignment_events.Accepted: assignments.accepted,
        assignment_events.Declined: assignments.declined,
        assignment_events.ExtensionRequested: assignments.extension_requested,
        assignment_events.ExtensionApproved: assignments.extension_approved,
        assignment_events.ExtensionRefused: assignments.extension_refused,
        assignment_events.DueDateChanged: assignments.due_date_changed,
        assignment_events.DueDateFailed: assignments.due_date_failed,
        assignment_events.BecameOverdue: assignments.became_overdue,
        assignment_events.ReminderFell: assignments.reminder_fell_due,
        assignment_events.ReturnNoted: assignments.return_noted,
        assignment_events.ReturnReceived: assignments.return_received,
        assignment_events.Returned: assignments.returned,
        assignment_events.WrittenOff: assignments.written_off,
        assignment_events.ReturnFailed: assignments.return_failed,
        assignment_events.DamageRecorded: assignments.damage_recorded,
        assignment_events.Closed: assignments.closed,
        assignment_events.LossReported: assignments_elsewhere.loss_reported,
        assignment_events.LossConfirmationRequested: assignments_elsewhere.loss_confirmation_requested,
        assignment_events.LossConfirmed: assignments_elsewhere.loss_confirmed,
        assignment_events.LossFailed: assignments_elsewhere.loss_failed,
        assignment_events.Recovered: assignments_elsewhere.recovered,
        assignment_events.AssetRecovered: assignments_elsewhere.asset_recovered,
        assignment_events.TransferRequested: assignments_elsewhere.transfer_requested,
        assignment_events.TransferCheckedIn: assignments_elsewhere.transfer_checked_in,
        assignment_events.TransferCompleted: assignments_elsewhere.transfer_completed,
        assignment_events.TransferFailed: assignments_elsewhere.transfer_failed,
        assignment_events.TransferCompensated: assignments_elsewhere.transfer_compensated,
        assignment_events.DriftDetected: assignments_elsewhere.drift_detected,
        assignment_events.UnitsDriftDetected: assignments_elsewhere.units_drift_detected,
        assignment_events.UnitsDriftReduced: assignments_elsewhere.units_drift_detected,
        assignment_events.DriftResolutionRequested: assignments_elsewhere.drift_resolution_requested,
        assignment_events.DriftResolutionFailed: assignments_elsewhere.drift_resolution_failed,
        assignment_events.UnitsReasserted: assignments_elsewhere.units_reasserted,
        assignment_events.Relinked: assignments_elsewhere.relinked,
        assignment_events.DriftResolved: assignments_elsewhere.drift_resolved,
        book_events.Opened: item_books.opened,
        book_events.Held: item_books.held,
        book_events.HandOverBegun: item_books.hand_over_begun,
        book_events.HoldChanged: item_books.hold_changed,
        book_events.Released: item_books.released,
        operation_events.Requested: inventory_operations.requested,
        operation_events.AttemptStarted: inventory_operations.attempt_started,
        operation_events.VerificationStarted: inventory_operations.verification_started,
        operation_events.AttemptAccepted: inventory_operations.attempt_accepted,
        operation_events.AlreadyApplied: inventory_operations.already_applied,
        operation_events.OutcomeUnknown: inventory_operations.outcome_unknown,
        operation_events.AttemptFailed: inventory_operations.attempt_failed,
        operation_events.VerifiedNotApplied: inventory_operations.verified_not_applied,
        operation_events.ConflictDetected: inventory_operations.conflict_detected,
        operation_events.Synced: inventory_operations.synced,
        operation_events.Failed: inventory_operations.failed,
        operation_events.Blocked: inventory_operations.blocked,
        operation_events.RetriesExhausted: inventory_operations.retries_exhausted,
        operation_events.Addressed: inventory_operations.addressed,
        operation_events.RetryOrdered: inventory_operations.retry_ordered,
        operation_events.ResolutionRequested: inventory_operations.resolution_requested,
        operation_events.ManuallyResolved: inventory_operations.manually_resolved,
        operation_events.Abandoned: inventory_operations.abandoned,
        operation_events.Cancelled: inventory_operations.cancelled,
        operation_events.LateEffectFound: inventory_operations.late_effect_found,
        operation_events.CompensationRequested: inventory_operations.compensation_requested,
        operation_events.Compensated: inventory_operations.compensated,
    },
)

NOTIFICATIONS: Final = Projection(
    name="notifications",
    version=2,
    tables=(
        OwnedTable(notification_subjects_table, by="id"),
        OwnedTable(notifications_table, by="aggregate_id", append_only=True),
    ),
    folds=notifications.FOLDS,
)

HISTORY: Final = Projection(
    name="history",
    version=1,
    tables=(OwnedTable(history_table, by="aggregate_id", append_only=True),),
    every=history.entry,
)

PROJECTIONS: Final = (REQUISITIONS, PROJECTS, APPROVAL_POLICIES, CUSTODY, NOTIFICATIONS, HISTORY)
