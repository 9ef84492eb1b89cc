"""From a tenant's stored connection to one that calls can be made over."""

from dataclasses import replace

from domain.errors import InvalidField
from domain.inventory.servers import AllowedServers
from infrastructure.inventory.connections import StoredConnection
from infrastructure.snipe_it.errors import AddressNotAllowed, TokenMissing, UnknownZone
from infrastructure.snipe_it.settings import Connection, Deadlines, checked_connection

UNUSABLE = (AddressNotAllowed, TokenMissing, UnknownZone)
"""What is wrong with a connection that cannot be used: a person has to mend it."""


def usable(
    stored: StoredConnection,
    allowed: AllowedServers,
    *,
    calls_per_minute: int,
    deadlines: Deadlines | None = None,
) -> Connection:
    """The connection with its token, still on the operator's list for this tenant.

    Raises one of ``UNUSABLE``.
    """
    try:
        url = allowed.check(stored.tenant_id, stored.base_url, stored.token_source)
    except InvalidField as refused:
        raise AddressNotAllowed(refused.detail) from refused
    connection = checked_connection(
        url,
        stored.token_source,
        (url,),
        company_id=stored.company_id,
        server_zone=stored.server_zone,
    )
    return replace(
        connection,
        calls_per_minute=calls_per_minute,
        deadlines=deadlines or connection.deadlines,
    )
