"""The table that meltano.yml reads, and what of it arrived at the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from tests.local_sandbox import Sandbox
    from tests.postgres import Database

_TABLE: Final = """
DROP TABLE IF EXISTS public.stock_levels;
CREATE TABLE public.stock_levels (
  sku text, qty integer, warehouse_code text, updated_at timestamptz,
  PRIMARY KEY (sku, warehouse_code)
);
"""
_BEGAN: Final = 1_800_000_000
"""Epoch seconds of the first second."""


class Level(NamedTuple):
    """The stock of a SKU at a warehouse, as a row tells it or as the API was told."""

    sku: str
    warehouse: str | None
    stock: int | None


class Table:
    """The table `public.stock_levels`; the time of a change is a second, counted from 1."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.execute(_TABLE)

    def fill(self, count: int) -> None:
        """Put so many SKUs, `SKU-1` and so on, each changed at the second of its number."""
        self._database.execute(
            "INSERT INTO stock_levels SELECT 'SKU-' || n, n, 'wh_jakarta',"  # noqa: S608  # numbers
            f" to_timestamp({_BEGAN} + n) FROM generate_series(1, {count}) n"
        )

    def put(self, second: int, *levels: Level) -> None:
        """Set levels, all at once."""
        for level in levels:
            stock = "NULL" if level.stock is None else level.stock
            self._database.execute(
                f"INSERT INTO stock_levels VALUES ('{level.sku}', {stock}, '{level.warehouse}',"  # noqa: S608  # a test's own texts
                f" to_timestamp({_BEGAN + second})) ON CONFLICT (sku, warehouse_code)"
                " DO UPDATE SET qty = excluded.qty, updated_at = excluded.updated_at"
            )

    def since(self, second: int) -> set[Level]:
        """Give the rows of a second and later, those without a quantity apart."""
        rows = self._rows(
            f"WHERE qty IS NOT NULL AND updated_at >= to_timestamp({_BEGAN + second})"
        )
        return {Level(row["sku"], row["warehouse_code"], row["qty"]) for row in rows}

    def _rows(self, condition: str) -> list[dict[str, Any]]:
        return self._database.rows(f"SELECT * FROM stock_levels {condition}")  # noqa: S608  # ours


class Arrivals:
    """What has arrived at the sandbox, run by run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seen = len(sandbox.history())

    def new(self) -> list[Level]:
        """Give what has been applied since this was last asked, in that order."""
        history = self._sandbox.history()
        new = history[self._seen :]
        self._seen = len(history)
        return [Level(each.identifier, each.warehouse, each.stock) for each in new]


def shown(sandbox: Sandbox, store: str | None = None) -> set[Level]:
    """Give the stock that a store shows, by default the sandbox's first."""
    return {
        Level(sku, warehouse, stock)
        for (_, sku), levels in sandbox.stock(store).items()
        for warehouse, stock in levels.items()
    }
