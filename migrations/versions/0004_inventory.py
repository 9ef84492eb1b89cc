"""The inventory: connections, mapping ids, the mirror and the workers' queue.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

THIS_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"

TABLES = """
CREATE SCHEMA inventory;

CREATE TABLE inventory.connections (
    tenant_id uuid CONSTRAINT connections_pkey PRIMARY KEY
        CONSTRAINT connections_tenant_known REFERENCES identity.tenants,
    base_url text NOT NULL,
    token_source text NOT NULL,
    company_id bigint,
    server_zone text NOT NULL,
    status_labels jsonb NOT NULL,
    version bigint NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN inventory.connections.token_source IS
    'Where the token is (env:NAME, file:/path), never the token.';

CREATE TABLE inventory.mappings (
    tenant_id uuid NOT NULL CONSTRAINT mappings_tenant_known REFERENCES identity.tenants,
    kind text NOT NULL,
    id uuid NOT NULL,
    external_id bigint,
    matched_by text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mappings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT mappings_thing_mapped UNIQUE (tenant_id, kind, external_id)
);
COMMENT ON COLUMN inventory.mappings.external_id IS
    'The number over there. Null: somebody took it away, and nothing gives it back by itself.';
COMMENT ON COLUMN inventory.mappings.matched_by IS
    'first_seen, email, username, serial, tag, hand';

CREATE TABLE inventory.work (
    operation_id uuid CONSTRAINT work_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL,
    thing text NOT NULL,
    due_at timestamptz NOT NULL
);
CREATE INDEX work_due ON inventory.work (due_at, operation_id);
CREATE INDEX work_of_a_thing ON inventory.work (tenant_id, thing, due_at);

CREATE TABLE inventory.mirror_states (
    tenant_id uuid CONSTRAINT mirror_states_pkey PRIMARY KEY,
    base_url text NOT NULL,
    last_activity_id bigint,
    swept_at timestamptz,
    as_of timestamptz,
    error text,
    failing_since timestamptz
);
COMMENT ON COLUMN inventory.mirror_states.as_of IS
    'What the activity report tells is in the mirror up to here.';
COMMENT ON COLUMN inventory.mirror_states.swept_at IS
    'When the last full sweep began: the mirror holds everything as of then.';

CREATE TABLE inventory.mirror_kinds (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    as_of timestamptz NOT NULL,
    things integer NOT NULL,
    CONSTRAINT mirror_kinds_pkey PRIMARY KEY (tenant_id, kind)
);
"""

# Each mirrored thing has these columns. `id` is ours, and null where nothing of ours stands for
# it. Other things are named by their external ids.
COMMON = """
    tenant_id uuid NOT NULL,
    external_id bigint NOT NULL,
    id uuid,
    as_of timestamptz NOT NULL,
    deleted_at timestamptz,
    updated_at timestamptz,
    name text
"""

KINDS = {
    "models": """
    model_number text,
    manufacturer_external_id bigint,
    manufacturer_name text,
    category_external_id bigint,
    requestable boolean NOT NULL,
    assets_count integer NOT NULL,
    image text,
    notes text
""",
    "assets": """
    tag text NOT NULL,
    serial text,
    model_external_id bigint,
    model_number text,
    status_external_id bigint,
    status_name text,
    status_type text,
    status_meta text,
    category_external_id bigint,
    manufacturer_external_id bigint,
    supplier_external_id bigint,
    company_external_id bigint,
    location_external_id bigint,
    home_external_id bigint,
    holder_kind text,
    holder_external_id bigint,
    holder_name text,
    can_check_out boolean NOT NULL,
    requestable boolean NOT NULL,
    notes text,
    order_number text,
    purchase_date date,
    purchase_cost text,
    warranty_expires date,
    image text,
    last_checkout timestamptz,
    last_checkin timestamptz,
    expected_checkin date,
    checkout_counter integer NOT NULL,
    checkin_counter integer NOT NULL,
    custom_fields jsonb NOT NULL,
    created_at timestamptz
""",
    "users": """
    username text NOT NULL,
    first_name text,
    last_name text,
    email text,
    employee_number text,
    location_external_id bigint,
    company_external_id bigint,
    department text,
    manager_external_id bigint,
    activated boolean NOT NULL
""",
    "locations": """
    parent_external_id bigint,
    manager_external_id bigint,
    company_external_id bigint,
    city text,
    country text
""",
    "status_labels": """
    type text NOT NULL,
    color text,
    notes text
""",
    "categories": """
    type text NOT NULL,
    require_acceptance boolean NOT NULL
""",
    "suppliers": "",
    "companies": "",
    "accessories": """
    model_number text,
    category_external_id bigint,
    location_external_id bigint,
    company_external_id bigint,
    quantity integer NOT NULL,
    remaining integer NOT NULL
""",
    "consumables": """
    item_number text,
    category_external_id bigint,
    location_external_id bigint,
    company_external_id bigint,
    quantity integer NOT NULL,
    remaining integer NOT NULL
""",
}

# A sweep rewrites every row in place: free room in each page keeps that out of the indexes.
MIRROR = """
CREATE TABLE inventory.{kind} (
    {columns},
    CONSTRAINT {kind}_pkey PRIMARY KEY (tenant_id, external_id),
    CONSTRAINT {kind}_id_once UNIQUE (tenant_id, id)
) WITH (fillfactor = 70);
"""

INDEXES = """
CREATE INDEX assets_by_tag ON inventory.assets (tenant_id, tag, external_id);
CREATE INDEX assets_by_serial ON inventory.assets (tenant_id, serial) WHERE serial IS NOT NULL;
CREATE INDEX assets_by_model ON inventory.assets (tenant_id, model_external_id, external_id);
CREATE INDEX assets_by_holder
    ON inventory.assets (tenant_id, holder_kind, holder_external_id)
    WHERE holder_external_id IS NOT NULL;
CREATE INDEX assets_by_location ON inventory.assets (tenant_id, location_external_id);
CREATE INDEX models_by_name ON inventory.models (tenant_id, name, external_id);
CREATE INDEX locations_by_name ON inventory.locations (tenant_id, name, external_id);
CREATE INDEX users_by_email ON inventory.users (tenant_id, lower(email));
CREATE INDEX users_by_username ON inventory.users (tenant_id, lower(username));
"""

# They run as their caller, under the tenant that is named: row-level security applies. Each is
# one round trip. `circuit_of` is put in place of this one by the migration of the circuits.
FACTS = """
CREATE FUNCTION inventory.circuit_of(
    tenant uuid, OUT available boolean, OUT reason text, OUT retry_after_s integer
)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT true, NULL::text, NULL::integer
$$;

CREATE FUNCTION inventory.standing_of(tenant uuid)
RETURNS TABLE (available boolean, reason text, retry_after_s integer, status_labels jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT o.available, o.reason, o.retry_after_s, c.status_labels
    FROM inventory.connections c, inventory.circuit_of(tenant) o
    WHERE c.tenant_id = tenant;
END
$$;

CREATE FUNCTION inventory.item_of(tenant uuid, item_kind text, item uuid)
RETURNS TABLE (
    external_id bigint, model_id uuid, deployable boolean, remaining integer,
    holder_kind text, holder_external_id bigint, as_of timestamptz
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    CASE item_kind
    WHEN 'asset' THEN
        RETURN QUERY
        SELECT a.external_id, m.id, a.can_check_out AND a.deleted_at IS NULL, NULL::integer,
            a.holder_kind, a.holder_external_id, a.as_of
        FROM inventory.assets a
        LEFT JOIN inventory.models m
            ON m.tenant_id = tenant AND m.external_id = a.model_external_id
        WHERE a.tenant_id = tenant AND a.id = item;
    WHEN 'model' THEN
        RETURN QUERY
        SELECT m.external_id, NULL::uuid, NULL::boolean,
            (SELECT count(*)::integer FROM inventory.assets a
             WHERE a.tenant_id = tenant AND a.model_external_id = m.external_id
                AND a.can_check_out AND a.deleted_at IS NULL),
            NULL::text, NULL::bigint, m.as_of
        FROM inventory.models m WHERE m.tenant_id = tenant AND m.id = item;
    WHEN 'accessory' THEN
        RETURN QUERY
        SELECT a.external_id, NULL::uuid, NULL::boolean,
            CASE WHEN a.deleted_at IS NULL THEN a.remaining ELSE 0 END,
            NULL::text, NULL::bigint, a.as_of
        FROM inventory.accessories a WHERE a.tenant_id = tenant AND a.id = item;
    WHEN 'consumable' THEN
        RETURN QUERY
        SELECT c.external_id, NULL::uuid, NULL::boolean,
            CASE WHEN c.deleted_at IS NULL THEN c.remaining ELSE 0 END,
            NULL::text, NULL::bigint, c.as_of
        FROM inventory.consumables c WHERE c.tenant_id = tenant AND c.id = item;
    ELSE
        RETURN;
    END CASE;
END
$$;

CREATE FUNCTION inventory.custodian_of(tenant uuid, custodian_kind text, custodian uuid)
RETURNS TABLE (external_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    CASE custodian_kind
    WHEN 'user' THEN
        RETURN QUERY
        SELECT CASE WHEN x.deleted_at IS NULL THEN p.external_id END FROM identity.members m
        LEFT JOIN inventory.mappings p
            ON p.tenant_id = tenant AND p.kind = 'user' AND p.id = m.user_id
        LEFT JOIN inventory.users x ON x.tenant_id = tenant AND x.external_id = p.external_id
        WHERE m.tenant_id = tenant AND m.user_id = custodian;
    WHEN 'location' THEN
        RETURN QUERY
        SELECT CASE WHEN l.deleted_at IS NULL THEN l.external_id END FROM inventory.locations l
        WHERE l.tenant_id = tenant AND l.id = custodian;
    ELSE
        RETURN;
    END CASE;
END
$$;

CREATE FUNCTION inventory.mapping_of(tenant uuid, thing uuid)
RETURNS TABLE (kind text, external_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT p.kind, p.external_id FROM inventory.mappings p
    WHERE p.tenant_id = tenant AND p.id = thing;
END
$$;

CREATE FUNCTION inventory.mirrored(tenant uuid, mirror text, number bigint)
RETURNS TABLE (id uuid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY EXECUTE format(
        'SELECT id FROM inventory.%I'
        ' WHERE tenant_id = $1 AND external_id = $2 AND deleted_at IS NULL', mirror)
    USING tenant, number;
END
$$;
"""

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA inventory FROM PUBLIC;
GRANT USAGE ON SCHEMA inventory TO qm_command, qm_query, qm_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA inventory TO qm_command, qm_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA inventory TO qm_command, qm_query, qm_worker;

GRANT INSERT, UPDATE ON inventory.connections, inventory.mappings TO qm_command, qm_worker;
GRANT INSERT, UPDATE, DELETE ON inventory.work TO qm_command, qm_worker;
GRANT INSERT, UPDATE, DELETE ON inventory.mirror_states, inventory.mirror_kinds TO qm_worker;

GRANT SELECT (id, username, email) ON identity.users TO qm_worker;
"""

# The mirror matches the members of a tenant with the users over there.
MEMBERS = f"""
CREATE POLICY members_to_match ON identity.users FOR SELECT TO qm_worker
    USING (EXISTS (SELECT FROM identity.members m
                   WHERE m.tenant_id = {THIS_TENANT} AND m.user_id = users.id));
"""  # noqa: S608  what is put in is a constant of this file

MIRROR_GRANTS = """
GRANT UPDATE (id) ON inventory.{kind} TO qm_command;
GRANT INSERT, UPDATE, DELETE ON inventory.{kind} TO qm_worker;
"""

GUARD = f"""
ALTER TABLE inventory.{{table}} ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory.{{table}} FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant ON inventory.{{table}} TO qm_command
    USING (tenant_id = {THIS_TENANT}) WITH CHECK (tenant_id = {THIS_TENANT});
CREATE POLICY this_tenant_to_read ON inventory.{{table}} FOR SELECT TO qm_query
    USING (tenant_id = {THIS_TENANT});
CREATE POLICY every_tenant ON inventory.{{table}} TO qm_worker USING (true) WITH CHECK (true);
"""

OF_A_TENANT = ("connections", "mappings", "work", "mirror_states", "mirror_kinds", *KINDS)


def upgrade() -> None:
    """Create the schema, its walls, its functions and what each role may do."""
    op.execute(TABLES)
    for kind, own in KINDS.items():
        columns = f"{COMMON}, {own}" if own else COMMON
        op.execute(MIRROR.format(kind=kind, columns=columns))
    op.execute(INDEXES)
    op.execute(FACTS)
    op.execute(GRANTS)
    op.execute(MEMBERS)
    for kind in KINDS:
        op.execute(MIRROR_GRANTS.format(kind=kind))
    for table in OF_A_TENANT:
        op.execute(GUARD.format(table=table))


def downgrade() -> None:
    """Drop everything of this migration."""
    op.execute("DROP SCHEMA inventory CASCADE")
    op.execute("DROP POLICY members_to_match ON identity.users")
    op.execute("REVOKE SELECT (id, username, email) ON identity.users FROM qm_worker")
