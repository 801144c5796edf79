"""docs/operations.md is complete and true: messages, codes, exits, the summary, its commands."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest

import target_tocobagus
from target_tocobagus.core import errors
from target_tocobagus.mapping import RECORD_ERRORS
from target_tocobagus.report.advice import ADVICE
from target_tocobagus.report.totals import Totals, summary_fields, summary_text
from tests.docs.documents import ROOT, Reader, blocks, failure_codes
from tests.docs.messages import codes, spans
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local_sandbox import Sandbox

OPERATIONS: Final = ROOT / "docs" / "operations.md"
TEXT: Final = OPERATIONS.read_text("utf-8")
PACKAGE: Final = Path(target_tocobagus.__file__).parent
RECORDED: Final = ROOT / "tests" / "data" / "streams" / "tap-csv-long+wide.singer"


def table(heading: str) -> list[list[str]]:
    """Give the cells of the rows below a heading, without the row that names the columns."""
    part = TEXT.partition(f" {heading}\n")[2]
    rows = re.split(r"^#+ ", part, maxsplit=1, flags=re.MULTILINE)[0]
    found = [line.strip("|").split("|") for line in rows.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in found if "---" not in row[0]][1:]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The API's stand-in, of a shop that lacks a product."""
    known = {"sku": ["KOPI-ARB-250", "BERAS-5KG", "00123", "GULA-1KG"]}
    with running(catalogue=known) as handle:
        yield handle


@pytest.fixture
def reader(tmp_path: Path, sandbox: Sandbox) -> Reader:
    """A reader with a configuration and a recorded stream, who keeps rejected rows."""
    reader = Reader(tmp_path / "clone", sandbox)
    config = json.loads((reader.clone / "examples" / "long.json").read_text("utf-8"))
    write(reader, "target.json", {**config, "rejects_path": "rejects.singer"})
    (reader.clone / "stock.singer").write_bytes(RECORDED.read_bytes())
    return reader


def write(reader: Reader, name: str, value: Any) -> None:
    """Write a file of JSON into the clone."""
    (reader.clone / name).write_text(json.dumps(value), "utf-8")


def test_every_code_of_a_rejection_is_explained() -> None:
    """The mapping's in the order of its own list, and what the API's answers lead to."""
    found = codes(PACKAGE)
    explained = [span for row in table("Codes") for span in spans(row[0])]

    assert found >= {*RECORD_ERRORS, "STREAM_MAP", "REFUSED", "HTTP_", "UNACCOUNTED"}
    assert found - {code.rstrip("…") for code in explained} == set()
    assert explained[: len(RECORD_ERRORS)] == list(RECORD_ERRORS)
    assert {code.rstrip("…") for code in explained} - found == {"INV_001", "INV_002"}
    assert all(meaning and todo for _, meaning, todo in table("Codes"))


def test_the_advice_of_a_command_is_the_documents() -> None:
    """`tocobagus rejects` and `explain` say what the table says, in its words."""
    todo = {row[0].replace("`", ""): row[2].replace("`", "") for row in table("Codes")}
    assert [code for code in ADVICE if not todo[code].startswith(ADVICE[code])] == []


