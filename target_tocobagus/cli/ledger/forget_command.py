"""``tocobagus ledger forget``: levels, or the parts of a stream, are to be sent anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from target_tocobagus.cli.ledger.shared import (
    count_levels,
    explained,
    fail,
    read_place,
    say_missing,
    shown,
    with_options,
    write,
)

if TYPE_CHECKING:
    from target_tocobagus.cli.ledger.shared import Place

KINDS: Final = {"sku": "sku", "id": "id", "external_id": "externalId"}
"""The kinds of identifiers: as a mapping calls them, and as the ledger does."""


@click.command(short_help="Let an item, a store or parts be sent anew.")
@with_options
@click.argument("identifier", required=False)
@click.option("--kind", type=click.Choice(list(KINDS)), help="The kind of the identifier.")
@click.option("--warehouse", help="Only at this warehouse, by its client id.")
@click.option("--all", "everything", is_flag=True, help="All levels of the store.")
@click.option("--parts", metavar="STREAM", help="The parts of this stream.")
def forget(
    configs: tuple[str, ...],
    *,
    as_json: bool,
    identifier: str | None,
    everything: bool,
    **named: str | None,
) -> None:
    """Forget what was sent of an item, so that its next rows are sent whatever they hold.

    --parts forgets the parts of a stream that combine: sum adds up. Let the tap read the whole
    stream again afterwards: that run sends the sums at its end.

    Open rejections stay. No run of the store may be under way. The exit code is 1 if nothing is
    remembered of IDENTIFIER, or no part of the stream.
    """
    kind, warehouse, stream = named["kind"], named["warehouse"], named["parts"]
    given = sum([identifier is not None, everything, stream is not None])
    if given != 1 or (identifier is None and (kind or warehouse)):
        text = "give an identifier, with --kind and --warehouse if needed, or else --all or --parts"
        raise click.UsageError(text)
    place = read_place(configs, with_store=True)
    from target_tocobagus.ledger import operating
    from target_tocobagus.ledger.wanted import Wanted

    if stream is not None:
        _forget_parts(place, stream, as_json=as_json)
        return

    wanted = Wanted(identifier, kind and KINDS[kind], warehouse)
    with explained():
        found = operating.forget(place.name, place.store, wanted)
    if found is None:
        say_missing(place, as_json=as_json)
        return
    what = "the store" if identifier is None else shown(identifier)
    what += f" at {shown(warehouse)}" if warehouse else ""
    if as_json:
        write({"forgotten": found.levels, "near": list(found.near)})
    elif found.levels or everything:
        click.echo(
            f"{count_levels(found.levels)} of {what} forgotten: the next rows are sent anew."
        )
    if identifier is not None and not found.levels:
        near = ", ".join(map(shown, found.near))
        fail(f"nothing is remembered of {what}{near and f'; similar are {near}'}", 1)


def _forget_parts(place: Place, stream: str, *, as_json: bool) -> None:
    from target_tocobagus.core.plural import counted
    from target_tocobagus.ledger import operating

    with explained():
        found = operating.forget_parts(place.name, place.store, stream)
    if found is None:
        say_missing(place, as_json=as_json)
        return
    if as_json:
        write({"forgotten": found})
    elif found:
        parts = counted(found, "part")
        click.echo(
            f"{parts} of stream {shown(stream)} forgotten: let the tap read all of it again."
        )
    if not found:
        fail(f"no part of stream {shown(stream)} is remembered", 1)
