"""Which STATE goes out, and that it goes out as the tap gave it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_tocobagus.state.checkpoints import OWN_KEY, Checkpoints, Value, read_value, write_value

OWN = {"batchIds": ["b"], "batches": 1, "accepted": 2, "rejected": 0}
WRITTEN = b'"tocobagus":{"batchIds":["b"],"batches":1,"accepted":2,"rejected":0}'


def message(value: bytes) -> bytes:
    """Make a STATE message."""
    return b'{"type":"STATE","value":' + value + b"}"


def passed_on(value: bytes) -> bytes:
    """Read a value and write it, as a run does."""
    found = read_value(message(value))
    assert found is not None
    return write_value(found, OWN)


def numbered(number: int) -> Value:
    """Make a value that can be told from others."""
    return {"n": msgspec.Raw(b"%d" % number)}


class TestBytes:
    """The tap's value is untouched, byte for byte."""

    @pytest.mark.parametrize(
        "part",
        [
            b"12.000",
            b"1e400",
            b"-0.0",
            b"123456789012345678901234567890.10",
            b"9" * 5000,
            b'"\\u00e9\\/\\ud83d\\ude00"',
            '"é赤"'.encode(),
            b'"\\ud800"',
            b"[ 1 , 2 ]",
            b'{"x":1,"x":2, "y" : {}}',
            b"null",
            b"true",
            b'""',
        ],
    )
    @pytest.mark.parametrize("beside", [b"1", b"NaN", b"[Infinity, -Infinity]", b'"\xff"'])
    def test_what_stands_under_a_key_stays_as_it_came(self, part: bytes, beside: bytes) -> None:
        """Numbers, escapes and spaces stay, whatever is beside them; only invalid UTF-8 changes."""
        value = b'{"a":' + part + b', "bookmarks" : ' + beside + b"}"
        after = beside.replace(b"\xff", b"\\udcff")
        assert (
            passed_on(value) == b'{"a":' + part + b',"bookmarks":' + after + b"," + WRITTEN + b"}"
        )

    def test_an_older_key_of_ours_is_replaced(self) -> None:
        """What an earlier run of ours put there is not passed on, nor added to."""
        old = b'{"tocobagus":{"batchIds":["old"],"accepted":99},"bookmarks":{"s":1}}'
        assert passed_on(old) == b'{"bookmarks":{"s":1},' + WRITTEN + b"}"

    @pytest.mark.parametrize("key", ["é", "\\", '"', "\ud800", "a\tb", ""])
    def test_any_key_stays_the_same_key(self, key: str) -> None:
        """A key is the same text afterwards, and the line can be written to any stdout."""
        line = passed_on(json.dumps({key: 1}).encode())
        assert json.loads(line.decode("utf-8")) == {key: 1, OWN_KEY: OWN}

    def test_a_value_is_one_line(self) -> None:
        """Spaces of the tap never break the line in two."""
        assert b"\n" not in passed_on(b'{ "a" : [1 ,\t2] , "b":NaN }')

    @pytest.mark.parametrize("beside", ["", ',"more":NaN', ',"value2":{"value":1}'])
    def test_other_keys_of_the_message_do_not_matter(self, beside: str) -> None:
        """A STATE message may hold anything beside its value."""
        line = ('{"value":{"a":1.50},"type":"STATE"' + beside + "}").encode()
        assert read_value(line) == {"a": msgspec.Raw(b"1.50")}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), JSON_VALUES, min_size=1, max_size=4), st.booleans())
@example({"a": float("nan"), "": {"": [float("inf")]}}, False)  # noqa: FBT003  # hypothesis passes them by position
def test_any_value_comes_out_with_one_key_more(value: dict[str, Any], spaced: Any) -> None:
    """Whatever the tap's value, what goes out is that value and our key."""
    separators = (" , ", " : ") if spaced else (",", ":")
    found = read_value(message(json.dumps(value, separators=separators).encode()))
    rest = {key: part for key, part in value.items() if key != OWN_KEY}
    if not rest:
        assert found is None
        return
    assert found is not None
    written = json.loads(write_value(found, OWN))
    assert json.dumps(written) == json.dumps({**rest, OWN_KEY: OWN})


@pytest.mark.parametrize(
    "value", [b"{}", b"null", b"{ }", b'{"tocobagus":{}}', b'{"tocobagus":{"batchIds":[NaN]}}']
)
def test_an_empty_state_is_none(value: bytes) -> None:
    """An empty STATE, also once our key is taken off, would wipe the bookmarks: it is none."""
    assert read_value(message(value)) is None


