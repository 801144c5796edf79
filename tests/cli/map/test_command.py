"""`tocobagus map`: a person sees what a stream's mapping is, or may be, and what it does."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from target_tocobagus.cli import main
from target_tocobagus.cli.map import stream_file as sampling
from target_tocobagus.cli.map import survey as surveying
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.mapping import compile_mapping
from tests.e2e.command import row, schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.testing import Result

TOCOBAGUS: Final = [sys.executable, "-c", "from target_tocobagus.cli import main; main()"]
DATA: Final = Path(__file__).parents[2] / "data"
STREAMS: Final = DATA / "streams"
CSV: Final = STREAMS / "tap-csv-long+wide.singer"
LONG: Final = {"stream": "stock_long", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"}
NOT_SEEN: Final = "The mapping needs columns that were not seen"
WIDE_PLACES: Final = ("WH-JKT", "WH SBY", "wh_bdg")
WIDE: Final = {
    "stream": "stock_wide",
    "sku": "SKU",
    "warehouse_columns": [{"column": place, "client_id": place} for place in WIDE_PLACES],
}


def run(*arguments: object, stdin: bytes | None = None, width: int = 80) -> Result:
    """Run the command; whatever ends it, it is no traceback."""
    env = {"COLUMNS": str(width), "NO_COLOR": None}
    result = CliRunner(env=env).invoke(main, ["map", *map(str, arguments)], input=stdin)
    assert isinstance(result.exception, (SystemExit, type(None))), result.exc_info
    assert result.exit_code in {0, 1}
    return result


def written(tmp_path: Path, messages: Iterable[Any], name: str = "given") -> Path:
    """Write a file of JSON lines; texts stand as they are."""
    path = tmp_path / name
    lines = [each if isinstance(each, str) else json.dumps(each) for each in messages]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def flat(text: str) -> str:
    """Undo the breaking of lines."""
    return " ".join(text.split())


def cells(text: str) -> list[list[str]]:
    """Split what was shown into lines of words."""
    return [line.split() for line in text.splitlines()]


def test_it_is_a_command_of_tocobagus() -> None:
    """Run as a process of its own it shows mapping and records, without colours in a pipe."""
    command = [*TOCOBAGUS, "map", "-"]
    done = subprocess.run(command, input=CSV.read_bytes(), check=True, capture_output=True)
    shown = done.stdout.decode()

    assert done.stderr == b""
    assert "stdin: 2 streams" in shown
    assert "\n  - stream: stock_long\n    sku: sku\n    stock: qty\n" in shown
    assert ["1", "KOPI-ARB-250", "WH-JKT", "12"] in cells(shown)
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", [path.name for path in sorted(STREAMS.glob("*.singer"))])
def test_a_recorded_stream_is_mapped_as_settings_accept(name: str) -> None:
    """YAML and JSON are the same list, valid and complete, and all that is on stdout."""
    as_yaml = run(STREAMS / name, "--all", "--format", "yaml")
    as_json = run(STREAMS / name, "--all", "--format", "json")
    page = run(STREAMS / name, "--all")

    mappings = json.loads(as_json.stdout)
    accepted = parse_settings({"dry_run": True, "streams": mappings})
    assert yaml.safe_load(as_yaml.stdout) == mappings
    assert accepted.streams
    for mapping in accepted.streams:
        compile_mapping(mapping, accepted.policy)
        assert mapping.stream in page.stdout
    assert [each.exit_code for each in (as_yaml, as_json, page)] == [0, 0, 0]
    assert as_yaml.stderr == page.stderr == ""


def test_the_lines_on_a_page_can_be_pasted() -> None:
    """In a narrow terminal, too, each mapping's lines are YAML as they stand."""
    page = run(STREAMS / "pgml-full.singer", "--all", width=30).stdout
    blocks = [
        block for block in page.replace("\r", "").split("\n\n") if block.startswith("  - stream")
    ]

    assert [yaml.safe_load(block)[0]["stream"] for block in blocks] == [
        "public-stock_levels",
        "public-stock_nokey",
        "public-stock_totals",
        "public-stock_wide",
    ]


