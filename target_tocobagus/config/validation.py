"""Finds what is wrong with a configuration.

A message names a setting and never shows its value, because a secret may be in the wrong place.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

CREDENTIALS: Final = ("partner_client_id", "partner_secret", "store_client_id", "store_token")
_QUOTES: Final = frozenset({'""', "''", "``", "“”", "„“", "„”", "‘’", "‚‘", "«»", "»«", "‹›"})  # noqa: RUF001  # quotes are meant
"""Pairs of quotes around values in files and documents."""

_PLACEHOLDER: Final = re.compile(
    r"\$\{.*\}|\$\(.*\)|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|%[A-Z_]+%|<.*>|\*+|\.{3,}"
    r"|(?i:\(?redacted\)?|change[-_]?me|your[-_].*|placeholder|todo|x{3,})"
)
"""Placeholders in files and documents that were not replaced by a value."""


_HINT: Final = " (places that become one are added up with combine: sum)"


def problems(
    config: Mapping[str, Any], values: Mapping[str, Any], schema: Mapping[str, Any]
) -> list[str]:
    """Find all problems; those between several settings only if each setting is valid.

    Beside a problem, unknown settings are named too: often one of them is the missing setting.
    """
    found = [*_schema_problems(config, schema), *_credential_problems(values)] or [
        *url_problems(str(values["api_url"])),
        *_signature_problems(values),
        *_place_problems(values),
        *_ledger_problems(values),
        *_file_problems(values),
        *_lookup_problems(values),
    ]
    return [*found, *doubts(config, schema["properties"])] if found else []


def doubts(config: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    """Name unknown settings, with the one that was probably meant, and likely mistakes."""
    for name in CREDENTIALS:
        value = str(config.get(name) or "")
        if value.endswith((",", ";")) and not _remains_of_copying(value):
            yield f"{name}: ends with a comma or semicolon, which may not be part of it"
    names = list(known)
    for key in config:
        if key not in names:
            near = nearest(key.lower().replace("-", "_"), names)
            hint = f"; did you mean '{near}'?" if near else ""
            yield f"Unknown setting {quoted(key)} is ignored{hint}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that was probably meant; ``None`` if none is similar."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # JSON Schema accepts 5.0 as an integer; here it must be an int.
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    checker = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]  # jsonschema's stubs leave it out
    errors = checker(schema).iter_errors(dict(config))
    for error in sorted(errors, key=lambda error: [str(part) for part in error.path]):
        inner = _innermost(error)
        yield f"{_place(inner.absolute_path)}: {_complaint(inner)}"


def _innermost(error: ValidationError) -> ValidationError:
    """Find the error inside a value that may have several types, if its own type is right."""
    deeper = [each for each in error.context or () if each.path]
    return _innermost(deeper[0]) if deeper else error


def _is_integer(_checker: Any, value: object) -> bool:
    return type(value) is int


def _place(path: Iterable[str | int]) -> str:
    """Write a path as ``streams[0].split[1].weight``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "configuration"


def _complaint(error: ValidationError) -> str:
    """Say what was expected; jsonschema's messages show the value, which may be a secret."""
    rule: Any = error.validator_value
    match error.validator:
        case "type" | "anyOf":
            text = f"must be {_forms(rule, error.instance)}"
        case "enum":
            text = f"must be one of {', '.join(repr(value) for value in rule if value is not None)}"
        case "minimum" | "maximum":
            text = f"must be at {'least' if error.validator == 'minimum' else 'most'} {rule}"
        case "minLength" | "minItems":
            text = "must not be empty"
        case "required":
            instance: Any = error.instance
            text = f"{', '.join(repr(key) for key in rule if key not in instance)} is missing"
        case "additionalProperties":
            text = _unknown_keys(error)
        case _:
            text = "does not fit the settings' schema"
    return text


_NAMED: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}


def _forms(rule: Any, value: object) -> str:
    """Name the allowed types, and then the allowed constants."""
    kinds = rule if isinstance(rule, list) else [rule]
    names = [_NAMED[name] for kind in kinds for name in _types(kind) if name != "null"]
    texts = [repr(kind["const"]) for kind in kinds if isinstance(kind, dict) and "const" in kind]
    bare = ", without quotes" if isinstance(value, str) and "a text" not in names else ""
    return " or ".join([*dict.fromkeys(names), *texts]) + bare


def _types(kind: Any) -> list[str]:
    names = kind.get("type", []) if isinstance(kind, dict) else kind
    return names if isinstance(names, list) else [names]


def _unknown_keys(error: ValidationError) -> str:
    schema: Any = error.schema
    instance: Any = error.instance
    known = list(schema["properties"])
    unknown = [str(key) for key in instance if key not in known]
    near = nearest(unknown[0], known)
    hint = f"; did you mean '{near}'?" if near else f"; known are {', '.join(known)}"
    return f"unknown key {', '.join(quoted(key) for key in unknown)}{hint}"


