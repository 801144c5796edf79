"""The operator's tool `tocobagus`: everything about the target except a sync.

Its files:

    check/           whether a run would work, and what is wrong if not
    map/             the mapping of each stream in a file
    demo/            stock arrives, without an account
    ledger/          the memory across runs, also `explain`, `history`, `batch` and `rejects`
    report/          a page about a store
    spreadsheet/     files that were saved as CSV, for `map`, `demo` and `check`
    configuration    the configuration, for commands that need it

`tocobagus sandbox` stands with the sandbox, `sandbox/command`.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from target_tocobagus import __version__

_COMMANDS: Final = {
    "batch": "cli.ledger.past_commands:batch",
    "check": "cli.check.command:check",
    "demo": "cli.demo.command:demo",
    "explain": "cli.ledger.explain_command:explain",
    "history": "cli.ledger.past_commands:history",
    "ledger": "cli.ledger.command:ledger",
    "map": "cli.map.command:map_command",
    "rejects": "cli.ledger.past_commands:rejects",
    "report": "cli.report.command:report",
    "sandbox": "sandbox.command:sandbox",
}
"""Where each command is; it is imported only if it is used, so that each starts quickly."""


_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, by its name."""
        del ctx
        module, _, name = _COMMANDS.get(cmd_name, "").partition(":")
        return getattr(import_module(f"target_tocobagus.{module}"), name) if name else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; that its output has no room is not a fault of the program."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write
            message = f"the output cannot be written ({error.strerror})"
            raise click.ClickException(message) from None


@click.group(cls=_Commands)
@click.version_option(__version__)
def main() -> None:
    """Try, map and check what target-tocobagus sends to the Tocobagus partner API."""
