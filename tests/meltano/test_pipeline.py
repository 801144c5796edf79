"""Meltano, tap-postgres and the target, from a real PostgreSQL to the sandbox: `make meltano`."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.docs.documents import ROOT, blocks
from tests.local_sandbox import running
from tests.meltano.project import Project, Shop, settings
from tests.meltano.stock import Arrivals, Level, Table, shown
from tests.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local_sandbox import Sandbox
    from tests.postgres import Database

pytestmark = [
    pytest.mark.meltano,
    pytest.mark.timeout(600),
    pytest.mark.skipif("MELTANO" not in os.environ, reason="`make meltano` runs these"),
]

PIPELINE: Final = ("run", "tap-postgres", "target-tocobagus")
STATE_ID: Final = "prod:tap-postgres-to-target-tocobagus"
README: Final = ROOT / "README.md"
SCHEDULING: Final = ROOT / "docs" / "scheduling.md"
DEFINITION: Final = ROOT / "docs" / "meltano-hub" / "target-tocobagus.yml"
PATIENCE: Final = 60.0

FIRST: Final = (
    Level("KOPI-ARB-250", "wh_jakarta", 12),
    Level("KOPI-ARB-250", "wh_bandung", 0),
    Level("00123", "wh_jakarta", None),
    Level("咖啡", "wh_jakarta", 5),
)


ADDED_UP: Final = """
CREATE TABLE lots (lot text PRIMARY KEY, code text, wh text, qty integer);
CREATE TABLE aliases (code text PRIMARY KEY, sku text);
CREATE TABLE shelves (sku text PRIMARY KEY, levels jsonb);
INSERT INTO lots VALUES ('L1', 'K1', 'wh_jakarta', 5), ('L2', 'K1', 'wh_jakarta', 7);
INSERT INTO aliases VALUES ('K1', 'KOPI-ARB-250');
INSERT INTO shelves VALUES
  ('TEH-100', '[{"w": "wh_jakarta", "q": 3}, {"w": "wh_bandung", "q": 4}]');