def test_what_is_recognised_is_what_a_run_uses() -> None:
    """What is recognised is marked so, and what is asked about; its records are summed up."""
    native = "".join(json.dumps(each) + "\n" for each in (schema("items", "sku", "stock"),))
    assert "A run without `streams` sends the items" in flat(run("-", stdin=native.encode()).stdout)

    shown = run(CSV).stdout

    assert "stock_long to be decided" in flat(shown)
    assert "A run without `streams` does not send it" in flat(shown)
    assert ["3", "-", "-", "skipped:", "no", "quantity"] in cells(shown)
    assert "9 records read: 5 rows mapped, 3 rejected, 1 skipped (1 below 0 became 0)" in shown
    assert "1 BAD_QUANTITY, first in record 9: 'N/A' is not a number" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_so_many_records_are_shown() -> None:
    """The option says how many records of a stream stand in its table."""
    shown = cells(run(CSV, "--records", "2").stdout)

    assert ["2", "KOPI-ARB-250", "WH-SBY", "0"] in shown
    assert not any(line[:2] == ["3", "-"] for line in shown)


def test_what_a_person_has_to_decide_is_asked() -> None:
    """An ambiguous stream is shown with the first candidate, the others in a comment."""
    shown = run(STREAMS / "mysql-full.singer").stdout

    assert "stok to be decided" in flat(shown)
    assert "no other stream: decide, and configure it." in flat(shown)
    assert "`tocobagus check --config FILE --stream FILE`" in flat(shown)
    assert "\n    stock: tersedia  # or: jumlah\n" in shown


def test_what_is_no_stock_is_named_and_drafted_on_demand(tmp_path: Path) -> None:
    """The reason is given; with --all a draft, and what it lacks."""
    file = written(tmp_path, [schema("orders", "sku", "qty"), row("orders", sku="A", qty=1)])

    named, drafted = run(file), run(file, "--all")

    assert "orders: its name has 'order', so it is never taken for stock" in named.stdout
    assert "--all drafts a mapping" in named.stderr
    assert named.exit_code == 1
    assert "To be completed: stock: is required" in drafted.stdout
    assert "Its columns: sku, qty" in drafted.stdout
    assert drafted.exit_code == 0
    assert json.loads(run(file, "--all", "--format", "json").stdout) == [
        {"stream": "orders", "sku": "sku"}
    ]
    assert run(file, "--format", "yaml").stdout.endswith("[]\n")


def test_streams_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    """Global stock and stock per warehouse stop a run, and none is said to be used."""
    both = [schema("items", "sku", "stock"), schema("inventory", "sku", "warehouses")]
    shown = flat(run(written(tmp_path, both)).stdout)

    assert "A run without `streams` stops here: some recognised streams have global" in shown
    assert "sends the items" not in shown


def test_the_apis_own_items_are_no_configuration(tmp_path: Path) -> None:
    """It is said that they are recognised only without `streams`, and the list leaves them out."""
    items = schema("items", "sku", "stock", "warehouses")
    plain = schema("stock", "sku", "stock")
    file = written(tmp_path, [items, plain, row("items", sku="A", stock=2, warehouses=["x"])])

    page, listed = run(file).stdout, run(file, "--format", "yaml").stdout

    assert "# items holds the API's own items: it is recognised only without `streams`" in page
    assert "Only a run without `streams` sends them; no mapping can describe them." in flat(page)
    assert ["1", "A", "x", "2"] in cells(page)
    assert "sends the items as they are; this mapping comes closest." in flat(page)
    assert yaml.safe_load(listed) == [{"stream": "stock", "sku": "sku", "stock": "stock"}]
    alone = written(tmp_path, [items])
    assert run(alone, "--format", "json").stdout == "[]\n"
    assert yaml.safe_load(run(alone, "--format", "yaml").stdout) == []


