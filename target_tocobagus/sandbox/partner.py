"""The partner API: checks a request, applies it, and makes the answer."""

import time
from typing import Any

from target_tocobagus.sandbox import BASE_PATH, auth
from target_tocobagus.sandbox.inventory import Outcome, judge
from target_tocobagus.sandbox.messages import Refused, Reply, Request, iso, new_id
from target_tocobagus.sandbox.scenario import Fault
from target_tocobagus.sandbox.state import State, epoch_ms
from target_tocobagus.sandbox.visits import Record

INVENTORY = "/partner/stores/inventory"
PRODUCTS = "/partner/stores/products"
METHODS = {INVENTORY: "PATCH", PRODUCTS: "GET"}


class Transaction:
    """One request, with the world and the scenario that held when it arrived."""

    def __init__(self, request: Request, record: Record, state: State, fault: Fault) -> None:
        self._request = request
        self._record = record
        self._visit = record.visit
        self._world = state.world
        self._scenario = state.scenario
        self._setup = state.setup
        self._fault = fault

    def now_ms(self) -> int:
        """Return the server's time in epoch milliseconds, with the error that was asked for."""
        skew_ms = self._scenario.skew_ms + self._fault.skew_ms
        return time.time_ns() // 1_000_000 + skew_ms

    def answer(self) -> Reply:
        """Check the request, apply it, and make the API's answer."""
        try:
            return self._routed()
        except Refused as refused:
            return refused.reply(self.now_ms())

    def _routed(self) -> Reply:
        request = self._request
        allowed = METHODS.get(request.path)
        if allowed is None:
            raise Refused("REQ_005", "No such path", f"Paths start with {BASE_PATH}/partner/")
        if request.method != allowed:
            headers = (("allow", allowed),)
            raise Refused("REQ_006", "Method not allowed", f"Use {allowed}", headers=headers)
        credentials, scenario = self._setup.credentials, self._scenario
        signing = self._record.signing = auth.sign(request, credentials, scenario)
        store = auth.check(request, signing.expected, credentials, scenario, self.now_ms())
        return self._update(store) if allowed == "PATCH" else self._products(store)

    def _update(self, store: str) -> Reply:
        media_type = self._request.headers.get(b"content-type", b"").partition(b";")[0]
        if media_type.strip().lower() != b"application/json":
            raise Refused("REQ_002", "Unsupported content type", "Send application/json")
        rows = self._request.rows()
        outcome = judge(rows, self._setup.catalogue, self._fault)
        for item in outcome.applied:
            self._world.apply(item, store, self._visit.number)
        self._world.settle(self._visit, rows, outcome)
        body = self._settled(outcome)
        batch = {"batchId": body["data"]["batchId"], "requestId": body["requestId"]}
        batch |= {"request": self._visit.number, "store": store, "atMs": self._visit.arrived_ms}
        self._world.batches.append({**batch, **body["data"]["summary"]})
        return Reply(200, body)

    def _settled(self, outcome: Outcome) -> dict[str, Any]:
        """Make the documented body of an update that was answered row by row.

        As in the documentation's example, it claims success whatever the rows say.
        """
        accepted, failed = len(outcome.accepted), len(outcome.errors)
        return {
            "success": True,
            "message": "Stock update completed successfully",
            "requestId": new_id(),
            "meta": {
                "timestamp": iso(self.now_ms()),
                "durationMs": round(epoch_ms() - self._visit.arrived_ms),
                "dispatch": True,
            },
            "data": {
                "summary": {"total": accepted + failed, "failed": failed, "pending": accepted},
                "acceptedRows": outcome.accepted,
                "errors": outcome.errors,
                "batchId": new_id(),
            },
        }

    def _products(self, store: str) -> Reply:
        """List the products that have a stock; the path is documented, the answer is invented."""
        items = [{kind: value} for kind, value in self._world.products(store)]
        data = {"items": items, "total": len(items)}
        return Reply(200, {"success": True, "message": "Products found", "data": data})
