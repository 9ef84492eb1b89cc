"""Clients of the API who come from anywhere."""

from typing import Self

import httpx

from command_api.main import create_app
from infrastructure.identity.signin import Limits
from infrastructure.settings import CommandSettings
from tests.command_api.conftest import BASE


class AtAddresses:
    """The API, and clients of it at any address."""

    def __init__(self, settings: CommandSettings, limits: Limits | None = None) -> None:
        self._app = create_app(settings, limits=limits)
        self._lifespan = self._app.router.lifespan_context(self._app)
        self._clients: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        await self._lifespan.__aenter__()
        return self

    def __call__(self, address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app, client=(address, 40_000))
        client = httpx.AsyncClient(transport=transport, base_url=BASE)
        self._clients.append(client)
        return client

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()
        await self._lifespan.__aexit__(None, None, None)
