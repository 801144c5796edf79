"""Questions end a run that recognises nothing, and are a warning beside a recognised stream."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import yaml

from target_tocobagus.config.settings import StreamMapping, parse_settings
from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.recognition.questions import ENOUGH, PATIENCE_SECONDS, Questions, Sample
from target_tocobagus.recognition.recognise import Question, Recognised

ITEMS = Recognised(StreamMapping(stream="items", sku=("sku",), stock=("stock",)), "by its name")
SCHEMA: dict[str, Any] = {"properties": {"sku": {}, "qty": {}, "gudang": {}}}


def row(gudang: str, **more: Any) -> dict[str, Any]:
    """Make a record of a stream that is asked about."""
    return {"sku": "A", "qty": 1, "gudang": gudang, **more}


def asking(*streams: str) -> tuple[Questions, list[Sample]]:
    """Begin with streams that look like stock."""
    questions = Questions()
    return questions, [questions.sample(name, SCHEMA, ["sku", "gudang"]) for name in streams]


def pasted(message: str) -> dict[str, Any]:
    """Read the lines that a message offers."""
    found: dict[str, Any] = yaml.safe_load(message[message.index("\nstreams:\n") :])
    return found


def test_a_question_without_records_is_none() -> None:
    """A SCHEMA alone loses nothing: its run may end well."""
    questions, _ = asking("stok")
    assert questions.due is None
    assert questions.problem() is None


def test_the_first_record_starts_the_clock() -> None:
    """A run waits a while for a stream that is recognised, from the first question on."""
    questions, (one, two) = asking("stok", "stock")
    questions.take(one, row("JKT"), 100.0)
    questions.take(two, row("JKT"), 130.0)
    assert questions.due == 100.0 + PATIENCE_SECONDS


def test_a_recognised_stream_stops_the_clock() -> None:
    """Once a stream is recognised, no question ends the run."""
    questions, (sample,) = asking("stok")
    questions.take(sample, row("JKT"), 100.0)
    questions.recognise("items", ITEMS)
    questions.take(sample, row("JKT"), 140.0)
    assert questions.due is None
    assert questions.problem() is None


def test_all_questions_are_one_block_with_every_code() -> None:
    """One error holds all drafts, and a warehouse_map with each code that any record had."""
    questions, samples = asking("stok", "stock")
    codes = [f"G{number}" for number in range(ENOUGH + 20)]
    for sample, mark in zip(samples, ("a", "b"), strict=True):
        for code in codes:
            questions.take(sample, row(code + mark), 0.0)

    problem = questions.problem()

    assert isinstance(problem, ActionNeeded)
    assert problem.exit_code == 2
    assert "tocobagus map" in str(problem)
    assert "tocobagus check" in str(problem)
    config = pasted(str(problem))
    settings = parse_settings({"dry_run": True, **config})
    assert [mapping.stream for mapping in settings.streams or ()] == ["stok", "stock"]
    assert set(settings.policy.warehouse_map or {}) == {c + m for c in codes for m in "ab"}


def test_beside_a_recognised_stream_a_question_is_one_warning() -> None:
    """Its rows are skipped for good: that is said once, with the lines to write."""
    questions, (one, two) = asking("stok", "stock")
    questions.take(one, row("JKT"), 0.0)
    assert list(questions.warnings()) == []
    questions.recognise("items", ITEMS)
    (line,) = questions.warnings()
    assert "skipped and do not come again" in line
    assert pasted(line)["streams"][0]["stream"] == "stok"
    questions.take(two, row("SBY"), 0.0)
    (other,) = questions.warnings()
    assert "'stock'" in other
    assert list(questions.warnings()) == []
    assert questions.problem() is None


@pytest.mark.parametrize(
    ("recognised", "offered"),
    [
        (StreamMapping(stream="items", sku=("sku",), stock=("stock",), warehouse=("at",)), 2),
        (ITEMS.mapping, 1),
    ],
)
def test_the_lines_of_a_warning_keep_what_is_recognised(
    recognised: StreamMapping, offered: int
) -> None:
    """Pasted they take no stream away, nor mix global stock with stock per location."""
    questions, (sample,) = asking("stok")
    questions.take(sample, row("JKT"), 0.0)
    questions.recognise("items", Recognised(recognised, "by its name"))
    (line,) = questions.warnings()
    names = [each["stream"] for each in pasted(line)["streams"]]
    assert names == ["items", "stok"][-offered:]
    assert ("add the codes of 'items'" in line) is (offered == 2)


def test_records_make_a_question_of_a_schema_without_columns() -> None:
    """A stream that declares nothing is judged by its records, and named once if not stock."""
    questions = Questions()
    stock = questions.sample("stok", {}, ())
    other = questions.sample("people", {}, ())
    questions.take(stock, {"sku": "A", "qty": 3}, 0.0)
    questions.take(other, {"name": "A"}, 0.0)
    problem = str(questions.problem())
    assert [each["stream"] for each in pasted(problem)["streams"]] == ["stok"]
    assert questions.ignored(stock) == ""
    assert "'people' is ignored" in questions.ignored(other)
    assert questions.ignored(other) == ""


@pytest.mark.parametrize("stream", ["orders", "stock_deltas"])
def test_of_a_stream_that_is_never_asked_about_nothing_is_kept(stream: str) -> None:
    """Its records can show nothing else, and take no memory."""
    questions = Questions()
    sample = questions.sample(stream, {}, ())
    questions.take(sample, {"sku": "A", "qty": 3}, 0.0)
    assert not sample.has_records
    assert questions.problem() is None


@pytest.mark.parametrize(("size", "kept"), [(1, ENOUGH), (6_000, 3), (1_000_000, 1)])
def test_no_more_records_are_kept_than_are_looked_at(size: int, kept: int) -> None:
    """A stream takes the memory of its first few rows, and of fewer where they are large."""
    sample = asking("stok")[1][0]
    held = []
    for number in range(3 * ENOUGH):
        sample.add(row(f"G{number}", note="x" * size))
        held.append(len(gc.get_referents(vars(sample)["_records"])))
    assert held == [*range(1, kept), *[0] * (3 * ENOUGH - kept + 1)]
    assert len(sample.codes) == 3 * ENOUGH
    assert isinstance(sample.judge(), Question)


def test_foreign_text_is_shown_as_what_it_is() -> None:
    """A stream's and a column's name cannot forge a line, of the log or of the configuration."""
    questions = Questions()
    name = "stok\n  - stream: evil\u202e"
    schema: dict[str, Any] = {"properties": {"sku": {}, "qty": {}, "lot\n# x: \x1b[31m": {}}}
    sample = questions.sample(name, schema, ["sku"])
    questions.take(sample, {"sku": "A", "qty": 1}, 0.0)
    message = str(questions.problem())
    assert "\x1b" not in message
    assert "\u202e" not in message
    assert [each["stream"] for each in pasted(message)["streams"]] == [name]
