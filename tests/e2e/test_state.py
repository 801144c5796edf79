"""STATE: which of the tap's values come out, when, and what they say."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import eventually, level, record, schema, state, stock_of

if TYPE_CHECKING:
    from target_tocobagus.sandbox.testing import Sandbox
    from tests.e2e.command import Command


def test_a_state_comes_out_as_the_tap_gave_it_with_one_key_more(
    command: Command, sandbox: Sandbox
) -> None:
    """Numbers, order and what stands beside `bookmarks` stay; the key says what was done."""
    value = (
        '{"bookmarks": {"z": {"n": 1.10, "big": 12345678901234567890}, "a": [1, "咖"]},'
        ' "currently_syncing": "stock", "x": null}'
    )
    line = f'{{"type": "STATE", "value": {value}}}'
    ended = command.run([schema(), record("A", 1), line])
    (line,) = ended.without_traceback(0).stdout
    for part in ('"n": 1.10', "12345678901234567890", "咖", '"currently_syncing":"stock"'):
        assert part in line
    got = json.loads(line)
    own = got.pop("tocobagus")
    assert got == json.loads(value)
    assert list(got) == list(json.loads(value))
    (batch,) = sandbox.batches()
    assert own == {"batchIds": [batch["batchId"]], "batches": 1, "accepted": 1, "rejected": 0}


def test_a_stale_key_of_ours_is_replaced_and_never_sent_back_alone(command: Command) -> None:
    """An earlier run's `tocobagus` in the tap's STATE tells nothing of this run."""
    old = {"batchIds": ["old"], "batches": 7, "accepted": 7, "rejected": 7, "more": 1}
    ended = command.run([schema(), record("A", 1), state(1, tocobagus=old)])
    (value,) = ended.without_traceback(0).states
    assert value["tocobagus"]["batches"] == 1
    assert "old" not in ended.stdout[0]
    assert "more" not in value["tocobagus"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"type": "STATE", "value": {}}],
        [{"type": "STATE", "value": None}],
        [{"type": "STATE", "value": {"tocobagus": {"batches": 1}}}],
        [{"type": "STATE", "value": ["no", "object"]}],
        ['{"type": "STATE", "value": "text"}'],
    ],
    ids=["none", "empty", "null", "only ours", "a list", "a text"],
)
def test_no_state_comes_out_where_the_tap_gave_none(lines: list[Any], command: Command) -> None:
    """An empty STATE would wipe the tap's bookmarks, so it is not passed on."""
    ended = command.run([schema(), record("A", 1), *lines]).without_traceback(0)
    assert ended.stdout == []
    assert ended.sums.accepted == 1


@pytest.mark.parametrize(
    "value",
    [
        b'{"bookmarks": "\xff"}',
        b'{"bookmarks": "\\ud800"}',
        b'{"\\ud800": "bookmarks"}',
        b'{"bookmarks": NaN}',
        '{"bookmarks": "咖啡"}'.encode(),
    ],
    ids=["no UTF-8", "a lone surrogate", "a key that is one", "NaN", "UTF-8"],
)
def test_a_state_that_is_hard_to_write_comes_out_all_the_same(
    value: bytes, command: Command
) -> None:
    """What a lenient reader of JSON can read is passed on, whatever the environment's encoding."""
    lines: list[Any] = [schema(), record("A", 1), b'{"type": "STATE", "value": %b}' % value]
    ended = command.run(lines, env={"PYTHONIOENCODING": "ascii:strict"}).without_traceback(0)
    assert "bookmarks" in ended.stdout[0]
    assert ended.states[0]["tocobagus"]["accepted"] == 1


def test_states_before_any_schema_and_equal_ones_pass(command: Command) -> None:
    """A tap may begin with STATE, and repeat it; the last one goes out once."""
    lines = [state(1), state(1), schema(), record("A", 1), state(2), state(2)]
    ended = command.run(lines).without_traceback(0)
    assert ended.numbers in ([1, 2], [2])


def test_a_state_waits_until_its_rows_are_answered(command: Command, sandbox: Sandbox) -> None:
    """STATE never runs ahead: with a slow API it comes when the answer has come."""
    sandbox.set_scenario({"latency_ms": 1200})
    talk = command.talk(batch_wait_seconds=1)
    talk.say(schema(), record("A", 1), state(1))
    eventually(lambda: sandbox.health()["inFlight"])
    assert talk.has_said_nothing()
    assert talk.next_state()["tocobagus"]["accepted"] == 1
    (request,) = sandbox.requests()
    assert request["answeredMs"] is not None
    assert request["answeredMs"] <= time.time() * 1000
    assert talk.end().without_traceback(0).numbers == [1]


