"""The control API, outside ``/api/v1``: faults, hand edits, settings. See README."""

from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.hand_edits import UnknownEdit, apply
from demo.snipe_it_simulator.rendering import View, asset
from demo.snipe_it_simulator.simulator import Settings, Simulator


def control_app(simulator: Simulator) -> Starlette:
    """Routes below ``/simulator``."""
    control = Control(simulator)
    return Starlette(
        routes=[
            Route("/simulator/reset", control.reset, methods=["POST"]),
            Route("/simulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/settings", control.settings, methods=["GET", "PATCH"]),
            Route("/simulator/edit", control.edit, methods=["POST"]),
            Route("/simulator/tokens", control.tokens, methods=["POST"]),
            Route("/simulator/calls", control.calls, methods=["GET"]),
            Route("/simulator/assets", control.assets, methods=["GET"]),
        ]
    )


class Control:
    """The handlers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def reset(self, _: Request) -> JSONResponse:
        """Back to the state the simulator was started with."""
        self._simulator.reset()
        return _done()

    async def faults(self, request: Request) -> JSONResponse:
        """GET lists, POST adds one, DELETE clears all."""
        ordered = self._simulator.faults.ordered
        if request.method == "DELETE":
            ordered.clear()
        if request.method == "POST":
            given = await request.json()
            try:
                ordered.append(Fault(**{**given, "kind": Kind(given["kind"])}))
            except (KeyError, TypeError, ValueError) as error:
                return _wrong(f"{error!r}; kinds are {', '.join(Kind)}")
        return JSONResponse({"faults": [asdict(one) for one in ordered]})

    async def settings(self, request: Request) -> JSONResponse:
        """GET shows, PATCH changes."""
        if request.method == "PATCH":
            given = await request.json()
            try:
                self._simulator.settings = Settings(**{**vars(self._simulator.settings), **given})
            except TypeError as error:
                return _wrong(str(error))
            self._simulator.apply_settings()
        return JSONResponse(asdict(self._simulator.settings))

    async def edit(self, request: Request) -> JSONResponse:
        """One hand edit."""
        try:
            apply(self._simulator.inventory, await request.json())
        except UnknownEdit as error:
            return _wrong(str(error))
        return _done()

    async def tokens(self, request: Request) -> JSONResponse:
        """Add a token: ``{token, user_id, permissions?}``; without a user id it is revoked."""
        given = await request.json()
        access, user_id = self._simulator.access, given.get("user_id")
        if user_id is None:
            access.tokens.pop(given["token"], None)
            return _done()
        access.tokens[given["token"]] = int(user_id)
        if "permissions" in given:
            access.permissions[int(user_id)] = frozenset(given["permissions"])
        return _done()

    async def calls(self, _: Request) -> JSONResponse:
        """The calls seen, oldest first."""
        seen = [{**asdict(one), "at": one.at.isoformat()} for one in self._simulator.seen]
        return JSONResponse({"calls": seen})

    async def assets(self, _: Request) -> JSONResponse:
        """What is true now, without a token, a rate limit or a fault in the way."""
        inventory = self._simulator.inventory
        view = View(inventory, self._simulator.settings.base_url, lambda _: True)
        rows = [asset(view, one) for one in inventory.assets.values()]
        return JSONResponse({"total": len(rows), "rows": rows})


def _done() -> JSONResponse:
    return JSONResponse({"done": True})


def _wrong(why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status_code=422)
