"""The plain SDK target that speed is measured against: written as its users write them."""

import hashlib
import hmac
import json
import time

import requests
from singer_sdk import BatchSink, Target, typing as th

NAMES = ("partner_secret", "partner_client_id", "store_client_id", "store_token")
HEADERS = ("x-partner-client-id", "x-store-client-id", "x-store-token", "x-timestamp")
PATH = "/partner/stores/inventory"


class StockSink(BatchSink):
    max_size = 500
    session = requests.Session()

    def process_batch(self, context):
        items = {}
        for row in context["records"]:
            item = items.setdefault(row["sku"], {"sku": row["sku"], "warehouses": []})
            item["warehouses"] += [{"clientId": row["warehouse_id"], "stock": int(row["quantity"])}]
        body = json.dumps({"items": [*items.values()]}, separators=(",", ":")).encode()
        secret, *who = (self.config[name] for name in NAMES)
        headers = dict(zip(HEADERS, [*who, str(int(time.time() * 1000))]))
        lines = ["PATCH", PATH, *map(":".join, headers.items()), hashlib.sha256(body).hexdigest()]
        key = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256)
        headers |= {"x-signature": f"sha256={key.hexdigest()}", "content-type": "application/json"}
        url = self.config["api_url"] + PATH
        self.session.patch(url, data=body, headers=headers).raise_for_status()


class PlainTarget(Target):
    name = "target-plain"
    config_jsonschema = th.PropertiesList(*[th.Property(n, th.StringType) for n in NAMES]).to_dict()
    default_sink_class = StockSink

PlainTarget.cli()