def test_a_state_goes_out_while_the_tap_is_silent(command: Command, sandbox: Sandbox) -> None:
    """A batch that is due is sent, and its STATE emitted, though stdin says nothing more."""
    talk = command.talk(batch_wait_seconds=1)
    talk.say(schema(), record("A", 1), state(1))
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    # Within the same second there is a newer one: a timer emits it, not a line of input.
    talk.say(record("A", 2), state(2), "")
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 2
    assert stock_of(sandbox) == {"A": {None: 2}}
    assert talk.end().without_traceback(0).numbers == [1, 2]


def test_half_a_line_holds_nothing_up(command: Command) -> None:
    """What came before a line that is only half written is sent and acknowledged."""
    talk = command.talk(batch_wait_seconds=1)
    talk.say(schema(), record("A", 1), state(1))
    talk.say_bytes(b'{"type": "RECORD", "stream": "sto')
    assert talk.next_state()["bookmarks"]["stock"]["n"] == 1
    talk.say_bytes(b'ck", "record": {"sku": "A", "qty": 2}}\n')
    assert talk.end().without_traceback(0).sums.accepted == 2


def test_states_come_at_most_about_once_a_second_and_the_newest_counts(command: Command) -> None:
    """Of the STATEs that become safe within a second one goes out; the last always does."""
    talk = command.talk(batch_size_rows=1)
    talk.say(schema(), record("S0", 0), state(0))
    assert talk.next_state()["bookmarks"]  # it lives, and its second begins
    began = time.monotonic()
    for number in range(1, 241):
        talk.say(record(f"S{number % 7}", number), state(number))
        time.sleep(0.01)
    ended = talk.end().without_traceback(0)
    seconds = time.monotonic() - began
    assert ended.numbers == sorted(set(ended.numbers))
    assert ended.numbers[-1] == 240
    assert 2 <= len(ended.numbers) <= seconds + 2


def test_thousands_of_waiting_states_are_thinned_and_the_last_goes_out(
    command: Command, sandbox: Sandbox
) -> None:
    """STATEs that wait for one slow row take bounded room, and the newest is never lost."""
    sandbox.set_scenario({"rules": [{"when": {"requests": 1}, "fault": {"latency_ms": 800}}]})
    lines = [schema(), record("SLOW", 1)]
    for number in range(1, 5001):
        lines += [record("FAST", number), state(number)]
    ended = command.run(lines, batch_size_rows=1).without_traceback(0)
    assert ended.numbers[-1] == 5000
    assert stock_of(sandbox) == {"SLOW": {None: 1}, "FAST": {None: 5000}}


def test_a_state_never_covers_a_row_that_a_slower_request_holds(
    command: Command, sandbox: Sandbox
) -> None:
    """Requests that overtake each other do not make STATE run ahead."""
    slow = {"when": {"identifiers": ["SLOW"]}, "fault": {"latency_ms": 1500}}
    sandbox.set_scenario({"rules": [slow]})
    talk = command.talk(batch_size_rows=1, batch_wait_seconds=1)
    talk.say(schema(), record("SLOW", 1), state(1), record("FAST", 1), state(2), "")
    eventually(lambda: stock_of(sandbox).get("FAST") == {None: 1})
    talk.say(record("FAST", 2), state(3), "")
    eventually(lambda: stock_of(sandbox).get("FAST") == {None: 2})
    assert talk.has_said_nothing()
    assert talk.next_state()["bookmarks"]["stock"]["n"] >= 2
    assert talk.end().without_traceback(0).numbers[-1] == 3


def test_the_batch_ids_are_the_last_hundred_and_the_count_is_of_all(
    command: Command, sandbox: Sandbox
) -> None:
    """The key beside the bookmarks stays small, however long the run."""
    lines = [schema("levels"), *(level(f"S{n}", "W", n) for n in range(120)), state(1)]
    ended = command.run(lines, batch_size_rows=1, max_in_flight=1).without_traceback(0)
    own = ended.states[-1]["tocobagus"]
    sent = [batch["batchId"] for batch in sandbox.batches()]
    assert (own["batches"], len(sent)) == (120, 120)
    assert own["batchIds"] == sent[-100:]
