"""The configuration as values, with its defaults.

`--about` shows `SCHEMA`, tests hold `meltano.yml` and the README equal to it, and configurations
are checked by it.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from target_tocobagus.config.validation import CREDENTIALS, problems
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE: Final = resources.files("target_tocobagus.config") / "schemas" / "settings.json"
SCHEMA: Final[dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))

Paths: TypeAlias = tuple[str, ...]
"""Paths of a value, tried in order: exact column names or JMESPath expressions."""

PATH_KEYS: Final = ("sku", "id", "external_id", "stock", "subtract", "warehouse", "part")
"""The keys of a mapping whose value is one path, or a list of them."""


class WarehouseColumn(msgspec.Struct, frozen=True):
    """A column that holds the stock at one warehouse."""

    column: str
    client_id: str


class Share(msgspec.Struct, frozen=True):
    """A warehouse's part in a quantity that is divided."""

    client_id: str
    weight: int


class Lookup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the identifiers of a stream's rows come from: the records of another stream.

    Attributes:
        stream: The other stream's name.
        match: Path in its records.
        path: Path in the rows; what is there equals `match`.
    """

    stream: str
    match: str
    path: str
    sku: str | None = None
    id: str | None = None
    external_id: str | None = None
    where: str | None = None


class StreamMapping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where stock is in the records of a stream; an entry of the setting `streams`.

    Paths are as the user wrote them; `mapping` checks them.

    Attributes:
        stream: A stream's name, or a glob.
        no_warehouse: The user wrote `warehouse: null`: this stream's stock is global.
        native: The records are the API's own items (set by recognition, never by a user).
    """

    stream: str
    where: str | None = None
    sku: Paths = ()
    id: Paths = ()
    external_id: Paths = ()
    decimal_mark: Literal[".", ","] | None = None
    stock: Paths = ()
    subtract: Paths = ()
    warehouse: Paths = ()
    no_warehouse: bool = False
    warehouse_columns: tuple[WarehouseColumn, ...] = ()
    items: str | None = None
    levels: str | None = None
    levels_complete: bool | None = None
    warehouses: tuple[str, ...] = ()
    split: tuple[Share, ...] = ()
    combine: Literal["last", "sum"] | None = None
    part: Paths = ()
    parts_complete: bool | None = None
    newer_by: str | None = None
    lookup: Lookup | None = None
    native: bool = False

    @property
    def names_locations(self) -> bool:
        """Whether it says at which warehouses the stock is."""
        return bool(self.warehouse or self.warehouse_columns or self.warehouses)

    @property
    def sums(self) -> bool:
        """Whether its rows are parts that are added up."""
        return self.combine == "sum"


class _Place(msgspec.Struct, frozen=True):
    """An entry of the setting `warehouse_map`."""

    code: str
    client_id: str


class StockPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules for quantities and warehouses' codes, for all streams.

    Attributes:
        warehouse_map: The client id of each code; ``None`` if codes are client ids.
        max_stock: The largest quantity that is sent; ``None`` for no limit.
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
    """The partner's and the store's credentials; `repr` shows no secret."""

    partner_client_id: str
    partner_secret: str
    store_client_id: str
    store_token: str

    def __repr__(self) -> str:
        """Show only the two client ids."""
        return f"Credentials(partner={self.partner_client_id!r}, store={self.store_client_id!r})"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that has been checked. Seconds and bytes are whole numbers.

    Attributes:
        credentials: ``None`` in a dry run without credentials.
        streams: ``None`` if streams are to be recognised.
    """

    credentials: Credentials | None
    api_url: str
    signature_prefix: str
    signed_path_prefix: str
    streams: tuple[StreamMapping, ...] | None
    policy: StockPolicy
    unlisted_items: Literal["reject", "skip"]
    batch_size_rows: int
    batch_size_bytes: int
    batch_wait_seconds: int
    max_in_flight: int
    requests_per_minute: int | None
    request_timeout_seconds: int
    max_retry_seconds: int
    rejects_path: str | None
    max_rejected_rows: int | None
    max_rejected_percent: int | None
    ledger: str | None
    resend_hours: int
    history_days: int
    max_zeroed_percent: int
    metrics_path: str | None
    dry_run: bool


def parse_settings(config: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> Settings:
    """Check a configuration and convert it to `Settings`.

    Args:
        config: The values by setting.
        schema: Our settings and the SDK's; by default only ours.

    Raises:
        ConfigurationError: With all problems.
    """
    values = _with_defaults(config)
    if found := problems(config, values, schema or SCHEMA):
        raise ConfigurationError(found)
    return _settings(values)


def settings_of_a_run(config: Mapping[str, Any]) -> Settings:
    """Convert a configuration that a run has taken before; of it, only the types are checked.

    Importing jsonschema would take longer than all that `explain` does with the result.

    Raises:
        ConfigurationError: No run can have taken it.
    """
    try:
        return _settings(_with_defaults(config))
    except msgspec.ValidationError:
        pass  # its text is of the library
    raise ConfigurationError(["a setting has another type"])


def read_file(path: Path, *, may_be_streams: bool = False) -> dict[str, Any]:
    """Read a file of settings, which may also be the list `streams` alone.

    Raises:
        ConfigurationError: It cannot be read; the text does not show its content.
    """
    try:
        found = json.loads(path.read_bytes())
        if isinstance(found, list) and may_be_streams:
            return {"streams": found}
        if isinstance(found, dict):
            return found
        problem = "is not a JSON object"
        if isinstance(found, list):
            problem += ': if it is the list of mappings, write {"streams": LIST}'
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except json.JSONDecodeError as error:
        problem = f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except (ValueError, RecursionError):
        problem = "is not JSON"
    raise ConfigurationError([f"{clean(str(path))} {problem}"])


def stream_mapping(entry: Mapping[str, Any]) -> StreamMapping:
    """Convert a valid entry of the setting `streams`."""
    entry = msgspec.convert(entry, dict[str, Any])
    named = {key: value for key, value in entry.items() if value is not None}
    for key in PATH_KEYS:
        if isinstance(named.get(key), str):
            named[key] = [named[key]]
    named["no_warehouse"] = "warehouse" in entry and entry["warehouse"] is None
    return msgspec.convert(named, StreamMapping)


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: setting.get("default") for key, setting in SCHEMA["properties"].items()}
    return values | {key: value for key, value in config.items() if value is not None}


def _settings(values: Mapping[str, Any]) -> Settings:
    """Convert values.

    Raises:
        msgspec.ValidationError: One has another type.
    """
    named = {name: values[name] for name in Settings.__struct_fields__ if name in values}
    credentials = [values.get(name) for name in CREDENTIALS]
    named["credentials"] = Credentials(*map(str, credentials)) if all(credentials) else None
    named["policy"] = _policy(values)
    streams = msgspec.convert(values.get("streams"), list[Any] | None)
    named["streams"] = streams and [stream_mapping(entry) for entry in streams]
    named["api_url"] = str(values["api_url"]).rstrip("/")
    return msgspec.convert(named, Settings)


def _policy(values: Mapping[str, Any]) -> StockPolicy:
    named = {name: values[name] for name in StockPolicy.__struct_fields__}
    entries = msgspec.convert(values.get("warehouse_map"), list[_Place] | None)
    named["warehouse_map"] = entries and {
        entry.code.strip(): entry.client_id.strip() for entry in entries
    }
    return msgspec.convert(named, StockPolicy)
