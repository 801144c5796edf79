"""What is said of a file's streams, in sentences, and the list of their mappings."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.plural import counted, some_of
from target_tocobagus.recognition.yaml_lines import as_config, as_yaml_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.cli.map.stream_view import StreamView
    from target_tocobagus.config.settings import StreamMapping

_WIDTH = 98
_LONGEST = 4_000


def sentence(text: str) -> str:
    """Write a clause as a sentence; the name of a setting at its beginning stays as it is."""
    start = text[:1].upper() if text.partition(" ")[0].isalpha() else text[:1]
    return f"{start}{text[1:]}{'' if text.endswith(('?', '!', '.')) else '.'}"


def said_of_stream(view: StreamView) -> Iterator[str]:
    """Say where the mapping comes from."""
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
    if advice.run:
        yield sentence(advice.run)
    for place, codes in view.shared_places.items():
        named = some_of([repr(code) for code in codes])
        yield sentence(f"The stock of {place!r} is the sum of the codes {named} in warehouse_map")
    yield from map(sentence, view.remarks)


def warned_of_stream(view: StreamView) -> Iterator[str]:
    """Say what is wrong with the mapping, or missing in it."""
    what = "A run stops here" if view.advice.standing == "configured" else "To be completed"
    if view.looks_like_parts:
        yield sentence(view.looks_like_parts)
    for problem in view.advice.problems:
        yield sentence(f"{what}: {problem}")
    if view.missing:
        ends = "; a run fails without them" if view.advice.named else ""
        yield sentence(f"The mapping needs columns that were not seen: {view.missing}{ends}")


def summed_up(view: StreamView) -> str:
    """Sum up the outcomes of the records that were read."""
    rejected = sum(cause.count for cause in view.causes.values() if cause.what)
    skipped = sum(cause.count for cause in view.causes.values() if not cause.what)
    mapped = f"{counted(view.mapped, 'row')} mapped"
    if view.parts is not None:
        rows, parts = counted(view.mapped, "row"), counted(len(view.parts), "part")
        mapped = f"{rows} of {parts} added up to {counted(len(view.sums), 'sum')}"
    counts = [mapped, f"{rejected} rejected", f"{skipped} skipped"]
    clamped = f" ({view.clamped} below 0 became 0)" if view.clamped else ""
    return f"{counted(view.records, 'record')} read: {', '.join(counts)}{clamped}"


def listed_causes(view: StreamView) -> Iterator[str]:
    """List why rows were not mapped, the most frequent first."""
    for cause in sorted(view.causes.values(), key=lambda cause: -cause.count):
        what = f"{cause.what}, first" if cause.what else "skipped, first"
        where = f"in record {cause.number}" if cause.number else "as a sum"
        yield f"{cause.count} {what} {where}: {cause.why}"


# The list `streams`


def as_yaml(views: Iterable[StreamView], remarks: Iterable[str]) -> str:
    """Write the list of mappings, with remarks on the file and on the streams as comments."""
    parts = [_comment(sentence(remark)) for remark in remarks]
    listed: set[StreamMapping] = set()
    for view in views:
        parts.append(_comment(_said(view)))
        mapping = view.advice.mapping
        if mapping is not None and mapping not in listed:
            listed.add(mapping)
            parts.append(as_yaml_lines(mapping, view.advice.comments))
    if not any(map(as_config, listed)):
        parts.append("[]\n")
    return "".join(parts)


def as_json(views: Iterable[StreamView]) -> str:
    """Write the list of mappings, each once."""
    mappings = dict.fromkeys(view.advice.mapping for view in views if view.advice.mapping)
    configs = [config for config in map(as_config, mappings) if config is not None]
    text = json.dumps(configs, ensure_ascii=False, indent=2)
    # A lone surrogate in a tap's JSON cannot be encoded as UTF-8, so it stays escaped.
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def as_notes(views: Iterable[StreamView], remarks: Iterable[str]) -> Iterator[str]:
    """Write a line for each remark, because JSON has no comments."""
    for text in (*map(sentence, remarks), *map(_said, views)):
        yield _printable(text)


def _said(view: StreamView) -> str:
    sentences = [*said_of_stream(view), *warned_of_stream(view)]
    return f"{view.name}: {' '.join(sentences)}" if sentences else view.name


def _comment(text: str) -> str:
    lines = textwrap.wrap(_printable(text), _WIDTH, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _printable(text: str) -> str:
    return clean(" ".join(text.split()), _LONGEST)