def test_a_name_that_reads_as_a_glob_is_escaped(tmp_path: Path) -> None:
    """The mapping that is shown fits the stream that it is for."""
    file = written(tmp_path, [schema("stock[1]", "sku", "qty"), row("stock[1]", sku=1, qty=2)])
    config = tmp_path / "streams.json"
    config.write_text(run(file, "--format", "json").stdout)

    assert ["1", "1", "all", "warehouses", "2"] in cells(run(file, "--config", config).stdout)


def catalog(tmp_path: Path, *entries: Any, indent: int | None = 2) -> Path:
    """Write a catalog."""
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps({"streams": entries}, indent=indent), "utf-8-sig")
    return path


def entry(stream: str, *columns: str, **keys: Any) -> dict[str, Any]:
    """Make a stream of a catalog."""
    return {"stream": stream, "schema": schema("", *columns)["schema"], **keys}


def column(name: str, **metadata: Any) -> dict[str, Any]:
    """Make a column's metadata."""
    return {"breadcrumb": ["properties", name], "metadata": metadata}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_catalog_is_read_like_a_stream(tmp_path: Path, indent: int | None) -> None:
    """Each of its streams has a mapping, by its own name; there is no record to be shown."""
    with_two_names = entry("stok", "sku", "stok", tap_stream_id="toko-stok")
    other = {**with_two_names, "tap_stream_id": "gudang-stok"}
    file = catalog(tmp_path, with_two_names, other, {"tap_stream_id": "x"}, 7, indent=indent)

    page = flat(run(file).stdout)

    assert "2 streams" in page
    assert "- stream: stok sku: sku stock: stok" in page
    assert "The catalog also calls it 'toko-stok'" in page
    assert "- stream: gudang-stok" in page
    assert "The catalog's streams[2] has no name, or no columns." in page
    assert "record" not in page


def test_what_a_catalog_does_not_select_is_left_out(tmp_path: Path) -> None:
    """A stream that is not selected waits for --all; a column that is not is not relied on."""
    unselected = {"breadcrumb": [], "metadata": {"selected": False}}
    columns = [
        column("stock", selected=False),
        column("sku", selected=False, inclusion="automatic"),
        column("on_hand", inclusion="unsupported"),
        {"breadcrumb": None},
        None,
    ]
    file = catalog(
        tmp_path,
        entry("stock", "sku", "stock", "qty", "on_hand", metadata=columns),
        entry("stok", "sku", "stok", metadata=[unselected]),
    )

    assert json.loads(run(file, "--format", "json").stdout) == [
        {"stream": "stock", "sku": "sku", "stock": "qty"}
    ]
    page = flat(run(file).stdout)
    assert "Not selected, and left out without --all: 'stok'." in page
    assert "Columns that are not selected: 'stock', 'on_hand'." in page
    assert "- stream: stok" in run(file, "--all").stdout


