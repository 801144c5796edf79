"""What the page shows, as server-sent events.

Invariants:

- An event is a whole snapshot, so a client that is slow or was away misses nothing by it.
- The next snapshot is made when the last one has been taken, at most four times a second: nothing
  piles up. Without a page nothing is made at all.
- A snapshot holds the newest of each kind, and texts that are cut: it has a largest size.
"""

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from target_tocobagus.sandbox.messages import IDENTIFIER_KINDS
from target_tocobagus.sandbox.state import State
from target_tocobagus.sandbox.switches import Switchboard
from target_tocobagus.sandbox.visits import RefusedRow, Visit

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_PAUSE_SECONDS: Final = 0.25
_MOST_STREAMS: Final = 16
_MOST_ROWS: Final = 100
_MOST_PLACES: Final = 3
_LONGEST: Final = 200
_HEADERS: Final = ((b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"))


class Events:
    """The stream of snapshots, an ASGI application."""

    def __init__(self, state: State, switchboard: Switchboard) -> None:
        self._state = state
        self._switchboard = switchboard
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one page until it leaves, or the server closes its connections."""
        if self._streams >= _MOST_STREAMS:
            reason = f"{_MOST_STREAMS} pages are open already"
            await JSONResponse({"status": "refused", "reason": reason}, 503)(scope, receive, send)
            return
        self._streams += 1
        try:
            await self._serve(scope["state"]["transport"], send)
        except asyncio.CancelledError:  # the server stops
            return
        finally:
            self._streams -= 1

    async def _serve(self, transport: asyncio.Transport, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        sent = b""
        while not transport.is_closing():
            snapshot = self.snapshot()
            if snapshot != sent:
                sent = snapshot
                event = b"data: " + snapshot + b"\n\n"
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(_PAUSE_SECONDS)

    def snapshot(self) -> bytes:
        """Make a snapshot, one line of JSON."""
        state, world = self._state, self._state.world
        totals = ("requests", "accepted", "refused", "updates", "levels", "in_flight")
        visits = [record.visit for record in _newest(world.records)]
        return msgspec.json.encode(
            {
                "sinceMs": world.since_ms,
                "totals": {name: getattr(world, name) for name in totals},
                "requests": [_visit(visit) for visit in visits],
                "refusedRows": [_refused_row(row) for row in _newest(world.refused_rows)],
                "scenario": self._switchboard.playing(state.scenario),
            }
        )


def _newest(values: "Sequence[T]") -> list[T]:
    return list(islice(reversed(values), _MOST_ROWS))


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "number": visit.number,
        "method": visit.method[:_LONGEST],
        "path": visit.path[:_LONGEST],
        "items": visit.items,
        "accepted": visit.accepted,
        "refused": visit.refused,
        "status": visit.status,
        "code": _cut(visit.code),
        "faults": visit.faults,
        "arrivedMs": visit.arrived_ms,
        "endedMs": visit.ended_ms,
    }


def _refused_row(row: RefusedRow) -> dict[str, Any]:
    """Show a refused row, its texts cut."""
    error = row.error
    identifier = next((error[kind] for kind in IDENTIFIER_KINDS if kind in error), None)
    return {
        "request": row.request,
        "rowIndex": error["rowIndex"],
        "identifier": _cut(identifier),
        "warehouses": _warehouses(row.warehouses),
        "code": _cut(error["code"]),
        "reason": _cut(error["details"]["context"]["reason"]),
    }


def _warehouses(named: Any) -> list[str] | None:
    """Read the names of a row's warehouses, as far as they can be read; None if it has none."""
    if not isinstance(named, list):
        return None
    each = [one.get("clientId") if isinstance(one, dict) else one for one in named[:_MOST_PLACES]]
    names = [one[:_LONGEST] for one in each if isinstance(one, str)]
    return [*names, "…"] if len(named) > _MOST_PLACES else names


def _cut(text: Any) -> str | None:
    return None if text is None else str(text)[:_LONGEST]
