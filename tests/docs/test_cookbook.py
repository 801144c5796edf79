"""docs/cookbook.md is true: each recipe is run, and what is sent is what it says."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from jsonschema import Draft202012Validator

from target_tocobagus.config.settings import SCHEMA
from target_tocobagus.recognition.known_taps import KnownStream, known_streams
from tests.docs.documents import ROOT, Reader, blocks, environment, sections
from tests.docs.recipes import Recipe, declared, lines, recipes
from tests.local_sandbox import Limits, running

if TYPE_CHECKING:
    from collections.abc import Iterable

COOKBOOK: Final = ROOT / "docs" / "cookbook.md"
RECIPES: Final = recipes(COOKBOOK)
TITLES: Final = [section.title for section in sections(COOKBOOK)]
TARGET: Final = Path(sysconfig.get_path("scripts")) / "target-tocobagus"
TABLE: Final = known_streams()


def name(recipe: Recipe) -> str:
    """Name a recipe's test after its section, and what is configured there."""
    how = ",".join(recipe.config) or "recognised"
    return f"{recipe.title}-{how}"


def unordered(items: Iterable[dict[str, Any]]) -> Counter[str]:
    """Make items comparable without their order."""
    return Counter(json.dumps(item) for item in items)


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_what_is_sent_is_what_the_recipe_says(recipe: Recipe, tmp_path: Path) -> None:
    """The records go through the command, and the bodies hold the items; the log says the rest."""
    with running(limits=Limits(bodies=True)) as sandbox:
        config = {**recipe.config, "api_url": sandbox.api_url, **sandbox.credentials}
        (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
        done = subprocess.run(
            [TARGET, "--config", "config.json"],
            input=lines(recipe),
            env=environment(),
            cwd=tmp_path,
            capture_output=True,
            check=False,
            timeout=60,
        )
        bodies = [json.loads(request["body"]) for request in sandbox.requests()]

    log = done.stderr.decode()
    assert done.returncode == 0, log
    assert unordered(item for body in bodies for item in body["items"]) == unordered(recipe.items)
    for line in recipe.log:
        assert line in log
    assert log.count("Rejected ") == sum("Rejected " in line for line in recipe.log)


@pytest.mark.parametrize("row", TABLE.known, ids=lambda row: row.source)
def test_a_recognised_stream_is_run_by_itself_and_configured(row: KnownStream) -> None:
    """The configuration says what is recognised, and beside it only where the stock is."""
    by_itself, configured = of(row)
    (mapping,) = (each for each in configured.config["streams"] if each["stream"] == row.stream)

    assert by_itself.config.keys() == ({"ledger"} if row.looks_up else set())
    assert by_itself.items
    assert chapter(by_itself.title) == "Taps that are recognised"
    assert mapping.items() >= row.mapping.items()
    assert mapping.keys() - row.mapping.keys() <= {"stream", "warehouses"}


@pytest.mark.parametrize("row", TABLE.left_out, ids=lambda row: row.source)
def test_a_stream_that_is_left_out_is_configured_as_is_proposed(row: KnownStream) -> None:
    """If nothing is proposed, nothing is sent."""
    found = of(row)
    mappings = [mapping for each in found for mapping in each.config.get("streams", ())]

    assert chapter(found[0].title) == "Taps that only you can settle"
    if row.mapping:
        assert any(mapping.items() >= row.mapping.items() for mapping in mappings)
    else:
        assert [(each.config, each.items) for each in found] == [({}, [])]


def of(row: KnownStream) -> list[Recipe]:
    """Find the recipes of a known stream, by tap and stream in their title."""
    return [
        recipe
        for recipe in RECIPES
        if row.tap in recipe.title
        and any(fnmatchcase(named, row.stream) for named in re.findall("`(.+?)`", recipe.title))
    ]


def chapter(title: str) -> str:
    """Find the chapter that a recipe of a tap stands in."""
    above = TITLES[: TITLES.index(title)]
    return [each for each in above if "/tap-" not in each][-1]


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_record_is_one_that_the_tap_may_write(recipe: Recipe) -> None:
    """A record of a known tap has only columns that the tap declares, of their types."""
    for message in recipe.records:
        assert message["type"] == "RECORD"
        if schema := declared(recipe.title, message["stream"]):
            assert message["record"].keys() <= schema["properties"].keys()
            Draft202012Validator(schema).validate(message["record"])


def test_a_recorded_stream_is_shown_as_it_was_recorded() -> None:
    """What is shown of tap-csv's and tap-postgres's streams stands in what they wrote."""
    recorded: dict[str, list[dict[str, Any]]] = {}
    for path in (ROOT / "tests" / "data" / "streams").glob("*.singer"):
        for line in path.read_text("utf-8").splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                recorded.setdefault(message["stream"], []).append(message["record"])
    shown = [
        (message["stream"], message["record"])
        for recipe in RECIPES
        for message in recipe.records
        if message["stream"] in recorded
    ]

    assert len({stream for stream, _ in shown}) >= 4
    for stream, record in shown:
        assert any(record.items() <= row.items() for row in recorded[stream]), record


def test_every_key_of_a_mapping_is_used() -> None:
    """Each key but `id` has a recipe that is run."""
    mappings = [each for recipe in RECIPES for each in recipe.config.get("streams", ())]
    keys = SCHEMA["properties"]["streams"]["items"]["properties"].keys()

    assert keys - {key for mapping in mappings for key in mapping} == {"id"}


def test_the_commands_of_the_document_run(tmp_path: Path) -> None:
    """What a recorded stream becomes is shown, without sending anything."""
    (commands,) = blocks(COOKBOOK)
    with running() as sandbox:
        done = Reader(tmp_path / "clone", sandbox).paste(commands)

        assert (done.returncode, done.stderr) == (0, "")
        assert sandbox.requests() == []
    assert "warehouse_columns" in done.stdout
