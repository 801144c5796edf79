"""Which mapping a stream gets: the first that names it, a recognised one, or none."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.errors import ActionNeeded, ConfigurationError
from target_tocobagus.core.model import Stock
from target_tocobagus.recognition.stream_router import Route, StreamRouter

ROW = {"sku": "A", "qty": 1, "free": 2}
Mapping = dict[str, Any]


def chooser(streams: list[Mapping] | None) -> StreamRouter:
    """Make a chooser of a configuration."""
    return StreamRouter(parse_settings({"dry_run": True, "streams": streams}))


def schema(*columns: str, kind: str = "string") -> dict[str, Any]:
    """Make a schema of columns."""
    return {"properties": {column: {"type": [kind, "null"]} for column in columns}}


def plain(stream: str, stock: str = "qty", **more: Any) -> Mapping:
    """Make a mapping of a SKU and a quantity."""
    return {"stream": stream, "sku": "sku", "stock": stock, **more}


def quantity(choice: Route) -> int | None:
    """Map a row by what was chosen."""
    if choice.mapping is None:
        return None
    (outcome,) = choice.mapping.outcomes(dict(ROW))
    assert isinstance(outcome, Stock)
    return outcome.quantity


class TestConfigured:
    """With `streams` set, only what it names is sent."""

    @pytest.mark.parametrize(
        ("names", "stream", "found"),
        [
            (["stock"], "stock", 1),
            (["stock", "stock"], "stock", 1),
            (["st*", "stock"], "stock", 2),
            (["stock*", "st*"], "stock", 1),
            (["other", "st*"], "stock", 2),
            (["*-stock"], "main-stock", 1),
            (["public-?tock"], "public-stock", 1),
            (["s[ot]ock"], "stock", 1),
            (["s[ot]ock"], "slock", None),
            (["Stock"], "stock", None),
            (["stock"], "stock2", None),
            (["stock"], "my-stock", None),
            ([], "stock", None),
            (["Stok [Toko]"], "Stok [Toko]", 1),
            (["Stok *", "Stok [A]"], "Stok [A]", 2),
            (["Stok [A]"], "Stok A", None),
            (["Stok [AB]"], "Stok A", None),
            (["Stok[A]"], "StokA", None),
            (["Stok[Toko]"], "StokT", None),
            (["stok_[0-9]"], "stok_7", 1),
            (["stok_[!0-9]"], "stok_a", 1),
            (["Stok (A)"], "Stok (A)", 1),
            (["a?b", "a?b"], "a?b", 1),
        ],
    )
    def test_a_name_comes_before_a_glob(
        self, names: list[str], stream: str, found: int | None
    ) -> None:
        """A mapping for the sheet `Stok [A]` never sends a stream `Stok A`."""
        columns = ["qty", "free"]
        mappings = [plain(name, columns[n]) for n, name in enumerate(names)]
        assert quantity(chooser(mappings).choose(stream, schema("sku", "qty", "free"))) == found

    def test_what_is_not_named_is_ignored_and_said_so(self) -> None:
        """A stream that no mapping names is ignored, though it would be recognised."""
        choice = chooser([plain("a")]).choose("stock", schema("sku", "stock"))
        assert choice.mapping is None
        assert choice.remark == "Stream 'stock' is ignored: no entry of `streams` matches it"

    @pytest.mark.parametrize(
        ("name", "named"),
        [("stock", True), ("st*", False), ("stoc?", False), ("[sz]tock", False)],
    )
    def test_a_user_vouches_for_what_is_named(self, name: str, *, named: bool) -> None:
        """Only a mapping for a named stream, not a glob, relies on its columns."""
        assert chooser([plain(name)]).choose("stock", schema("sku", "qty")).named is named

    def test_all_mistakes_of_all_mappings_at_once(self) -> None:
        """A mapping that cannot work is refused before the first record, with all others."""
        with pytest.raises(ConfigurationError) as caught:
            chooser([{"stream": "a", "stock": "q"}, plain("b"), plain("c", "a[")])
        streams = [problem.split(":")[0] for problem in caught.value.problems]
        assert streams == ["mapping of stream 'a'", "mapping of stream 'c'"]


class TestLocation:
    """A mapping without a location on a stream that has one is the user's to decide."""

    @pytest.mark.parametrize("column", ["warehouse", "warehouse_code", "location_id"])
    @pytest.mark.parametrize("name", ["stock", "st*"])
    def test_refused(self, column: str, name: str) -> None:
        """One place's stock is never sent as all of it: the error names the column."""
        with pytest.raises(ConfigurationError, match=f"'{column}'") as caught:
            chooser([plain(name)]).choose("stock", schema("sku", "qty", column))
        (problem,) = caught.value.problems
        assert problem.startswith("mapping of stream 'stock': warehouse: ")

    @pytest.mark.parametrize(
        "keys",
        [
            {"warehouse": None},
            {"warehouse": "warehouse"},
            {"warehouse": "sku"},
            {"warehouses": ["W"]},
            {"split": [{"client_id": "W", "weight": 1}]},
            {"levels": "free", "warehouse": "w"},
        ],
    )
    def test_said(self, keys: Mapping) -> None:
        """A mapping that says where stock is, or that it is global, is accepted."""
        choice = chooser([plain("stock", **keys)]).choose(
            "stock", schema("sku", "qty", "warehouse")
        )
        assert choice.mapping is not None

    def test_columns_per_warehouse_are_a_location(self) -> None:
        """A mapping of one column per warehouse says where stock is."""
        columns = [{"column": "qty", "client_id": "W"}]
        mapping = {"stream": "stock", "sku": "sku", "warehouse_columns": columns}
        choice = chooser([mapping]).choose("stock", schema("sku", "qty", "warehouse"))
        assert choice.mapping is not None


