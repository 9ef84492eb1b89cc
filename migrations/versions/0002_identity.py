"""Identity: users, tenants, roles, sessions, projects and policies, with row-level security.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

THIS_TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"

TABLES = """
CREATE SCHEMA identity;

CREATE TABLE identity.users (
    id uuid CONSTRAINT users_pkey PRIMARY KEY,
    username text NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT users_username_has_no_at CHECK (position('@' in username) = 0),
    CONSTRAINT users_email_has_at CHECK (position('@' in email) > 1)
);
CREATE UNIQUE INDEX users_username_taken ON identity.users (lower(username));
CREATE UNIQUE INDEX users_email_taken ON identity.users (lower(email));

CREATE TABLE identity.tenants (
    id uuid CONSTRAINT tenants_pkey PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE identity.roles (
    tenant_id uuid NOT NULL CONSTRAINT roles_tenant_known REFERENCES identity.tenants,
    name text NOT NULL,
    permissions text[] NOT NULL,
    CONSTRAINT roles_name_taken PRIMARY KEY (tenant_id, name)
);

CREATE TABLE identity.members (
    tenant_id uuid NOT NULL CONSTRAINT members_tenant_known REFERENCES identity.tenants,
    user_id uuid NOT NULL CONSTRAINT members_user_known REFERENCES identity.users,
    roles text[] NOT NULL,
    version bigint NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT members_pkey PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX members_by_user ON identity.members (user_id, joined_at);

CREATE TABLE identity.sessions (
    id uuid CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT sessions_user_known REFERENCES identity.users,
    tenant_id uuid,
    token_sha256 bytea NOT NULL CONSTRAINT sessions_token_once UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT sessions_token_is_a_digest CHECK (length(token_sha256) = 32),
    CONSTRAINT sessions_of_a_member
        FOREIGN KEY (tenant_id, user_id) REFERENCES identity.members (tenant_id, user_id)
);
CREATE INDEX sessions_by_user ON identity.sessions (user_id);

CREATE TABLE identity.projects (
    id uuid CONSTRAINT projects_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL CONSTRAINT projects_tenant_known REFERENCES identity.tenants,
    name text NOT NULL,
    archived_at timestamptz,
    version bigint NOT NULL,
    CONSTRAINT projects_in_tenant UNIQUE (tenant_id, id)
);

CREATE TABLE identity.project_members (
    tenant_id uuid NOT NULL,
    project_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL CONSTRAINT project_members_role CHECK (role IN ('member', 'lead')),
    CONSTRAINT project_members_pkey PRIMARY KEY (project_id, user_id),
    CONSTRAINT project_members_project_known
        FOREIGN KEY (tenant_id, project_id) REFERENCES identity.projects (tenant_id, id),
    CONSTRAINT project_members_user_known
        FOREIGN KEY (tenant_id, user_id) REFERENCES identity.members (tenant_id, user_id)
);
CREATE INDEX project_members_by_user ON identity.project_members (tenant_id, user_id);

CREATE TABLE identity.approval_policies (
    id uuid CONSTRAINT approval_policies_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL CONSTRAINT approval_policies_tenant_known REFERENCES identity.tenants,
    name text NOT NULL,
    steps jsonb NOT NULL,
    min_amount numeric(14, 2),
    project_id uuid,
    number bigint GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT approval_policies_project_known
        FOREIGN KEY (tenant_id, project_id) REFERENCES identity.projects (tenant_id, id)
);
CREATE UNIQUE INDEX approval_policies_name_taken
    ON identity.approval_policies (tenant_id, lower(name));
CREATE INDEX approval_policies_by_age ON identity.approval_policies (tenant_id, number);

CREATE TABLE identity.signin_attempts (
    bucket bytea CONSTRAINT signin_attempts_pkey PRIMARY KEY,
    tries integer NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX signin_attempts_by_expiry ON identity.signin_attempts (expires_at);
"""

FUNCTIONS_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qm_identity') THEN
        CREATE ROLE qm_identity NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
END
$$;
GRANT qm_identity TO CURRENT_USER;
GRANT USAGE, CREATE ON SCHEMA identity TO qm_identity;
GRANT SELECT ON identity.users, identity.tenants, identity.roles, identity.members,
    identity.sessions TO qm_identity;
GRANT UPDATE (password_hash) ON identity.users TO qm_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.signin_attempts TO qm_identity;
"""

AUTHENTICATE = """
CREATE FUNCTION identity.authenticate(tokens bytea[])
RETURNS TABLE (
    token_sha256 bytea, session_id uuid, user_id uuid, username text, email text,
    tenant_id uuid, tenant_name text, roles text[], permissions text[], member_version bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.token_sha256, s.id, u.id, u.username, u.email, t.id, t.name,
        coalesce(m.roles, '{}'),
        coalesce((
            SELECT array_agg(p) FROM identity.roles r, unnest(r.permissions) AS p
            WHERE r.tenant_id = m.tenant_id AND r.name = ANY (m.roles)
        ), '{}'),
        coalesce(m.version, 0)
    FROM unnest(tokens) AS asked (token)
    JOIN identity.sessions s ON s.token_sha256 = asked.token
    JOIN identity.users u ON u.id = s.user_id
    LEFT JOIN identity.members m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
    LEFT JOIN identity.tenants t ON t.id = m.tenant_id
    WHERE s.closed_at IS NULL AND s.expires_at > now();
END
$$;
"""

SIGN_IN = """
CREATE FUNCTION identity.signin_bucket(pepper bytea, kind text, subject text)
RETURNS bytea LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(pepper || convert_to(kind || chr(10) || subject, 'UTF8'))
$$;

CREATE FUNCTION identity.count_attempt(
    counted bytea, span interval, OUT tries integer, OUT expires_at timestamptz
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO identity.signin_attempts AS a (bucket, tries, expires_at)
    VALUES (counted, 1, now() + span)
    ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN a.expires_at <= now() THEN 1 ELSE a.tries + 1 END,
        expires_at = CASE WHEN a.expires_at <= now() THEN now() + span ELSE a.expires_at END
    RETURNING a.tries, a.expires_at
$$;

-- Counts an attempt before the password is looked at, so that a burst cannot outrun the count.
-- An account under attack from many addresses leaves each address few tries, never none: the
-- right password from an address of its own is always heard.
CREATE FUNCTION identity.begin_signin(
    login text, address text, pepper bytea, pair_limit integer, tight_limit integer,
    account_limit integer, address_limit integer, span interval
)
RETURNS TABLE (
    retry_after integer, user_id uuid, username text, email text, password_hash text,
    tenant_id uuid, tenant_name text, member_version bigint, subject text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_user record;
    counted record;
    account bytea;
    allowed integer := pair_limit;
BEGIN
    IF position('@' in login) > 0 THEN
        SELECT u.* INTO found_user FROM identity.users u WHERE lower(u.email) = lower(login);
    ELSE
        SELECT u.* INTO found_user FROM identity.users u WHERE lower(u.username) = lower(login);
    END IF;
    subject := coalesce(found_user.id::text, 'nobody ' || lower(login));
    account := identity.signin_bucket(pepper, 'account', subject);

    DELETE FROM identity.signin_attempts WHERE bucket IN (
        SELECT bucket FROM identity.signin_attempts WHERE expires_at < now()
        ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED);

    counted := identity.count_attempt(identity.signin_bucket(pepper, 'address', address), span);
    IF counted.tries > address_limit THEN
        retry_after := greatest(1, ceil(extract(epoch FROM counted.expires_at - now())));
        RETURN NEXT;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM identity.signin_attempts a
               WHERE a.bucket = account AND a.tries >= account_limit AND a.expires_at > now()) THEN
        allowed := tight_limit;
    END IF;
    counted := identity.count_attempt(
        identity.signin_bucket(pepper, 'pair', subject || chr(10) || address), span);
    IF counted.tries > allowed THEN
        retry_after := greatest(1, ceil(extract(epoch FROM counted.expires_at - now())));
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM identity.count_attempt(account, span);

    RETURN QUERY
    SELECT 0, found_user.id, found_user.username, found_user.email, found_user.password_hash,
        t.id, t.name, coalesce(m.version, 0), subject
    FROM (SELECT 1) AS one
    LEFT JOIN LATERAL (
        SELECT * FROM identity.members WHERE members.user_id = found_user.id
        ORDER BY joined_at, members.tenant_id LIMIT 1
    ) m ON true
    LEFT JOIN identity.tenants t ON t.id = m.tenant_id;
END
$$;

-- The attempt was the owner's: it no longer counts against them or their address.
CREATE FUNCTION identity.finish_signin(
    subject text, address text, pepper bytea, user_id uuid, new_hash text
)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE identity.signin_attempts a SET tries = greatest(0, a.tries - 1)
    WHERE a.bucket = identity.signin_bucket(pepper, 'address', address);
    DELETE FROM identity.signin_attempts a
    WHERE a.bucket = identity.signin_bucket(pepper, 'pair', subject || chr(10) || address);
    UPDATE identity.signin_attempts a SET tries = greatest(0, a.tries - 1)
    WHERE a.bucket = identity.signin_bucket(pepper, 'account', subject);
    IF new_hash IS NOT NULL THEN
        UPDATE identity.users u SET password_hash = new_hash WHERE u.id = finish_signin.user_id;
    END IF;
END
$$;
"""

# These run as their caller, under the tenant that is named: row-level security applies. Each is
# one round trip, which a transaction around a plain SELECT would not be, and answers the questions
# of several commands at once.
FACTS = """
CREATE FUNCTION identity.project_standings(tenants uuid[], projects uuid[], members uuid[])
RETURNS TABLE (number integer, archived boolean, role text, version bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    FOR i IN 1 .. cardinality(tenants) LOOP
        PERFORM set_config('app.tenant', tenants[i]::text, true);
        RETURN QUERY
        SELECT i, p.archived_at IS NOT NULL, m.role, p.version
        FROM identity.projects p
        LEFT JOIN identity.project_members m ON m.project_id = p.id AND m.user_id = members[i]
        WHERE p.tenant_id = tenants[i] AND p.id = projects[i];
    END LOOP;
END
$$;

CREATE FUNCTION identity.policies_of(tenants uuid[])
RETURNS TABLE (
    tenant_id uuid, id uuid, name text, steps jsonb, min_amount numeric, project_id uuid
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant uuid;
BEGIN
    FOREACH tenant IN ARRAY tenants LOOP
        PERFORM set_config('app.tenant', tenant::text, true);
        RETURN QUERY
        SELECT a.tenant_id, a.id, a.name, a.steps, a.min_amount, a.project_id
        FROM identity.approval_policies a WHERE a.tenant_id = tenant ORDER BY a.number;
    END LOOP;
END
$$;

CREATE FUNCTION identity.permissions_of(tenant uuid, held text[])
RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(p), '{}') FROM identity.roles r, unnest(r.permissions) AS p
    WHERE r.tenant_id = tenant AND r.name = ANY (held)
$$;

CREATE FUNCTION identity.member_of(tenant uuid, member uuid)
RETURNS TABLE (user_id uuid, roles text[], permissions text[], version bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT m.user_id, m.roles, identity.permissions_of(tenant, m.roles), m.version
    FROM identity.members m WHERE m.tenant_id = tenant AND m.user_id = member;
END
$$;

CREATE FUNCTION identity.members_with(tenant uuid, held text)
RETURNS TABLE (user_id uuid, roles text[], permissions text[], version bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT m.user_id, m.roles, identity.permissions_of(tenant, m.roles), m.version
    FROM identity.members m WHERE m.tenant_id = tenant AND held = ANY (m.roles)
    ORDER BY m.joined_at, m.user_id;
END
$$;

CREATE FUNCTION identity.roles_of(tenant uuid)
RETURNS TABLE (name text, permissions text[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY SELECT r.name, r.permissions FROM identity.roles r WHERE r.tenant_id = tenant;
END
$$;
"""

FUNCTIONS_OWNER = """
ALTER FUNCTION identity.authenticate(bytea[]) OWNER TO qm_identity;
ALTER FUNCTION identity.signin_bucket(bytea, text, text) OWNER TO qm_identity;
ALTER FUNCTION identity.count_attempt(bytea, interval) OWNER TO qm_identity;
ALTER FUNCTION identity.begin_signin(
    text, text, bytea, integer, integer, integer, integer, interval) OWNER TO qm_identity;
ALTER FUNCTION identity.finish_signin(text, text, bytea, uuid, text) OWNER TO qm_identity;
REVOKE CREATE ON SCHEMA identity FROM qm_identity;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.authenticate(bytea[]) TO qm_command, qm_query;
GRANT EXECUTE ON FUNCTION identity.begin_signin(
    text, text, bytea, integer, integer, integer, integer, interval) TO qm_command;
GRANT EXECUTE ON FUNCTION identity.finish_signin(text, text, bytea, uuid, text) TO qm_command;
GRANT EXECUTE ON FUNCTION identity.project_standings(uuid[], uuid[], uuid[]),
    identity.policies_of(uuid[]),
    identity.member_of(uuid, uuid), identity.members_with(uuid, text), identity.roles_of(uuid),
    identity.permissions_of(uuid, text[]) TO qm_command, qm_worker;
"""

GRANTS = """
GRANT USAGE ON SCHEMA identity TO qm_command, qm_query, qm_worker;

GRANT INSERT ON identity.users, identity.tenants, identity.roles, identity.members,
    identity.sessions, identity.projects, identity.project_members,
    identity.approval_policies TO qm_command;
GRANT SELECT ON identity.tenants, identity.roles, identity.members, identity.projects,
    identity.project_members, identity.approval_policies TO qm_command, qm_query, qm_worker;
GRANT SELECT (id, username, email) ON identity.users TO qm_command, qm_query;
GRANT SELECT (id, tenant_id, user_id, closed_at) ON identity.sessions TO qm_command;
GRANT UPDATE (closed_at) ON identity.sessions TO qm_command;
GRANT UPDATE (roles, version) ON identity.members TO qm_command;
GRANT UPDATE (name, archived_at, version) ON identity.projects TO qm_command;
GRANT UPDATE (role) ON identity.project_members TO qm_command;
GRANT DELETE ON identity.project_members TO qm_command;
"""

FORCED = (
    "users",
    "tenants",
    "roles",
    "members",
    "sessions",
    "projects",
    "project_members",
    "approval_policies",
    "signin_attempts",
)
OF_A_TENANT = ("roles", "members", "projects", "project_members", "approval_policies")

POLICIES = f"""
CREATE POLICY every_user_for_sign_in ON identity.users TO qm_identity USING (true);
CREATE POLICY every_tenant_for_sign_in ON identity.tenants FOR SELECT TO qm_identity USING (true);
CREATE POLICY every_role_for_sign_in ON identity.roles FOR SELECT TO qm_identity USING (true);
CREATE POLICY every_member_for_sign_in ON identity.members FOR SELECT TO qm_identity USING (true);
CREATE POLICY every_session_for_sign_in ON identity.sessions FOR SELECT TO qm_identity
    USING (true);
CREATE POLICY attempts_of_all ON identity.signin_attempts TO qm_identity
    USING (true) WITH CHECK (true);

CREATE POLICY members_of_this_tenant ON identity.users FOR SELECT TO qm_command, qm_query
    USING (EXISTS (SELECT FROM identity.members m
                   WHERE m.tenant_id = {THIS_TENANT} AND m.user_id = users.id));
CREATE POLICY users_are_global ON identity.users FOR INSERT TO qm_command WITH CHECK (true);
CREATE POLICY this_tenant ON identity.tenants TO qm_command, qm_query, qm_worker
    USING (id = {THIS_TENANT}) WITH CHECK (id = {THIS_TENANT});
CREATE POLICY sessions_of_this_tenant ON identity.sessions TO qm_command
    USING (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000') = {THIS_TENANT})
    WITH CHECK (coalesce(tenant_id, '00000000-0000-0000-0000-000000000000') = {THIS_TENANT});
"""  # noqa: S608  what is put in is a constant of this file


def upgrade() -> None:
    """Create the schema, its policies, its functions and what each role may do."""
    for statements in (
        TABLES,
        FUNCTIONS_ROLE,
        AUTHENTICATE,
        SIGN_IN,
        FACTS,
        FUNCTIONS_OWNER,
        GRANTS,
    ):
        op.execute(statements)
    for table in FORCED:
        op.execute(f"ALTER TABLE identity.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE identity.{table} FORCE ROW LEVEL SECURITY")
    op.execute(POLICIES)
    for table in OF_A_TENANT:
        op.execute(
            f"CREATE POLICY this_tenant ON identity.{table} TO qm_command, qm_query, qm_worker "
            f"USING (tenant_id = {THIS_TENANT}) WITH CHECK (tenant_id = {THIS_TENANT})"
        )


def downgrade() -> None:
    """Drop everything of this migration."""
    op.execute("DROP SCHEMA identity CASCADE")
