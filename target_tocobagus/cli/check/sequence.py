"""All checks, in their order: the quick ones first, and the file of rejected rows last.

Each check of the network needs the one before, so after the first that fails the others are shown
as not tried.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Final

from target_tocobagus.api.network_errors import Failed
from target_tocobagus.cli.check import ENVIRONMENT, answers, http, network, settings
from target_tocobagus.cli.check.catalogue import Network
from target_tocobagus.cli.check.finding import NETWORK, not_tried
from target_tocobagus.cli.check.mappings import check_mappings
from target_tocobagus.cli.check.signature import SignedReads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.network import Route
    from target_tocobagus.cli.check.settings import Given
    from target_tocobagus.config.settings import Settings

MOST_SECONDS: Final = 10
"""The longest time limit of an attempt: a person at a terminal has less patience than a run."""

_PROXY_WANTS_USER: Final = 407


def all_findings(given: Given, configs: Sequence[str], files: Sequence[Path]) -> Iterator[Finding]:
    """Make all checks.

    Args:
        given: The settings.
        configs: Where they come from, for the commands that are shown.
        files: Recorded streams and catalogs.
    """
    finding, mapping, connection = settings.judge(given)
    yield finding
    if mapping is None:
        yield not_tried("mappings", settings.INVALID)
    else:
        named = [config for config in configs if config != ENVIRONMENT]
        yield from check_mappings(mapping, files, named)
    if connection is None:
        yield from (not_tried(each, settings.INVALID) for each in NETWORK)
    else:
        yield from _network(connection)
    yield settings.rejects_finding(given)


def seconds_for(configured: Settings) -> int:
    """Give the time limit of one attempt."""
    return min(configured.request_timeout_seconds, MOST_SECONDS)


def _network(configured: Settings) -> Iterator[Finding]:
    """Make the checks of the network until one fails, and name the others."""
    made = set()
    for finding in _route(configured):
        yield finding
        made.add(finding.check)
        if finding.blocks:
            left = [check for check in NETWORK if check not in made]
            yield from (not_tried(check, finding.blocks) for check in left)
            return


def _route(configured: Settings) -> Iterator[Finding]:
    url = configured.api_url
    named, bundle = http.surroundings(url + http.PRODUCTS)
    proxy = None
    if named is not None:
        variable = network.variable_of(named, url.partition(":")[0], os.environ)
        proxy = network.Proxy.parse(named, variable)
        shown = network.masked_url(named)
        used = Network.PROXY_USED if proxy else Network.PROXY_UNUSABLE
        yield used.finding(variable=variable, proxy=shown)
        if proxy is None:
            return
    route = network.Route.to(url, proxy, bundle, seconds_for(configured))
    yield route.resolved(network.resolve(*route.first_hop, route.seconds))
    yield route.connected(network.connect(*route.first_hop, route.seconds))
    if not route.secure:
        yield Network.PLAIN_HTTP.finding()
    yield from _read(route, SignedReads(configured, route.seconds))


def _read(route: Route, reads: SignedReads) -> Iterator[Finding]:
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    answer = reads.ask()
    if isinstance(answer, Failed):
        yield route.failed(answer, now)
    elif answer.reply.status == _PROXY_WANTS_USER:
        yield route.wants_user()
    else:
        if route.secure:
            yield route.certified(answer.certificate)
        yield answers.answered(answer, route)
        yield from reads.findings(answer, now)
