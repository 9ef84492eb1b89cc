"""Notifications: the feed as read tables, and what was told to whom in a schema of its own.

Nothing rebuilds the schema ``notifications``: what it holds is in no log.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

THIS_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"

FEED = """
CREATE TABLE read.notification_subjects (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    subject jsonb NOT NULL
);

CREATE TABLE read.notifications (
    position bigint NOT NULL,
    audience_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_kind text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (position, audience_id)
);
CREATE INDEX notifications_by_audience
    ON read.notifications (tenant_id, audience_id, position);
"""

FEED_GUARD = """
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

# What the log holds when this is applied was told by other means, long ago: the feed begins after
# it.
TABLES = """
CREATE SCHEMA notifications;

CREATE TABLE notifications.positions (
    consumer text CONSTRAINT positions_pkey PRIMARY KEY,
    log_epoch uuid NOT NULL,
    position bigint NOT NULL
);

CREATE TABLE notifications.beginning (
    one boolean CONSTRAINT beginning_has_one_row PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
);
INSERT INTO notifications.beginning (position) SELECT position FROM log.log_head;
COMMENT ON TABLE notifications.beginning IS
    'Where the log was when notifications came in: what is older is news to nobody.';

CREATE TABLE notifications.deliveries (
    id uuid CONSTRAINT deliveries_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL,
    log_epoch uuid NOT NULL,
    position bigint NOT NULL,
    recipient_id uuid NOT NULL,
    channel text NOT NULL CONSTRAINT deliveries_channel CHECK (channel IN ('email', 'webhook')),
    kind text NOT NULL,
    content jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CONSTRAINT deliveries_state
        CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_by uuid,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    log jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT deliveries_once UNIQUE (log_epoch, position, recipient_id, channel)
);
CREATE INDEX deliveries_due ON notifications.deliveries (channel, due_at)
    WHERE state = 'waiting';
CREATE INDEX deliveries_claimed ON notifications.deliveries (recipient_id)
    WHERE state = 'waiting' AND claimed_until IS NOT NULL;
CREATE INDEX deliveries_by_recipient
    ON notifications.deliveries (tenant_id, recipient_id, position);
CREATE INDEX deliveries_settled ON notifications.deliveries (settled_at)
    WHERE settled_at IS NOT NULL;
COMMENT ON CONSTRAINT deliveries_once ON notifications.deliveries IS
    'However often the log is read: one event, one recipient, one way, one delivery.';
COMMENT ON COLUMN notifications.deliveries.log IS 'What each attempt came to, oldest first.';

CREATE TABLE notifications.switched_off (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    CONSTRAINT switched_off_pkey PRIMARY KEY (tenant_id, user_id, kind, channel)
);

CREATE TABLE notifications.read_marks (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT read_marks_pkey PRIMARY KEY (tenant_id, user_id, position)
);

CREATE TABLE notifications.read_upto (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT read_upto_pkey PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE notifications.webhooks (
    id uuid CONSTRAINT webhooks_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL CONSTRAINT webhooks_tenant_known REFERENCES identity.tenants,
    url text NOT NULL,
    description text NOT NULL,
    events text[] NOT NULL,
    enabled boolean NOT NULL,
    disabled_reason text,
    secret_version bigint NOT NULL,
    previous_secret_version bigint,
    previous_until timestamptz,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    failing_since timestamptz
);
CREATE INDEX webhooks_of_tenant ON notifications.webhooks (tenant_id, id);
"""

