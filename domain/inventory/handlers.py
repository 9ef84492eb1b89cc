"""One function for every command: load, ask, save."""

from domain.errors import InvalidField, NotFound, VersionMismatch
from domain.ids import Id, uuid_of
from domain.inventory import changes, commands, rules
from domain.inventory.connection import Settings, SnipeItConnection
from domain.inventory.errors import InventoryMapped, MappingNotFound, NotConnected, ThingMapped
from domain.ports import Facts, Receipt, Store


async def set_connection(command: commands.SetConnection, store: Store, facts: Facts) -> Receipt:
    """Connect the tenant's inventory, or reach it in another way.

    Raises ``ServerNotAllowed``, ``InvalidField`` for a token's place that is not the server's, and
    ``InventoryMapped`` for another server, unless the inventory has moved there.
    """
    rules.require_manager(command.by)
    tenant_id = command.by.tenant_id
    settings = Settings(
        command.allowed.check(tenant_id, command.base_url, command.token_source),
        command.token_source,
        command.company_id,
        command.server_zone,
        command.status_labels,
    )
    try:
        connection = await _load(tenant_id, store, command.expected_version)
    except NotConnected:
        if command.expected_version is not None:
            raise VersionMismatch(command.expected_version, 0) from None
        id = uuid_of(rules.connection_id(tenant_id))
        connection = SnipeItConnection.connect(id, tenant_id, settings, command.at)
    else:
        elsewhere = settings.base_url != connection.settings.base_url
        if elsewhere and not command.moved and await facts.has_mappings():
            raise InventoryMapped
        connection.change(settings, command.at)
    rows = (_row(connection),) if connection.pending_events else ()
    return await store.save(connection, changes=rows)


async def link(command: commands.LinkMapping, store: Store, facts: Facts) -> Receipt:
    """Let an id of ours stand for a thing of the inventory.

    Raises ``NotConnected``, ``ThingMapped``, and ``InvalidField`` for what there is not.
    """
    rules.require_manager(command.by)
    connection = await _load(command.by.tenant_id, store, command.expected_version)
    thing = await facts.mirrored(command.kind, command.external_id)
    if thing is None:
        raise InvalidField(("external_id",), "The inventory has no such thing, as last seen.")
    mapping = await facts.mapping(command.id)
    if mapping is not None and mapping.external_id == command.external_id:
        return await store.save(connection)
    if thing.id is not None and thing.id != command.id:
        raise ThingMapped
    if mapping is not None and mapping.kind != command.kind:
        raise InvalidField(("id",), f"This is the id of a thing of kind {mapping.kind}.")
    if commands.is_a_member(command.kind) and await facts.member(command.id) is None:
        raise InvalidField(("id",), "There is no such member of the tenant.")
    connection.link(command.kind, command.id, command.external_id, command.at)
    row = changes.MappingSet(
        connection.tenant_id, command.kind, command.id, command.external_id, connection.version
    )
    return await store.save(connection, changes=(row,))


async def unlink(command: commands.UnlinkMapping, store: Store, facts: Facts) -> Receipt:
    """Let an id of ours stand for nothing. Raises ``NotConnected`` and ``MappingNotFound``."""
    rules.require_manager(command.by)
    connection = await _load(command.by.tenant_id, store, command.expected_version)
    mapping = await facts.mapping(command.id)
    if mapping is None:
        raise MappingNotFound
    if mapping.external_id is None:
        return await store.save(connection)
    connection.unlink(mapping.kind, command.id, command.at)
    row = changes.MappingRemoved(connection.tenant_id, mapping.kind, command.id, connection.version)
    return await store.save(connection, changes=(row,))


async def _load(tenant_id: Id, store: Store, expected_version: int | None) -> SnipeItConnection:
    id = rules.connection_id(tenant_id)
    try:
        return await store.load(SnipeItConnection, id, expected_version)
    except NotFound:
        raise NotConnected from None


def _row(connection: SnipeItConnection) -> changes.ConnectionSet:
    settings = connection.settings
    return changes.ConnectionSet(
        connection.tenant_id,
        settings.base_url,
        settings.token_source,
        settings.company_id,
        settings.server_zone,
        dict(settings.status_labels),
        connection.version,
    )
