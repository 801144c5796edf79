"""Shows the sandbox's state as JSON under ``/_sandbox/``.

There is no authentication, because data and credentials are fake; `app` decides who may reach it.
The fields are described in `state`.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_tocobagus.sandbox.scenario import Scenario
from target_tocobagus.sandbox.state import State, Visit

_MASKED_HEADERS = {b"x-store-token", b"x-signature"}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


class Views:
    """The views of one sandbox's state, and the two requests that change it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes, below the views' own path."""
        return [
            Route("/health", self.health),
            Route("/stock", self.stock),
            Route("/requests", self.requests),
            Route("/batches", self.batches),
            Route("/history", self.history),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/scenario", self.scenario, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        """Answer with counts since the start or the last reset."""
        world = self._state.world
        return _json(
            {
                "status": "ok",
                "requests": world.requests,
                "updates": world.updates,
                "inFlight": world.in_flight,
                "mostInFlight": world.most_in_flight,
            }
        )

    async def stock(self, _: Request) -> Response:
        """Answer with every level; a warehouse of null is for all without a level of their own."""
        return _json(list(self._state.world.stock()))

    async def requests(self, _: Request) -> Response:
        """Answer with the requests, oldest first."""
        return _json([_shown(*each) for each in self._state.world.visits])

    async def batches(self, _: Request) -> Response:
        """Answer with the updates that were answered row by row, oldest first."""
        return _json(list(self._state.world.batches))

    async def history(self, _: Request) -> Response:
        """Answer with the updates in the order they were applied, and how many were dropped.

        Each is a list: request number, time, store, kind, identifier, warehouse, stock.
        """
        world = self._state.world
        forgotten = world.updates - len(world.history)
        return _json({"forgotten": forgotten, "updates": list(world.history)})

    async def reset(self, _: Request) -> Response:
        """Forget stock, requests, batches and history; play the first scenario from its start."""
        self._state.reset()
        return _json({"status": "ok"})

    async def scenario(self, request: Request) -> Response:
        """Play the scenario in the body from its start; everything else stays."""
        try:
            given = msgspec.json.decode(await request.body())
            self._state.play(msgspec.convert(given, Scenario))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _json({"status": "refused", "reason": str(error)}, 400)
        return _json({"status": "ok"})


def _shown(visit: Visit, headers: dict[bytes, bytes], body: bytes) -> dict[str, Any]:
    shown = {
        name.decode("latin-1"): "***" if name in _MASKED_HEADERS else value.decode("latin-1")
        for name, value in headers.items()
    }
    recorded = {"body": body.decode(errors="replace")} if body else {}
    return {**msgspec.to_builtins(visit), "headers": shown, **recorded}