# These run as their caller, under the tenant that is named: row-level security applies.
FUNCTIONS = """
CREATE FUNCTION notifications.has_event(tenant uuid, at bigint, topics text[])
RETURNS TABLE (found boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY SELECT EXISTS (
        SELECT FROM log.stored_events e
        WHERE e.notification_id = at AND e.tenant_id = tenant AND e.topic = ANY (topics));
END
$$;

CREATE FUNCTION notifications.webhook_count(tenant uuid)
RETURNS TABLE (webhooks bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY SELECT count(*) FROM notifications.webhooks w WHERE w.tenant_id = tenant;
END
$$;

-- The members of a tenant among some people, the leads of a project, and those who hold a
-- permission: by one of `bundles`, which are shipped roles, or by a role of the tenant's own.
CREATE FUNCTION notifications.audience(
    tenant uuid, people uuid[], project uuid, wanted text, bundles text[]
)
RETURNS TABLE (user_id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT m.user_id FROM identity.members m
    WHERE m.tenant_id = tenant AND (
        m.user_id = ANY (people)
        OR EXISTS (SELECT FROM identity.project_members p
                   WHERE p.tenant_id = tenant AND p.project_id = project
                   AND p.user_id = m.user_id AND p.role = 'lead')
        OR m.roles && bundles
        OR wanted = ANY (identity.permissions_of(tenant, m.roles))
    )
    ORDER BY m.user_id;
END
$$;

-- A member of a tenant as a letter is addressed. Nobody, once they have left it.
CREATE FUNCTION notifications.addressee(tenant uuid, member uuid)
RETURNS TABLE (username text, email text, tenant_name text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT u.username, u.email, t.name
    FROM identity.members m
    JOIN identity.users u ON u.id = m.user_id
    JOIN identity.tenants t ON t.id = m.tenant_id
    WHERE m.tenant_id = tenant AND m.user_id = member;
END
$$;

CREATE FUNCTION notifications.item_name(tenant uuid, kind text, item uuid)
RETURNS TABLE (name text, tag text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT a.name, a.tag FROM inventory.assets a
        WHERE kind = 'asset' AND a.tenant_id = tenant AND a.id = item
    UNION ALL
    SELECT a.name, NULL FROM inventory.accessories a
        WHERE kind = 'accessory' AND a.tenant_id = tenant AND a.id = item
    UNION ALL
    SELECT c.name, NULL FROM inventory.consumables c
        WHERE kind = 'consumable' AND c.tenant_id = tenant AND c.id = item;
END
$$;
"""

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA notifications FROM PUBLIC;
GRANT USAGE ON SCHEMA notifications TO qm_command, qm_query, qm_worker;
GRANT EXECUTE ON FUNCTION notifications.has_event(uuid, bigint, text[]),
    notifications.webhook_count(uuid) TO qm_command, qm_worker;
GRANT EXECUTE ON FUNCTION notifications.audience(uuid, uuid[], uuid, text, text[]),
    notifications.addressee(uuid, uuid), notifications.item_name(uuid, text, uuid) TO qm_worker;

GRANT SELECT ON notifications.beginning TO qm_query, qm_worker;
GRANT SELECT, INSERT, UPDATE ON notifications.positions TO qm_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications.deliveries TO qm_worker;
GRANT SELECT ON notifications.deliveries, notifications.switched_off, notifications.read_marks,
    notifications.read_upto, notifications.webhooks TO qm_query;
GRANT SELECT ON notifications.switched_off TO qm_worker;
GRANT SELECT, INSERT, DELETE ON notifications.switched_off TO qm_command;
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications.read_marks, notifications.read_upto
    TO qm_command;
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications.webhooks TO qm_command;
GRANT SELECT, INSERT, UPDATE ON notifications.webhooks TO qm_worker;
"""

OF_A_TENANT = ("deliveries", "switched_off", "read_marks", "read_upto", "webhooks")

GUARD = f"""
ALTER TABLE notifications.{{table}} ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications.{{table}} FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant ON notifications.{{table}} TO qm_command
    USING (tenant_id = {THIS_TENANT}) WITH CHECK (tenant_id = {THIS_TENANT});
CREATE POLICY this_tenant_to_read ON notifications.{{table}} FOR SELECT TO qm_query
    USING (tenant_id = {THIS_TENANT});
CREATE POLICY every_tenant ON notifications.{{table}} TO qm_worker
    USING (true) WITH CHECK (true);
"""


def upgrade() -> None:
    """Create the feed, the schema of what was told, and what each role may do with them."""
    op.execute(FEED)
    for table in ("notification_subjects", "notifications"):
        op.execute(FEED_GUARD.format(table=table))
    for statements in (TABLES, FUNCTIONS, GRANTS):
        op.execute(statements)
    for table in OF_A_TENANT:
        op.execute(GUARD.format(table=table))


def downgrade() -> None:
    """Drop everything of this migration."""
    op.execute("DROP SCHEMA notifications CASCADE")
    op.execute("DROP TABLE read.notifications, read.notification_subjects")
