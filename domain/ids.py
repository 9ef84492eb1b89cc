"""Ids as the domain sees them: ULIDs in Crockford text, upper case.

Postgres stores them as ``uuid``. The change of form happens where a value crosses into
the database (``infrastructure.ids``) and nowhere else.
"""

Id = str

PLATFORM_TENANT: Id = "0" * 26
"""Tenant of the events that belong to no tenant: global users, sessions without one."""
