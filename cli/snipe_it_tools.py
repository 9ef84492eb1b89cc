"""Commands about Snipe-IT: whether a connection works, and one full reading of what is there."""

import asyncio
from typing import Annotated, Final

import typer
from rich.console import Console

from cli.errors import one_line

SNIPE_IT: Final = typer.Typer(help="Connections to Snipe-IT.", no_args_is_help=True)

Tenant = Annotated[str | None, typer.Argument(help="id of the tenant; all if none")]


@SNIPE_IT.command()
def check(
    tenant: Tenant = None,
    url: Annotated[str | None, typer.Option(help="a server that no tenant has yet")] = None,
    token_source: Annotated[
        str | None, typer.Option(help="where its token stands: env:NAME or file:/path")
    ] = None,
    company_id: Annotated[int | None, typer.Option(min=1)] = None,
    server_zone: Annotated[str, typer.Option(help="the server's APP_TIMEZONE")] = "UTC",
) -> None:
    """Try address, token, version and permissions, and say what is missing; 1 if anything is."""
    from cli.snipe_it_work import CANNOT, check_address, check_tenants

    if (url is None) != (token_source is None):
        raise typer.BadParameter("name --url and --token-source, or neither")
    console = Console()
    with one_line(*CANNOT):
        work = (
            check_tenants(tenant, console)
            if url is None or token_source is None
            else check_address(url, token_source, company_id, server_zone, console)
        )
        if not asyncio.run(work):
            raise typer.Exit(1)


@SNIPE_IT.command()
def sync(tenant: Tenant = None) -> None:
    """Read everything once, and say what did not match. The mirror may run beside it."""
    from cli.snipe_it_work import CANNOT, sync_tenants

    with one_line(*CANNOT):
        asyncio.run(sync_tenants(tenant, Console()))
