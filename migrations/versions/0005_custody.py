"""The read tables of assignments, inventory operations and circulation."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE read.assignments (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    state text NOT NULL,
    outcome text,
    item_kind text NOT NULL,
    item_id uuid NOT NULL,
    quantity integer NOT NULL,
    outstanding integer NOT NULL,
    custodian_kind text NOT NULL,
    custodian_id uuid NOT NULL,
    project_id uuid,
    requisition_id uuid,
    line_id uuid,
    begins timestamptz NOT NULL,
    due timestamptz,
    asked_due timestamptz,
    extension text,
    extension_reason text,
    renewals integer NOT NULL,
    overdue boolean NOT NULL,
    reminded_day integer,
    verified boolean NOT NULL,
    offline boolean NOT NULL,
    pending jsonb NOT NULL,
    operation_id uuid,
    reserved_by uuid,
    issued_at timestamptz,
    returned_at timestamptz,
    evidence jsonb,
    attested boolean NOT NULL,
    accepted_at timestamptz,
    accepted_by uuid,
    witness_id uuid,
    terms text,
    declined_at timestamptz,
    decline_reason text,
    returns jsonb NOT NULL,
    loss jsonb,
    transfer jsonb,
    successor_id uuid,
    transferred_from uuid,
    drift jsonb,
    reason text,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX assignments_by_update ON read.assignments (tenant_id, updated_at, id);
CREATE INDEX assignments_by_creation ON read.assignments (tenant_id, created_at, id);
CREATE INDEX assignments_by_due
    ON read.assignments (tenant_id,
    (CASE WHEN due IS NULL THEN 'infinity'::timestamptz ELSE due END), id);
CREATE INDEX assignments_by_state ON read.assignments (tenant_id, state, updated_at, id);
CREATE INDEX assignments_by_custodian
    ON read.assignments (tenant_id, custodian_id, updated_at, id);
CREATE INDEX assignments_by_custodian_and_due
    ON read.assignments (tenant_id, custodian_id,
    (CASE WHEN due IS NULL THEN 'infinity'::timestamptz ELSE due END), id);
CREATE INDEX assignments_by_project
    ON read.assignments (tenant_id, project_id, updated_at, id);
CREATE INDEX assignments_by_item ON read.assignments (tenant_id, item_id, updated_at, id);
CREATE INDEX assignments_by_requisition
    ON read.assignments (tenant_id, requisition_id, updated_at, id)
    WHERE requisition_id IS NOT NULL;
CREATE INDEX assignments_overdue
    ON read.assignments (tenant_id,
    (CASE WHEN due IS NULL THEN 'infinity'::timestamptz ELSE due END), id)
    WHERE overdue;
CREATE INDEX assignments_unsettled
    ON read.assignments (tenant_id, updated_at, id)
    WHERE operation_id IS NOT NULL;
CREATE INDEX assignments_drifted
    ON read.assignments (tenant_id, updated_at, id)
    WHERE drift IS NOT NULL;
CREATE INDEX assignments_to_come_back
    ON read.assignments (due, id)
    WHERE state IN ('active', 'overdue') AND due IS NOT NULL;
CREATE INDEX assignments_to_collect ON read.assignments (begins, id) WHERE state = 'reserved';

CREATE TABLE read.item_books (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    item_kind text NOT NULL,
    item_id uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX item_books_by_item ON read.item_books (tenant_id, item_id);

CREATE TABLE read.item_holds (
    book_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    item_kind text NOT NULL,
    item_id uuid NOT NULL,
    quantity integer NOT NULL,
    begins timestamptz NOT NULL,
    until timestamptz,
    out boolean NOT NULL,
    PRIMARY KEY (book_id, assignment_id)
);
CREATE INDEX item_holds_by_item ON read.item_holds (tenant_id, item_id, begins);
CREATE INDEX item_holds_by_assignment ON read.item_holds (tenant_id, assignment_id);

CREATE TABLE read.inventory_operations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    purpose text NOT NULL,
    subject_kind text NOT NULL,
    subject_id uuid NOT NULL,
    item_kind text NOT NULL,
    item_id uuid,
    item_external_id bigint,
    target jsonb,
    wanted jsonb NOT NULL,
    state text NOT NULL,
    step text,
    since timestamptz NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    last_error text,
    last_message text,
    gone boolean NOT NULL,
    given_up boolean NOT NULL,
    resolving boolean NOT NULL,
    requested_by uuid,
    requested_at timestamptz NOT NULL,
    synced_at timestamptz,
    evidence jsonb,
    actual jsonb,
    attestation jsonb,
    created_external_id bigint,
    compensates uuid,
    compensated_by uuid,
    late_effect jsonb,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX inventory_operations_by_request
    ON read.inventory_operations (tenant_id, requested_at, id);
CREATE INDEX inventory_operations_by_state
    ON read.inventory_operations (tenant_id, state, since, id);
CREATE INDEX inventory_operations_by_state_and_request
    ON read.inventory_operations (tenant_id, state, requested_at, id);
CREATE INDEX inventory_operations_by_age ON read.inventory_operations (tenant_id, since, id);
CREATE INDEX inventory_operations_by_subject
    ON read.inventory_operations (tenant_id, subject_id, requested_at, id);
CREATE INDEX inventory_operations_by_item
    ON read.inventory_operations (tenant_id, item_id, requested_at, id);
CREATE INDEX inventory_operations_with_late_effect
    ON read.inventory_operations (tenant_id, since, id)
    WHERE late_effect IS NOT NULL;
CREATE INDEX inventory_operations_open
    ON read.inventory_operations (since, id)
    WHERE state IN ('pending', 'needs_attention');
CREATE INDEX inventory_operations_given_up
    ON read.inventory_operations (since, id)
    WHERE state = 'failed' AND attempts > 0 AND late_effect IS NULL;

CREATE TABLE read.circulation (
    position bigint PRIMARY KEY,
    tenant_id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    at timestamptz NOT NULL,
    type text NOT NULL,
    confirmed boolean NOT NULL,
    item_kind text NOT NULL,
    item_id uuid NOT NULL,
    quantity integer NOT NULL,
    project_id uuid,
    by uuid,
    custodian_before jsonb,
    custodian_after jsonb,
    operation_id uuid,
    read_at timestamptz,
    location_id uuid,
    note text
);
CREATE INDEX circulation_by_position ON read.circulation (tenant_id, position);
CREATE INDEX circulation_by_item ON read.circulation (tenant_id, item_id, position);
CREATE INDEX circulation_by_assignment
    ON read.circulation (tenant_id, assignment_id, position);
CREATE INDEX circulation_by_project ON read.circulation (tenant_id, project_id, position);
CREATE INDEX circulation_by_type ON read.circulation (tenant_id, type, position);
CREATE INDEX circulation_by_time ON read.circulation (tenant_id, at, position);
"""

OF_A_TENANT = (
    "assignments",
    "item_books",
    "item_holds",
    "inventory_operations",
    "circulation",
)

# As every read table: owned by the rebuild, written by the projector, and read by the query API
# inside one tenant and by workers in all.
GUARD = """
ALTER TABLE read.{table} OWNER TO qm_rebuild;
ALTER TABLE read.{table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.{table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON read.{table} FOR SELECT TO qm_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY every_tenant ON read.{table} FOR ALL TO qm_projector, qm_rebuild
    USING (true) WITH CHECK (true);
CREATE POLICY every_tenant_to_read ON read.{table} FOR SELECT TO qm_worker USING (true);
GRANT SELECT ON read.{table} TO qm_query, qm_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON read.{table} TO qm_projector;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
    for table in OF_A_TENANT:
        op.execute(GUARD.format(table=table))


def downgrade() -> None:
    """Drop what can be made again from the log."""
    op.execute(f"DROP TABLE {', '.join(f'read.{table}' for table in OF_A_TENANT)}")
