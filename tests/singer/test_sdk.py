"""The SDK has every private or undocumented name that `singer/sdk.py` relies on."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any, Final

import pytest
from singer_sdk.exceptions import MappingError
from singer_sdk.sinks import Sink
from singer_sdk.target_base import Target

from target_tocobagus.core.errors import (
    ConfigurationError,
    CredentialError,
    InputError,
    OutputError,
    log_later,
)
from target_tocobagus.singer import sdk
from target_tocobagus.target import TargetTocobagus

IMPORTED: Final = {
    "singer_sdk.helpers._batch": ["BatchConfig", "StorageTarget"],
    "singer_sdk.helpers._classproperty": ["classproperty"],
    "singer_sdk.mapper": [
        *("PluginMapper", "RemoveRecordTransform", "SameRecordTransform", "StreamMap"),
    ],
    "singer_sdk.plugin_base": ["_ConfigInput"],
    "singer_sdk.singerlib.encoding.base": ["GenericSingerReader"],
    "singer_sdk.singerlib.exceptions": ["InvalidInputLine"],
    "singer_sdk.sinks.core": ["BaseJSONSchemaValidator"],
}
METHODS: Final = {
    Target: [
        *("_env_var_config", "_env_var_prefix", "_handle_termination", "_setup_signal_handlers"),
        *("_validate_config", "append_builtin_config", "cb_config", "get_singer_command"),
        *("process_endofpipe", "setup_mapper"),
    ],
    Sink: ["get_sink_record_counter", "get_validator", "record_counter_metric"],
    sdk.PluginMapper: ["register_raw_stream_schema"],
    sdk.GenericSingerReader: ["default_input", "deserialize_json", "process_lines"],
}
ATTRIBUTES: Final = {"_config", "_sinks_active", "_sinks_to_clear"}
"""Of a target; `_validator` is one of a sink."""
PACKAGE: Final = Path(sdk.__file__).parents[1]


@pytest.fixture
def target() -> TargetTocobagus:
    """A target that has read a SCHEMA, as far as its sink goes."""
    target = TargetTocobagus(config={"dry_run": True, "streams": []})
    target._open_run(None)  # type: ignore[arg-type]  # noqa: SLF001  # nothing is read
    return target


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in IMPORTED.items() for name in names]
)
def test_each_imported_name_is_there(module: str, name: str) -> None:
    """A private module of the SDK has the name that is imported from it."""
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in METHODS.items() for name in names]
)
def test_each_overridden_or_called_name_is_there(owner: type, name: str) -> None:
    """A class of the SDK has the name that is overridden or called."""
    assert any(name in vars(each) for each in owner.__mro__)


def test_each_attribute_is_there(target: TargetTocobagus) -> None:
    """The SDK sets them in `__init__`; each stream map tells its alias, its key and its schema."""
    assert vars(target).keys() >= ATTRIBUTES
    schema: dict[str, Any] = {"properties": {"sku": {"type": "string"}}}
    target.mapper.register_raw_stream_schema("stock", schema, ["sku"])
    (stream_map,) = target.mapper.stream_maps["stock"]
    assert (stream_map.stream_alias, stream_map.flattening_enabled) == ("stock", False)
    assert stream_map.transformed_key_properties == ["sku"]
    assert stream_map.transformed_schema == schema
    sink = target.get_sink("stock", schema=schema, key_properties=["sku"])
    assert "_validator" in vars(sink)


def test_no_private_name_is_used_elsewhere() -> None:
    """Those that `sdk.py` uses are in the lists above, and no other module uses one of them."""
    methods = {name for names in METHODS.values() for name in names if name.startswith("_")}
    known = methods | ATTRIBUTES | {"_validator"}
    own = {"_invalid", "_unusable"}

    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        imported = {
            name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("singer_sdk")
            for name in (*(node.module or "").split("."), *(alias.name for alias in node.names))
        }
        if path == Path(sdk.__file__):
            private = {name for name in used if name.startswith("_") and name[1] != "_"}
            assert private - own <= known
        else:
            assert not used & (known - {"_config"}), path
            assert not any(name.startswith("_") for name in imported), path


@pytest.mark.parametrize(
    ("error", "lines", "exit_code"),
    [
        (ConfigurationError(["one", "two"]), ["one", "two"], 2),
        (InputError("line 1"), ["line 1"], 1),
        (sdk.InvalidInputLine("a\x1bb"), [r"a\x1bb"], 1),
        (MappingError("no"), ["stream_maps: no"], 2),
    ],
    ids=["configuration", "input", "the SDK's, with foreign text", "stream maps"],
)
def test_an_expected_error_is_lines_and_an_exit_code(
    error: Exception, lines: list[str], exit_code: int
) -> None:
    """It is logged without a traceback, and says who can help: another run, or a person."""
    assert isinstance(error, sdk.EXPECTED_ERRORS)
    assert sdk.explain(error) == (lines, exit_code)


def test_a_later_error_that_needs_a_person_counts_for_the_exit_code() -> None:
    """A scheduler may retry after 1 and not after 2, also after an error of the SDK."""
    first = sdk.InvalidInputLine("line 1")
    log_later(OutputError("gone"), first)
    assert sdk.explain(first)[1] == 1
    log_later(CredentialError("refused"), first)
    assert sdk.explain(first)[1] == 2