def test_every_exit_code_is_explained() -> None:
    """Success, each error's, a wrong command line's, and those of the three signals."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    signals = {errors.Stopped(number).exit_code for number in numbers}

    assert {int(row[0]) for row in table("Exit codes")} == {
        *(0, click.UsageError.exit_code),
        *failure_codes(),
        *signals,
    }


def test_every_field_of_the_summary_is_explained() -> None:
    """In their order, those of a ledger and a dry run too; the example is what is written."""
    explained = [span for row in table("The summary") for span in spans(row[0])]
    (shown,) = blocks(OPERATIONS, "text summary")
    fields = json.loads(*blocks(OPERATIONS, "json summary"))
    totals = Totals()
    totals.remembers, totals.again = True, Totals()
    totals.freshness.ages.add(1)
    totals.latency.add(1)
    keys = [
        list(summary_fields(totals, unsettled=0, seconds=1, dry_run=dry)) for dry in (False, True)
    ]

    dry_alone = {"mapped", "would_send_batches", "would_send_bytes"}
    remembered = {"unchanged", "stale", "held", "again"}
    assert [name for name in explained if name not in dry_alone] == keys[0]
    assert [name for name in keys[0] if name not in remembered] == list(fields)
    sent_alone = {"accepted", "freshness", "latency"}
    assert [name for name in explained if name not in sent_alone] == keys[1]
    assert summary_text(fields) + "\n" == shown


def test_the_commands_of_the_document_run(reader: Reader, sandbox: Sandbox) -> None:
    """A check, a run whose log is JSON, its batch, and the rejected rows piped back."""
    check, run, follow, again = blocks(OPERATIONS)
    checked = reader.paste(check)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert sandbox.batches() == []

    logged = reader.paste(run)
    assert logged.returncode == 0, logged.stderr
    line = json.loads(logged.stdout)
    assert line["message"].startswith("Summary")
    fields = line["extra"]["summary"]
    assert fields.keys() == json.loads(*blocks(OPERATIONS, "json summary")).keys()

    followed = reader.paste(follow).stdout.splitlines()
    (batch,) = sandbox.batches()
    assert json.loads(followed[0])["tocobagus"]["batchIds"] == [batch["batchId"]]
    assert followed[1:] == [f"Batch {batch['batchId']}"]

    own = [json.loads(row).get("tocobagus") for row in lines(reader, "rejects.singer")]
    (refused,) = (row for row in own if row and row["code"] == "INV_001")
    example = json.loads(*blocks(OPERATIONS, "json reject"))
    assert refused.keys() == example.keys()
    assert {**example, **{key: refused[key] for key in ("batchId", "requestId", "at")}} == refused

    replayed = reader.paste(again)
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout == ""
    assert len(lines(reader, "rejects.singer")) == len(lines(reader, "again.singer"))


def lines(reader: Reader, name: str) -> list[str]:
    """Read the lines of a file in the clone."""
    return (reader.clone / name).read_text("utf-8").splitlines()


def test_a_dry_run_writes_down_what_it_rejects(reader: Reader, sandbox: Sandbox) -> None:
    """It writes its rejected rows to `rejects_path`, though it sends nothing."""
    config = json.loads((reader.clone / "target.json").read_text("utf-8"))
    write(reader, "target.json", {**config, "dry_run": True})
    done = reader.paste(".venv/bin/target-tocobagus --config target.json < stock.singer")

    assert (done.returncode, done.stdout, sandbox.requests()) == (0, "", [])
    assert [json.loads(row)["type"] for row in lines(reader, "rejects.singer")] == [
        "SCHEMA",
        *["RECORD"] * 3,
    ]


def test_a_row_that_is_piped_back_holds_the_value_of_its_time(
    reader: Reader, sandbox: Sandbox
) -> None:
    """So the document advises to do it before the tap's next run."""
    config = json.loads((reader.clone / "target.json").read_text("utf-8"))
    unmapped = {**config, "warehouse_map": config["warehouse_map"][1:]}
    schema, older, *_ = RECORDED.read_text("utf-8").splitlines()
    target = ".venv/bin/target-tocobagus --config target.json"
    write(reader, "target.json", unmapped)
    (reader.clone / "older").write_text(f"{schema}\n{older}\n", "utf-8")
    assert reader.paste(f"{target} < older").returncode == 0
    assert sandbox.stock() == {}

    write(reader, "target.json", config)
    newer = older.replace('"qty":"12"', '"qty":"30"')
    (reader.clone / "newer").write_text(f"{schema}\n{newer}\n", "utf-8")
    assert reader.paste(f"{target} < newer").returncode == 0
    assert sandbox.stock() == {("sku", "KOPI-ARB-250"): {"wh_jakarta": 30}}

    (again,) = (block for block in blocks(OPERATIONS) if block.startswith("mv "))
    assert reader.paste(again).returncode == 0
    assert sandbox.stock() == {("sku", "KOPI-ARB-250"): {"wh_jakarta": 12}}
