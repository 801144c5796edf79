"""Makes the streams that the benchmarks read, the same bytes every time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

WAREHOUSES = ("wh_jakarta", "wh_surabaya", "wh_bandung")
STATE_EVERY = 1000


def _schema(columns: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": columns}
    return {"type": "SCHEMA", "stream": "stock", "schema": schema, "key_properties": ["sku"]}


TEXT = {"type": ["string", "null"]}
WHOLE = {"type": ["integer", "null"]}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
LONG = {"sku": TEXT, "warehouse_id": TEXT, "quantity": WHOLE, "updated_at": MOMENT}


def long_record(number: int) -> dict[str, Any]:
    """Make the row of one SKU at one of its three warehouses."""
    return {
        "sku": f"SKU-{number // 3:07d}",
        "warehouse_id": WAREHOUSES[number % 3],
        "quantity": number * 7 % 500,
        "updated_at": "2026-11-20T08:15:00+00:00",
    }


def wide_record(number: int) -> dict[str, Any]:
    """Make the same row among 57 columns that nobody maps."""
    others = {f"column_{column:02d}": f"value {number} of {column}" for column in range(56)}
    return {**others, **long_record(number)}


def nested_record(number: int) -> dict[str, Any]:
    """Make the same row, with its quantity where only an expression finds it."""
    row = long_record(number)
    quantities = [
        {"name": "on_hand", "quantity": row["quantity"] + 5},
        {"name": "available", "quantity": row["quantity"]},
    ]
    return {**row, "item": {"sku": row["sku"]}, "quantities": quantities}


def single_record(number: int) -> dict[str, Any]:
    """Make a row that is an item of its own."""
    return {**long_record(number), "sku": f"SKU-{number:07d}"}


def csv_record(number: int) -> dict[str, Any]:
    """Make the same row as tap-csv writes it: each value is a text."""
    row = single_record(number)
    return {**row, "quantity": str(row["quantity"])}


def numbered_record(number: int) -> dict[str, Any]:
    """Make the same row as a source with numbers for ids has it."""
    row = single_record(number)
    return {**row, "sku": 5_000_000 + number, "warehouse_id": 101 + number % 3}


SHAPES: dict[str, tuple[Any, dict[str, Any]]] = {
    "long": (long_record, LONG),
    "single": (single_record, LONG),
    "csv": (csv_record, {**LONG, "quantity": TEXT}),
    "numbered": (numbered_record, {**LONG, "sku": WHOLE, "warehouse_id": WHOLE}),
    "wide": (wide_record, {**{f"column_{column:02d}": TEXT for column in range(56)}, **LONG}),
    "nested": (
        nested_record,
        {**LONG, "item": {"type": "object"}, "quantities": {"type": "array"}},
    ),
}


def write_stream(path: Path, shape: str, rows: int) -> None:
    """Write a stream of so many rows, with a STATE every thousand."""
    record, columns = SHAPES[shape]
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(_schema(columns)) + "\n")
        for number in range(rows):
            message = {"type": "RECORD", "stream": "stock", "record": record(number)}
            message["time_extracted"] = "2026-11-23T09:04:17.511988+00:00"
            file.write(json.dumps(message, separators=(",", ":")) + "\n")
            if (number + 1) % STATE_EVERY == 0:
                value = {"bookmarks": {"stock": {"row": number + 1}}}
                file.write(json.dumps({"type": "STATE", "value": value}) + "\n")


if __name__ == "__main__":
    write_stream(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
