"""Sign-ups are counted by address, as sign-ins are: each takes a costly hash and makes an account.

None is taken back where it succeeds, as a sign-in is: it is what makes them that is limited.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BEGIN_SIGNUP = """
GRANT CREATE ON SCHEMA identity TO qm_identity;

CREATE FUNCTION identity.begin_signup(
    address text, pepper bytea, address_limit integer, span interval
)
RETURNS TABLE (retry_after integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    counted record;
BEGIN
    counted := identity.count_attempt(identity.signin_bucket(pepper, 'sign-up', address), span);
    retry_after := 0;
    IF counted.tries > address_limit THEN
        retry_after := greatest(1, ceil(extract(epoch FROM counted.expires_at - now())));
    END IF;
    RETURN NEXT;
END
$$;

ALTER FUNCTION identity.begin_signup(text, bytea, integer, interval) OWNER TO qm_identity;
REVOKE CREATE ON SCHEMA identity FROM qm_identity;
REVOKE ALL ON FUNCTION identity.begin_signup(text, bytea, integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.begin_signup(text, bytea, integer, interval) TO qm_command;
"""


def upgrade() -> None:
    """Create the function."""
    op.execute(BEGIN_SIGNUP)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP FUNCTION identity.begin_signup(text, bytea, integer, interval)")
