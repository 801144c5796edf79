"""A file's mappings for a machine: the list `streams`, as YAML with remarks, or as JSON."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, Any

from target_tocobagus.cli.map.text import joined, said_of_stream, sentence, warned_of_stream
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.recognition.yaml_lines import as_config, as_yaml_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_tocobagus.cli.map.stream_view import StreamView

_WIDTH = 98
_LONGEST = 4_000


def as_yaml(views: Sequence[StreamView], remarks: Sequence[str], *, clash: bool) -> str:
    """Write the list of mappings with remarks on the streams as comments.

    Args:
        views: The streams.
        remarks: On the file as a whole.
        clash: A run would stop, because recognised streams cannot be sent together.
    """
    parts = [_comment(sentence(remark)) for remark in remarks]
    listed: list[Any] = []
    for view in views:
        parts.append(_comment(_said(view, clash=clash)))
        mapping = view.advice.mapping
        if mapping is not None and mapping not in listed:
            listed.append(mapping)
            parts.append(as_yaml_lines(mapping, view.advice.comments))
    if not any(map(as_config, listed)):
        parts.append("[]\n")
    return "".join(parts)


def as_json(views: Sequence[StreamView]) -> str:
    """Write the list of mappings, each once."""
    configs = [as_config(view.advice.mapping) for view in views if view.advice.mapping]
    unique = [config for place, config in enumerate(configs) if config not in configs[:place]]
    given = [config for config in unique if config is not None]
    text = json.dumps(given, ensure_ascii=False, indent=2)
    # A lone surrogate in a tap's JSON cannot be encoded as UTF-8, so it stays escaped.
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def as_notes(views: Iterable[StreamView], remarks: Iterable[str], *, clash: bool) -> Iterator[str]:
    """Write a line for each remark, because JSON has no comments."""
    for text in (*map(sentence, remarks), *(_said(view, clash=clash) for view in views)):
        yield _printable(text)


def _said(view: StreamView, *, clash: bool) -> str:
    sentences = [*said_of_stream(view, clash=clash), *warned_of_stream(view)]
    return f"{view.name}: {joined(sentences)}" if sentences else view.name


def _comment(text: str) -> str:
    lines = textwrap.wrap(_printable(text), _WIDTH, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _printable(text: str) -> str:
    words = " ".join(text.split())
    return clean(words, _LONGEST)
