"""The partner API itself: one request checked, done and answered."""

import time
from typing import Any
from urllib.parse import parse_qs

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.inventory import Outcome, judge
from target_tocobagus.sandbox.replies import Refused, Reply, settled
from target_tocobagus.sandbox.request import BodyError, Request
from target_tocobagus.sandbox.scenario import Fault
from target_tocobagus.sandbox.state import State
from target_tocobagus.sandbox.world import Visit, epoch_ms

INVENTORY = "/partner/stores/inventory"
PRODUCTS = "/partner/stores/products"
METHODS = {INVENTORY: "PATCH", PRODUCTS: "GET"}
MAX_PAGE_SIZE = 100


class Transaction:
    """One request with all that its answer depends on, as it was when the request arrived."""

    def __init__(self, request: Request, visit: Visit, state: State, fault: Fault) -> None:
        """Keep what the answer depends on, so that a reset meanwhile changes nothing of it.

        Args:
            request: What arrived.
            visit: Where its outcome is noted.
            state: Of which the world and the scenario that hold now are taken.
            fault: What goes wrong with it.
        """
        self._request = request
        self._visit = visit
        self._world = state.world
        self._scenario = state.play.scenario
        self._gate = state.play.gate
        self._catalogue = state.setup.catalogue
        self._fault = fault

    def now_ms(self) -> int:
        """Give the server's time in epoch milliseconds, as wrong as the scenario wants it."""
        skew_ms = self._scenario.skew_ms + self._fault.skew_ms
        return time.time_ns() // 1_000_000 + skew_ms

    def answer(self) -> Reply:
        """Check the request, apply it and give the API's answer, whatever it is."""
        try:
            return self._routed()
        except Refused as refused:
            status = self._scenario.statuses.get(refused.code)
            code = self._scenario.codes.get(refused.code)
            return refused.reply(self.now_ms(), status, code)

    def _routed(self) -> Reply:
        request = self._request
        allowed = METHODS.get(request.path)
        if allowed is None:
            raise Refused("REQ_005", "No such path", f"Paths start with {BASE_PATH}/partner/")
        if request.method != allowed:
            raise Refused(
                "REQ_006",
                "Method not allowed",
                f"Use {allowed}",
                headers=(("allow", allowed),),
            )
        store = self._gate.store_of(request, self.now_ms())
        return self._update(store) if allowed == "PATCH" else self._products(store)

    def _update(self, store: str) -> Reply:
        media_type = self._request.headers.get(b"content-type", b"").partition(b";")[0]
        if media_type.strip().lower() != b"application/json":
            raise Refused("REQ_002", "Unsupported content type", "Send application/json")
        try:
            rows = self._request.rows()
        except BodyError as error:
            raise Refused("REQ_001", "Invalid body", str(error)) from error
        outcome = judge(rows, self._catalogue, self._fault)
        self._apply(store, outcome)
        duration_ms = round(epoch_ms() - self._visit.arrived_ms)
        body = settled(outcome.accepted, outcome.errors, self.now_ms(), duration_ms)
        self._remember_batch(store, body)
        return Reply(200, body)

    def _apply(self, store: str, outcome: Outcome) -> None:
        for item in outcome.applied:
            self._world.apply(item, store, self._visit.number)
        self._visit.accepted = len(outcome.accepted)
        self._visit.refused = len(outcome.errors)

    def _remember_batch(self, store: str, body: dict[str, Any]) -> None:
        data = body["data"]
        self._world.batches.append(
            {
                "batchId": data["batchId"],
                "requestId": body["requestId"],
                "request": self._visit.number,
                "store": store,
                "atMs": self._visit.arrived_ms,
                **data["summary"],
            }
        )

    def _products(self, store: str) -> Reply:
        """Give a page of products; that it is paged is documented, how is invented."""
        page, limit = self._page()
        products = self._catalogue.products() or self._world.products(store)
        items = [{kind: value} for kind, value in products[(page - 1) * limit : page * limit]]
        data = {"items": items, "page": page, "limit": limit, "total": len(products)}
        return Reply(200, {"success": True, "message": "Products found", "data": data})

    def _page(self) -> tuple[int, int]:
        query = parse_qs(self._request.query.decode("latin-1"), keep_blank_values=True)
        return _count(query, "page", 1, 10**9), _count(query, "limit", 20, MAX_PAGE_SIZE)


def _count(query: dict[str, list[str]], name: str, default: int, most: int) -> int:
    text = query.get(name, [str(default)])[-1]
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most
    ):
        raise Refused("REQ_004", "Invalid query", f"{name} is an integer from 1 to {most}")
    return int(text)
