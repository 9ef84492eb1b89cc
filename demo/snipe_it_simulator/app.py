"""The simulated server as an ASGI application.

Unlike most applications it must also misbehave on the wire: cut an answer short, or end
the connection without one.
"""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from demo.snipe_it_simulator import gates, pages
from demo.snipe_it_simulator.calls import Reply, server_error
from demo.snipe_it_simulator.control import control_app
from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.simulator import Simulator

CONTROL = "/simulator/"
AFTER = {
    Kind.ERROR_AFTER: server_error(),
    Kind.BAD_GATEWAY_AFTER: Reply(502, html=pages.proxy("502 Bad Gateway")),
}


class SimulatorApp:
    """Serves one simulator. It goes on with a call whose client has gone, as PHP does."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._control = control_app(simulator)
        self._left_behind: set[asyncio.Task[Reply]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry. Needs no lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        # Read before anything waits, so that a client which leaves meanwhile has said its part.
        await request.body()
        fault = self.simulator.faults.take(request.method, request.url.path)
        await self.simulator.spend(self.simulator.settings.answer_after_s)
        if fault is not None and fault.kind is Kind.DROP_BEFORE:
            await _drop(send)
            return
        reply = await self._reply(request, fault)
        self.simulator.note(
            request.method, request.url.path, reply.status, request.headers.get("user-agent")
        )
        if fault is not None and fault.kind is Kind.DROP_AFTER:
            await _drop(send)
            return
        response = _response(reply)
        if fault is not None and fault.kind is Kind.CUT:
            await _cut(response, send)
            return
        await response(scope, receive, send)

    async def _reply(self, request: Request, fault: Fault | None) -> Reply:
        if fault is None:
            return await gates.answer(self.simulator, request, None)
        if fault.kind is Kind.BAD_GATEWAY:
            return Reply(502, html=pages.proxy("502 Bad Gateway"))
        if fault.kind is Kind.GATEWAY_TIMEOUT:
            self._leave_behind(request, fault.seconds)
            return Reply(504, html=pages.proxy("504 Gateway Time-out"))
        if fault.kind is Kind.SLOW:
            await self.simulator.sleep(fault.seconds)
        reply = await gates.answer(self.simulator, request, fault)
        if fault.kind is Kind.SLOW_ANSWER:
            await self.simulator.sleep(fault.seconds)
        return AFTER.get(fault.kind, reply)

    def _leave_behind(self, request: Request, seconds: float) -> None:
        """Go on with a call that was already answered for."""
        late = Fault(Kind.LATE, seconds=seconds)
        task = asyncio.create_task(gates.answer(self.simulator, request, late))
        self._left_behind.add(task)
        task.add_done_callback(self._left_behind.discard)


def _response(reply: Reply) -> Response:
    headers = dict(reply.headers)
    if reply.html is None:
        headers.setdefault("content-type", "application/json")
        return Response(json.dumps(reply.body), reply.status, headers)
    headers.setdefault("content-type", "text/html")
    return Response(reply.html, reply.status, headers)


async def _cut(response: Response, send: Send) -> None:
    """Promise a whole body, send half of it, end the connection."""
    body = bytes(response.body)
    start = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": response.raw_headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await _drop(send)


async def _drop(send: Send) -> None:
    """End the connection under the answer.

    The server offers no way to ask for that; its send function belongs to the object that
    holds the connection.
    """
    cycle: Any = getattr(send, "__self__", None)
    if cycle is None:
        raise RuntimeError("connections can only be dropped when served by uvicorn")
    cycle.transport.abort()
    # Lets the server see the end before the application returns without an answer.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
