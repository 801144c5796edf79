"""Stores of two partners, their source, and what goes wrong with some of them.

The first store is well, as are all behind the fifth. The second has a wrong token, the third a tap
that dies half-way, the fourth is slow, so that it can be killed, and the fifth has its requests
refused now and then with 429.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import yaml

from target_tocobagus.sandbox.handle import spawned
from tests.docs.documents import ROOT
from tests.orchestrators.processes import of_environment, parent_of, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_tocobagus.sandbox.handle import Sandbox
    from tests.postgres import Database

EXAMPLES: Final = ROOT / "examples"
TOKEN: Final = "stkn_sandbox_{store}"  # noqa: S105  # the sandbox's
AT_ONCE: Final = {"nusantara": 3, "kepulauan": 2}
ROWS: Final = 60
ROWS_OF_SLOW: Final = 15_000
"""More than 10,000, after which tap-postgres writes its first STATE."""

ROWS_AT_KILL: Final = 11_500
"""Three requests of half a second after that STATE was due; the target writes one in a second."""

_TABLE: Final = """
CREATE SCHEMA {store};
CREATE TABLE {store}.stock_levels (
  sku text, qty integer, warehouse_code text, updated_at timestamptz,
  PRIMARY KEY (sku, warehouse_code)
);
INSERT INTO {store}.stock_levels
  SELECT 'SKU-' || n, n, 'wh_1', '2026-01-01'::timestamptz + n * interval '1 second'
  FROM generate_series(1, {rows}) n;
"""
_SALE: Final = """
UPDATE {store}.stock_levels SET qty = qty + 1000, updated_at = '2026-02-01'
  WHERE sku IN ('SKU-1', 'SKU-2', 'SKU-3', 'SKU-4', 'SKU-5');
