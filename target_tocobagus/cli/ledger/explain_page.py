"""Shows all that is known of an item: what the shop should show, and how that came about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from target_tocobagus.cli.ledger.shared import as_time, json_time, named
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.model import ROUGH
from target_tocobagus.report.advice import advice_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_tocobagus.ledger.inspection.item_history import (
        ByBatch,
        Change,
        ItemHistory,
        LevelHistory,
        PartOfStock,
    )
    from target_tocobagus.mapping.explaining import Step

    Explain = Callable[[LevelHistory], Sequence[Step] | str]

_EPOCH: Final = date(1970, 1, 1)
_MOST_PARTS: Final = 20
_OWN_NAMES: Final = {"entry", "named_day", "version", "location"}
"""Fields that a program gets under another name, or not at all."""


def show(history: ItemHistory, explain: Explain) -> None:
    """Write what is known of an item, a paragraph for each location.

    Args:
        history: What is known.
        explain: Returns the steps from record to quantity, or says why there are none.
    """
    for number, level in enumerate(history.levels):
        if number:
            click.echo()
        for line in _lines(level, explain):
            click.echo(line)
    for stream, match in history.pairs:
        click.echo(f"Rows with {clean(match)} get it by lookup from stream {clean(stream)}.")


def _lines(level: LevelHistory, explain: Explain) -> Iterator[str]:
    where = named((level.kind, level.identifier), level.location)
    if level.quantity is None:
        yield f"{where}: no accepted quantity is known"
    else:
        yield f"{where}: {level.quantity}"
        yield f"  accepted {as_time(level.accepted_at or 0)} (UTC)"
        yield from _by(level.by)
    if level.in_doubt:
        yield "  in doubt: a later request had no answer, so the shop may show another quantity;"
        yield "  the next run that gets its row sends it again"
    if level.stream is not None:
        day = (
            "" if level.named_day is None else f", last named {_EPOCH + timedelta(level.named_day)}"
        )
        version = "" if level.version is None else f", newer_by {clean(level.version[2:])}"
        yield f"  sent by stream {clean(level.stream)}{version}{day}"
    yield from _record(level)
    yield from _parts(level.parts)
    yield from _steps(explain(level))
    yield from _changes(level.changes)
    if (refused := level.rejection) is not None:
        yield clean(f"  still refused: {refused.code} {refused.message} {refused.reason}".rstrip())
        yield f"    {advice_on(refused.code)}"


def _by(by: ByBatch) -> Iterator[str]:
    for what, text in (("batch", by.batch_id), ("request", by.request_id)):
        if text:
            yield f"  by {what} {clean(text)}"


def _parts(parts: Sequence[PartOfStock]) -> Iterator[str]:
    if parts:
        yield f"  parts that are added up: {len(parts)}"
    for part in parts[:_MOST_PARTS]:
        quantity = " + ".join(_quantities(part))
        yield f"    {quantity:>8}  {clean(part.part)} of stream {clean(part.stream)}"
    if len(parts) > _MOST_PARTS:
        yield f"    and {len(parts) - _MOST_PARTS} more (--json lists all)"


def _quantities(part: PartOfStock) -> list[str]:
    """Return what a part says, without our mark of a number that may have a binary error."""
    return [each.removeprefix(ROUGH) for each in part.quantities.split()]


def _steps(steps: Sequence[Step] | str) -> Iterator[str]:
    if isinstance(steps, str):
        yield f"  {steps}"
        return
    yield "  from its record to the quantity:"
    for step in steps:
        yield f"    {clean(step.result):>8}  {step.what}"


def _record(level: LevelHistory) -> Iterator[str]:
    newest = level.changes[0] if level.changes else None
    if newest is None or newest.columns is None or newest.new != level.quantity:
        return
    yield f"  its record: {clean(msgspec.json.encode(newest.columns).decode())}"
    if newest.time_extracted:
        yield f"  read by the tap {clean(newest.time_extracted)}"


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if changes:
        yield "  last changes, the newest first (UTC):"
    for change in changes:
        by = change.by.batch_id and f"  {clean(change.by.batch_id)}"
        yield f"    {as_time(change.at)}  {change.old} -> {change.new}{by or ''}"


def fields(history: ItemHistory, explain: Explain) -> dict[str, Any]:
    """Return what is known of an item as values of JSON; times are in UTC."""
    return {
        "exists": True,
        "seen": bool(history.levels or history.pairs),
        "near": list(history.near),
        "pairs": [{"stream": stream, "match": match} for stream, match in history.pairs],
        "levels": [_level_fields(level, explain(level)) for level in history.levels],
    }


def _level_fields(level: LevelHistory, steps: Sequence[Step] | str) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(level)
    for change in values["changes"]:
        change["at"] = json_time(change["at"])
        del change["entry"]
    parts = [
        {
            "stream": part.stream,
            "part": part.part,
            "quantities": _quantities(part),
            "newer_by": part.version and part.version[2:],
        }
        for part in level.parts
    ]
    refused = level.rejection
    day = None if level.named_day is None else (_EPOCH + timedelta(level.named_day)).isoformat()
    also = {
        "accepted_at": json_time(level.accepted_at),
        "newer_by": level.version and level.version[2:],
        "warehouse": level.location,
        "last_named": day,
        "parts": parts,
        "rejection": refused and {"code": refused.code, "message": refused.message},
        "steps": [] if isinstance(steps, str) else [step._asdict() for step in steps],
    }
    identifier = {values.pop("kind"): values.pop("identifier")}
    left = {name: values[name] for name in values if name not in _OWN_NAMES}
    return {"identifier": identifier, **left, **also}
