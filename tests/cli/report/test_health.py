"""Whether a store is healthy, with the reasons."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from target_tocobagus.cli.report.health import BAD, FAIR, GOOD, judge
from target_tocobagus.cli.report.texts import ENGLISH
from target_tocobagus.ledger.inspection.overview import Overview, Refusals
from target_tocobagus.ledger.inspection.past import RunStatus

HOUR: Final = 3_600_000
NOW: Final = 1_800_000_000_000
HOURLY: Final = [RunStatus(NOW - age * HOUR, NOW - age * HOUR + 9, None, {}) for age in range(5)]
WELL: Final = Overview(
    is_running=False,
    guard_fired=False,
    last_success=NOW - 60_000,
    runs=HOURLY,
    requests=[],
    levels=3,
    in_doubt=0,
    refusals=[],
    moving=[],
    sold_out_count=0,
    sold_out=[],
)
FAILED: Final = RunStatus(NOW - 9, NOW, "the API is \x1b gone", {})
DIED: Final = RunStatus(NOW - 9, None, None, {})


def reasons(**changes: Any) -> list[tuple[str, str]]:
    """Judge a store that is well but for these changes."""
    found = judge(msgspec.structs.replace(WELL, **changes), NOW, ENGLISH)
    return [(each.light, each.text) for each in found]


def test_a_store_that_is_well_says_why() -> None:
    """Each reason is good."""
    assert reasons() == [
        (GOOD, "The last good run ended 60 s ago."),
        (GOOD, "None of 5 runs failed."),
        (GOOD, "The API refuses no row."),
        (GOOD, "No value in the shop is in doubt."),
    ]


@pytest.mark.parametrize(
    ("changes", "light", "text"),
    [
        ({"last_success": None}, BAD, "No run has ended well yet."),
        (
            {"last_success": NOW - 4 * HOUR},
            BAD,
            "The last good run ended 4.0 h ago; usually there is one every 60 min.",
        ),
        ({"runs": [FAILED, *HOURLY]}, BAD, r"The last run failed: the API is \x1b gone"),
        (
            {"runs": [DIED, *HOURLY]},
            BAD,
            "The last run did not end: it was killed, or the machine stopped.",
        ),
        ({"guard_fired": True}, BAD, "The guard holds stock-outs: is the source right?"),
        ({"runs": [HOURLY[0], FAILED, DIED]}, FAIR, "2 of 3 runs failed."),
        (
            {"runs": [RunStatus(NOW - 9, NOW, None, {"rejected_by_code": {"A": 2, "B": 1}})]},
            FAIR,
            "The last run rejected 3 updates (A 2, B 1): its log says which.",
        ),
        ({"refusals": [Refusals("C", "m", 2, 1, "x")] * 2}, FAIR, "4 rows are still refused."),
        (
            {"in_doubt": 1},
            FAIR,
            "1 value is in doubt: the next run that gets these rows sends them again.",
        ),
    ],
)
def test_what_is_not_well_comes_first(changes: dict[str, Any], light: str, text: str) -> None:
    """The worst reason gives the light."""
    assert reasons(**changes)[0] == (light, text)


def test_a_run_that_is_under_way_has_not_failed() -> None:
    """It has not ended yet, which is no sign of a kill."""
    found = reasons(is_running=True, runs=[DIED, *HOURLY])
    assert found[0] == (GOOD, "A run is under way.")
    assert (GOOD, "None of 5 runs failed.") in found


def test_a_seldom_run_is_not_overdue() -> None:
    """What is usual is told by the runs; without them, a day is taken."""
    weekly = [RunStatus(NOW - age * 168 * HOUR, NOW, None, {}) for age in range(3)]
    assert reasons(runs=weekly, last_success=NOW - 200 * HOUR)[0][0] == GOOD
    assert reasons(runs=[], last_success=NOW - 71 * HOUR)[0][0] == GOOD
    assert reasons(runs=[], last_success=NOW - 73 * HOUR)[0][0] == BAD


def test_frequent_runs_are_not_overdue_within_the_hour() -> None:
    """A pause of some minutes is not worth an alarm."""
    often = [RunStatus(NOW - age * 60_000, NOW, None, {}) for age in range(9)]
    assert reasons(runs=often, last_success=NOW - HOUR)[0][0] == GOOD
    assert reasons(runs=often, last_success=NOW - HOUR - 1)[0][0] == BAD
