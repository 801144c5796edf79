"""The plain SDK target that speed is measured against: written as its users write them."""

import hashlib
import hmac
import json
import time

import requests
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th

NAMES = ("partner_client_id", "partner_secret", "store_client_id", "store_token")


class StockSink(BatchSink):  # noqa: D101  # at most forty lines
    max_size = 500
    session = requests.Session()

    def process_batch(self, context: dict) -> None:  # type: ignore[type-arg]  # noqa: D102
        items: dict = {}  # type: ignore[type-arg]
        for row in context["records"]:
            level = {"clientId": row["warehouse_id"], "stock": int(row["quantity"])}
            items.setdefault(row["sku"], []).append(level)
        rows = [{"sku": sku, "warehouses": levels} for sku, levels in items.items()]
        body = json.dumps({"items": rows}, separators=(",", ":")).encode()
        partner, secret, store, token = (self.config[name] for name in NAMES)
        headers = {"x-partner-client-id": partner, "x-store-client-id": store}
        headers |= {"x-store-token": token, "x-timestamp": str(int(time.time() * 1000))}
        lines = [f"{name}:{value}" for name, value in headers.items()]
        digest = hashlib.sha256(body).hexdigest()
        base = "\n".join(["PATCH", "/partner/stores/inventory", *lines, digest])
        signature = hmac.new(secret.encode(), base.encode(), hashlib.sha256).hexdigest()
        headers |= {"x-signature": f"sha256={signature}", "content-type": "application/json"}
        url = f"{self.config['api_url']}/partner/stores/inventory"
        self.session.patch(url, data=body, headers=headers, timeout=60).raise_for_status()


class PlainTarget(Target):  # noqa: D101  # at most forty lines
    name = "target-plain"
    config_jsonschema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in (*NAMES, "api_url"))
    ).to_dict()
    default_sink_class = StockSink


if __name__ == "__main__":
    PlainTarget.cli()
