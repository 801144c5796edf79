"""The operator's tool `tocobagus`: everything about the target except a sync."""

from __future__ import annotations

import click

from target_tocobagus import __version__
from target_tocobagus.cli.check.command import check
from target_tocobagus.cli.demo.command import demo
from target_tocobagus.cli.ledger.command import ledger
from target_tocobagus.cli.ledger.explain_command import explain
from target_tocobagus.cli.ledger.past_commands import batch, history, rejects
from target_tocobagus.cli.map.command import map_command
from target_tocobagus.cli.report.command import report
from target_tocobagus.sandbox.command import sandbox


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Try, map and check what target-tocobagus sends to the Tocobagus partner API."""


main.add_command(batch)
main.add_command(check)
main.add_command(demo)
main.add_command(explain)
main.add_command(history)
main.add_command(ledger)
main.add_command(map_command)
main.add_command(rejects)
main.add_command(report)
main.add_command(sandbox)