class TestRecognised:
    """Without `streams` a stream is recognised, or ignored, or an error."""

    def test_recognised_is_said_with_the_lines_to_write(self) -> None:
        """What was recognised is told as if the user had written it; nobody vouches for it."""
        choice = chooser(None).choose("stock_levels", schema("sku", "stock", "_sdc_extracted_at"))
        assert choice.mapping is not None
        assert not choice.named
        assert choice.columns == frozenset({"sku", "stock"})
        assert "'stock_levels' is recognised" in choice.remark
        assert "sku: sku" in choice.remark

    def test_no_stock_is_ignored(self) -> None:
        """A stream that holds no stock is named and ignored."""
        choice = chooser(None).choose("customers", schema("name", "email"))
        assert choice.mapping is None
        assert "'customers' is ignored" in choice.remark

    def test_what_looks_like_stock_is_kept_for_a_question(self) -> None:
        """A stream that is asked about has no mapping, and its records are looked at."""
        choice = chooser(None).choose("stock", schema("sku", "qty", "warehouse"))
        assert choice.mapping is None
        assert choice.remark == ""
        assert choice.sample is not None

    def test_global_and_per_warehouse_in_one_run(self) -> None:
        """A global and a per-warehouse stream would overwrite each other: an error."""
        chosen = chooser(None)
        chosen.choose("stock", schema("sku", "stock"))
        with pytest.raises(ConfigurationError, match="overwrite"):
            chosen.choose("inventory", schema("sku", "warehouses"))

    def test_a_stream_may_come_with_another_schema(self) -> None:
        """A later SCHEMA replaces what the stream was recognised as."""
        chosen = chooser(None)
        chosen.choose("stock", schema("sku", "stock"))
        assert chosen.choose("stock", schema("id", "sku", "stock")).mapping is not None

    @pytest.mark.parametrize("columns", [("sku", "warehouses"), ("sku", "stock", "warehouses"), ()])
    def test_the_stock_of_a_stream_stays_for_all_warehouses_or_for_each(
        self, columns: tuple[str, ...]
    ) -> None:
        """One would overwrite the other; and without columns nobody can tell."""
        chosen = chooser(None)
        chosen.choose("stock", schema("sku", "stock"))
        with pytest.raises(ActionNeeded, match="a later SCHEMA declares other columns"):
            chosen.choose("stock", schema(*columns))


class TestMistyped:
    """A mapping for a stream that does not come is told with the nearest that does."""

    def test_the_nearest_stream_is_named(self) -> None:
        """If a letter is wrong, the message has both names."""
        chosen = chooser([plain("stok_gudnag"), plain("else")])
        chosen.choose("stok_gudang", schema("sku", "qty"))
        (line,) = chosen.mistyped()
        assert "'stok_gudnag'" in line
        assert "'stok_gudang'" in line
        assert "'stok_gudang'" in chosen.nothing_mapped()

    def test_a_mapping_that_is_used_is_not_mistyped(self) -> None:
        """Another stream beside it may be ignored, however like it is called."""
        chosen = chooser([plain("stok_a")])
        chosen.choose("stok_a", schema("sku", "qty"))
        chosen.choose("stok_b", schema("sku", "qty"))
        assert list(chosen.mistyped()) == []


def test_a_second_entry_of_a_stream_is_doubted() -> None:
    """Only the first is used, and that is said."""
    (doubt,) = chooser([plain("a"), plain("a", "free"), plain("b")]).doubts()
    assert "'a'" in doubt
    assert "only the first" in doubt


def test_a_place_that_only_the_first_record_has_is_asked_about() -> None:
    """A SCHEMA may leave columns out; the stock of one place is not that of all."""
    declared = schema("sku", "qty")
    chosen = chooser([plain("stok"), plain("all", warehouse=None)])
    chosen.check_first("stok", declared, {"sku": "A", "qty": 1, "gudang": None, "note": "x"})
    chosen.check_first("all", declared, {"sku": "A", "qty": 1, "gudang": "JKT"})
    with pytest.raises(ConfigurationError, match="gudang"):
        chosen.check_first("stok", declared, {"sku": "A", "qty": 1, "gudang": "JKT"})


@pytest.mark.parametrize("column", ["lot", "gudang", "archived"])
def test_a_stream_that_a_later_schema_makes_a_question_ends_the_run(column: str) -> None:
    """A stream that has been sent is not ignored from then on."""
    chosen = chooser(None)
    assert chosen.choose("items", schema("sku", "stock")).mapping
    with pytest.raises(ActionNeeded, match=column):
        chosen.choose("items", schema("sku", "stock", column))


def test_a_recognised_stream_may_lose_columns() -> None:
    """A log-based tap leaves out what did not change: such rows are passed over."""
    chosen = chooser(None)
    chosen.choose("items", schema("sku", "stock"))
    assert chosen.choose("items", schema("sku")).mapping is None


def test_a_fall_back_between_kinds_of_identifier_is_doubted() -> None:
    """A product that has a SKU in one record and an id in another cannot be kept in order."""
    both = {"stream": "a", "sku": "sku", "id": "id", "stock": "qty"}
    one = {"stream": "b", "sku": ["sku", "kode"], "stock": "qty"}
    (doubt,) = StreamRouter(parse_settings({"dry_run": True, "streams": [both, one]})).doubts()
    assert doubt.startswith("mapping of stream 'a': falls back from sku to id")
