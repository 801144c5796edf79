"""Writes a mapping as lines of a configuration, and reads one from them.

So a recognised mapping can be shown, kept and changed: the questions of a run and `tocobagus map`
both end with lines that a user can paste into the configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.config.settings import StreamMapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PATHS: Final = ("sku", "id", "external_id", "stock", "subtract", "warehouse")
PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
YAML_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def from_config(config: Mapping[str, Any]) -> StreamMapping:
    """Convert a valid entry of the setting `streams`."""
    named = {key: value for key, value in config.items() if value is not None}
    for key in PATHS:
        if isinstance(named.get(key), str):
            named[key] = [named[key]]
    named["no_warehouse"] = "warehouse" in config and config["warehouse"] is None
    return msgspec.convert(named, StreamMapping)


def as_config(mapping: StreamMapping) -> dict[str, Any] | None:
    """Write a mapping as an entry of the setting `streams`, with only the keys that are set.

    Returns:
        The entry; ``None`` for the API's own items, which no setting describes (they are recognised
        and sent as they are).
    """
    if mapping.native:
        return None
    config: dict[str, Any] = {}
    for field in msgspec.structs.fields(StreamMapping):
        value = msgspec.to_builtins(getattr(mapping, field.name))
        if field.name == "warehouse" and mapping.no_warehouse:
            config["warehouse"] = None
        elif field.name not in {"no_warehouse", "native"} and value not in (field.default, []):
            single = field.name in PATHS and len(value) == 1
            config[field.name] = value[0] if single else list(value) if _is_list(value) else value
    return config


def as_yaml_lines(mapping: StreamMapping, remarks: Mapping[str, str] | None = None) -> str:
    """Write a mapping as an entry of the list `streams`, in YAML.

    Args:
        mapping: The mapping.
        remarks: Comments at the end of lines, by key.

    Returns:
        Lines, each with its newline; for the API's own items a comment, because no setting exists.
    """
    config = as_config(mapping)
    if config is None:
        name = _scalar(mapping.stream)
        return f"# {name} holds the API's own items: it is recognised only without `streams`\n"
    lines = [
        line + (_comment((remarks or {}).get(key)) if place == 0 else "")
        for key, value in config.items()
        for place, line in enumerate(_entry(key, value))
    ]
    marked = ["- " + lines[0], *("  " + line for line in lines[1:])]
    return "".join(f"{line}\n" for line in marked)


def indented(text: str) -> str:
    """Indent lines, as the entries of a list below its name."""
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


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
    return f"warehouse_map:{remark}\n" + "".join(f"  - {{{_pairs(pair)}}}\n" for pair in pairs)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _comment(remark: str | None) -> str:
    return f"  # {' '.join(map(_printable, remark.split()))}" if remark else ""


def _entry(key: str, value: Any) -> Iterable[str]:
    if value is None:
        return [f"{key}: null"]
    if not _is_list(value):
        return [f"{key}: {_scalar(value)}"]
    if isinstance(value[0], str):
        return [f"{key}: [{_joined(value)}]"]
    return [f"{key}:", *(f"  - {{{_pairs(entry)}}}" for entry in value)]


def _joined(values: Sequence[str]) -> str:
    return ", ".join(map(_scalar, values))


def _pairs(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {_scalar(value)}" for key, value in entry.items())


def _scalar(value: str | int) -> str:
    """Write a text plainly if YAML 1.1 and 1.2 both read it as that text, otherwise in quotes."""
    if isinstance(value, int):
        return str(value)
    if PLAIN.fullmatch(value) and value.casefold() not in YAML_WORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_printable(escaped)}"'


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
