"""STATE: which of the tap's values come out, when, and what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.command import record, schema, state, stock_of

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox


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
    """An empty STATE is not passed on, and does not take back the STATE before it."""
    ended = command.run([schema(), record("A", 1), *lines]).without_traceback(0)
    assert ended.stdout == []
    assert command.run([schema(), record("A", 1), state(1), *lines]).numbers == [1]


@pytest.mark.parametrize(
    "value",
    [
        b'{"bookmarks": "\xff"}',
        b'{"bookmarks": "\\ud800"}',
        b'{"\\ud800": "bookmarks"}',
    ],
    ids=["no UTF-8", "a lone surrogate", "a key that is one"],
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
