"""How things of the inventory get ids of ours, as SQL. Each statement may be repeated.

A mapping whose ``external_id`` is null was taken away by hand: it is never filled in again here.
"""

from typing import Final, LiteralString

FIRST_SEEN: Final = """
INSERT INTO inventory.mappings (tenant_id, kind, id, external_id, matched_by)
SELECT %s, %s, new.id, new.external_id, 'first_seen'
FROM unnest(%s::uuid[], %s::bigint[]) AS new (id, external_id)
ON CONFLICT DO NOTHING
"""


def given_away(table: LiteralString) -> LiteralString:
    """Of ids and the numbers they were made for: the numbers whose id stands for another thing.

    Only of living things that have no mapping. Wants ids, numbers, tenant and kind.
    """
    return f"""
SELECT new.external_id FROM inventory.{table} m
JOIN inventory.mappings taken ON taken.tenant_id = m.tenant_id AND taken.external_id IS NOT NULL
JOIN unnest(%s::uuid[], %s::bigint[]) AS new (id, external_id)
    ON new.id = taken.id AND new.external_id = m.external_id
WHERE m.tenant_id = %s AND m.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM inventory.mappings p WHERE p.tenant_id = m.tenant_id
                    AND p.kind = %s AND p.external_id = m.external_id)
"""  # noqa: S608


def take_over(table: LiteralString) -> LiteralString:
    """Give the rows of a table the ids that their mappings have. Wants tenant and kind."""
    return f"""
UPDATE inventory.{table} m SET id = p.id FROM inventory.mappings p
WHERE m.tenant_id = %s AND p.kind = %s
    AND p.tenant_id = m.tenant_id AND p.external_id = m.external_id
    AND m.id IS DISTINCT FROM p.id
"""  # noqa: S608


_NO_OTHER_SERIAL: Final = (
    "(coalesce(trim(n.serial), '') = '' OR coalesce(trim(o.serial), '') = ''"
    " OR lower(trim(n.serial)) = lower(trim(o.serial)))"
)


def adopt(column: LiteralString) -> LiteralString:
    """Give living assets that were made again the id of the deleted one they replace.

    They have the same text in ``column``, and there is one of each. Two serial numbers that
    differ are two things, whatever else is the same: tags are stuck on again.
    """
    return f"""
WITH made_again AS (
    SELECT min(n.external_id) AS external_id, min(o.external_id) AS replaced
    FROM inventory.assets n
    JOIN inventory.assets o ON o.tenant_id = n.tenant_id AND o.{column} = n.{column}
        AND o.deleted_at IS NOT NULL AND o.id IS NOT NULL
    WHERE n.tenant_id = %(tenant)s AND n.deleted_at IS NULL AND n.id IS NULL
        AND n.{column} <> '' AND {_NO_OTHER_SERIAL}
        AND NOT EXISTS (SELECT FROM inventory.mappings p WHERE p.tenant_id = n.tenant_id
                        AND p.kind = 'asset' AND p.external_id = n.external_id)
    GROUP BY n.{column} HAVING count(*) = 1
), freed AS (
    UPDATE inventory.assets o SET id = NULL FROM made_again a
    WHERE o.tenant_id = %(tenant)s AND o.external_id = a.replaced
)
UPDATE inventory.mappings p
SET external_id = a.external_id, matched_by = '{column}', since = now()
FROM made_again a
WHERE p.tenant_id = %(tenant)s AND p.kind = 'asset' AND p.external_id = a.replaced
"""  # noqa: S608


def members_by(column: LiteralString) -> LiteralString:
    """Map members to living users over there with the same ``column``, where there is one.

    A member who stands for nobody is mapped, and one whose user over there was deleted since.
    """
    return f"""
WITH pair AS (
    SELECT (array_agg(u.id))[1] AS id, min(x.external_id) AS external_id
    FROM identity.members m
    JOIN identity.users u ON u.id = m.user_id
    JOIN inventory.users x ON x.tenant_id = m.tenant_id AND lower(x.{column}) = lower(u.{column})
        AND x.deleted_at IS NULL
    WHERE m.tenant_id = %(tenant)s
    GROUP BY lower(u.{column}) HAVING count(*) = 1
)
INSERT INTO inventory.mappings AS p (tenant_id, kind, id, external_id, matched_by)
SELECT %(tenant)s, 'user', pair.id, pair.external_id, '{column}' FROM pair
WHERE NOT EXISTS (SELECT FROM inventory.mappings t WHERE t.tenant_id = %(tenant)s
                  AND t.kind = 'user' AND t.external_id = pair.external_id)
ON CONFLICT (tenant_id, id) DO UPDATE
SET external_id = excluded.external_id, matched_by = excluded.matched_by, since = now()
WHERE EXISTS (SELECT FROM inventory.users x WHERE x.tenant_id = %(tenant)s
              AND x.external_id = p.external_id AND x.deleted_at IS NOT NULL)
"""  # noqa: S608


FREE_USERS: Final = """
UPDATE inventory.users x SET id = NULL
WHERE x.tenant_id = %(tenant)s AND x.id IS NOT NULL
    AND NOT EXISTS (SELECT FROM inventory.mappings p WHERE p.tenant_id = x.tenant_id
                    AND p.kind = 'user' AND p.id = x.id AND p.external_id = x.external_id)
"""

TAKE_OVER_USERS: Final = """
UPDATE inventory.users x SET id = p.id FROM inventory.mappings p
WHERE x.tenant_id = %(tenant)s AND p.tenant_id = x.tenant_id AND p.kind = 'user'
    AND p.external_id = x.external_id AND x.id IS NULL
"""


LONELY_MEMBERS: Final = """
SELECT 'user', m.user_id, NULL::bigint, u.username
FROM identity.members m JOIN identity.users u ON u.id = m.user_id
WHERE m.tenant_id = %(tenant)s
    AND NOT EXISTS (SELECT FROM inventory.users x WHERE x.tenant_id = m.tenant_id
                    AND x.id = m.user_id AND x.deleted_at IS NULL)
ORDER BY u.username
"""


def lonely_things(kind: LiteralString, table: LiteralString) -> LiteralString:
    """Things of a kind for which nothing of ours stands."""
    label = {"user": "username", "asset": "coalesce(name, tag)"}.get(kind, "name")
    return f"""
SELECT '{kind}', NULL::uuid, external_id, {label} FROM inventory.{table}
WHERE tenant_id = %(tenant)s AND id IS NULL AND deleted_at IS NULL ORDER BY external_id
"""  # noqa: S608