"""
_ALL: Final = "SELECT sku, qty FROM {store}.stock_levels"
_WRONG: Final = "wrong"
_DYING_TAP: Final = """#!/bin/sh
# Half of what the tap writes, then death, until the file `mended` is there.
[ -e "$(dirname "$0")/mended" ] && exec tap-postgres "$@"
tap-postgres "$@" | head -n 30
exit 1
"""


class Shops:
    """So many stores: what each has in its source, and what the sandbox shows of it.

    Attributes:
        folder: Where the list of stores is, and its catalog.
        names: Those of the stores, in the order of the module's text.
        partner: That of each store.
    """

    def __init__(self, count: int, database: Database, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.names = [f"toko_{n:02}" for n in range(1, count + 1)]
        # Every third store is of the smaller partner, and none of the first five.
        self.partner = {
            name: "kepulauan" if n % 3 == 2 and n > 5 else "nusantara"
            for n, name in enumerate(self.names)
        }
        self.sandbox = sandbox
        self.database = database
        for name in self.names:
            rows = ROWS_OF_SLOW if name == self.named("slow") else ROWS
            database.execute(_TABLE.format(store=name, rows=rows))
        self._write_list()
        self._set_scenario()

    def named(self, trouble: str) -> str | None:
        """Name the store that has this trouble, if there are so many stores."""
        troubles = ["", "wrong token", "dying tap", "slow", "refused"]
        position = troubles.index(trouble)
        return self.names[position] if position < len(self.names) else None

    @property
    def well(self) -> list[str]:
        """The stores without any trouble."""
        return [self.names[0], *self.names[5:]]

    def logins(self) -> dict[str, tuple[str, str]]:
        """Give login and password by the names that the list has; one token is wrong."""
        given = self.sandbox.credentials
        partner = (given["partner_client_id"], given["partner_secret"])
        logins = {f"tocobagus_{name}": partner for name in AT_ONCE}
        logins["stock_database"] = ("stock", self.database.url().split(":")[2].split("@")[0])
        for name in self.names:
            token = _WRONG if name == self.named("wrong token") else TOKEN.format(store=name)
            logins[f"tocobagus_{name}"] = (self.client_id(name), token)
        return logins

    def client_id(self, name: str) -> str:
        """Give a store's client id."""
        return f"30000000000000000000{self.names.index(name):02}"

    def environment(self) -> dict[str, str]:
        """Give what all stores have in common."""
        return {
            "TOCOBAGUS_STORES": str(self.folder / "stores.yml"),
            "TARGET_TOCOBAGUS_API_URL": self.sandbox.api_url,
            "TARGET_TOCOBAGUS_LEDGER": self.database.url("ledger"),
        }

    def mend(self) -> None:
        """Mend the tap that dies, and let the API be well."""
        (self.folder / "mended").touch()
        self.sandbox.set_scenario({"stores": self._accounts()})

    def sell(self) -> None:
        """Change the stock of five items of each store."""
        for name in self.names:
            self.database.execute(_SALE.format(store=name))

    def source(self, name: str) -> dict[str, int]:
        """Give what a store's source has."""
        rows = self.database.rows(_ALL.format(store=name))
        return {row["sku"]: row["qty"] for row in rows}

    def shown(self, name: str) -> dict[str, int]:
        """Give what the sandbox shows of a store."""
        levels = self.sandbox.stock(self.client_id(name))
        return {sku: stock for (_, sku), at in levels.items() for stock in at.values()}

    def sent(self, name: str) -> list[str]:
        """Give the SKUs that were sent for a store, in that order."""
        updates = self.sandbox.history()
        return [each.identifier for each in updates if each.store == self.client_id(name)]

    def kill_half_way(self, name: str) -> None:
        """Send SIGKILL to the process that runs the slow store, once its first STATE is kept."""
        until(lambda: len(self.sent(name)) >= ROWS_AT_KILL, "the first half of the slow store")
        (target,) = self.targets(name)
        os.kill(parent_of(target), signal.SIGKILL)

    def targets(self, name: str) -> list[int]:
        """Give the running targets of a store: one, or none."""
        entry = f"TARGET_TOCOBAGUS_STORE_CLIENT_ID={self.client_id(name)}"
        return [*of_environment(entry, named="target-tocobagus")]

    def assert_untold(self, folder: Path) -> None:
        """See that no log below a folder tells a secret."""
        secrets = {password for _, password in self.logins().values()} - {_WRONG}
        logs = [path for path in folder.rglob("*") if path.suffix in {".log", ".out", ".err"}]
        assert logs
        for path in logs:
            text = path.read_text("utf-8", "replace")
            assert not [secret for secret in secrets if secret in text], path

    def _accounts(self) -> list[dict[str, str]]:
        return [
            {"client_id": self.client_id(name), "token": TOKEN.format(store=name)}
            for name in self.names
        ]

    def _set_scenario(self) -> None:
        faults: dict[str, dict[str, Any]] = {
            "slow": {"fault": {"latency_ms": 500}},
            "refused": {"fault": {"status": 429, "retry_after": 1}, "when": {"share": 0.5}},
        }
        rules = [
            {**rule, "when": {**rule.get("when", {}), "stores": [self.client_id(name)]}}
            for trouble, rule in faults.items()
            if (name := self.named(trouble))
        ]
        self.sandbox.set_scenario({"stores": self._accounts(), "rules": rules})

    def _write_list(self) -> None:
        listed = yaml.safe_load((EXAMPLES / "stores" / "stores.yml").read_text("utf-8"))
        listed["tap"]["config"] |= {"host": "127.0.0.1", "port": self.database.port}
        listed["target"]["batch_size_rows"] = 10
        for partner in listed["partners"]:
            name = partner["partner"]
            partner["at_once"] = AT_ONCE[name]
            partner["requests_per_minute"] = 6000
            partner["stores"] = [
                self._entry(store) for store in self.names if self.partner[store] == name
            ]
        listed["partners"] = [partner for partner in listed["partners"] if partner["stores"]]
        (self.folder / "stores.yml").write_text(yaml.safe_dump(listed, sort_keys=False), "utf-8")
        catalog = (EXAMPLES / "stores" / "catalog.json").read_text("utf-8")
        (self.folder / "catalog.json").write_text(catalog, "utf-8")
        tap = self.folder / "dying-tap"
        tap.write_text(_DYING_TAP)
        tap.chmod(0o755)

    def _entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"store": name, "credentials": f"tocobagus_{name}"}
        if name == self.named("dying tap"):
            entry["tap"] = {"command": [str(self.folder / "dying-tap")]}
        if name == self.named("slow"):
            entry["target"] = {"batch_size_rows": 500, "max_in_flight": 1}
        return entry


@contextmanager
def shops(count: int, database: Database, folder: Path) -> Iterator[Shops]:
    """Set up so many stores, an empty ledger, and a sandbox in a process of its own."""
    database.execute("CREATE DATABASE ledger")
    folder.mkdir()
    with spawned() as sandbox:
        yield Shops(count, database, sandbox, folder)


class Alerts:
    """A webhook on a loopback port, and the alerts that it was sent."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def of(self, store: str | None) -> list[dict[str, Any]]:
        """Give those about a store."""
        return [each for each in self.told if each.get("store") == store]

    @contextmanager
    def listening(self) -> Iterator[Alerts]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                told.append(json.loads(self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
