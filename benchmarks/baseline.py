"""The plain SDK target that speed is measured against: written as its users write them."""

import hashlib
import hmac
import json
import time

import requests
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th

NAMES = ("partner_client_id", "partner_secret", "store_client_id", "store_token")
PATH = "/partner/stores/inventory"


class StockSink(BatchSink):
    max_size = 500
    session = requests.Session()

    def process_batch(self, context):
        items = {}
        for row in context["records"]:
            level = {"clientId": row["warehouse_id"], "stock": int(row["quantity"])}
            items.setdefault(row["sku"], []).append(level)
        rows = [{"sku": sku, "warehouses": levels} for sku, levels in items.items()]
        body = json.dumps({"items": rows}, separators=(",", ":")).encode()
        partner, secret, store, token = (self.config[name] for name in NAMES)
        headers = {"x-partner-client-id": partner, "x-store-client-id": store}
        headers |= {"x-store-token": token, "x-timestamp": str(int(time.time() * 1000))}
        lines = ["PATCH", PATH, *map(":".join, headers.items()), hashlib.sha256(body).hexdigest()]
        key = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256)
        headers |= {"x-signature": f"sha256={key.hexdigest()}", "content-type": "application/json"}
        url = self.config["api_url"] + PATH
        self.session.patch(url, data=body, headers=headers, timeout=60).raise_for_status()


class PlainTarget(Target):
    name = "target-plain"
    config_jsonschema = th.PropertiesList(*[th.Property(n, th.StringType) for n in NAMES]).to_dict()
    default_sink_class = StockSink


PlainTarget.cli()
