"""Remarks on a file's streams, in sentences: the same on a page and in a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_tocobagus.cli.map.stream_view import StreamView


def said_of_stream(view: StreamView, *, clash: bool) -> Iterator[str]:
    """Say where the mapping comes from.

    Args:
        view: The stream.
        clash: A run would stop, because recognised streams cannot be sent together.
    """
    advice = view.advice
    match advice.standing:
        case "recognised":
            yield sentence(f"Recognised: {advice.remark}")
        case "drafted":
            yield sentence(f"Not recognised: {advice.remark}")
        case "ignored":
            yield sentence(f"Ignored: {advice.remark}")
        case _ if advice.remark:
            yield sentence(advice.remark)
    if advice.run and not (clash and advice.standing == "recognised"):
        yield sentence(advice.run)
    yield from map(sentence, view.remarks)


def warned_of_stream(view: StreamView) -> Iterator[str]:
    """Say what is wrong with the mapping, or missing in it."""
    what = "A run stops here" if view.advice.standing == "configured" else "To be completed"
    if view.parts:
        yield sentence(view.parts)
    for problem in view.advice.problems:
        yield sentence(f"{what}: {problem}")
    if view.missing:
        ends = "; a run fails without them" if view.advice.named else ""
        yield sentence(f"The mapping needs columns that were not seen: {view.missing}{ends}")


def summed_up(view: StreamView) -> str:
    """Sum up the outcomes of the records that were read."""
    rejected = sum(cause.count for cause in view.causes.values() if cause.what)
    skipped = sum(cause.count for cause in view.causes.values() if not cause.what)
    parts = [f"{counted(view.mapped, 'row')} mapped", f"{rejected} rejected", f"{skipped} skipped"]
    clamped = f" ({view.clamped} below 0 became 0)" if view.clamped else ""
    return f"{counted(view.records, 'record')} read: {', '.join(parts)}{clamped}"


def listed_causes(view: StreamView) -> Iterator[str]:
    """List why rows were not mapped, the most frequent first."""
    for cause in sorted(view.causes.values(), key=lambda cause: -cause.count):
        what = f"{cause.what}, first" if cause.what else "skipped, first"
        yield f"{cause.count} {what} in record {cause.number}: {cause.why}"


def joined(sentences: Sequence[str]) -> str:
    """Join sentences."""
    return " ".join(sentences)


def sentence(text: str) -> str:
    """Write a clause as a sentence; the name of a setting at its beginning stays as it is."""
    start = text[:1].upper() if text.partition(" ")[0].isalpha() else text[:1]
    return f"{start}{text[1:]}{'' if text.endswith(('?', '!', '.')) else '.'}"
