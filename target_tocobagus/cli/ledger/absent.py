"""The list of `tocobagus ledger absent`, and the way from it to the API."""

from __future__ import annotations

import logging
import signal
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from target_tocobagus.cli.ledger.shared import as_time, json_time, named
from target_tocobagus.config.settings import Settings, parse_settings
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted
from target_tocobagus.pipeline.shutdown import GRACE_AFTER_SIGNAL
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.pipeline.zeros import send_zeros
from target_tocobagus.report import console

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from target_tocobagus.ledger.levels.absent import Absent, AbsentLevel
    from target_tocobagus.report.totals import Totals

_MOST_SHOWN: Final = 50
_EPOCH: Final = date(1970, 1, 1)


def settings_to_send(values: Mapping[str, Any]) -> Settings:
    """Check a configuration that is to be sent with.

    Raises:
        ConfigurationError: With all problems.
    """
    settings = parse_settings(values)
    if settings.dry_run:
        raise ConfigurationError(["dry_run: is set, so nothing would be sent"])
    return settings


def show(stream: str, since: date, found: Absent) -> None:
    """Write the list for a person, a line for each level in stock."""
    levels = found.in_stock
    for level in levels[:_MOST_SHOWN]:
        click.echo(_line(level))
    if len(levels) > _MOST_SHOWN:
        click.echo(f"and {len(levels) - _MOST_SHOWN} more (--json lists all)")
    total = counted(len(found.levels) + found.named, "level")
    out = len(found.levels) - len(levels)
    click.echo(
        f"{clean(stream)} has sent {total}: {found.named} named on {since} or later,"
        f" {len(levels)} not, and {out} not that are at 0 already."
    )


def _line(level: AbsentLevel) -> str:
    stock = "unknown stock" if level.quantity is None else f"stock {level.quantity}"
    doubt = " (in doubt)" if level.in_doubt else ""
    day = _EPOCH + timedelta(level.named_day)
    line = f"{named(level.identifier, level.location)}: {stock}{doubt}, last named {day}"
    if level.accepted_at is None:
        return line
    batch = f" in batch {clean(level.batch)}" if level.batch else ""
    return f"{line}, accepted {as_time(level.accepted_at)}{batch}"


def fields(stream: str, since: date, found: Absent) -> dict[str, Any]:
    """Return the list as values of JSON, with the levels that are at 0; times are in UTC."""
    return {
        "exists": True,
        "stream": stream,
        "since": since.isoformat(),
        "named": found.named,
        "levels": [
            {
                "identifier": {level.identifier[0]: level.identifier[1]},
                "warehouse": level.location,
                "quantity": level.quantity,
                "in_doubt": level.in_doubt,
                "last_named": (_EPOCH + timedelta(level.named_day)).isoformat(),
                "accepted_at": json_time(level.accepted_at),
                "batch": level.batch,
            }
            for level in found.levels
        ],
    }


def send(settings: Settings, stream: str, since: int, found: Absent) -> Totals:
    """Send the levels of a list that are in stock as 0; the log goes to stderr.

    Raises:
        TocobagusError: As a run.
    """
    handler = "{asctime} {levelname:7s} {message}"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=handler, style="{")
    console.prepare()
    wakeup = WakeUp()

    def stop(signum: int, _frame: FrameType | None) -> None:
        signal.signal(signum, signal.SIG_DFL)  # a second one ends the process
        wakeup.signal = signum
        wakeup.stop(GRACE_AFTER_SIGNAL)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    shown = {(level.identifier, level.location) for level in found.in_stock}
    return send_zeros(settings, wakeup, stream, since, shown)