"""
CHANGED: Final = """
DELETE FROM aliases;
DELETE FROM lots WHERE lot = 'L1';
UPDATE lots SET qty = 1;
UPDATE shelves SET levels = '[{"w": "wh_jakarta", "q": 3}]';
"""
"""Without marks of what is deleted: the part and the pair are remembered."""
PLUGINS: Final = """
plugins:
  extractors:
  - name: tap-postgres--lots
    inherit_from: tap-postgres
    select: [public-lots.*, public-aliases.*, public-shelves.*]
    metadata: {}
  loaders:
  - name: target-tocobagus--lots
    inherit_from: target-tocobagus
    config:
      streams:
      - stream: public-lots
        stock: qty
        warehouse: wh
        combine: sum
        part: [lot]
        parts_complete: false
        lookup: {stream: public-aliases, match: code, path: code, sku: sku}
      - stream: public-shelves
        sku: sku
        levels: levels
        warehouse: w
        stock: q
        levels_complete: true
  - name: target-tocobagus--json
    inherit_from: target-tocobagus
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A PostgreSQL server."""
    with running_postgres() as handle:
        yield handle


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project that is shipped, with its plugins installed."""
    return Project(Path(os.environ["MELTANO"]), tmp_path_factory.mktemp("meltano"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The API's stand-in on a port of its own."""
    with running() as handle:
        yield handle


@pytest.fixture
def table(database: Database) -> Table:
    """The stock table, empty."""
    return Table(database)


@pytest.fixture
def shop(project: Project, database: Database, sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    """A shop that has run nothing yet; in the end no file that Meltano wrote holds a secret."""
    shop = Shop(project, database, sandbox, tmp_path)
    yield shop
    assert shop.files_with_secrets() == []


def state_of(shop: Shop) -> dict[str, Any]:
    """Ask Meltano for the STATE that it keeps."""
    state: dict[str, Any] = json.loads(shop.run("state", "get", STATE_ID)[0])["singer_state"]
    return state


def test_a_second_run_sends_what_changed(shop: Shop, table: Table, sandbox: Sandbox) -> None:
    """It begins at the first one's STATE, with the rows at the bookmark, which the tap repeats."""
    arrivals = Arrivals(sandbox)
    table.put(1, *FIRST)
    table.put(2, Level("GULA-1KG", "wh_jakarta", 7), Level("GULA-1KG", "wh_bandung", 8))
    shop.run(*PIPELINE)
    assert sorted(arrivals.new()) == sorted(table.since(0))

    table.put(3, Level("KOPI-ARB-250", "wh_jakarta", 0), Level("NEW", "wh_jakarta", 1))
    shop.run(*PIPELINE)

    assert sorted(arrivals.new()) == sorted(table.since(2))
    assert shown(sandbox) == table.since(0)
    state = state_of(shop)
    assert list(state["bookmarks"]) == ["public-stock_levels"]
    assert state["tocobagus"]["batchIds"] == [sandbox.batches()[-1]["batchId"]]
    assert len(sandbox.batches()) == 2


def test_a_run_after_a_failed_one_loses_nothing(shop: Shop, table: Table, sandbox: Sandbox) -> None:
    """It takes up at the STATE of the failed run, and no older value overwrites a newer one."""
    arrivals = Arrivals(sandbox)
    table.fill(12_000)  # the tap writes a STATE after 10,000 records, and one at the end
    sandbox.set_scenario(
        {"rules": [{"when": {"requests": "23-"}, "fault": {"drop_before": "rst"}}]}
    )
    one_by_one = settings(max_retry_seconds="1", batch_wait_seconds="60", max_in_flight="1")
    _, log = shop.run(*PIPELINE, code=1, **one_by_one, MELTANO_CLI_LOG_LEVEL="info")
    assert "max_retry_seconds have passed" in log
    before = arrivals.new()

    changed = [
        Level(f"SKU-{n}", "wh_jakarta", stock) for n, stock in ((1, 0), (10_500, 1), (11_999, 2))
    ]
    table.put(12_001, *changed)
    sandbox.set_scenario({})
    shop.run(*PIPELINE, MELTANO_CLI_LOG_LEVEL="info")

    after = arrivals.new()
    bookmark = min(int(level.sku[4:]) for level in after if level not in changed)
    assert 1 < bookmark <= 10_000
    assert {f"SKU-{n}" for n in range(1, bookmark)} <= {level.sku for level in before}
    assert sorted(after) == sorted(table.since(bookmark))
    assert shown(sandbox) == table.since(0)


def test_a_stopped_run_is_taken_up(shop: Shop, table: Table, sandbox: Sandbox) -> None:
    """While it runs the job is refused; SIGTERM ends it with 143; the next run completes it."""
    table.fill(200)
    sandbox.set_scenario({"latency_ms": 300})
    process = shop.start(*PIPELINE, **settings(batch_size_rows="1", max_in_flight="1"))
    until = time.monotonic() + PATIENCE
    while not sandbox.health()["requests"] and time.monotonic() < until:
        time.sleep(0.05)

    _, refused = shop.run(*PIPELINE, code=1)
    process.send_signal(signal.SIGTERM)
    _, log = shop.end(process, 143)

    assert "already running" in refused
    assert "stopped by SIGTERM" in log
    assert 0 < len(shown(sandbox)) < 200
    sandbox.set_scenario({})
    shop.run(*PIPELINE)
    assert shown(sandbox) == table.since(0)


def test_the_documents_commands_run(shop: Shop, table: Table, sandbox: Sandbox) -> None:
    """The README's first, then those of the document on schedules, which begin at its STATE."""
    arrivals = Arrivals(sandbox)
    table.put(1, *FIRST)
    table.put(2, Level("GULA-1KG", "wh_jakarta", 7))
    readme, *_ = blocks(README, heading="Meltano")
    shop.paste(readme)
    assert sorted(arrivals.new()) == sorted(table.since(0))

    table.put(3, Level("KOPI-ARB-250", "wh_jakarta", 11))
    (crontab,) = blocks(SCHEDULING, "crontab", heading="Meltano")
    command = crontab.removeprefix("*/15 * * * * ")
    shop.cron(command.replace("/srv/stock", str(shop.project.folder)))
    (questions,) = blocks(SCHEDULING, heading="Meltano")
    told = shop.paste(questions).splitlines()

    assert any(line.startswith("stock-to-tocobagus: ") for line in told)
    assert any("job stock-every-15-minutes: stock-to-tocobagus" in line for line in told)
    assert json.loads(told[-1])["singer_state"]["tocobagus"]["accepted"] == len(table.since(2))
    assert sorted(arrivals.new()) == sorted(table.since(2))
    assert shown(sandbox) == table.since(0)


def test_two_stores_run_at_once(shop: Shop, table: Table, sandbox: Sandbox) -> None:
    """With the document's plugins for a second store, each keeps its own STATE."""
    table.put(1, *FIRST)
    other = {"client_id": "2000000000000000000009", "token": "stkn_MARKER-of-the-other"}
    sandbox.set_scenario({"stores": [other]})
    shop.secrets.append(other["token"])
    shop.env |= settings(
        "target-tocobagus--bandung", store_client_id=other["client_id"], store_token=other["token"]
    )
    with shop.project.with_more(*blocks(SCHEDULING, "yaml")):
        jobs = [shop.start("run", job) for job in ("stock-to-tocobagus", "stock-to-bandung")]
        for job in jobs:
            shop.end(job)
        states, _ = shop.run("state", "list")

    assert shown(sandbox) == shown(sandbox, other["client_id"]) == table.since(0)
    assert sorted(states.split()) == sorted(
        [STATE_ID, "prod:tap-postgres--bandung-to-target-tocobagus--bandung"]
    )


def test_parts_lookups_and_complete_lists_are_remembered(
    shop: Shop, database: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The second run has its mappings from the environment, as JSON, and they are the same."""
    database.execute(ADDED_UP)
    plugins = yaml.safe_load(PLUGINS)
    streams = plugins["plugins"]["loaders"][0]["config"]["streams"]
    for plugin in ("target-tocobagus--lots", "target-tocobagus--json"):
        shop.env |= settings(plugin, ledger=str(tmp_path / "ledger.db"))
    shop.env |= settings("target-tocobagus--json", streams=json.dumps(streams))
    with shop.project.with_more(PLUGINS):
        shop.run("run", "tap-postgres--lots", "target-tocobagus--lots")
        assert shown(sandbox) == {
            Level("KOPI-ARB-250", "wh_jakarta", 12),
            Level("TEH-100", "wh_jakarta", 3),
            Level("TEH-100", "wh_bandung", 4),
        }
        database.execute(CHANGED)
        shop.run("run", "tap-postgres--lots", "target-tocobagus--json")

    assert shown(sandbox) == {
        Level("KOPI-ARB-250", "wh_jakarta", 6),
        Level("TEH-100", "wh_jakarta", 3),
        Level("TEH-100", "wh_bandung", 0),
    }


def test_meltano_tells_the_settings_and_hides_the_secrets(shop: Shop, sandbox: Sandbox) -> None:
    """What it hands to the target can be looked at, and so can what the target is."""
    config = json.loads(shop.run("config", "print", "target-tocobagus")[0])
    about = json.loads(shop.run("invoke", "target-tocobagus", "--about", "--format=json")[0])

    assert config["api_url"] == sandbox.api_url
    assert config["batch_size_rows"] == 500
    assert config["streams"][0]["stream"] == "public-stock_levels"
    assert {name for name, value in config.items() if set(str(value)) == {"*"}} == {
        "partner_secret",
        "store_token",
    }
    assert about["name"] == "target-tocobagus"
    assert set(config) <= set(about["settings"]["properties"])


def test_the_operators_tool_is_at_hand_in_meltano(shop: Shop) -> None:
    """The README's commands run with Meltano's settings, and end with the tool's own exit codes."""
    _, commands, _ = blocks(README, heading="Meltano")
    check, mapped, ledger, history, stand_in = commands.splitlines()

    assert "All is well." in shop.paste(check)
    shop.run(*shlex.split(check)[1:], code=1, TARGET_TOCOBAGUS_ROUNDING="up")
    assert "warehouse_code" in shop.paste(mapped)
    for asked in (ledger, history):
        told, _ = shop.run(*shlex.split(asked)[1:], TARGET_TOCOBAGUS_LEDGER="ledger.db")
        assert told.startswith("There is no ledger yet (")
    others = ("--port=0", "--partner-secret=another", "--store-token=another")
    process = shop.start(*shlex.split(stand_in)[1:], *others)
    assert process.stdout
    assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
    process.terminate()
    shop.end(process)


def test_meltano_adds_the_loader_from_its_definition(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The README's commands put it into a project that is new, and install it from a clone."""
    _, _, add = blocks(README, heading="Meltano")
    clone = shop.project.folder
    project = tmp_path_factory.mktemp("empty") / "other"
    begun = f"cd {project.parent} && meltano init other && cd other\n"
    told = shop.paste(begun + add.replace("clone=/srv/target-tocobagus", f"clone={clone}"))

    assert told.splitlines()[-1].startswith("target-tocobagus v")
    (loader,) = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))["plugins"]["loaders"]
    definition = yaml.safe_load(DEFINITION.read_text("utf-8"))
    assert loader["pip_url"] == f"{clone}[sandbox]"
    for name in ("namespace", "executable", "capabilities", "commands", "settings"):
        assert loader[name] == definition[name]
