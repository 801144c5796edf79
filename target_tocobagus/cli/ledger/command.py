"""``tocobagus ledger``: the group, with status, prune and check.

``status``, ``absent`` and ``check`` read beside a run; ``forget``, ``prune`` and ``absent --zero``
take the lock of the store.
"""

from __future__ import annotations

import time
from typing import Final

import click

from target_tocobagus.cli.ledger.absent_command import absent
from target_tocobagus.cli.ledger.forget_command import forget
from target_tocobagus.cli.ledger.shared import (
    explained,
    fail,
    read_place,
    say_missing,
    shown,
    with_options,
    write,
)

_DAY_MS: Final = 86_400_000


@click.group(context_settings={"max_content_width": 100})
def ledger() -> None:
    """Look into the ledger, the memory across runs, and correct it."""


ledger.add_command(absent)
ledger.add_command(forget)


@ledger.command(short_help="Show what is remembered, and the last runs.")
@with_options
def status(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Show what the ledger remembers, and how the last runs ended.

    Of each store: its levels, parts, pairs and open rejections, what the guard counts, the runs.
    Nothing is changed, and a run may be under way. The exit code is 0 also if there is no ledger
    yet, and 2 if it is of another version or not a ledger.
    """
    place = read_place(configs)
    from target_tocobagus.cli.ledger import page
    from target_tocobagus.ledger import inspection

    with explained():
        found = inspection.status(place.name)
    if found is None:
        say_missing(place, as_json=as_json)
    elif as_json:
        write(page.status_fields(found))
    else:
        page.show_status(found)


@ledger.command(short_help="Delete old history.")
@with_options
def prune(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Delete history that is older than history_days, and give its space back.

    A run does the same at its end, but leaves the file as large as it is. No run of the store may
    be under way. PostgreSQL uses the space again by itself (autovacuum).
    """
    place = read_place(configs, with_store=True)
    from rich.filesize import decimal

    from target_tocobagus.core.plural import counted
    from target_tocobagus.ledger import operating

    before = int(time.time() * 1000) - place.history_days * _DAY_MS
    with explained():
        found = operating.prune(place.name, place.store, before)
    if found is None:
        say_missing(place, as_json=as_json)
    elif as_json:
        write({"deleted": found.rows, "size_before": found.size[0], "size": found.size[1]})
    else:
        rows = counted(found.rows, "row")
        text = f"{rows} of history older than {counted(place.history_days, 'day')} deleted."
        before_after = [decimal(each) for each in found.size]
        click.echo(f"{text} The ledger took {before_after[0]} and takes {before_after[1]}.")


@ledger.command()
@with_options
def check(configs: tuple[str, ...], *, as_json: bool) -> None:
    """Check that the ledger is sound. Nothing is changed, and a run may be under way.

    The exit code is 1 if it is not sound.
    """
    place = read_place(configs)
    from target_tocobagus.ledger import soundness

    with explained():
        found = soundness.problems(place.name)
    if found is None:
        say_missing(place, as_json=as_json)
        return
    if as_json:
        write({"sound": not found, "problems": found})
    elif not found:
        click.echo("The ledger is sound.")
    for problem in () if as_json else found:
        click.echo(shown(f"{problem}."))
    if found:
        fail("the ledger is not sound: docs/ledger.md says how to start over", 1)