def configured(tmp_path: Path, config: Any) -> Path:
    """Write a configuration."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return path


def test_a_configuration_is_tried(tmp_path: Path) -> None:
    """Its mappings and policies are what records are mapped by; credentials are not looked at."""
    config = {
        "partner_secret": " \n ",
        "rounding": "reject",
        "warehouse_map": [{"code": "WH-JKT", "client_id": "wh_jakarta"}],
        "streams": [LONG],
    }
    result = run(CSV, "--config", configured(tmp_path, config))
    shown = cells(result.stdout)

    assert result.exit_code == 0
    assert "stock_long as configured" in flat(result.stdout)
    assert ["1", "KOPI-ARB-250", "wh_jakarta", "12"] in shown
    assert any(line[:4] == ["4", "00123", "wh_jakarta", "FRACTIONAL_STOCK:"] for line in shown)
    assert any(line[:4] == ["2", "KOPI-ARB-250", "WH-SBY", "UNMAPPED_WAREHOUSE:"] for line in shown)
    assert "stock_wide: no entry of `streams` matches it" in result.stdout


def test_the_policies_hold_for_what_is_recognised(tmp_path: Path) -> None:
    """A configuration without `streams` is tried with recognition."""
    result = run(CSV, "--config", configured(tmp_path, {"stock_buffer": 10}))

    assert ["1", "KOPI-ARB-250", "WH-JKT", "2"] in cells(result.stdout)
    assert "stock_long to be decided" in flat(result.stdout)


def test_the_list_that_is_written_can_be_tried(tmp_path: Path) -> None:
    """What --format json writes, --config reads."""
    listed = json.loads(run(CSV, "--all", "--format", "json").stdout)
    result = run(CSV, "--config", configured(tmp_path, listed), "--format", "json")

    assert listed == [LONG, WIDE]
    assert json.loads(result.stdout) == listed
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"warehouse": []},
            "A run stops here: warehouse: is not set, but the stream has 'warehouse_code'",
        ),
        ({"stock": "stok"}, f"{NOT_SEEN}: 'stok'; a run fails without them."),
        ({"subtract": ["qty", "resrv"]}, f"{NOT_SEEN}: 'resrv'; a run fails without them."),
    ],
)
def test_a_mapping_that_a_run_would_fail_for_is_found(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    """What is wrong is said beside the mapping, and the exit code is 1."""
    mapping = {key: value for key, value in {**LONG, **change}.items() if value}
    config = configured(tmp_path, {"streams": [WIDE, mapping]})

    page, listed = run(CSV, "--config", config), run(CSV, "--config", config, "--format", "json")

    assert said in flat(page.stdout)
    assert said in listed.stderr
    assert json.loads(listed.stdout) == [mapping, WIDE]
    assert [page.exit_code, listed.exit_code] == [1, 1]
    assert "Error: a run would fail" in page.stderr


def test_a_glob_is_not_blamed_for_a_column(tmp_path: Path) -> None:
    """As in a run, a mapping for several streams may lack a column in one of them: it is told."""
    config = configured(tmp_path, [{**WIDE, "stream": "stock_w*", "subtract": "reserved"}])
    result = run(CSV, "--config", config)

    assert f"{NOT_SEEN}: 'reserved'." in result.stdout
    assert result.exit_code == 0


def test_what_is_configured_in_vain_is_told(tmp_path: Path) -> None:
    """Mappings without a stream, misspelt settings, and settings that are a run's alone."""
    config = {"streams": [LONG, {**LONG, "stream": "nix"}], "roundin": 1, "stream_maps": {"a": {}}}
    shown = flat(run(CSV, "--config", configured(tmp_path, config)).stdout)

    assert "streams[1] ('nix') is not used by any stream here." in shown
    assert "Unknown setting 'roundin' is ignored; did you mean 'rounding'?" in shown
    assert "stream_maps is not applied here" in shown
    assert "'stream_maps' is ignored" not in shown


def test_a_column_that_stream_maps_may_make_is_not_missed(tmp_path: Path) -> None:
    """A run would not fail; `demo` applies them, and is named."""
    config = {
        "streams": [{**LONG, "stock": "packs"}],
        "stream_maps": {LONG["stream"]: {"packs": "1"}},
    }
    result = run(CSV, "--config", configured(tmp_path, config))

    assert result.exit_code == 0
    assert f"{NOT_SEEN}: 'packs'." in flat(result.stdout)
    assert "tocobagus demo FILE --config FILE" in flat(result.stdout)


