"""What real taps wrote, through a pipe: every row's outcome is written out here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import pytest

from tests.e2e.command import Sums, record, row, schema

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

STREAMS: Final = Path(__file__).parents[1] / "data" / "streams"
WIDE: Final = [
    {"column": "WH-JKT", "client_id": "JKT"},
    {"column": "WH SBY", "client_id": "SBY"},
    {"column": "wh_bdg", "client_id": "BDG"},
]
POSTGRES: Final[list[dict[str, Any]]] = [
    {
        "stream": "public-stock_levels",
        "sku": "sku",
        "stock": "qty",
        "subtract": "qty_reserved",
        "warehouse": "warehouse_code",
    },
    {"stream": "public-stock_nokey", "sku": "sku", "stock": "qty", "warehouse": "warehouse"},
    {"stream": "public-stock_wide", "external_id": "product_id", "warehouse_columns": WIDE},
]
POSTGRES_STOCK: Final[dict[tuple[str, str], dict[str | None, int]]] = {
    ("sku", "KOPI-ARB-250"): {"WH-JKT": 10, "WH-SBY": 0},  # 12.000 - 2; 0.000 - 0
    ("sku", "00123"): {"WH-JKT": 7},  # 7.500 - 0.250, and white space around the SKU
    ("sku", 'SKU/with "q", ünïcødé 咖啡'): {"wh-bdg": 0},  # -3.000
    ("sku", "GULA-1KG"): {"WH-SBY": 1_000_000},  # 1000000.001, and null was reserved
    ("sku", "A"): {"W1": 1},  # twice the same row
    ("externalId", "1"): {"JKT": 12, "SBY": 0},
    ("externalId", "2"): {"SBY": 5, "BDG": 3},
    ("externalId", "3"): {"JKT": 1000, "BDG": 0},  # 1000.50 and -1
}


class Case(NamedTuple):
    """A recorded stream, how it is mapped, and what must become of it."""

    file: str
    streams: list[dict[str, Any]]
    stock: dict[tuple[str, str], dict[str | None, int]]
    sums: Sums
    rejected: list[tuple[str, str]]
    """Code and a quoted part of the record."""


CASES: Final = [
    Case(
        "mysql-full",
        [{"stream": "stok", "sku": "sku", "stock": "jumlah", "warehouse": "gudang"}],
        {
            ("sku", "KOPI-ARB-250"): {"JKT": 12},
            ("sku", "TEH"): {"SBY": 0},  # 0.100
            ("sku", "00123"): {"JKT": 0},  # -3.000
        },
        Sums(3, 3, 0, 0, 0, 0),
        [],
    ),
    Case(
        "pgml-full",
        POSTGRES,
        POSTGRES_STOCK,
        # superseded: the row that came twice; skipped: a null quantity, five rows of the stream
        # that no mapping names, three nulls of the wide one
        Sums(23, 12, 1, 9, 1, 0),
        [("NO_IDENTIFIER", '"warehouse":"W2"')],
    ),
    Case(
        "pgppw-full",
        POSTGRES,
        POSTGRES_STOCK,
        Sums(23, 12, 1, 9, 1, 0),
        [("NO_IDENTIFIER", '"warehouse": "W2"')],
    ),
    Case(
        "smoke-mixed-types",
        [{"stream": "inventory", "sku": "sku", "stock": "qty", "warehouse": None}],
        {
            ("sku", "KOPI-ARB-250"): {None: 12},
            ("sku", "123"): {None: 7},  # a number and the text "7.5"
            ("sku", "TEH"): {None: 1000},
            ("sku", "LATE"): {None: 0},  # -0.0
        },
        Sums(6, 4, 0, 1, 1, 0),
        [("BAD_QUANTITY", '"qty":true')],
    ),
    Case(
        "tap-csv-long+wide",
        [
            {"stream": "stock_long", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"},
            {"stream": "stock_wide", "sku": "SKU", "warehouse_columns": WIDE},
        ],
        {
            ("sku", "KOPI-ARB-250"): {"WH-JKT": 12, "WH-SBY": 0, "JKT": 12, "SBY": 0},
            ("sku", "00123"): {"WH-JKT": 7},
            ("sku", "MADU-500"): {"WH-BDG": 5},
            ("sku", "BERAS-5KG"): {"WH-BDG": 0},
            ("sku", "TEH-HIJAU-100"): {"SBY": 5, "BDG": 3},
            ("sku", "GULA-1KG"): {"JKT": 1000, "BDG": 0},
        },
        Sums(18, 11, 0, 4, 3, 0),
        [
            ("AMBIGUOUS_QUANTITY", '"1.250,00"'),
            ("AMBIGUOUS_QUANTITY", '"1,250"'),
            ("BAD_QUANTITY", '"N/A"'),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.file for case in CASES])
def test_every_row_that_a_real_tap_wrote_has_its_outcome(
    case: Case, command: Command, sandbox: Sandbox
) -> None:
    """Stock arrives, rejects have their code and record, the sums close, STATE goes out."""
    rejects = command.directory / "rejects.singer"
    tap = (STREAMS / f"{case.file}.singer").read_bytes()
    ended = command.run(tap, streams=case.streams, rejects_path=str(rejects))

    ended.without_traceback(0)
    assert sandbox.stock() == case.stock
    assert ended.sums == case.sums
    records = [line for line in rejects.read_text().splitlines() if '"RECORD"' in line]
    codes = [msgspec.json.decode(line)["tocobagus"]["code"] for line in records]
    assert codes == [code for code, _ in case.rejected]
    assert all(part in line for line, (_, part) in zip(records, case.rejected, strict=True))
    last = [line for line in tap.splitlines() if b'"STATE"' in line][-1]
    value = ended.states[-1]
    assert value.pop("tocobagus")["accepted"] == case.sums.accepted
    assert value == msgspec.json.decode(last)["value"]


def test_a_file_of_a_recorded_stream_is_read_like_a_pipe(
    command: Command, sandbox: Sandbox
) -> None:
    """`--input FILE` sends what the same bytes on stdin send."""
    case = CASES[1]
    config = command.write_config(streams=case.streams)
    path = STREAMS / f"{case.file}.singer"
    ended = command.run(arguments=["--config", str(config), "--input", str(path)])
    assert ended.without_traceback(0).sums == case.sums
    assert sandbox.stock() == case.stock


def test_a_row_without_an_identifier_is_rejected_wherever_it_stands(command: Command) -> None:
    """A null SKU is a rejection, also where it is the first that the fast way of reading meets."""
    rows = [("a", 1), (None, 2), ("b", 3), (None, 4)]
    ended = command.run([schema(), *(record(*row) for row in rows)]).without_traceback(0)
    assert ended.sums == Sums(4, 2, 0, 0, 2, 0)
    assert "NO_IDENTIFIER 2" in ended.stderr


def test_streams_are_recognised_without_configuration(command: Command, sandbox: Sandbox) -> None:
    """The API's own items are sent; one without stock is named, one that may hold it is asked."""
    lines = [
        schema("users", "id", "email"),
        row("users", id=1, email="a@b.c"),
        schema("items", "sku", "stock"),
        row("items", sku="A", stock=3),
        schema("stok_harian", "sku", "gudang", "stok"),
        row("stok_harian", sku="A", gudang="JKT", stok=3),
    ]
    ended = command.run(lines, streams=None).without_traceback(0)
    assert sandbox.stock() == {("sku", "A"): {None: 3}}
    assert ended.sums == Sums(3, 1, 0, 2, 0, 0)
    assert "Stream 'items' is recognised" in ended.stderr
    assert ended.stderr.count("Stream 'users' is ignored") == 1
    assert ended.stderr.count("'stok_harian' looks like stock") == 1


@pytest.mark.parametrize("declared", [(), ("sku", "qty")])
def test_a_place_that_is_not_declared_is_asked_about(
    declared: tuple[str, ...], command: Command, sandbox: Sandbox
) -> None:
    """The stock of one place is not sent as that of all, whatever the SCHEMA leaves out."""
    lines = [schema("stok", *declared), row("stok", sku="A", qty=10, gudang="w1")]
    streams = [{"stream": "stok", "sku": "sku", "stock": "qty"}]
    ended = command.run(lines, streams=streams).without_traceback(2)
    assert "warehouse: is not set, but the stream has 'gudang'" in ended.stderr
    assert sandbox.requests() == []
