"""Whether a store is healthy, with the reasons; pure."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted, duration
from target_tocobagus.report.totals import listed_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_tocobagus.ledger.inspection.overview import Overview
    from target_tocobagus.ledger.inspection.past import RunStatus

GOOD: Final = "good"
FAIR: Final = "fair"
BAD: Final = "bad"
_SEVERITY: Final = (GOOD, FAIR, BAD)

_LATE: Final = 3
"""A run is overdue after so many times its usual distance."""
_LEAST_LATE: Final = 3600
_USUAL_UNKNOWN: Final = 86_400


class Reason(NamedTuple):
    """One thing that is well, or is not."""

    light: str
    text: str


def judge(overview: Overview, now: int, texts: Mapping[str, str]) -> list[Reason]:
    """Judge a store; the worst reason is the first.

    Args:
        overview: What the ledger knows.
        now: In ms since the epoch.
        texts: Those of the page.
    """
    reasons = [*_of_runs(overview, now, texts), *_of_rows(overview, texts)]
    return sorted(reasons, key=lambda reason: -_SEVERITY.index(reason.light))


def _of_runs(overview: Overview, now: int, texts: Mapping[str, str]) -> Iterator[Reason]:
    if overview.is_running:
        yield Reason(GOOD, texts["is_running"])
    yield _last_good(overview, now, texts)
    ended = overview.runs[overview.is_running :]
    if ended and ended[0].ended_at is None:
        yield Reason(BAD, texts["last_died"])
    elif ended and ended[0].error:
        yield Reason(BAD, texts["last_failed"].format(error=clean(ended[0].error)))
    if ended and (codes := ended[0].summary.get("rejected_by_code")):
        rows = counted(sum(codes.values()), "update")
        yield Reason(FAIR, texts["rejected_itself"].format(count=rows, codes=listed_codes(codes)))
    if overview.guard_fired:
        yield Reason(BAD, texts["guard"])
    failed, runs = sum(map(has_failed, ended)), counted(len(ended), "run")
    if failed:
        yield Reason(FAIR, texts["some_failed"].format(failed=failed, runs=runs))
    elif ended:
        yield Reason(GOOD, texts["none_failed"].format(runs=runs))


def _last_good(overview: Overview, now: int, texts: Mapping[str, str]) -> Reason:
    if overview.last_success is None:
        return Reason(BAD, texts["never_ran"])
    ago = max(0.0, (now - overview.last_success) / 1000)
    usual = _usual_distance(overview.runs)
    if ago > max(_LEAST_LATE, _LATE * usual):
        text = texts["overdue"].format(ago=duration(ago), usual=duration(usual))
        return Reason(BAD, text)
    return Reason(GOOD, texts["last_good"].format(ago=duration(ago)))


def _usual_distance(runs: list[RunStatus]) -> float:
    """Return the median time between the starts of two runs, in seconds; a day if unknown."""
    starts = [run.started_at for run in runs]
    distances = [(later - earlier) / 1000 for later, earlier in pairwise(starts)]
    return median(distances) if distances else _USUAL_UNKNOWN


def _of_rows(overview: Overview, texts: Mapping[str, str]) -> Iterator[Reason]:
    refused = sum(each.rows for each in overview.refusals)
    if refused:
        rows = counted(refused, "row is", "rows are")
        yield Reason(FAIR, texts["refused"].format(count=rows))
    else:
        yield Reason(GOOD, texts["none_refused"])
    if overview.in_doubt:
        values = counted(overview.in_doubt, "value is", "values are")
        yield Reason(FAIR, texts["in_doubt"].format(count=values))
    else:
        yield Reason(GOOD, texts["none_in_doubt"])


def has_failed(run: RunStatus) -> bool:
    """Whether a run, which is not under way, ended with an error or not at all."""
    return run.ended_at is None or bool(run.error)
