"""What the sync workers share: circuits, turns in the queue, and leases.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CIRCUITS = """
CREATE TABLE inventory.circuits (
    tenant_id uuid CONSTRAINT circuits_pkey PRIMARY KEY,
    state text NOT NULL CONSTRAINT circuit_state_known CHECK (state IN ('closed', 'open', 'half_open')),
    failures integer NOT NULL,
    openings integer NOT NULL,
    since timestamptz NOT NULL,
    retry_at timestamptz,
    taken_until timestamptz,
    reason text
);
COMMENT ON COLUMN inventory.circuits.failures IS
    'Transport failures since the last call that worked; enough of them open it.';
COMMENT ON COLUMN inventory.circuits.openings IS
    'How often in a row it was opened: the pauses grow with it.';
COMMENT ON COLUMN inventory.circuits.taken_until IS
    'Somebody is trying whether the inventory answers again: nobody else does until then.';

ALTER TABLE inventory.circuits ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory.circuits FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant_to_read ON inventory.circuits FOR SELECT TO qm_command, qm_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY every_tenant ON inventory.circuits TO qm_worker USING (true) WITH CHECK (true);
GRANT SELECT ON inventory.circuits TO qm_command, qm_query, qm_worker;
GRANT INSERT, UPDATE ON inventory.circuits TO qm_worker;
"""

# It runs as its caller, who has named the tenant: row-level security applies.
CIRCUIT_OF = """
CREATE OR REPLACE FUNCTION inventory.circuit_of(
    tenant uuid, OUT available boolean, OUT reason text, OUT retry_after_s integer
)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.tenant_id IS NULL, c.reason,
        greatest(1, ceil(extract(epoch FROM c.retry_at - clock_timestamp())))::integer
    FROM (SELECT tenant AS id) t
    LEFT JOIN inventory.circuits c ON c.tenant_id = t.id AND c.state = 'open'
$$;
"""

ALWAYS_CLOSED = """
CREATE OR REPLACE FUNCTION inventory.circuit_of(
    tenant uuid, OUT available boolean, OUT reason text, OUT retry_after_s integer
)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT true, NULL::text, NULL::integer
$$;
"""

# Operations on one thing go one after the other, in the order in which they were asked for:
# a row keeps its turn while it waits for its next try.
TURNS = """
ALTER TABLE inventory.work ADD COLUMN turn bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX work_in_turn ON inventory.work (tenant_id, thing, turn);
"""

LEASES = """
GRANT USAGE ON SCHEMA delivery TO qm_worker;
GRANT SELECT, INSERT, UPDATE ON delivery.leases TO qm_worker;
"""


def upgrade() -> None:
    """Create the circuits, and give the workers their turns and leases."""
    op.execute(CIRCUITS)
    op.execute(CIRCUIT_OF)
    op.execute(TURNS)
    op.execute(LEASES)


def downgrade() -> None:
    """Drop them."""
    op.execute("REVOKE ALL ON delivery.leases FROM qm_worker")
    op.execute("REVOKE USAGE ON SCHEMA delivery FROM qm_worker")
    op.execute("ALTER TABLE inventory.work DROP COLUMN turn")
    op.execute(ALWAYS_CLOSED)
    op.execute("DROP TABLE inventory.circuits")
