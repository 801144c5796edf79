"""Refusals of rows, of requests, of a catalogue: what is sent all the same, and how it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import Command, encode, record, schema, state, stock_of
from tests.local_sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox

LISTED = [f"ADA-{n:03}" for n in range(0, 330, 11)]
CATALOGUE = [f"ADA-{n:03}" if n % 11 == 0 else f"MATI-{n:03}" for n in range(330)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Command, Sandbox]]:
    """A shop that lists a few articles of many, and the command for it."""
    with running(catalogue={"sku": LISTED}) as sandbox:
        runner = Command(tmp_path, {"api_url": sandbox.api_url, **sandbox.credentials})
        yield runner, sandbox
        runner.close()


def test_unlisted_items_can_be_skipped(shop: tuple[Command, Sandbox]) -> None:
    """They are counted as skipped, beside those that are accepted, and no line names them."""
    command, sandbox = shop
    lines = [schema(), *(record(sku, 5) for sku in CATALOGUE), state(1)]
    ended = command.run(
        lines, unlisted_items="skip", max_rejected_rows=0, max_rejected_percent=0
    ).without_traceback(0)
    assert (ended.sums.accepted, ended.sums.skipped, ended.sums.rejected) == (30, 300, 0)
    assert len(stock_of(sandbox)) == 30
    assert "skipped: 300 of items that the store does not list" in ended.stderr
    assert "lists none" not in ended.stderr
    assert "Rejected" not in ended.stderr
    assert "WARNING" not in ended.stderr


def test_a_run_in_which_no_item_is_listed_ends_well_with_a_warning(
    shop: tuple[Command, Sandbox],
) -> None:
    """With `skip` nothing is wrong if only such articles changed: the STATE goes out."""
    command, _ = shop
    lines = [schema(), *(record(f"ERP-{n:03}", 1) for n in range(120)), state(1)]
    ended = command.run(lines, unlisted_items="skip").without_traceback(0)
    assert (ended.sums.skipped, ended.numbers) == (120, [1])
    assert "The store lists none of the items that were sent: 120 updates" in ended.stderr


def test_a_hundred_unlisted_items_and_none_accepted_fail_the_run_after_all_were_tried(
    shop: tuple[Command, Sandbox],
) -> None:
    """By default the run exits with 1 and emits no STATE: it may be the wrong store."""
    command, _ = shop
    talk = command.talk(batch_size_rows=10)
    lines = [line for n in range(150) for line in (record(f"ERP-{n:03}", 1), state(n))]
    talk.say(schema(), *lines)
    ended = talk.end().without_traceback(1)
    assert "150 rows were rejected and none accepted (INV_001 150)" in ended.stderr
    assert (ended.sums.rejected, ended.stdout) == (150, [])


def test_a_share_of_rejections_fails_the_run_after_all_was_sent(
    command: Command, sandbox: Sandbox
) -> None:
    """Above `max_rejected_percent` no STATE goes out, and below it again the newest does."""
    bad = [record(f"X{n}", "?") for n in range(60)]
    good = [record(f"S{n}", 1) for n in range(100)]
    lines = [schema(), *good, *bad, state(1)]
    ended = command.run(lines, max_rejected_percent=37).without_traceback(1)
    assert "60 rows of 160 were rejected, more than max_rejected_percent allows" in ended.stderr
    assert (ended.stdout, len(stock_of(sandbox))) == ([], 100)
    assert command.run(lines, max_rejected_percent=38).without_traceback(0).numbers == [1]
    few = [schema(), *bad, *good[:39], state(1)]
    assert command.run(few, max_rejected_percent=0).without_traceback(0).numbers == [1]


def test_a_share_of_rejections_that_falls_again_lets_state_out(
    command: Command, sandbox: Sandbox
) -> None:
    """What no STATE was to cover is covered once enough has been accepted."""
    talk = command.talk(max_rejected_percent=50, batch_wait_seconds=1, batch_size_rows=50)
    talk.say(schema(), record("A", 1), *(record(f"X{n}", "?") for n in range(110)), state(1))
    talk.until_logged("Batch ")
    time.sleep(0.5)  # in which a STATE that covers them could go out
    assert talk.has_said_nothing()
    talk.say(*(record(f"S{n}", 1) for n in range(150)))
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    ended = talk.end().without_traceback(0)
    assert len(stock_of(sandbox)) == 151
    assert ended.numbers[-1] == 1


def test_the_first_error_is_told_and_not_the_share_of_rejections(command: Command) -> None:
    """A run that was stopped says by what, however many rows it had rejected."""
    rows = encode([schema(), *(record(f"X{n}", "?") for n in range(150))])
    command.api["api_url"] = "http://127.0.0.1:1/api/v1"
    data = rows + encode([record("A", 1), state(1)])
    ended = command.run(data, max_retry_seconds=1, max_rejected_percent=1).without_traceback(1)
    assert "max_retry_seconds have passed" in ended.stderr.splitlines()[-1]
    assert ended.stdout == []