@pytest.mark.parametrize(
    "line",
    [
        message(b"[]"),
        message(b"[NaN]"),
        message(b'"x"'),
        message(b"7"),
        message(b"true"),
        message(b'{"a":'),
        message(b'{"a":01}'),
        message(b'{"a":1}}'),
        b"",
        message(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    ],
)
def test_a_state_that_is_no_object_is_named(line: bytes) -> None:
    """A value that is not an object, or not JSON, is a ValueError and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011  # whichever: target.py shows its text
        read_value(line)


class TestSafety:
    """A STATE is safe once every record before it has its outcome."""

    @pytest.mark.parametrize(
        ("lowest", "newest", "left"),
        [
            (None, 30, 0),
            (31, 30, 0),
            (30, 20, 1),
            (21, 20, 1),
            (20, 10, 2),
            (11, 10, 2),
            (10, None, 3),
        ],
    )
    def test_only_the_newest_safe_one(
        self, lowest: int | None, newest: int | None, left: int
    ) -> None:
        """Of those that lie before the lowest unsettled position, only the newest is taken."""
        checkpoints = Checkpoints()
        for position in (10, 20, 30):
            checkpoints.add(position, numbered(position))
        found = checkpoints.take_safe(lowest)
        assert found == (None if newest is None else numbered(newest))
        assert len(checkpoints) == left
        assert checkpoints.take_safe(lowest) is None

    def test_before_the_first_record(self) -> None:
        """A STATE before any record covers nothing and is safe at once."""
        checkpoints = Checkpoints()
        checkpoints.add(0, numbered(0))
        assert checkpoints.take_safe(1) == numbered(0)

    def test_the_later_of_two_at_one_position_counts(self) -> None:
        """Two STATEs without a record between them: the later one is the newer one."""
        checkpoints = Checkpoints()
        checkpoints.add(5, numbered(1))
        checkpoints.add(5, numbered(2))
        assert len(checkpoints) == 1
        assert checkpoints.take_safe(None) == numbered(2)

    @pytest.mark.parametrize("count", [999, 1000, 1001, 1002, 1500, 1501, 1502, 10_000])
    def test_thinning_keeps_the_newest_and_bounds_the_rest(self, count: int) -> None:
        """However many wait, the newest is never forgotten and their number is bounded."""
        checkpoints = Checkpoints()
        for position in range(1, count + 1):
            checkpoints.add(position, numbered(position))
            assert len(checkpoints) <= 1000
        assert checkpoints.take_safe(None) == numbered(count)

    @pytest.mark.parametrize(("megabytes", "count"), [(1, 100), (20, 5), (40, 3)])
    def test_thinning_bounds_the_bytes_too(self, megabytes: int, count: int) -> None:
        """Large ones take 32 MiB together, or the newest alone what it takes."""
        checkpoints = Checkpoints()
        large = msgspec.Raw(b'"%b"' % (b"x" * (megabytes << 20)))
        for position in range(1, count + 1):
            checkpoints.add(position, {**numbered(position), "large": large})
            assert len(checkpoints) <= max(1, 32 // megabytes)
        newest = checkpoints.take_safe(None)
        assert newest is not None
        assert newest["n"] == numbered(count)["n"]
        checkpoints.add(count + 1, numbered(count + 1))
        checkpoints.add(count + 2, numbered(count + 2))
        assert len(checkpoints) == 2, "what went out is not counted any more"

    def test_many_small_keys_count_as_what_they_take(self) -> None:
        """A STATE of many short entries takes several times its text, and so fewer may wait."""
        checkpoints = Checkpoints()
        value = {f"stream-{number}": msgspec.Raw(b"1") for number in range(20_000)}
        for position in range(1, 31):
            checkpoints.add(position, dict(value))
        assert len(checkpoints) <= 8

    def test_thinned_ones_still_lie_in_reach(self) -> None:
        """After thinning, a safe STATE is still found for every position, if an older one."""
        checkpoints = Checkpoints()
        for position in range(1, 3001):
            checkpoints.add(position, numbered(position))
        lowests = range(101, 3002, 100)
        taken = [checkpoints.take_safe(lowest) for lowest in lowests]
        found = [int(bytes(each["n"])) for each in taken if each is not None]
        assert len(found) == len(lowests)
        gaps = [lowest - number for lowest, number in zip(lowests, found, strict=True)]
        assert all(0 < gap <= 16 for gap in gaps)
        assert found[-1] == 3000


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 60)), min_size=1, max_size=40)
)
def test_no_state_ahead_of_its_records(steps: list[tuple[int, int | None]]) -> None:
    """Whatever comes and settles when, a STATE goes out only if all before it is settled."""
    checkpoints, position, last = Checkpoints(), 0, -1
    for ahead, lowest in steps:
        position += ahead
        checkpoints.add(position, numbered(position))
        found = checkpoints.take_safe(lowest)
        if found is not None:
            number = int(bytes(found["n"]))
            assert lowest is None or number < lowest
            assert number >= last
            last = number
    final = checkpoints.take_safe(None)
    assert last == position if final is None else int(bytes(final["n"])) == position
