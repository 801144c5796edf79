"""Every private or undocumented name of singer_sdk that is used, behind a public one.

`tests/singer/test_sdk.py` asks for each, so that a release without one fails there. Errors of the
SDK are translated here, too: a mistake in the configuration is a line of the log, not a traceback.
"""

from __future__ import annotations

import abc
import copy
import logging
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from singer_sdk import metrics
from singer_sdk.exceptions import (
    ConfigValidationError,
    InvalidJSONSchema,
    InvalidRecord,
    MappingError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.mapper import PluginMapper, RemoveRecordTransform, SameRecordTransform, StreamMap
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.sinks import Sink
from singer_sdk.target_base import Target

from target_tocobagus.config.settings import read_file
from target_tocobagus.core.errors import ConfigurationError, DeliveryError, TocobagusError
from target_tocobagus.core.foreign_text import clean, reason
from target_tocobagus.singer.env import ENVIRONMENT, read_variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from singer_sdk.sinks.core import BaseJSONSchemaValidator

__all__ = [
    "EXPECTED_ERRORS",
    "GenericSingerReader",
    "InvalidInputLine",
    "InvalidRecord",
    "PluginMapper",
    "RecordsWithoutSchemaException",
    "RemoveRecordTransform",
    "SameRecordTransform",
    "SdkSink",
    "SdkTarget",
    "StreamMap",
    "explain",
    "logging_problem",
    "open_storage",
]

EXPECTED_ERRORS: Final = (
    TocobagusError,
    ConfigValidationError,
    InvalidInputLine,
    InvalidJSONSchema,
    InvalidRecord,
    MappingError,
    RecordsWithoutSchemaException,
)
"""Errors that end a run without a traceback: `explain` gives a text and an exit code for each."""

_LOG_FILE: Final = "SINGER_SDK_LOG_CONFIG"
_LEVELS: Final = ("TARGET_TOCOBAGUS_LOGLEVEL", "LOGLEVEL")


class SdkTarget(Target):
    """The SDK's target, with public names for the private methods that are overridden."""

    @abc.abstractmethod
    def check_config(self, config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
        """Check the settings as a whole; returns the problems, without values."""

    @abc.abstractmethod
    def stop(self, signum: int) -> None:
        """Stop the run, because of a signal."""

    @property
    def sinks(self) -> Mapping[str, Sink]:
        """The sinks of this run, by their stream's alias."""
        return self._sinks_active

    def forget_sinks(self) -> None:
        """Forget all sinks, so that each stream gets a new one at its next SCHEMA."""
        self._sinks_active.clear()

    def forget_replaced_sinks(self) -> None:
        """Forget sinks whose SCHEMA has changed: they have nothing to drain."""
        self._sinks_to_clear.clear()

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        problems = self.check_config(self._config, _sound_schema(self.config_jsonschema))
        if problems and raise_errors:
            raise _invalid(self, problems)
        for key, schema in self.config_jsonschema["properties"].items():
            if not problems and "default" in schema and self._config.get(key) is None:
                self._config[key] = copy.deepcopy(schema["default"])
        return problems

    @classproperty
    def variable_prefix(cls) -> str:  # noqa: N805
        """The text before a setting's name in its environment variable."""
        return str(cls._env_var_prefix)

    @classmethod
    def read_environment(cls) -> dict[str, Any]:
        """Read the settings for `--config=ENV`.

        Raises:
            ConfigurationError: Some of them cannot be read.
        """
        cls.append_builtin_config(cls.config_jsonschema)
        properties = cls.config_jsonschema["properties"]
        values, problems = read_variables(cls.variable_prefix, properties, os.environ)
        if problems:
            raise ConfigurationError(list(problems.values()))
        return values

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        return cls.read_environment()

    @classmethod
    def cb_config(
        cls,
        ctx: click.Context,  # noqa: ARG003  # the SDK's signature
        param: click.Option,  # noqa: ARG003
        value: tuple[str, ...],
    ) -> _ConfigInput:
        """Read the files that `--config` names, each once: it may be a pipe.

        Raises:
            click.UsageError: One of them is missing, or is not a JSON object.
        """
        config: dict[str, Any] = {}
        for source in value:
            if source.lstrip().startswith("{"):
                message = "--config: takes the path of a file, or ENV, not JSON"
                raise click.UsageError(message)
            if source != ENVIRONMENT:
                try:
                    config |= read_file(Path(source))
                except ConfigurationError as error:
                    message = f"--config: {error}"
                    raise click.UsageError(message) from None
        return _ConfigInput(config, parse_env=ENVIRONMENT in value)

    def setup_mapper(self) -> None:
        """Prepare the SDK's stream maps and flattening.

        Raises:
            ConfigValidationError: They are invalid for any stream.
        """
        for setting in ("stream_maps", "stream_map_config", "faker_config"):
            if self._config.get(setting) is None:
                self._config.pop(setting, None)
        try:
            super().setup_mapper()
        except ConfigValidationError:
            raise
        except Exception as error:  # noqa: BLE001  # the SDK lets errors of any type through
            raise _invalid(self, [f"stream_maps: {reason(error)}"]) from None

    def _setup_signal_handlers(self) -> None:
        """Treat SIGHUP as SIGTERM too, unless `nohup` has the process ignore it."""
        super()._setup_signal_handlers()
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle_termination)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.stop(signum)


def _invalid(target: Target, problems: list[str]) -> ConfigValidationError:
    message = "Config validation failed"
    return ConfigValidationError(message, errors=problems, schema=target.config_jsonschema)


class SdkSink(Sink):
    """The SDK's sink, which is never drained, and whose validation shows no traceback."""

    @property
    def is_validating(self) -> bool:
        """Whether records are checked against the SCHEMA (`validate_records`)."""
        return self._validator is not None

    def get_validator(self) -> BaseJSONSchemaValidator | None:
        """Make the validator, if `validate_records` is on.

        Raises:
            ConfigurationError: The stream's SCHEMA is not a valid JSON Schema.
        """
        try:
            return super().get_validator()
        except Exception as error:  # noqa: BLE001  # jsonschema lets errors of any type through
            raise self._unusable(error) from None

    def validate(self, record: dict[str, Any]) -> bool:
        """Check a record against the SCHEMA, if `validate_records` is on.

        Returns:
            Whether it could be checked; one that is nested too deeply cannot.

        Raises:
            InvalidRecord: It does not fit.
            ConfigurationError: The SCHEMA cannot be used: a pattern or reference in it is invalid.
        """
        try:
            if self._validator is not None:
                self._validator.validate(record)
        except InvalidRecord:
            raise
        except RecursionError:
            return False
        except Exception as error:  # noqa: BLE001  # a pattern, a reference
            raise self._unusable(error) from None
        return True

    def _unusable(self, error: Exception) -> ConfigurationError:
        place = f"validate_records: stream {clean(self.stream_name)!r}"
        return ConfigurationError([f"{place}: its SCHEMA cannot be used: {reason(error)}"])

    def get_sink_record_counter(self) -> metrics.Counter:
        """Count under a name that is safe to log."""
        return metrics.record_counter(clean(self.stream_name))

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing: the records were passed on already."""


def open_storage(path: str, batch_config: Mapping[str, Any] | None) -> tuple[str, Any]:
    """Find where a BATCH file is.

    Returns:
        Its full address, and a callable that opens it.
    """
    from singer_sdk.helpers._batch import BatchConfig, StorageTarget

    head, tail = StorageTarget.split_url(path)
    storage = BatchConfig.from_dict(dict(batch_config)).storage if batch_config else None
    storage = storage or StorageTarget.from_url(head)
    return f"{storage.root}/{tail}", lambda: storage.open(tail, mode="rb")


def explain(error: Exception) -> tuple[list[str], int]:
    """Return the lines of the log and the exit code for one of `EXPECTED_ERRORS`."""
    if isinstance(error, ConfigValidationError):
        return list(error.errors), ConfigurationError.exit_code
    if isinstance(error, TocobagusError):
        hint = "; `tocobagus check` can tell more" if isinstance(error, DeliveryError) else ""
        problems = error.problems if isinstance(error, ConfigurationError) else [f"{error}{hint}"]
        return list(problems), error.exit_code
    if isinstance(error, MappingError):
        return [f"stream_maps: {clean(str(error))}"], ConfigurationError.exit_code
    exit_code = getattr(error, "exit_code", 1)  # a later error may have set it
    if isinstance(error, InvalidRecord):
        return [f"validate_records: {clean(error.error_message)}"], exit_code
    return [clean(str(error))], exit_code


def _sound_schema(schema: Any) -> Any:
    """Copy the settings' schema without invalid parts: the SDK has a text in an `anyOf`."""
    if isinstance(schema, dict):
        kept = {key: _sound_schema(each) for key, each in schema.items()}
        if isinstance(kept.get("anyOf"), list):
            kept["anyOf"] = [form for form in kept["anyOf"] if isinstance(form, dict)]
        return kept
    return [_sound_schema(each) for each in schema] if isinstance(schema, list) else schema


def logging_problem(error: Exception, environment: Mapping[str, str]) -> str:
    """Name the environment variable that makes the logging set-up fail."""
    given = [name for name in _LEVELS if environment.get(name)]
    level = environment[given[0]] if given else "INFO"
    if not isinstance(logging.getLevelName(level.upper()), int):
        return f"{given[0]}: {clean(level)!r} is unknown"
    return f"{_LOG_FILE}: the file cannot be used: {reason(error)}"
