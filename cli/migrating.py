"""``quartermaster migrate``: the database and the broker brought to the present schema."""

import asyncio
from collections.abc import Callable

import psycopg
from sqlalchemy.exc import DBAPIError

from infrastructure.broker import BrokerUnavailable, declare_topology
from infrastructure.migrate import migrate
from infrastructure.settings import MigrateSettings


class CannotMigrate(Exception):
    """The database or the broker refuses; the message says how."""


def migrate_all(settings: MigrateSettings, say: Callable[[str], None]) -> None:
    """Migrate the database, then declare the broker's topology where there is a broker.

    Raises ``CannotMigrate``.
    """
    try:
        migrate(settings.owner_database_url.get_secret_value(), settings.role_urls())
    except (psycopg.Error, DBAPIError) as error:
        raise CannotMigrate(f"the database refuses: {error}") from error
    say("the database is up to date")
    if settings.amqp_url is not None:
        try:
            asyncio.run(declare_topology(settings.amqp_url.get_secret_value()))
        except BrokerUnavailable as error:
            raise CannotMigrate(f"the broker refuses: {error}") from error
        say("the broker is up to date")
