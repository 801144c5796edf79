"""The configuration as values: what the user may set, and what stands for what was left out.

`SCHEMA` is what `--about` shows, what `meltano.yml` and the README are held equal to, and what a
configuration is checked against. A message about a setting names it and never shows its value: a
secret may stand in the wrong place.
"""

from __future__ import annotations

import difflib
import ipaddress
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from target_tocobagus.errors import ConfigurationError
from target_tocobagus.schemas import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError

SCHEMA: Final[dict[str, Any]] = load_schema("settings")
CREDENTIALS: Final = ("partner_client_id", "partner_secret", "store_client_id", "store_token")

Paths: TypeAlias = tuple[str, ...]
"""Places in a record, to be tried in turn: exact column names or JMESPath expressions."""


class WarehouseColumn(msgspec.Struct, frozen=True):
    """A column that holds the stock at one warehouse."""

    column: str
    client_id: str


class Share(msgspec.Struct, frozen=True):
    """A warehouse's part in a quantity that is divided."""

    client_id: str
    weight: int


class StreamMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Where stock stands in the records of a stream; an element of the setting `streams`.

    Paths are as the user wrote them; whether they can be used is for the mapping stage to say.

    Attributes:
        stream: A stream's name, or a glob.
        no_warehouse: The user wrote `warehouse: null`: this stream's stock is global.
        native: The records are the API's own items (never set by a user; recognised).
    """

    stream: str
    where: str | None = None
    sku: Paths = ()
    id: Paths = ()
    external_id: Paths = ()
    decimal_mark: Literal[".", ","] = "."
    stock: Paths = ()
    subtract: Paths = ()
    warehouse: Paths = ()
    no_warehouse: bool = False
    warehouse_columns: tuple[WarehouseColumn, ...] = ()
    items: str | None = None
    levels: str | None = None
    warehouses: tuple[str, ...] = ()
    split: tuple[Share, ...] = ()
    native: bool = False


class StockPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of a quantity and a warehouse's code, for all streams alike.

    Attributes:
        warehouse_map: A code's client id; ``None`` where a code is the client id itself.
        max_stock: The most that is shown; ``None`` for no limit.
    """

    warehouse_map: dict[str, str] | None = None
    unmapped_warehouse: Literal["reject", "skip"] = "reject"
    rounding: Literal["floor", "reject"] = "floor"
    negative_stock: Literal["clamp", "reject"] = "clamp"
    stock_buffer: int = 0
    max_stock: int | None = None
    null_stock: Literal["skip", "zero", "reject"] = "skip"
    on_delete: Literal["skip", "zero"] = "skip"


class Credentials(msgspec.Struct, frozen=True):
    """Who sends, for whom. Its representation shows no secret."""

    partner_client_id: str
    partner_secret: str
    store_client_id: str
    store_token: str

    def __repr__(self) -> str:
        """Show whose credentials these are, and nothing else."""
        return f"Credentials(partner={self.partner_client_id!r}, store={self.store_client_id!r})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that has been checked. Seconds and bytes are whole numbers.

    Attributes:
        credentials: ``None`` in a dry run that was given none.
        streams: ``None`` where streams are to be recognised.
    """

    credentials: Credentials | None
    api_url: str
    signature_prefix: str
    signed_path_prefix: str
    streams: tuple[StreamMapping, ...] | None
    policy: StockPolicy
    batch_size_rows: int
    batch_size_bytes: int
    batch_wait_seconds: int
    max_in_flight: int
    requests_per_minute: int | None
    request_timeout_seconds: int
    max_retry_seconds: int
    rejects_path: str | None
    max_rejected_rows: int | None
    dry_run: bool


def parse_settings(config: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> Settings:
    """Check a configuration and give it its types.

    Args:
        config: By setting.
        schema: Ours with the settings of the SDK added; ours alone without it.

    Raises:
        ConfigurationError: With every problem that was found.
    """
    values = {**_defaults(), **{key: value for key, value in config.items() if value is not None}}
    problems = [*_schema_problems(config, schema or SCHEMA), *_credential_problems(values)]
    if not problems:
        problems = [*_url_problems(str(values["api_url"])), *_repeated_places(values)]
    if problems:
        raise ConfigurationError(problems)
    return _settings(values)


def unknown_settings(config: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    """Say of each setting that nobody reads what it was probably meant to be."""
    names = list(known)
    for key in config:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            yield f"Unknown setting '{key}' is ignored{hint}"


def _defaults() -> dict[str, Any]:
    return {key: schema.get("default") for key, schema in SCHEMA["properties"].items()}


def _schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # JSON Schema takes 5.0 for an integer; what counts rows and seconds here must be one.
    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    checker = extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]  # jsonschema's stubs leave it out
    errors = checker(schema).iter_errors(dict(config))
    for error in sorted(errors, key=lambda error: [str(part) for part in error.path]):
        yield f"{_place(error.absolute_path)}: {_complaint(error)}"


def _is_integer(_checker: Any, value: object) -> bool:
    return type(value) is int


def _place(path: Iterable[str | int]) -> str:
    """Write a place as its user would: ``streams[0].split[1].weight``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "configuration"


