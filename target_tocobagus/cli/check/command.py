"""``tocobagus check``: whether a run would work, from the settings to the signature.

Nothing is written to the API: all that it is asked is a list of products, signed as a run signs.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from target_tocobagus.cli.check import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.settings import Given

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Source(click.Path):
    """A file that is there, or the word for the environment."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Leave the word as it is."""
        return value if value == ENVIRONMENT else super().convert(value, param, ctx)


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--config",
    "configs",
    required=True,
    multiple=True,
    type=_Source(exists=True, dir_okay=False),
    help="Settings of target-tocobagus: a file of JSON, or ENV for the environment.",
)
@click.option("--stream", "streams", multiple=True, type=_FILE, help="What a tap has written.")
@click.option("--catalog", "catalogs", multiple=True, type=_FILE, help="A tap's catalog.")
def check(configs: tuple[str, ...], streams: tuple[Path, ...], catalogs: tuple[Path, ...]) -> None:
    """Find out whether a run would work, and if not, what to do about it.

    Checked are the settings, the mappings (also against what a tap has written, or its catalog),
    the way to the API (name, connection, proxy, certificate), the clock, the signature, and
    whether rejected rows can be written down.

    Nothing is written to the API: it is asked for a list of products. Each attempt is made once,
    for as long as request_timeout_seconds says, and at most 10 seconds. No secret is shown. The
    exit code is 0 if a run would work, also where something deserves attention; else it is 1.
    """
    from target_tocobagus.api.redaction import Redactor
    from target_tocobagus.cli.check import settings
    from target_tocobagus.cli.check.masking import secrets_of, secrets_of_proxy
    from target_tocobagus.cli.check.page import Page

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = settings.read(configs)
    proxies = [value for name, value in os.environ.items() if name.lower().endswith("_proxy")]
    hidden = [
        *secrets_of(given.values),
        *(part for url in proxies for part in secrets_of_proxy(url)),
    ]
    page = Page(Redactor(hidden).text)
    for finding in _findings(given, configs, [*streams, *catalogs]):
        page.show(finding)
    page.close()
    if not page.run_would_work:
        raise click.exceptions.Exit(1)


def _findings(given: Given, configs: Sequence[str], files: Sequence[Path]) -> Iterator[Finding]:
    """Make all checks, the quick ones first and the file of rejected rows last."""
    from target_tocobagus.cli.check import disk, mappings, settings, signature
    from target_tocobagus.cli.check.finding import NETWORK, not_tried
    from target_tocobagus.core.errors import ConfigurationError

    finding, mapping, connection = settings.judge(given)
    yield finding
    if mapping is None:
        yield not_tried("mappings", "the settings are not valid")
    else:
        named = [config for config in configs if config != ENVIRONMENT]
        yield from mappings.check_mappings(mapping, files, named)
    if connection is None:
        yield from (not_tried(each, "the settings are not valid") for each in NETWORK)
    else:
        yield from signature.check_network(connection, os.environ)
    try:
        yield disk.check_rejects(settings.rejects_path(given))
    except ConfigurationError:
        yield not_tried("rejects", "the settings are not valid")
