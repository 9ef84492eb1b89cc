"""The calls that a tenant's inventory still lets all our processes make, counted once for all.

The table is not logged: after a crash of the server nothing is known of the last minute, and
writing a row costs no wait for the disk.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CALLS_GRANTED = """
CREATE UNLOGGED TABLE inventory.calls_granted (
    tenant_id uuid CONSTRAINT calls_granted_pkey PRIMARY KEY,
    times timestamptz[] NOT NULL,
    calls integer[] NOT NULL
);
COMMENT ON TABLE inventory.calls_granted IS
    'When how many calls to a tenant''s inventory were granted to a process, for the last minute.';

ALTER TABLE inventory.calls_granted ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory.calls_granted FORCE ROW LEVEL SECURITY;
CREATE POLICY every_tenant ON inventory.calls_granted TO qm_worker
    USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON inventory.calls_granted TO qm_worker;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(CALLS_GRANTED)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE inventory.calls_granted")
