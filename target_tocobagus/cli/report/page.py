"""Fills the page's template with what the ledger knows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from target_tocobagus import __version__
from target_tocobagus.cli.report import charts, health
from target_tocobagus.cli.report.charts import Column
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted, duration
from target_tocobagus.report.advice import advice_on
from target_tocobagus.report.freshness import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_tocobagus.ledger.inspection.overview import Overview
    from target_tocobagus.ledger.inspection.past import RunStatus

_SENT: Final = ("accepted", "rejected", "unsettled")


class Days:
    """Values by day, of each day of a time; the oldest first."""

    def __init__(self, now: int, days: int) -> None:
        """Begin with no values; `now` is in ms since the epoch."""
        last = now // 86_400_000
        self.names = [_day(each * 86_400_000) for each in range(last - days + 1, last + 1)]

    def spread(self, values: Iterable[tuple[int, float]]) -> dict[str, Spread]:
        """Gather durations by the day of their time; each day has some, or none."""
        found = {name: Spread() for name in self.names}
        for at, seconds in values:
            if (name := _day(at)) in found:
                found[name].add(seconds)
        return found

    def count(self, runs: Sequence[RunStatus]) -> dict[str, Counter[str]]:
        """Add up the outcomes of runs by the day on which they began."""
        found: dict[str, Counter[str]] = {name: Counter() for name in self.names}
        for run in runs:
            outcomes = {name: run.summary.get(name, 0) for name in (*_SENT, "unchanged")}
            found.setdefault(_day(run.started_at), Counter()).update(outcomes)
        return {name: found[name] for name in self.names}


def write_page(
    overview: Overview, store: tuple[str, str], now: int, days: int, texts: Mapping[str, str]
) -> str:
    """Write the page as HTML.

    Args:
        overview: What the ledger knows.
        store: Its API and id.
        now: In ms since the epoch.
        days: How many days it shows.
        texts: In the language of the page.
    """
    # In one file, without a request to elsewhere: the page may be mailed, and opened anywhere.
    environment = Environment(
        loader=PackageLoader("target_tocobagus.cli.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clean": clean, "duration": duration, "moment": _moment, "day": _day}
    environment.filters["advice"] = advice_on
    reasons = health.judge(overview, now, texts)
    return environment.get_template("page.html").render(
        t=texts,
        overview=overview,
        api_url=store[0],
        store=store[1],
        made=texts["made"].format(at=_moment(now), version=__version__),
        period=texts["period"].format(days=counted(days, "day")),
        light=reasons[0].light,
        reasons=reasons,
        width=charts.WIDTH,
        height=charts.HEIGHT,
        **_figures(overview, now, days, texts),
    )


def _figures(overview: Overview, now: int, days: int, texts: Mapping[str, str]) -> dict[str, Any]:
    calendar = Days(now, days)
    runs = overview.runs[::-1]
    aged = [run for run in runs if "freshness" in run.summary]
    counts, answers = (
        calendar.count(runs),
        calendar.spread((at, milliseconds / 1000) for at, milliseconds in overview.requests),
    )
    told = [(run, _result(run, overview, texts)) for run in runs]
    return {
        "runs": told[::-1],
        "runs_chart": charts.bars([_run_column(*each) for each in told]),
        "longest": max([_seconds(run) for run in runs], default=0.0),
        "sent": counts,
        "sent_chart": charts.bars([_sent_column(*each, texts) for each in counts.items()]),
        "unchanged": sum(each["unchanged"] for each in counts.values()),
        "aged": aged[::-1],
        "freshness_chart": charts.lines([_age_column(run) for run in aged], "p95", "median"),
        "answers": answers,
        "answers_chart": charts.bars([_answer_column(*each) for each in answers.items()]),
        "refused": sum(each.rows for each in overview.refusals),
    }


def _run_column(run: RunStatus, result: tuple[str, str]) -> Column:
    kind, text = result
    title = f"{_moment(run.started_at)}: {text}, {duration(_seconds(run))}"
    # A run that took no time is seen all the same.
    return Column(_day(run.started_at), title, {kind: max(_seconds(run), 0.001)})


def _sent_column(day: str, outcomes: Counter[str], texts: Mapping[str, str]) -> Column:
    parts = {name: float(outcomes[name]) for name in _SENT}
    told = ", ".join(f"{outcomes[name]} {texts[name]}" for name in _SENT)
    return Column(day, f"{day}: {told}", parts)


def _age_column(run: RunStatus) -> Column:
    age: dict[str, float] = run.summary["freshness"]
    title = f"{_moment(run.started_at)}: {duration(age['median'])}, {duration(age['p95'])}"
    return Column(_day(run.started_at), title, age)


def _answer_column(day: str, spread: Spread) -> Column:
    found = spread.fields() or {"median": 0.0, "p95": 0.0}
    title = f"{day}: {duration(found['median'])}, {duration(found['p95'])}"
    rest = found["p95"] - found["median"]
    return Column(day, title, {"median": found["median"], "p95": rest})


def _result(run: RunStatus, overview: Overview, texts: Mapping[str, str]) -> tuple[str, str]:
    """Tell how a run ended: the class of its colour, and a text."""
    if overview.is_running and run is overview.runs[0]:
        return "running", texts["running"]
    if run.ended_at is None:
        return "bad", texts["did_not_end"]
    return ("bad", texts["failed"]) if run.error else ("good", texts["ok"])


def _seconds(run: RunStatus) -> float:
    return 0.0 if run.ended_at is None else max(0.0, (run.ended_at - run.started_at) / 1000)


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%d %H:%M}"


def _day(milliseconds: int) -> str:
    return _moment(milliseconds)[:10]
