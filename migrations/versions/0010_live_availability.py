"""Approval policies can ask that nothing be approved while it is not known what is there.

No policy has asked for it before, so the rows that are there already are right: no rebuild is
needed. The defaults let processes of the version before go on until they are stopped.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("identity.approval_policies", "read.approval_policies")

# What a function returns cannot be changed: it is made anew, with the rights that it had.
POLICIES_OF = """
DROP FUNCTION identity.policies_of(uuid[]);
CREATE FUNCTION identity.policies_of(tenants uuid[])
RETURNS TABLE (
    tenant_id uuid, id uuid, name text, steps jsonb, min_amount numeric, project_id uuid{returned}
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant uuid;
BEGIN
    FOREACH tenant IN ARRAY tenants LOOP
        PERFORM set_config('app.tenant', tenant::text, true);
        RETURN QUERY
        SELECT a.tenant_id, a.id, a.name, a.steps, a.min_amount, a.project_id{selected}
        FROM identity.approval_policies a WHERE a.tenant_id = tenant ORDER BY a.number;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION identity.policies_of(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.policies_of(uuid[]) TO qm_command, qm_worker;
"""


def upgrade() -> None:
    """Add the columns, and let the function show them."""
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table}"
            " ADD COLUMN require_live_availability boolean NOT NULL DEFAULT false"
        )
    op.execute(
        POLICIES_OF.format(
            returned=", require_live_availability boolean",
            selected=", a.require_live_availability",
        )
    )


def downgrade() -> None:
    """Drop the columns, and make the function what it was."""
    op.execute(POLICIES_OF.format(returned="", selected=""))
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DROP COLUMN require_live_availability")