def _complaint(error: ValidationError) -> str:
    """Say what was expected; jsonschema's own messages show the value, which may be a secret."""
    rule: Any = error.validator_value
    match error.validator:
        case "type" | "anyOf":
            text = f"must be of type {_type_names(rule)}"
        case "enum":
            text = f"must be one of {', '.join(repr(value) for value in rule if value is not None)}"
        case "minimum" | "maximum":
            text = f"must be at {'least' if error.validator == 'minimum' else 'most'} {rule}"
        case "minLength" | "minItems":
            text = "must not be empty"
        case "required":
            instance: Any = error.instance
            text = f"misses {', '.join(repr(key) for key in rule if key not in instance)}"
        case "additionalProperties":
            text = _unknown_keys(error)
        case _:
            text = "is not what the settings' schema asks for"
    return text


def _type_names(rule: Any) -> str:
    kinds = rule if isinstance(rule, list) else [rule]
    names = [name for kind in kinds for name in _types(kind) if name != "null"]
    return " or ".join(dict.fromkeys(names))


def _types(kind: Any) -> list[str]:
    if not isinstance(kind, dict):
        return [kind]
    names = kind["type"] if "type" in kind else repr(kind.get("const"))
    return list(names) if isinstance(names, list) else [names]


def _unknown_keys(error: ValidationError) -> str:
    schema: Any = error.schema
    instance: Any = error.instance
    known = list(schema["properties"])
    unknown = [str(key) for key in instance if key not in known]
    near = difflib.get_close_matches(unknown[0], known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
    return f"has no key {', '.join(repr(key) for key in unknown)}{hint}"


def _credential_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for name in CREDENTIALS:
        value = values.get(name)
        if not value and not values.get("dry_run"):
            yield f"{name}: is required (or set dry_run to try a mapping without credentials)"
        elif isinstance(value, str) and (value != value.strip() or any(map(str.isspace, value))):
            yield f"{name}: has white space in or around it"
        elif isinstance(value, str) and name != "partner_secret" and not _fits_header(value):
            yield f"{name}: has a character that an HTTP header cannot carry"


def _fits_header(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _url_problems(url: str) -> Iterator[str]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield "api_url: is not a URL"
        return
    if any(map(str.isspace, url)):
        yield "api_url: has white space in or around it"
    elif parts.scheme not in {"http", "https"} or not host:
        yield "api_url: must begin with https:// and name a host"
    elif "@" in parts.netloc or "?" in url or "#" in url:
        yield "api_url: must hold no user, password, query or fragment"
    elif parts.scheme == "http" and not _is_loopback(host):
        yield "api_url: plain http is allowed to loopback addresses only; use https"


def _is_loopback(host: str) -> bool:
    """Tell by the address, not by how it begins: ``127.evil.example`` is a name like any other."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _repeated_places(values: Mapping[str, Any]) -> Iterator[str]:
    """Find a client id that stands twice: two places summed into one is not offered."""
    lists = {"warehouse_map": _client_ids(values.get("warehouse_map"))}
    for number, mapping in enumerate(values.get("streams") or ()):
        for key in ("warehouse_columns", "split"):
            lists[f"streams[{number}].{key}"] = _client_ids(mapping.get(key))
        lists[f"streams[{number}].warehouses"] = list(mapping.get("warehouses") or ())
    for place, ids in lists.items():
        if len(set(ids)) < len(ids):
            yield f"{place}: the same client_id stands twice"
    codes = [entry["code"].strip() for entry in values.get("warehouse_map") or ()]
    if len(set(codes)) < len(codes):
        yield "warehouse_map: the same code stands twice"


def _client_ids(entries: Any) -> list[str]:
    return [entry["client_id"].strip() for entry in entries or ()]


def _settings(values: Mapping[str, Any]) -> Settings:
    named = {name: values[name] for name in Settings.__struct_fields__ if name in values}
    named["credentials"] = _credentials(values)
    named["policy"] = _policy(values)
    streams = values.get("streams")
    named["streams"] = None if streams is None else tuple(map(_stream_mapping, streams))
    named["api_url"] = str(values["api_url"]).rstrip("/")
    return Settings(**named)


def _credentials(values: Mapping[str, Any]) -> Credentials | None:
    if not all(values.get(name) for name in CREDENTIALS):
        return None
    return Credentials(*(values[name] for name in CREDENTIALS))


def _policy(values: Mapping[str, Any]) -> StockPolicy:
    named = {name: values[name] for name in StockPolicy.__struct_fields__}
    entries = values.get("warehouse_map")
    named["warehouse_map"] = entries and {
        entry["code"].strip(): entry["client_id"].strip() for entry in entries
    }
    return StockPolicy(**named)


def _stream_mapping(raw: Mapping[str, Any]) -> StreamMapping:
    named = {key: value for key, value in raw.items() if value is not None}
    for key in ("sku", "id", "external_id", "stock", "subtract", "warehouse"):
        if key in named:
            named[key] = (named[key],) if isinstance(named[key], str) else tuple(named[key])
    named["no_warehouse"] = "warehouse" in raw and raw["warehouse"] is None
    return msgspec.convert(named, StreamMapping)
