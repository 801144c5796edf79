"""Writes a mapping as lines of a configuration.

So a recognised mapping can be shown, kept and changed: the questions of a run and `tocobagus map`
both end with lines that a user can paste into the configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.config.settings import PATH_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_tocobagus.config.settings import StreamMapping

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_YAML_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def as_config(mapping: StreamMapping) -> dict[str, Any] | None:
    """Write a mapping as an entry of the setting `streams`, with only the keys that are set.

    Returns:
        The entry; ``None`` for the API's own items, which no setting describes (they are recognised
        and sent as they are).
    """
    if mapping.native:
        return None
    config: dict[str, Any] = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in msgspec.to_builtins(mapping).items()
    }
    for key in PATH_KEYS:
        if len(config.get(key, ())) == 1:
            (config[key],) = config[key]
    if config.pop("no_warehouse", False):
        config["warehouse"] = None
    return config


def as_yaml_lines(mapping: StreamMapping, remarks: Mapping[str, str] | None = None) -> str:
    """Write a mapping as an entry of the list `streams`, in YAML, with a remark beside its key.

    Returns:
        Lines, each with its newline; for the API's own items a comment, because no setting exists.
    """
    config = as_config(mapping)
    if config is None:
        name = flow(mapping.stream)
        return f"# {name} holds the API's own items: it is recognised only without `streams`\n"
    lines: list[str] = []
    for key, value in config.items():
        comment = _comment((remarks or {}).get(key))
        if isinstance(value, list) and isinstance(value[0], dict):
            lines += [f"{key}:{comment}", *(f"  - {flow(entry)}" for entry in value)]
        else:
            lines.append(f"{key}: {flow(value)}{comment}")
    return "- " + "\n  ".join(lines) + "\n"


def streams_block(entries: Iterable[str]) -> str:
    """Write the setting `streams` of entries, each in lines."""
    lines = "".join(entries).splitlines(keepends=True)
    return "streams:\n" + "".join(f"  {line}" for line in lines)


def warehouse_map_lines(client_ids: Mapping[str, str], more: str = "") -> str:
    """Write the setting `warehouse_map`, to be completed by its user; empty without codes.

    Args:
        client_ids: By code; if it is not known, the code itself.
        more: What else to do, after the comment.
    """
    if not client_ids:
        return ""
    pairs = ({"code": code, "client_id": client_id} for code, client_id in client_ids.items())
    remark = _comment(f"write the client id that each has in Tocobagus{more}")
    return f"warehouse_map:{remark}\n" + "".join(f"  - {flow(pair)}\n" for pair in pairs)


def _comment(remark: str | None) -> str:
    return f"  # {' '.join(map(_printable, remark.split()))}" if remark else ""


def flow(value: Any) -> str:
    """Write a value on one line.

    A text is written plainly if YAML 1.1 and 1.2 both read it as that text, otherwise in quotes.
    PyYAML knows YAML 1.1 alone: it writes `1e3` plainly, which is a number in YAML 1.2.
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if not isinstance(value, str):
        return "null" if value is None else str(value)
    if _PLAIN.fullmatch(value) and value.casefold() not in _YAML_WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{_printable(escaped)}"'


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
