"""The Singer target: the SDK's `Target`, with reading, delivery and STATE of its own.

What stays the SDK's: the command line, `--about`, the configuration from files and the environment,
logging, metrics, stream maps and flattening. What does not: its sinks are never drained, for a
drain sends one batch at a time with the input blocked, and emits no STATE before all of it is sent.
"""

from __future__ import annotations

import copy
import os
import signal
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

import click
from singer_sdk.exceptions import (
    ConfigValidationError,
    InvalidJSONSchema,
    InvalidRecord,
    MappingError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.target_base import Target

from target_tocobagus.config.settings import SCHEMA, Settings, parse_settings
from target_tocobagus.config.validation import unknown_settings
from target_tocobagus.core.errors import ConfigurationError, InputError, TocobagusError
from target_tocobagus.core.foreign_text import clean, quoted
from target_tocobagus.core.json_lines import bounded
from target_tocobagus.core.model import RecordError, Skipped, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.shutdown import GRACE_AFTER_SIGNAL
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.recognition.stream_router import StreamRouter
from target_tocobagus.report import console
from target_tocobagus.singer.batch_files import read_records
from target_tocobagus.singer.env import read_variables, unknown_variables, unread_variables
from target_tocobagus.singer.readable_schema import names_in, readable_schema
from target_tocobagus.singer.reader import MessageReader, descriptor_of
from target_tocobagus.singer.sdk_errors import describe, register, sound_schema
from target_tocobagus.singer.stdout import StateOutput
from target_tocobagus.singer.stream_setup import StreamSetup
from target_tocobagus.sinks import StockSink
from target_tocobagus.state.checkpoints import OWN_KEY, read_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.mapper import StreamMap
    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.sinks import Sink


_USER_ERRORS: Final = (
    InvalidInputLine,
    InvalidJSONSchema,
    InvalidRecord,
    MappingError,
    RecordsWithoutSchemaException,
)
"""What the SDK raises for the tap's mistakes, and for mistakes in `stream_maps`."""
_FILTERED: Final = Skipped("filtered out by the stream maps")
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is no object")
_TOO_DEEP: Final = RecordError("TOO_DEEP", "the record is nested too deeply")


class TargetTocobagus(Target):
    """Sends stock from any tap to the Tocobagus (Toco) partner API."""

    name = "target-tocobagus"
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(SCHEMA)
    default_sink_class: type[Sink] = StockSink
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    overrides: ClassVar[dict[str, Any]] = {}
    """Settings that the command line itself sets: they win over files and environment."""

    settings: Settings
    pipeline: Pipeline
    stream_setup: StreamSetup
    message_reader: MessageReader

    def __init__(self, **kwargs: Any) -> None:
        """Check the configuration and compile its mappings; see `singer_sdk.Target`.

        Raises:
            ConfigValidationError: The configuration cannot be used.
        """
        self._wakeup = WakeUp()
        self._streams: dict[str, Stream] = {}
        self._reads_environment = bool(kwargs.get("parse_env_config"))
        kwargs.setdefault("message_reader", MessageReader(self._open_run))
        super().__init__(**kwargs)
        secrets = [self.config.get(name) for name in ("partner_secret", "store_token")]
        self.message_reader.secrets = tuple(str(secret) for secret in secrets if secret)
        remarks = unknown_settings(self.config, self.config_jsonschema["properties"])
        for line in (*remarks, *self._remarks_on_environment(), *self._chooser.doubts()):
            self.logger.warning(line)

    # Configuration

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the configuration as a whole, without showing a value that could be a secret."""
        self.append_builtin_config(self.config_jsonschema)
        self._config.update(self.overrides)
        try:
            self.settings = parse_settings(self._config, sound_schema(self.config_jsonschema))
            self._chooser = StreamRouter(self.settings)
        except ConfigurationError as error:
            errors = [*error.problems, *self._remarks_on_environment()]
            if raise_errors:
                raise self._invalid(errors) from None
            return errors
        for key, schema in self.config_jsonschema["properties"].items():
            if "default" in schema and self._config.get(key) is None:
                self._config[key] = copy.deepcopy(schema["default"])
        return []

    def _invalid(self, errors: list[str]) -> ConfigValidationError:
        message = "Config validation failed"
        return ConfigValidationError(message, errors=errors, schema=self.config_jsonschema)

    @classmethod
    def read_environment(cls) -> dict[str, Any]:
        """Read what `--config=ENV` reads.

        Raises:
            ConfigurationError: Some of it cannot be read.
        """
        cls.append_builtin_config(cls.config_jsonschema)
        properties = cls.config_jsonschema["properties"]
        values, problems = read_variables(cls._env_var_prefix, properties, os.environ)
        if problems:
            raise ConfigurationError(list(problems.values()))
        return values

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805
        """What the SDK adds to the files' settings, with `--config=ENV`."""
        return cls.read_environment()

    def _remarks_on_environment(self) -> list[str]:
        """Name variables that are probably not meant as they are taken."""
        prefix, known = self._env_var_prefix, self.config_jsonschema["properties"]
        if self._reads_environment:
            return list(unknown_variables(prefix, known, os.environ))
        return list(unread_variables(prefix, known, os.environ, self._config))

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the files that `--config` names.

        Raises:
            click.UsageError: One of them is missing, or is not a JSON object.
        """
        if any(each.lstrip().startswith("{") for each in value):
            message = "--config: takes the path of a file, or ENV, and no JSON"
            raise click.UsageError(message)
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            reason = "is not a JSON object"
            if isinstance(error, OSError):
                reason = f"cannot be read ({error.strerror})"
            message = f"--config: {clean(' '.join(value))} {reason}"
            raise click.UsageError(message) from None

    # The run

    def _open_run(self, source: IO[bytes] | IO[str]) -> Pipeline:
        descriptor = descriptor_of(source)
        self.pipeline = Pipeline(
            self.settings,
            self._wakeup,
            emit=StateOutput(self._wakeup).write_line,
            input_file=None if descriptor is None else os.fstat(descriptor),
        )
        if self.settings.streams is None:
            self.pipeline.questions = self._chooser.questions
        warehouse_map = self.settings.policy.warehouse_map
        self.stream_setup = StreamSetup(self.pipeline, self._chooser, warehouse_map)
        return self.pipeline

    def process_endofpipe(self) -> None:
        """Settle all that was read; the SDK calls this at the end of the input."""
        for line in self._chooser.mistyped():
            self.logger.warning(line)
        self.pipeline.finish()
        if self.pipeline.position and self.pipeline.maps_nothing:
            self.logger.warning(self._chooser.nothing_mapped())
        for sink in self._sinks_active.values():
            sink.clean_up()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Tell the main thread to stop; at the second signal, end the process now."""
        if self._wakeup.signal is not None:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self._wakeup.signal = signum
        self._wakeup.stop(GRACE_AFTER_SIGNAL)

    def _setup_signal_handlers(self) -> None:
        """Take SIGHUP as SIGTERM too, unless `nohup` has the process ignore it."""
        super()._setup_signal_handlers()
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle_termination)

    # Messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "schema"})
        name, schema = message_dict["stream"], message_dict["schema"]
        if not isinstance(schema, dict) or not isinstance(schema.get("properties") or {}, dict):
            what = "is a SCHEMA that holds no JSON Schema of an object"
            raise InputError(self.message_reader.about_line(what))
        self.message_reader.lane.close(name)
        keys = names_in(message_dict.get("key_properties"))
        schema = readable_schema(schema, flattened=bool(self.config.get("flattening_enabled")))
        # The SDK's maps insist that a key is declared; a document store declares none.
        declared = [key for key in keys if key in schema["properties"]]
        register(self.mapper, self.config, name, schema, declared)
        for stream_map in self.mapper.stream_maps[name]:
            kept = stream_map.transformed_key_properties
            self.get_sink(
                stream_map.stream_alias,
                schema=stream_map.transformed_schema,
                key_properties=keys if kept == declared else names_in(kept),
            )
        self._sinks_to_clear.clear()
        line = self.message_reader.line if self.pipeline.keeps_lines else b""
        self._streams[name] = Stream(name, line)

    def setup_mapper(self) -> None:
        """Prepare the SDK's stream maps and flattening.

        Raises:
            ConfigValidationError: They cannot be used on any stream.
        """
        for setting in ("stream_maps", "stream_map_config", "faker_config"):
            if self._config.get(setting) is None:
                self._config.pop(setting, None)
        try:
            super().setup_mapper()
        except ConfigValidationError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever the SDK lets through
            raise self._invalid([f"stream_maps: {describe(error)}"]) from None

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "record"})
        line = self.message_reader.line if self.pipeline.keeps_lines else b""
        self._take_record(message_dict, line)
        self._open_lane(message_dict["stream"])

    def _assert_sink_exists(self, stream_name: str) -> None:
        if not self.sink_exists(stream_name):
            what = (
                f"is a record of stream {quoted(stream_name)}, and no SCHEMA of that came before it"
            )
            raise RecordsWithoutSchemaException(self.message_reader.about_line(what))

    def _has_mapping(self, name: str) -> bool:
        """Tell whether anything that comes of a stream's records has a mapping."""
        names = [each.stream_alias for each in self.mapper.stream_maps[name]]
        sinks = map(self._sinks_active.get, names)
        return any(isinstance(sink, StockSink) and sink.mapping for sink in sinks)

    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """Make no sink, and so judge nothing, of a stream that the stream maps remove."""
        if schema is not None and self._is_removed(stream_name):
            return None  # type: ignore[return-value]  # the SDK's only caller drops it
        return super().get_sink(
            stream_name, record=record, schema=schema, key_properties=key_properties
        )

    def _is_removed(self, alias: str) -> bool:
        maps = [each for found in self.mapper.stream_maps.values() for each in found]
        named = [each for each in maps if each.stream_alias == alias]
        return bool(named) and all(isinstance(each, RemoveRecordTransform) for each in named)

    def _open_lane(self, name: str) -> None:
        """Let a stream's further records go the fast way, if the SDK leaves them as they are."""
        maps = self.mapper.stream_maps[name]
        unchanged = all(type(each) is SameRecordTransform for each in maps)
        sink = self._sinks_active.get(name)
        if (
            unchanged
            and len(maps) == 1
            and not maps[0].flattening_enabled
            and isinstance(sink, StockSink)
            and sink.is_open
        ):
            self.message_reader.lane.open(self._streams[name], sink)

    def _take_record(self, message: dict[str, Any], line: bytes) -> None:
        """Send a record through the stream maps and into the sinks that they name."""
        name = message["stream"]
        if name not in self._streams:
            self._assert_sink_exists(name)
        if not isinstance(message["record"], dict):
            self.pipeline.next_position()
            self.pipeline.take([_NO_RECORD], self._streams[name], line)
            return
        stream = self._streams[name]
        context = {"stream": stream, "line": line, "own": message.get(OWN_KEY)}
        self.pipeline.next_position()
        if self.pipeline.maps_nothing:
            self.pipeline.maps_nothing = not self._has_mapping(name)
        taken = False
        for stream_map in self.mapper.stream_maps[name]:
            record = _transformed(stream_map, message["record"])
            if record is not None:
                taken = True
                self._hand_on(stream_map.stream_alias, record, context)
        if not taken:
            self.pipeline.take([_FILTERED], stream, line)

    def _hand_on(
        self, sink: str, record: dict[str, Any] | RecordError, context: dict[str, Any]
    ) -> None:
        """Give a record to its sink, or note why there is none."""
        try:
            if not isinstance(record, RecordError):
                self._sinks_active[sink].process_record(record, context)
                return
        except RecursionError:  # of `validate_records`
            record = _TOO_DEEP
        self.pipeline.take([record], context["stream"], context["line"])

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        try:
            value = read_value(self.message_reader.line)
        except ValueError as error:
            self.logger.warning("A STATE is ignored: %s", error)
            return
        if value is not None:
            self.pipeline.checkpoint(value)

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Accept it, whatever its order: what a version lacks is not known to be zero."""

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Read the records of files in their place, each like a RECORD message."""
        self._assert_line_requires(message_dict, requires={"stream", "encoding", "manifest"})
        storage = self.config.get("batch_config")
        for line, record in read_records(message_dict, storage, self.pipeline.service):
            kept = line if self.pipeline.keeps_lines else b""
            self._take_record({"stream": message_dict["stream"], "record": record}, kept)

    # The command

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Give the SDK's command, and one option more."""
        command = super().get_singer_command()
        text = cls.config_jsonschema["properties"]["dry_run"]["description"]
        command.params.append(click.Option(["--dry-run"], is_flag=True, help=text))
        return command

    @classmethod
    def invoke(cls, *, dry_run: bool = False, **kwargs: Any) -> None:
        """Run the command; what a user can fix is said without a traceback.

        Raises:
            SystemExit: With 1 for a failure that another run may heal, with 2 where a person must
                act first, with 128 + n after a signal.
        """
        console.prepare()
        kind: type[TargetTocobagus] = cls
        if dry_run:
            kind = type(cls.__name__, (cls,), {"overrides": {"dry_run": True}})
        try:
            super(TargetTocobagus, kind).invoke(**kwargs)
        except ConfigValidationError as error:
            for problem in error.errors:
                cls.logger.error(problem)  # noqa: TRY400  # a user's matter, not a bug's
            sys.exit(ConfigurationError.exit_code)
        except TocobagusError as error:
            problems = error.problems if isinstance(error, ConfigurationError) else [str(error)]
            for problem in problems:
                cls.logger.error(problem)  # noqa: TRY400  # a user's matter, not a bug's
            sys.exit(error.exit_code)
        except _USER_ERRORS as error:
            cls.logger.error(_describe(error))  # noqa: TRY400  # no bug's matter
            sys.exit(2 if isinstance(error, MappingError) else 1)


def _transformed(
    stream_map: StreamMap, record: dict[str, Any], *, cut: bool = False
) -> dict[str, Any] | RecordError | None:
    """Send a record through a stream map; None where that filters it out.

    What is nested too deeply for the SDK is left out at the second attempt.
    """
    try:
        return stream_map.transform(copy.copy(record))
    except RecursionError:
        return _TOO_DEEP if cut else _transformed(stream_map, bounded(record), cut=True)
    except Exception as error:  # noqa: BLE001  # a user's expression may raise anything
        text = f"a stream map fails on this record: {type(error).__name__}: {error}"
        return RecordError("STREAM_MAP", clean(text))


def _describe(error: Exception) -> str:
    if isinstance(error, InvalidRecord):
        return f"validate_records: {clean(error.error_message)}"
    place = "stream_maps: " if isinstance(error, MappingError) else ""
    return f"{place}{clean(str(error))}"
