"""Shows the sandbox's state as JSON under ``/_sandbox/``, to programs and to its page.

There is no authentication, because data and credentials are fake; `app` decides who may reach it.
The fields are described in `state` and `visits`.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_tocobagus.sandbox.detail import in_full, shown
from target_tocobagus.sandbox.live import Events
from target_tocobagus.sandbox.scenario import Scenario
from target_tocobagus.sandbox.search import find_stock
from target_tocobagus.sandbox.state import State
from target_tocobagus.sandbox.switches import Switchboard

_USUAL_LIMIT = 200
_LARGEST_LIMIT = 2000


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


class Views:
    """The views of one sandbox's state, and the requests that change it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._switchboard = Switchboard(state.setup.scenario)

    def routes(self) -> list[Route]:
        """Return the routes, below the views' own path."""
        return [
            Route("/health", self.health),
            Route("/stock", self.stock),
            Route("/requests", self.requests),
            Route("/requests/{number:int}", self.request),
            Route("/batches", self.batches),
            Route("/history", self.history),
            Route("/reset", self.reset, methods=["POST"]),
            Route("/scenario", self.scenario, methods=["POST"]),
            Route("/scenario", self.scenarios),
            Route("/scenario/{name}", self.switch, methods=["POST"]),
            Route("/events", Events(self._state, self._switchboard), methods=["GET"]),
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

    async def stock(self, request: Request) -> Response:
        """Answer with every level; a warehouse of null is for all without a level of their own.

        With ``search`` or ``limit``, answer with the levels that have the text: see `find_stock`.
        """
        world, query = self._state.world, request.query_params
        if not {"search", "limit"} & query.keys():
            return _json(list(world.stock()))
        limit = _limit(query.get("limit", ""))
        return _json(await find_stock(world, query.get("search", ""), limit))

    async def requests(self, _: Request) -> Response:
        """Answer with the requests, oldest first."""
        return _json([shown(record, record.body) for record in self._state.world.records])

    async def request(self, request: Request) -> Response:
        """Answer with one request in full: see `in_full`."""
        world, number = self._state.world, request.path_params["number"]
        for record in world.records:
            if record.visit.number == number:
                return _json(in_full(record, world, self._state.setup.credentials))
        return _json({"status": "refused", "reason": "this request is not remembered"}, 404)

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

    async def scenarios(self, _: Request) -> Response:
        """Answer with the page's switches."""
        keys = ("name", "title", "meaning")
        return _json(
            [dict(zip(keys, each[:3], strict=True)) for each in self._switchboard.switches]
        )

    async def switch(self, request: Request) -> Response:
        """Play the scenario of a switch from its start; everything else stays."""
        scenario = self._switchboard.scenario(request.path_params["name"])
        if scenario is None:
            return _json({"status": "refused", "reason": "there is no such switch"}, 404)
        self._state.play(scenario)
        return _json({"status": "ok"})


def _limit(text: str) -> int:
    """Read how many are wanted; at most 2000, and 200 if it is not a number."""
    is_number = text.isdecimal() and text.isascii()
    return min(int(text[:9]), _LARGEST_LIMIT) if is_number else _USUAL_LIMIT
