"""The Singer target: the SDK's `Target`, with reading, delivery and STATE of its own.

Used from the SDK: the command line, `--about`, configuration files, logging, metrics, stream maps
and flattening. Not used: draining of sinks, because a drain sends one batch at a time while the
input waits, and emits STATE only after everything is sent.
"""

from __future__ import annotations

import copy
import os
import signal
import sys
from functools import partial
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from target_tocobagus.api.redaction import Redactor
from target_tocobagus.config.hidden import secrets_of
from target_tocobagus.config.settings import SCHEMA, Settings, parse_settings
from target_tocobagus.config.validation import doubts
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import hide_secrets
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.shutdown import GRACE_AFTER_SIGNAL
from target_tocobagus.pipeline.stages import wire, wire_again
from target_tocobagus.pipeline.wakeup import WakeUp
from target_tocobagus.recognition.stream_router import StreamRouter
from target_tocobagus.report import console
from target_tocobagus.singer.env import unknown_variables, unread_variables
from target_tocobagus.singer.input_lines import descriptor_of
from target_tocobagus.singer.messages import MessageHandler
from target_tocobagus.singer.reader import MessageReader
from target_tocobagus.singer.rejected_again import SecondPass, send_again
from target_tocobagus.singer.sdk import EXPECTED_ERRORS, SdkTarget, explain
from target_tocobagus.singer.stdout import StateOutput
from target_tocobagus.singer.stream_setup import StreamSetup
from target_tocobagus.sinks import StockSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink


class TargetTocobagus(SdkTarget):
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
    """Settings from options of the command line; they override files and environment."""

    settings: Settings
    pipeline: Pipeline
    stream_setup: StreamSetup
    message_reader: MessageReader

    def __init__(self, **kwargs: Any) -> None:
        """Check the configuration and compile its mappings; see `singer_sdk.Target`.

        Raises:
            ConfigValidationError: The configuration is invalid.
        """
        self._wakeup = WakeUp()
        self._reads_environment = bool(kwargs.get("parse_env_config"))
        kwargs.setdefault("message_reader", MessageReader(self._open_run))
        super().__init__(**kwargs)
        remarks = doubts(self.config, self.config_jsonschema["properties"])
        for line in (*remarks, *self._environment_remarks(self.config), *self._router.doubts()):
            self.logger.warning(line)

    def check_config(self, config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
        """Check the settings as a whole; returns the problems, without values."""
        config.update(self.overrides)
        hide_secrets(Redactor(secrets_of(config)).text)
        try:
            self.settings = parse_settings(config, schema)
            self._router = StreamRouter(self.settings)
        except ConfigurationError as error:
            return [*error.problems, *self._environment_remarks(config)]
        return []

    def _environment_remarks(self, config: Mapping[str, Any]) -> list[str]:
        """Name environment variables that are misspelt, or set but not read."""
        prefix, known = self.variable_prefix, self.config_jsonschema["properties"]
        if self._reads_environment:
            return list(unknown_variables(prefix, known, os.environ))
        return list(unread_variables(prefix, known, os.environ, config))

    def _open_run(self, source: IO[bytes] | IO[str]) -> Pipeline:
        """Wire a run, once its input is known."""
        descriptor = descriptor_of(source)
        stages = wire(
            self.settings,
            self._wakeup,
            emit=StateOutput(self._wakeup).write_line,
            input_file=None if descriptor is None else os.fstat(descriptor),
        )
        self.pipeline = Pipeline(stages)
        self.pipeline.questions = self._router.questions
        if stages.ledger is not None:
            due = stages.ledger.due_rejections()
            self.pipeline.send_again = partial(
                send_again, due, self.message_reader, self._begin_second_pass
            )
        warehouse_map = self.settings.policy.warehouse_map
        self.stream_setup = StreamSetup(self.pipeline, self._router, warehouse_map)
        handler = MessageHandler(self, self.message_reader, self.pipeline)
        self.message_reader.handlers = handler.by_type
        return self.pipeline

    def _begin_second_pass(self) -> tuple[SecondPass, MessageHandler]:
        """Let each stream begin anew, in a pass of its own over rejected rows."""
        self._clean_up()
        self.forget_sinks()
        second, before = SecondPass(wire_again(self.pipeline.stages)), self.stream_setup
        self.stream_setup = StreamSetup(second, self._router, before.warehouse_map, before)
        return second, MessageHandler(self, self.message_reader, second)

    def _clean_up(self) -> None:
        for sink in self.sinks.values():
            sink.clean_up()

    def process_endofpipe(self) -> None:
        """Settle all rows; the SDK calls this at the end of the input."""
        for line in self._router.mistyped():
            self.logger.warning(line)
        self.pipeline.finish()
        if self.pipeline.position and self.pipeline.maps_nothing:
            self.logger.warning(self._router.nothing_mapped())
        self._clean_up()

    def stop(self, signum: int) -> None:
        """Tell the main thread to stop; at a second signal, end the process now."""
        if self._wakeup.signal is not None:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        self._wakeup.signal = signum
        self._wakeup.stop(GRACE_AFTER_SIGNAL)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Add `--dry-run` to the SDK's command."""
        command = super().get_singer_command()
        text = cls.config_jsonschema["properties"]["dry_run"]["description"]
        command.params.append(click.Option(["--dry-run"], is_flag=True, help=text))
        return command

    @classmethod
    def invoke(cls, *, dry_run: bool = False, **kwargs: Any) -> None:
        """Run the command; an error that a user can fix is logged without a traceback.

        Raises:
            SystemExit: With 1 if another run may succeed, with 2 if a person must act first, with
                128 + n after signal n.
        """
        console.prepare()
        kind: type[TargetTocobagus] = cls
        if dry_run:
            kind = type(cls.__name__, (cls,), {"overrides": {"dry_run": True}})
        try:
            super(TargetTocobagus, kind).invoke(**kwargs)
        except EXPECTED_ERRORS as error:
            problems, exit_code = explain(error)
            for problem in problems:
                cls.logger.error(problem)  # noqa: TRY400  # the user's mistake, not a bug
            sys.exit(exit_code)
