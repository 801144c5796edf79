"""When records were extracted: noted for the first of each second."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.singer.extracted_times import note_times

BEGAN = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
BEGAN_MS = round(BEGAN.timestamp() * 1000)
STATE = b'{"type": "STATE", "value": {}}'
TORN = b'{"type": "REC'


def record(milliseconds: int | None = None, **more: object) -> bytes:
    """Write a RECORD message that was extracted so long after the beginning."""
    message: dict[str, object] = {"record": {"type": "x"}, **more, "type": "RECORD"}
    if milliseconds is not None:
        message["time_extracted"] = (BEGAN + timedelta(milliseconds=milliseconds)).isoformat()
    return json.dumps(message).encode()


def noted(*lines: bytes, position: int = 0) -> list[tuple[int, int | None]]:
    """Note the times of lines, as milliseconds after the beginning."""
    found: list[tuple[int, int | None]] = []

    def note(number: int, at_ms: int | None) -> None:
        found.append((number, None if at_ms is None else at_ms - BEGAN_MS))

    note_times(lines, position, note)
    return found


def test_lines_of_one_second_are_noted_once() -> None:
    """The first record's time holds for all."""
    assert noted(STATE, record(100), record(500), record(900), STATE) == [(1, 100)]
    assert noted(record(0), position=7) == [(8, 0)]


def test_other_lines_are_noted_one_by_one() -> None:
    """Each record has its number, whatever lines are between."""
    found = noted(record(0), STATE, TORN, record(2000), record(9000), position=3)
    assert found == [(4, 0), (5, 2000), (6, 9000)]


def test_records_without_a_time_are_noted_as_such() -> None:
    """Also where some have one, where it is no time, or null."""
    assert noted(record(), record()) == [(1, None)]
    assert noted(record(), record(7)) == [(1, None), (2, 7)]
    assert noted(record(time_extracted=17), record(time_extracted=None)) == [(1, None)]
    assert noted(record(time_extracted="yesterday")) == [(1, None)]


def test_lines_without_a_record_say_nothing() -> None:
    """Nothing is noted."""
    assert noted(STATE, TORN, b"", b"[1]") == []
    assert noted() == []


def test_midnight_is_a_time() -> None:
    """A record that was extracted at midnight has a time."""
    line = b'{"type": "RECORD", "record": {}, "time_extracted": "2026-11-26T00:00:00Z"}'
    assert noted(line) == [(1, -43_200_000)]


@given(st.lists(st.integers(0, 100_000), max_size=20).map(sorted))
def test_each_record_has_the_time_of_its_second(times: list[int]) -> None:
    """For times that rise, the last note at or before a record is less than a second off."""
    notes = noted(*[record(each) for each in times])
    for number, each in enumerate(times, 1):
        at = [said for place, said in notes if place <= number][-1]
        assert at is not None
        assert abs(each - at) < 1000
