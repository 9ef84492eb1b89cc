"""The read tables, the projectors' positions, and what delivery to the broker needs."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE read.requisitions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    project_id uuid NOT NULL,
    state text NOT NULL,
    purpose text NOT NULL,
    requester_id uuid NOT NULL,
    beneficiary_id uuid,
    needed_from timestamptz,
    needed_until timestamptz,
    amount numeric(14, 2),
    policy_id uuid,
    approval jsonb,
    waiting_permission text,
    delegate_id uuid,
    delegate_until timestamptz,
    step_permissions text[] NOT NULL,
    reason text,
    cloned_from uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX requisitions_by_update ON read.requisitions (tenant_id, updated_at, id);
CREATE INDEX requisitions_by_creation ON read.requisitions (tenant_id, created_at, id);
CREATE INDEX requisitions_by_need ON read.requisitions (tenant_id,
    (CASE WHEN needed_from IS NULL THEN 'infinity'::timestamptz ELSE needed_from END), id);
CREATE INDEX requisitions_by_state ON read.requisitions (tenant_id, state, updated_at, id);
CREATE INDEX requisitions_by_project
    ON read.requisitions (tenant_id, project_id, updated_at, id);
CREATE INDEX requisitions_by_requester
    ON read.requisitions (tenant_id, requester_id, updated_at, id);
CREATE INDEX requisitions_waiting_for_permission
    ON read.requisitions (tenant_id, waiting_permission, updated_at, id)
    WHERE waiting_permission IS NOT NULL;
CREATE INDEX requisitions_waiting_by_creation
    ON read.requisitions (tenant_id, waiting_permission, created_at, id)
    WHERE waiting_permission IS NOT NULL;
CREATE INDEX requisitions_waiting_by_need
    ON read.requisitions (tenant_id, waiting_permission,
    (CASE WHEN needed_from IS NULL THEN 'infinity'::timestamptz ELSE needed_from END), id)
    WHERE waiting_permission IS NOT NULL;
CREATE INDEX requisitions_waiting_for_delegate
    ON read.requisitions (tenant_id, delegate_id, updated_at, id)
    WHERE delegate_id IS NOT NULL;
CREATE INDEX requisitions_due ON read.requisitions (needed_until, id)
    WHERE state IN ('approved', 'fulfilling');

CREATE TABLE read.requisition_lines (
    requisition_id uuid NOT NULL,
    line_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    item_id text,
    description text,
    requested integer NOT NULL,
    approved integer NOT NULL,
    allocated integer NOT NULL,
    issuing integer NOT NULL,
    issued integer NOT NULL,
    closed_short integer NOT NULL,
    note text,
    PRIMARY KEY (requisition_id, line_id)
);

CREATE TABLE read.requisition_words (
    tenant_id uuid NOT NULL,
    word text COLLATE "C" NOT NULL,
    requisition_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, word, requisition_id)
);
CREATE INDEX requisition_words_of_one ON read.requisition_words (requisition_id);

CREATE TABLE read.projects (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    archived_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX projects_by_creation ON read.projects (tenant_id, created_at, id);
CREATE INDEX projects_by_name ON read.projects (tenant_id, name, id);
CREATE INDEX projects_by_update ON read.projects (tenant_id, updated_at, id);

CREATE TABLE read.project_members (
    project_id uuid NOT NULL,
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    role text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_members_by_user ON read.project_members (tenant_id, user_id, project_id);

CREATE TABLE read.approval_policies (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    steps jsonb NOT NULL,
    min_amount numeric(14, 2),
    project_id uuid,
    created_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX approval_policies_by_creation
    ON read.approval_policies (tenant_id, created_at, id);

CREATE TABLE read.history (
    position bigint PRIMARY KEY,
    tenant_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_kind text NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    correlation_id text NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX history_by_position ON read.history (tenant_id, position);
CREATE INDEX history_by_aggregate ON read.history (tenant_id, aggregate_id, position);
CREATE INDEX history_by_actor ON read.history (tenant_id, actor_id, position);
CREATE INDEX history_by_type ON read.history (tenant_id, type, position);
CREATE INDEX history_by_time ON read.history (tenant_id, at, position);

CREATE TABLE read.projection_positions (
    projection text PRIMARY KEY,
    version integer NOT NULL,
    epoch uuid NOT NULL,
    position bigint NOT NULL
);

CREATE TABLE read.parked_events (
    projection text NOT NULL,
    position bigint NOT NULL,
    tenant_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    type text NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (projection, position)
);
CREATE INDEX parked_events_of_one ON read.parked_events (projection, aggregate_id, position);
CREATE INDEX parked_events_of_tenant ON read.parked_events (tenant_id, aggregate_id);

CREATE TABLE read.skipped_events (
    projection text NOT NULL,
    position bigint NOT NULL,
    tenant_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    type text NOT NULL,
    skipped_at timestamptz NOT NULL,
    PRIMARY KEY (projection, position)
);
"""

OF_A_TENANT = (
    "requisitions",
    "requisition_lines",
    "requisition_words",
    "projects",
    "project_members",
    "approval_policies",
    "history",
    "parked_events",
    "skipped_events",
)

# The rebuild owns the read tables and nothing else: it may put new ones in their place. It fills
# them in the second schema; a check of the live ones fills the third.
SCHEMAS = """
GRANT qm_rebuild TO CURRENT_USER;
CREATE SCHEMA read AUTHORIZATION qm_rebuild;
CREATE SCHEMA read_next AUTHORIZATION qm_rebuild;
CREATE SCHEMA read_check AUTHORIZATION qm_rebuild;
GRANT USAGE ON SCHEMA read TO qm_query, qm_worker, qm_projector;
"""

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

POSITIONS = """
ALTER TABLE read.projection_positions OWNER TO qm_rebuild;
GRANT SELECT ON read.projection_positions TO qm_query, qm_worker;
GRANT SELECT, INSERT, UPDATE ON read.projection_positions TO qm_projector;
"""

DELIVERY = """
CREATE SCHEMA delivery;
GRANT USAGE ON SCHEMA delivery TO qm_relay;

CREATE TABLE delivery.leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN delivery.leases.epoch IS
    'Counts the holders: what a former holder writes is refused.';

CREATE TABLE delivery.positions (
    consumer text PRIMARY KEY,
    log_epoch uuid NOT NULL,
    position bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON delivery.leases, delivery.positions TO qm_relay;
"""


def upgrade() -> None:
    """Create the read tables and the schema of delivery."""
    op.execute(SCHEMAS)
    op.execute(TABLES)
    for table in OF_A_TENANT:
        op.execute(GUARD.format(table=table))
    op.execute(POSITIONS)
    op.execute(DELIVERY)


def downgrade() -> None:
    """Drop what can be made again from the log."""
    op.execute("DROP SCHEMA read, read_next, read_check CASCADE")
    op.execute("DROP SCHEMA delivery CASCADE")
