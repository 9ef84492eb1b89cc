"""Whether ids of a tenant stand for things of its inventory, as a command asks it."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# It runs as its caller, under the tenant that is named: row-level security applies.
FUNCTION = """
CREATE FUNCTION inventory.has_mappings(tenant uuid)
RETURNS TABLE (found boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY SELECT EXISTS (
        SELECT FROM inventory.mappings p WHERE p.tenant_id = tenant);
END
$$;
REVOKE ALL ON FUNCTION inventory.has_mappings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.has_mappings TO qm_command;
"""


def upgrade() -> None:
    """Create the function."""
    op.execute(FUNCTION)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION inventory.has_mappings")
