"""Where a webhook leads, for its tenant to ask: another path on the same host is a change, too.

It runs as its caller, under the tenant that is named: row-level security applies.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WEBHOOK_URL = """
CREATE FUNCTION notifications.webhook_url(tenant uuid, webhook uuid)
RETURNS TABLE (url text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT w.url FROM notifications.webhooks w WHERE w.tenant_id = tenant AND w.id = webhook;
END
$$;
REVOKE ALL ON FUNCTION notifications.webhook_url(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notifications.webhook_url(uuid, uuid) TO qm_command;
"""


def upgrade() -> None:
    """Create the function."""
    op.execute(WEBHOOK_URL)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION notifications.webhook_url(uuid, uuid)")
