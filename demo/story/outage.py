"""The demo's Snipe-IT, as far as it can be broken and mended."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Final, Self

import httpx

from demo.story.desk import StoryStopped

_FAULTS: Final = "/simulator/faults"
_TIMEOUT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.3


class DemoSnipeIt:
    """Its control API. However the block ends, it works again.

    ``start_s`` is how long it may take to be there: ``up`` starts it after the APIs.
    """

    def __init__(self, url: str, start_s: float = 20.0) -> None:
        self._start_s = start_s
        # Its calls are far apart: a connection kept between them would only be cut.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT_S, trust_env=False, limits=limits
        )

    async def __aenter__(self) -> Self:
        try:
            await self._mend_once_it_is_there()
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Where the story stops already, what stopped it is what there is to say.
        hidden = () if kind is None else (StoryStopped,)
        try:
            with contextlib.suppress(*hidden):
                await self.mend()
        finally:
            await self._http.aclose()

    async def take_down(self) -> str:
        """Let it answer everything as a Snipe-IT in maintenance. Returns what was asked."""
        body = {"kind": "maintenance", "times": None}
        await self._call("POST", body)
        return f"POST {self._http.base_url}{_FAULTS} {json.dumps(body)}"

    async def mend(self) -> str:
        """Let it work again. Returns what was asked. Raises ``StoryStopped``."""
        await self._call("DELETE", None)
        return f"DELETE {self._http.base_url}{_FAULTS}"

    async def _mend_once_it_is_there(self) -> None:
        give_up_at = time.monotonic() + self._start_s
        while True:
            try:
                await self.mend()
            except StoryStopped:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                return

    async def _call(self, method: str, body: Mapping[str, object] | None) -> None:
        try:
            answer = await self._http.request(method, _FAULTS, json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StoryStopped(
                f"the demo's Snipe-IT at {self._http.base_url} cannot be told what to do"
                f" ({type(error).__name__}); see simulator.log in the logs of `make up`"
            ) from None
