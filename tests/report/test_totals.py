"""The summary of a run: the equation, and what it took."""

from __future__ import annotations

from typing import Any

import pytest

from target_tocobagus.report.totals import Totals, summary_fields, summary_text


def totals(**sums: Any) -> Totals:
    """Make a totals of sums."""
    made = Totals()
    for name, value in sums.items():
        setattr(made, name, value)
    return made


def fields(*, unsettled: int = 1, seconds: float = 4.0, dry_run: bool = False) -> dict[str, Any]:
    """Gather the sums of a run."""
    made = totals(
        records=10,
        updates=15,
        accepted=5,
        superseded=4,
        skipped=3,
        rejected=2,
        requests=7,
        retries=3,
        batches=2,
        sent_bytes=999,
        waited_for_tap=1.25,
        waited_for_api=0.5,
    )
    made.codes.update({"INV_001": 2})
    return summary_fields(made, unsettled=unsettled, seconds=seconds, dry_run=dry_run)


def test_the_equation_closes() -> None:
    """The outcomes that are shown add up to the updates that are shown."""
    found = fields()
    names = ("accepted", "superseded", "skipped", "rejected", "unsettled")
    assert found["updates"] == sum(found[name] for name in names)
    line = summary_text(found).splitlines()[1]
    assert line == (
        "  15 updates = 5 accepted + 4 superseded + 3 skipped + 2 rejected + 1 unsettled"
    )


def test_a_dry_run_maps_and_accepts_nothing() -> None:
    """A dry run counts `mapped` in place of `accepted`."""
    found = fields(dry_run=True)
    assert found["mapped"] == 5
    assert "accepted" not in found
    assert "5 mapped" in summary_text(found)


def test_what_it_took() -> None:
    """Requests, retries, batches, bytes and the rate are told."""
    found = fields()
    assert found["rows_per_second"] == 2
    text = summary_text(found)
    assert "10 records in 4.0 s, 2 a second" in text
    assert "waited 1.2 s for the tap, 0.5 s for the API" in text
    assert "7 requests (3 retries), 2 batches, 999 bytes" in text
    assert "rejected: INV_001 2" in text


def test_a_dry_run_says_what_would_be_sent() -> None:
    """Neither the text nor the fields say that something was sent."""
    found = fields(dry_run=True)
    assert [found[key] for key in ("requests", "retries", "batches", "sent_bytes")] == [0] * 4
    assert (found["would_send_batches"], found["would_send_bytes"]) == (2, 999)
    text = summary_text(found)
    assert "  a dry run: nothing was sent; 2 batches of 999 bytes would be" in text
    assert "request" not in text


def test_one_of_a_thing_is_told_in_the_singular() -> None:
    """Everything that is counted has its plural only where there are several."""
    ones = {key: 1 for key, value in fields().items() if isinstance(value, (int, float))}
    text = summary_text({**ones, "rejected_by_code": {}})
    for line in ("1 update = ", "1 record in ", "1 request (1 retry), 1 batch, 1 byte"):
        assert line in text
    assert "1 quantity below 0 was sent as 0" in text


def test_a_run_that_took_no_time() -> None:
    """A run of zero seconds has a rate of 0."""
    assert fields(seconds=0.0)["rows_per_second"] == 0


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("cut", "quantities with a fraction, rounded down"),
        ("clamped", "quantities below 0 were sent as 0"),
    ],
)
@pytest.mark.parametrize("count", [0, 3])
def test_a_changed_quantity_is_told_if_there_is_any(field: str, line: str, count: int) -> None:
    """Without one, or without a rejection, its line is not there."""
    text = summary_text({**fields(), field: count, "rejected_by_code": {}})
    assert (f"{count} {line}" in text) is bool(count)
    assert "rejected:" not in text