def test_of_a_rejected_row_only_what_was_rejected_is_mapped(tmp_path: Path) -> None:
    """A file of rejected rows shows what piping it back would send."""
    rejected = row("stock_wide", SKU="A", **{"WH-JKT": 1, "WH SBY": 2, "wh_bdg": 3})
    rejected["tocobagus"] = {"updates": [{"identifier": {"sku": "A"}, "warehouse": "wh_bdg"}]}
    file = written(tmp_path, [schema("stock_wide", "SKU", *WIDE_PLACES), rejected])
    shown = run(file, "--config", configured(tmp_path, [WIDE])).stdout

    assert ["A", "wh_bdg", "3"] in cells(shown)
    assert "1 row mapped, 0 rejected, 2 skipped" in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('"x"', "is not a JSON object"),
        ('{"rounding": "up"}', "--config: rounding: must be one of 'floor', 'reject'"),
        ('[{"stream": "a"}]', "--config: mapping of stream 'a': stock: is required"),
        ('[{"stream": "a", "stok": "b"}]', "unknown key 'stok'"),
        (None, "cannot be read (No such file"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    """The message names the setting, as a run's does."""
    config = tmp_path / "config.json"
    if content is not None:
        config.write_text(content)
    result = run(CSV, "--config", config)

    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


def test_the_environment_is_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ENV the settings are read as `--config=ENV` of a run reads them, and as strictly."""
    monkeypatch.setenv("TARGET_TOCOBAGUS_STREAMS", json.dumps([LONG]))
    mapped = run(CSV, "--config", "ENV", "--format", "json")
    monkeypatch.setenv("TARGET_TOCOBAGUS_BATCH_SIZE_ROWS", "many")
    refused = run(CSV, "--config", "ENV")

    assert [each["stream"] for each in json.loads(mapped.stdout)] == [LONG["stream"]]
    assert refused.exit_code == 1
    assert "TARGET_TOCOBAGUS_BATCH_SIZE_ROWS must be an integer" in refused.stderr


def test_broken_lines_are_named_and_passed_over(tmp_path: Path) -> None:
    """Each kind of flaw is told once, with the numbers of its lines."""
    good = [schema("stock", "sku", "qty"), row("stock", sku="A", qty=3)]
    flawed = [
        "",
        "   ",
        "{no",
        "[1]",
        '{"type": 1}',
        {"type": "STATE", "value": {}},
        {"type": "RECORD", "stream": "stock"},
        {"type": "RECORD", "stream": "stock", "record": 7},
        {"type": "SCHEMA", "stream": "stock", "schema": None},
        {"type": "BATCH", "stream": "stock"},
        row("", sku="A"),
        row("late", sku="A"),
        *["{no"] * 5,
    ]
    lines = [*good, *flawed]
    file = written(tmp_path, ["\ufeff" + json.dumps(lines[0]), *lines[1:]])
    result = run(file)
    shown = flat(result.stdout)

    assert result.exit_code == 0
    assert "Lines 5, 15, 16, 17, 18 and 1 more: each is not JSON; a run ends at the first." in shown
    assert "Lines 6, 7: each is not a Singer message; a run ends at the first." in shown
    assert "Line 9 is a RECORD without a record; a run ends there." in shown
    assert "Line 11 is a SCHEMA whose schema is not a JSON Schema of an object; a run" in shown
    assert "Line 12 is a BATCH, whose files are not read." in shown
    assert "Line 13 is a RECORD without a stream's name; a run ends there." in shown
    assert "Line 14 is a RECORD before its SCHEMA; a run ends there." in shown
    assert "2 - - NO_RECORD: the record is not an object" in shown
    assert "# Line 14 is a RECORD before its SCHEMA" in run(file, "--format", "yaml").stdout


def test_a_schema_that_changes_is_followed(tmp_path: Path) -> None:
    """As in a run, each record is mapped by the SCHEMA before it; the last is shown."""
    first, last = schema("stock", "sku", "qty"), schema("stock", "sku", "stok")
    rows = [row("stock", sku="A", qty=3), row("stock", sku="A", stok=4)]
    result = run(written(tmp_path, [first, first, rows[0], last, rows[1], first, last]))

    assert "Its SCHEMA changes within the file" in result.stdout
    assert ["1", "A", "all", "warehouses", "3"] in cells(result.stdout)
    assert ["2", "A", "all", "warehouses", "4"] in cells(result.stdout)
    assert "stock: stok" in result.stdout


def test_a_record_of_many_levels_is_not_shown_whole(tmp_path: Path) -> None:
    """So many of its rows stand in the table; all are counted."""
    levels = [{"code": f"w{number}", "n": number} for number in range(30)]
    mapping = {
        "stream": "stock",
        "sku": "sku",
        "levels": "levels",
        "warehouse": "code",
        "stock": "n",
    }
    file = written(tmp_path, [schema("stock", "sku", "levels"), row("stock", sku=1, levels=levels)])
    shown = run(file, "--config", configured(tmp_path, [mapping])).stdout

    assert "and 22 rows more" in shown
    assert "1 record read: 30 rows mapped" in shown


def test_values_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    """Escape sequences and markup of a stream's values, names and columns stay texts."""
    name = "stock\x1b[2J"
    rows = [row(name, sku="[red]A\x1b[2J", qty=3), row(name, qty="\x07[/]")]
    file = written(tmp_path, [schema(name, "sku", "qty"), *rows, "\x1b"])

    for form in ("page", "yaml"):
        output = run(file, "--format", form).output
        assert "\x1b" not in output
        assert "\x07" not in output
    assert "[red]A\\x1b[2J" in run(file).stdout
    assert yaml.safe_load(run(file, "--format", "yaml").stdout)[0]["stream"] == name
    assert json.loads(run(file, "--format", "json").stdout)[0]["stream"] == name


def test_names_that_are_no_utf8_are_escaped(tmp_path: Path) -> None:
    """A lone surrogate out of a tap's JSON is written so that the list is UTF-8."""
    name = "stock\ud800咖啡"
    file = written(tmp_path, [schema(name, "sku", "qty")])

    listed = run(file, "--format", "json").stdout_bytes.decode()
    assert json.loads(listed)[0]["stream"] == name
    assert "咖啡" in listed
    assert run(file).exit_code == run(file, "--format", "yaml").exit_code == 0


def test_a_packed_stream_is_unpacked(tmp_path: Path) -> None:
    """Gzip is known by its first bytes; where it is cut short, the rest is mapped."""
    packed = gzip.compress(CSV.read_bytes())
    cut = tmp_path / "cut"
    cut.write_bytes(packed[: len(packed) * 3 // 4])

    assert json.loads(run("-", "--format", "json", stdin=packed).stdout) == [LONG, WIDE]
    result = run(cut)
    assert result.exit_code == 0
    assert "The file cannot be read to its end" in result.stdout
    assert "The file is compressed: a run needs it unpacked" in result.stdout


@pytest.mark.parametrize("declared", [{}, {"type": "object"}, {"properties": None}])
def test_a_schema_may_declare_no_column(declared: dict[str, Any], tmp_path: Path) -> None:
    """As in a run: a document store's tap knows no columns, and the records say them."""
    message = {"type": "SCHEMA", "stream": "stock", "schema": declared, "key_properties": []}
    result = run(written(tmp_path, [message, row("stock", sku="A", stock=3, warehouse="w")]))

    assert result.exit_code == 0
    assert "1 record read: 1 row mapped" in flat(result.stdout)


def test_a_long_file_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once no further stream is expected, the rest is left, and it is said."""
    rows = [row("stock", sku=number, stock=number) for number in range(45)]
    file = written(tmp_path, [schema("stock", "sku", "stock"), *rows, "no JSON"])
    monkeypatch.setattr(surveying, "ENOUGH", 20)

    result = run(file, "--records", "30")
    assert "The rest was not mapped: no other stream came in 20 records." in flat(result.stdout)
    assert "40 records read" in result.stdout

    monkeypatch.setattr(sampling, "MOST_BYTES", file.stat().st_size // 2)
    result = run(file, "--records", "45")
    assert "Only the first 0 MiB of the file were read." in result.stdout
    assert "not JSON" not in result.stdout


@pytest.mark.parametrize("name", [".", "missing.singer", "empty"])
def test_a_file_without_streams_is_an_error(tmp_path: Path, name: str) -> None:
    """The message says what is the matter with it."""
    (tmp_path / "empty").touch()
    result = run(f"{tmp_path}/{name}")

    assert result.exit_code == 1
    assert "cannot be read: " in result.stderr or "empty is empty" in result.stderr
    assert result.stdout == ""


def test_something_else_than_a_stream_is_told_so() -> None:
    """A file of another kind is not taken for an empty stream."""
    result = run(__file__)

    assert result.exit_code == 1
    assert "has no SCHEMA message, and is not a catalog." in result.stderr


VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["sku", "stock", "WH-A", "WH-A ", "gudang"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "sku", "qty", "stock", "WH-A", "WH-A ", "WH B"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
MESSAGES: Final = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["SCHEMA", "RECORD", "BATCH", "STATE"]) | VALUES,
        "stream": st.sampled_from(["stock", "", "stok[x]\ud800"]) | VALUES,
    },
    optional={
        "schema": st.fixed_dictionaries({"properties": VALUES}) | VALUES,
        "record": VALUES,
        "tocobagus": VALUES,
        "tap_stream_id": VALUES,
        "metadata": VALUES,
    },
)


def lines_of(messages: list[dict[str, Any]]) -> bytes:
    """Write messages as a tap would, NaN included."""
    return "\n".join(map(json.dumps, messages)).encode()


def catalog_of(entries: list[dict[str, Any]]) -> bytes:
    """Write a catalog as a tap would."""
    return json.dumps({"streams": entries}).encode()


FILES: Final = (
    st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda data: gzip.compress(data)[:-3])
    | st.lists(MESSAGES, max_size=6).map(lines_of)
    | st.lists(MESSAGES, max_size=6).map(catalog_of)
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(FILES, st.booleans(), st.sampled_from(["page", "yaml", "json"]))
@example(b"\x1f\x8b", False, "page")  # noqa: FBT003  # hypothesis takes no names here
@example(b'{"streams": [' * 2000, True, "page")  # noqa: FBT003
@example(
    lines_of([schema("stock_w", "sku", "WH-A", "WH-A ", "WH-B")]),
    True,  # noqa: FBT003
    "json",
)
def test_no_file_is_too_strange(content: bytes, everything: bool, form: str) -> None:  # noqa: FBT001
    """Whatever it holds is mapped or refused with a message; what is listed is always valid."""
    flags = ["--all"] if everything else []
    result = run("-", "--format", form, *flags, stdin=content)

    assert result.exit_code == 0 or "Error: " in result.stderr
    if form == "page" or not result.stdout:
        return
    listed = yaml.safe_load(result.stdout) if form == "yaml" else json.loads(result.stdout)
    assert parse_settings({"dry_run": True, "streams": listed}).streams is not None


def test_rows_that_look_like_parts_are_told(tmp_path: Path) -> None:
    """Two rows of one item and place under different keys, or a key that is more, are named."""
    lots = {**schema("stok", "quant_id", "sku", "qty"), "key_properties": ["quant_id"]}
    rows = [row("stok", quant_id=number, sku="A", qty=10 * number) for number in (1, 2)]
    wide = {**schema("batches", "sku", "batch", "qty"), "key_properties": ["sku", "batch"]}
    config = [{"stream": each, "sku": "sku", "stock": "qty"} for each in ("stok", "batches")]

    shown = flat(
        run(written(tmp_path, [lots, *rows, wide]), "--config", configured(tmp_path, config)).stdout
    )
    assert "rows of sku 'A' that differ: 10 (quant_id 1) and 20 (quant_id 2)" in shown
    assert "'batches' has 'batch' in its key, which its mapping does not read" in shown
    same = [rows[0], rows[0], row("stok", quant_id=3, sku="A", qty=10)]
    quiet = run(written(tmp_path, [lots, *same]), "--config", configured(tmp_path, config)).stdout
    assert "the last one wins" not in flat(quiet)


def test_the_codes_that_were_found_are_offered(tmp_path: Path) -> None:
    """A draft with a warehouse comes with a warehouse_map of all codes, to be filled in."""
    rows = [row("stok", sku="A", gudang=code, qty=1) for code in ("JKT", "SBY", "JKT")]
    page = run(written(tmp_path, [schema("stok", "sku", "gudang", "qty"), *rows])).stdout
    (lines,) = [part for part in page.split("\n\n") if part.startswith("  warehouse_map:")]
    assert [each["code"] for each in yaml.safe_load(lines)["warehouse_map"]] == ["JKT", "SBY"]


def test_a_column_for_each_place_needs_no_codes(tmp_path: Path) -> None:
    """Its client id stands beside it, and a warehouse_map would say nothing of it."""
    rows = [row("stok", **{"sku": "A", "WH-JKT": 1, "WH-SBY": 2})]
    page = run(written(tmp_path, [schema("stok", "sku", "WH-JKT", "WH-SBY"), *rows])).stdout
    assert "warehouse_columns:" in page
    assert "warehouse_map:" not in page


@pytest.mark.parametrize("name", ["stok", "stock", "persediaan", "existencias"])
def test_a_spreadsheet_is_shown_as_the_output_of_tap_csv(name: str) -> None:
    """The page says how it was read, and has what a page of tap-csv's output has."""
    folder = DATA / "spreadsheets"
    shown, recorded = (run(folder / f"{name}{suffix}").stdout for suffix in (".csv", ".singer"))
    title, described, *_ = shown.splitlines()
    stream, _, below = shown.partition(f"\n{name}  ")[2].partition(
        "\ntap-csv reads the file with this config "
    )

    assert title == f"{folder / name}.csv: 1 stream"
    assert described.startswith("Read as CSV: ")
    assert f"    - entity: {name}\n      path: " in below
    assert stream in recorded
    assert recorded.rpartition(stream)[2].count("\n") <= 4  # the hints


def test_the_mapping_of_a_spreadsheet_fits_what_tap_csv_wrote(tmp_path: Path) -> None:
    """The list is used with the recorded output, and no column is missing."""
    folder, config = DATA / "spreadsheets", tmp_path / "streams.json"
    drafted = run(folder / "stok.csv", "--format", "json")
    config.write_text(drafted.stdout, "utf-8")
    shown = run(folder / "stok.singer", "--config", config)

    assert "Read as CSV: `;` between columns, UTF-8 with BOM, 3 rows." in drafted.stderr
    assert shown.exit_code == 0
    assert ["1", "00123", "JKT", "12"] in cells(shown.stdout)
    assert NOT_SEEN not in shown.stdout


def test_a_spreadsheet_is_a_list_of_mappings_with_comments() -> None:
    """The reading is said in a comment, and rows with fewer cells are named."""
    shown = run(DATA / "spreadsheets" / "stock.csv", "--format", "yaml").stdout

    assert shown.startswith("# Read as CSV: `,` between columns, UTF-8, 6 rows.\n# Fewer cells")
    assert yaml.safe_load(shown) == [
        {"stream": "stock", "sku": "sku", "stock": "qty", "warehouse": "warehouse_code"}
    ]


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    """The error says what it is, and what to do."""
    path = tmp_path / "stok.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    done = run(path)

    assert "stok.xls is an Excel workbook in the old format (.xls)" in done.stderr
    assert done.exit_code == 1
