"""``tocobagus explain``: why the shop shows what it shows."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import click

from target_tocobagus.cli.ledger.shared import (
    KINDS,
    explained,
    found_in,
    read_place,
    with_options,
    write,
)
from target_tocobagus.core.collector import not_collecting
from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_tocobagus.cli.ledger.shared import Place
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.ledger.inspection.item_history import ItemHistory, LevelHistory
    from target_tocobagus.ledger.inspection.past import RunStatus
    from target_tocobagus.mapping.explaining import Step
    from target_tocobagus.mapping.looking_up import PairReader
    from target_tocobagus.recognition.stream_router import StreamRouter


@click.command(short_help="Say why the shop shows what it shows.")
@with_options
@click.argument("identifier")
@click.option("--kind", type=click.Choice(list(KINDS)), help="The kind of the identifier.")
@click.option("--warehouse", help="Only at this warehouse, by its client id.")
def explain(
    configs: tuple[str, ...],
    *,
    as_json: bool,
    identifier: str,
    kind: str | None,
    warehouse: str | None,
) -> None:
    """Say what the shop should show of an item, and how that came about.

    For each warehouse: the quantity that the API accepted last, when, and by which batch; the
    record that it came from, each step from there to the number sent, and the last changes; what
    is still refused. The steps are those of the mapping in the configuration. A record is kept
    from the first change of a quantity on. Nothing is changed, and a run may be under way.
    """
    place = read_place(configs, with_store=True)
    with not_collecting():
        from target_tocobagus.cli.ledger import explain_page
        from target_tocobagus.ledger.inspection.item_history import item_history
        from target_tocobagus.ledger.inspection.selection import Wanted

    wanted = Wanted(identifier, kind and KINDS[kind], warehouse)
    look = partial(item_history, place.name, place.store, wanted)
    found = found_in(place, look, as_json=as_json)
    steps = _Steps(place.values, found)
    if as_json:
        write(explain_page.fields(found, steps.of))
    elif found.levels or found.pairs:
        explain_page.show(found, steps.of)
    else:
        at = f" at {clean(warehouse)}" if warehouse else ""
        near = ", ".join(map(clean, found.near))
        click.echo(f"{clean(identifier)}{at} was not seen{near and f'; similar are {near}'}.")
        from target_tocobagus.cli.ledger import past_page

        past_page.show_rejected_itself(_last_run(place))


def _last_run(place: Place) -> RunStatus | None:
    """Return the last run: rows that it rejected itself are not in the ledger."""
    from target_tocobagus.ledger.inspection.past import past_of

    with explained(), past_of(place.name, place.store) as past:
        return next(iter(past.runs(1)), None) if past else None


class _Steps:
    """Explains quantities by the mappings of a configuration."""

    def __init__(self, values: Mapping[str, Any], history: ItemHistory) -> None:
        self._values = values
        self._history = history

    @cached_property
    def _router(self) -> StreamRouter | None:
        """Chooses the mapping of a stream; ``None`` if the configuration is not valid.

        A mapping is used only if it is the one that a run has used (`entry`).
        """
        from target_tocobagus.config.settings import settings_of_a_run
        from target_tocobagus.core.errors import TocobagusError
        from target_tocobagus.recognition.stream_router import StreamRouter

        try:
            return StreamRouter(settings_of_a_run(self._values))
        except TocobagusError:
            return None

    def of(self, level: LevelHistory) -> Sequence[Step] | str:
        """Return the steps to a level's quantity, or say why there are none."""
        steps = self._found(level)
        if isinstance(steps, str):
            return f"no steps: {steps}"
        if not steps:
            return "no steps: its record says nothing of it by itself"
        if steps[-1].result == str(level.quantity):
            return steps
        return (
            f"no steps: they lead to {steps[-1].result} now; settings have changed since, or it is"
            " not accepted yet"
        )

    def _found(self, level: LevelHistory) -> Sequence[Step] | str:
        """Return the steps by what is known now, which may lead to another quantity."""
        if level.quantity is None or level.stream is None:
            return "nothing was accepted"
        if not level.parts and (not level.changes or level.changes[0].new != level.quantity):
            return "its record is not kept, only from the first change on"
        with not_collecting():
            from target_tocobagus.mapping import explaining

            router = self._router
        if router is None:
            return "the configuration is not valid (`tocobagus check` says why)"
        columns = (level.changes[0].columns if level.changes else None) or {}
        mapping = self._mapping(router, level.stream, columns)
        if mapping is None or mapping.entry != level.entry:
            return "the mapping, warehouse_map or the pair of its lookup has changed since"
        identifier: Any = (level.kind, level.identifier)
        if level.parts:
            text = " ".join(part.quantities for part in level.parts)
            return explaining.steps_of_parts(mapping, text, identifier, level.location)
        wanted = [identifier, *self._stand_ins(mapping.pairs)]
        return explaining.steps_of_record(mapping, columns, wanted, level.location)

    def _stand_ins(self, pairs: PairReader | None) -> list[Identifier]:
        """Return what the rows have in place of the item's identifier (`lookup`)."""
        if pairs is None:
            return []
        found = self._history.pairs
        return [(pairs.kind, match) for stream, match in found if stream == pairs.stream]

    @staticmethod
    def _mapping(router: StreamRouter, stream: str, columns: Mapping[str, Any]) -> Any:
        from target_tocobagus.core.errors import TocobagusError

        try:
            schema: dict[str, Any] = {"properties": {name: {} for name in columns}}
            return router.choose(stream, schema).mapping
        except TocobagusError:
            return None