def _credential_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for name in CREDENTIALS:
        value = values.get(name)
        if value is None and not values.get("dry_run"):
            yield f"{name}: is required (or set dry_run to try a mapping without credentials)"
        elif isinstance(value, str) and (remains := _remains_of_copying(value)):
            yield f"{name}: has {remains}"
        elif isinstance(value, str) and _PLACEHOLDER.fullmatch(value):
            yield f"{name}: is a placeholder; put the value itself there"
        elif isinstance(value, str) and name != "partner_secret" and not _fits_header(value):
            yield f"{name}: has a character that an HTTP header cannot carry"


def _remains_of_copying(value: str) -> str:
    """Name characters that were copied with a value but are not part of it; empty if none."""
    if any(map(str.isspace, value)):
        return "white space in or around it"
    if not value.isprintable():
        return "an invisible character in or around it"
    inner = value.rstrip(",;")  # a line may end with them in JSON, or in a program
    if inner[:1] + inner[-1:] in _QUOTES and len(inner) > 1:
        return "quotes around it"
    return ""


def _signature_problems(values: Mapping[str, Any]) -> Iterator[str]:
    prefix = values["signature_prefix"]
    if not _fits_header(prefix) or prefix != prefix.lstrip():
        yield "signature_prefix: has a character that an HTTP header cannot carry"


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable()


def url_problems(url: str) -> Iterator[str]:
    """Find what is wrong with `api_url`."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield "api_url: is not a URL"
        return
    if remains := _remains_of_copying(url):
        yield f"api_url: has {remains}"
    elif parts.scheme not in {"http", "https"} or not host:
        yield "api_url: must begin with https:// and name a host"
    elif "@" in parts.netloc or "?" in url or "#" in url:
        yield "api_url: must not have a user, password, query or fragment"
    elif parts.scheme == "http" and not _is_loopback(host):
        yield "api_url: plain http is allowed for loopback addresses only; use https"


def _is_loopback(host: str) -> bool:
    """Decide by the address, not by its beginning: ``127.evil.example`` is a name."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _ledger_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Find what needs a ledger, if there is none."""
    for number, mapping in enumerate(values.get("streams") or ()):
        sums = mapping.get("combine") == "sum"
        always = ("newer_by", "levels_complete", "lookup")
        for key, needs in (*((key, True) for key in always), ("combine", sums)):
            if mapping.get(key) and needs and not values.get("ledger"):
                yield f"streams[{number}].{key}: needs the setting ledger"


def _file_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Find files of which one would be written over another."""
    names = ("ledger", "rejects_path", "metrics_path")
    paths = {name: str(values.get(name) or "").removeprefix("sqlite:///") for name in names}
    # A NUL, which no path can have, is told when the file is opened.
    files = {name: os.path.realpath(path.replace("\0", "")) for name, path in paths.items() if path}
    for number, (name, path) in enumerate(files.items()):
        if path in [*files.values()][:number]:
            yield f"{name}: must be a file of its own"


def _lookup_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Find lookups of one stream by one path that differ: its records have one pair each."""
    pairs: dict[tuple[str, str], dict[str, Any]] = {}
    for number, mapping in enumerate(values.get("streams") or ()):
        if lookup := mapping.get("lookup"):
            said = {key: value for key, value in lookup.items() if key != "path" and value}
            first = pairs.setdefault((lookup["stream"], lookup["match"]), said)
            if said != first:
                yield (
                    f"streams[{number}].lookup: differs from an earlier lookup of the same stream"
                    " and match; only path may differ"
                )


def _place_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Find empty and duplicate client ids: two locations are never added up."""
    streams = values.get("streams") or ()
    lists = {"warehouse_map": _texts(values.get("warehouse_map"), "client_id")}
    placed = [mapping for mapping in streams if mapping.get("warehouse")]
    added_up = {"warehouse_map"} if placed and all(map(_sums, placed)) else set()
    for number, mapping in enumerate(streams):
        for key in ("warehouse_columns", "split"):
            lists[f"streams[{number}].{key}"] = _texts(mapping.get(key), "client_id")
        warehouses = [each.strip() for each in mapping.get("warehouses") or ()]
        lists[f"streams[{number}].warehouses"] = warehouses
        added_up |= {f"streams[{number}].warehouse_columns"} if _sums(mapping) else set()
    for place, ids in lists.items():
        if "" in ids:
            yield f"{place}: a client_id is empty"
        if len(set(ids)) < len(ids) and place not in added_up:
            hint = "" if place.endswith(("split", "warehouses")) else _HINT
            yield f"{place}: duplicate client_id{hint}"
    codes = _texts(values.get("warehouse_map"), "code")
    if len(set(codes)) < len(codes):
        yield "warehouse_map: duplicate code"


def _sums(mapping: Mapping[str, Any]) -> bool:
    return mapping.get("combine") == "sum"


def _texts(entries: Any, key: str) -> list[str]:
    return [entry[key].strip() for entry in entries or ()]
