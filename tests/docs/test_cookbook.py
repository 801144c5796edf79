"""docs/cookbook.md is true: each recipe is run, and what is sent is what it says."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sysconfig
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from target_tocobagus.cli.spreadsheet.stream import messages
from target_tocobagus.cli.spreadsheet.table import find_table
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


def test_the_contents_name_every_section() -> None:
    """Each is linked once, in its order, and so is found where it is looked for."""
    contents, _, body = COOKBOOK.read_text("utf-8").partition("\n## ")
    outside_blocks = re.sub(r"^```.*?^```$", "", f"## {body}", flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^##+ (.+)$", outside_blocks, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]

    assert re.findall(r"\]\(#(.+?)\)", contents) == anchors
    assert set(re.findall(r"\]\(#(.+?)\)", body)) <= set(anchors)


def test_a_spreadsheet_becomes_what_its_recipe_configures(tmp_path: Path) -> None:
    """The commands' page and list are the settings that Meltano gets, and those that are run."""
    title = "From a spreadsheet to Meltano"
    (recipe,) = (each for each in RECIPES if each.title == title)
    (shown,) = blocks(COOKBOOK, "sh spreadsheet")
    meltano = " ".join(blocks(COOKBOOK, "sh meltano")).replace("\\\n", "")
    given = dict(re.findall(r"config set \S+ (\S+) +'(.+)'", meltano))
    (listed,) = re.findall(r'streams "\$\((.+)\)"', meltano)
    with running() as sandbox:
        reader = Reader(tmp_path / "clone", sandbox)
        env = {**environment(), "PATH": f"{reader.bin}:{os.environ['PATH']}"}
        page = reader.paste(shown, env=env)
        done = reader.paste(f"mkdir shop; cd shop; {listed}", env=env)

    assert (page.returncode, page.stderr) == (0, "")
    _, _, config = page.stdout.partition("this config ")
    (file,) = yaml.safe_load(config[config.index("  files:") :].partition("\n\n")[0])["files"]
    assert json.loads(given["files"]) == [{**file, "path": f"../{file['path']}"}]
    assert json.loads(done.stdout) == recipe.config["streams"]
    assert json.loads(given["warehouse_map"]) == recipe.config["warehouse_map"]
    table = find_table(reader.clone / "persediaan.csv")
    assert table
    written = [json.loads(line) for line in messages(table)]
    assert [each for each in written if each["type"] == "RECORD"] == list(recipe.records)


def test_the_view_of_sets_gives_what_its_recipe_has() -> None:
    """The scarcest part decides; a warehouse where one is unknown has no row."""
    (view,) = blocks(COOKBOOK, "sql")
    (recipe,) = (each for each in RECIPES if "sql" in dict(blocks_of(each.title)))
    database = sqlite3.connect(":memory:")
    database.executescript(
        "CREATE TABLE sets (sku TEXT); CREATE TABLE stock (sku TEXT, wh TEXT, qty INTEGER);"
        "CREATE TABLE parts (set_sku TEXT, part_sku TEXT, pieces INTEGER);"
        "INSERT INTO sets VALUES ('PAKET-PAGI');"
        "INSERT INTO parts VALUES ('PAKET-PAGI', 'KOPI', 1), ('PAKET-PAGI', 'GULA', 2);"
        "INSERT INTO stock VALUES ('KOPI', 'JKT', 5), ('GULA', 'JKT', 9), ('KOPI', 'SBY', 3);"
    )
    database.executescript(view)
    rows = database.execute("SELECT sku, wh, qty FROM set_stock").fetchall()
    database.close()

    assert rows == [tuple(message["record"].values()) for message in recipe.records]


def blocks_of(title: str) -> list[tuple[str, str]]:
    """Give the fenced blocks of a section."""
    return next(section.blocks for section in sections(COOKBOOK) if section.title == title)


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
