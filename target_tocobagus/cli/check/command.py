"""``tocobagus check``: whether a run would work, from the settings to the signature.

The only requests to the API read its list of products, signed as a run signs; nothing is written.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from target_tocobagus.cli.configuration import config_option, read
from target_tocobagus.singer.env import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_tocobagus.cli.check.page import Finding
    from target_tocobagus.cli.configuration import Given

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    short_help="Say whether a run would work, and what to do if not.",
    context_settings={"max_content_width": 100},
)
@config_option
@click.option("--stream", "streams", multiple=True, type=_FILE, help="A tap's output, or CSV.")
@click.option("--catalog", "catalogs", multiple=True, type=_FILE, help="A tap's catalog.")
def check(configs: tuple[str, ...], streams: tuple[Path, ...], catalogs: tuple[Path, ...]) -> None:
    """Find out whether a run would work, and if not, what to do about it.

    It checks the settings, the mappings (also with a tap's output or its catalog), the way to the
    API (name, connection, proxy, certificate), the clock, the signature, the file of rejected
    rows, and the ledger.

    Nothing is written to the API: it is asked for a list of products. Each attempt is made once
    and takes at most request_timeout_seconds, and at most 10 seconds. No secret is shown. The exit
    code is 0 if a run would work, even if something needs attention; otherwise it is 1.
    """
    from target_tocobagus.api.redaction import Redactor
    from target_tocobagus.cli.check.network import secrets_of_proxy
    from target_tocobagus.cli.check.page import Page
    from target_tocobagus.config.hidden import secrets_of
    from target_tocobagus.core.foreign_text import hide_secrets

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = read(configs)
    proxies = [value for name, value in os.environ.items() if name.lower().endswith("_proxy")]
    hidden = [
        *secrets_of(given.values),
        *(part for url in proxies for part in secrets_of_proxy(url)),
    ]
    hide_secrets(Redactor(hidden).text)
    page = Page()
    for finding in _findings(given, configs, [*streams, *catalogs]):
        page.show(finding)
    page.close()
    if not page.run_would_work:
        raise click.exceptions.Exit(1)


def _findings(given: Given, configs: Sequence[str], files: Sequence[Path]) -> Iterator[Finding]:
    """Make all checks: the quick ones first, the file of rejected rows and the ledger last."""
    from target_tocobagus.cli.check import ledger, mappings, network, settings
    from target_tocobagus.cli.check.page import NETWORK, not_tried

    finding, mapping, connection = settings.judge(given)
    yield finding
    if mapping is None:
        yield not_tried("mappings", settings.INVALID)
    else:
        named = [config for config in configs if config != ENVIRONMENT]
        yield from mappings.check_mappings(mapping, files, named)
    if connection is None:
        yield from (not_tried(each, settings.INVALID) for each in NETWORK)
    else:
        yield from network.check_network(connection)
    yield settings.check_rejects(given)
    yield from ledger.check_ledger(given, mapping, configs)
