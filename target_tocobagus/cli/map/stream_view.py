"""A stream of a file: its mapping, the outcomes of its records, and the sums of its parts.

Records are mapped as they come and then forgotten: the outcomes of the first few and the counts of
all are kept, and of rows that are added up the parts. Only a draft waits for its first records,
because they make it better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.cli.map.sums import Sums
from target_tocobagus.core.model import Complete, Part, RecordError, Skipped, Stock
from target_tocobagus.mapping import PartsWatch, doubt_at_schema, watch_for
from target_tocobagus.mapping.replay import only_rejected
from target_tocobagus.mapping.required_columns import RequiredColumns
from target_tocobagus.recognition.questions import ENOUGH as SAMPLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.cli.map.advisor import Advice, Advisor
    from target_tocobagus.cli.map.names import Names
    from target_tocobagus.cli.map.stream_file import Declared, Sampled
    from target_tocobagus.cli.map.sums import Sum
    from target_tocobagus.core.model import Outcome
    from target_tocobagus.mapping import CompiledMapping

_MOST_CODES: Final = 500
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is not an object")
NO_STOCK: Final = "the part has no stock"


class Cause(msgspec.Struct):
    """Why rows were not mapped: how many, and the first of them.

    Attributes:
        what: A rejection's code; empty for rows that are skipped.
        why: The first one's message, or the reason.
        number: The first one's record; 0 if it is a sum.
    """

    what: str
    why: str
    number: int
    count: int = 0


class StreamView:
    """A stream of a file.

    Attributes:
        schema: The last that was declared.
        keys: Its `key_properties`.
        most: How many records, and sums, are shown.
        shown: The first few, by number, with their outcomes.
        mapped: How many rows of stock, or of parts, were mapped.
        parts: The parts that are added up; ``None`` if its rows are no parts.
        sums: Their sums, once all was read.
        names: What looked up identifiers stand for.
        causes: Why other rows were not mapped.
        codes: The locations that were found, in order.
    """

    def __init__(
        self,
        content: Declared,
        advisor: Advisor,
        names: Names,
        most: int,
        codes: Mapping[str, str] | None,
    ) -> None:
        """Begin with its first SCHEMA; for the arguments see `Survey`."""
        self.name, self.schema, remark, self.keys = content
        self._advisor = advisor
        self.most = most
        self._client_ids = codes
        self._parts_watch: PartsWatch | None = None
        self._contradiction = ""
        self._watch: RequiredColumns | None = None
        self.codes: dict[str, None] = {}
        self.remarks = [remark] if remark else []
        self.records = 0
        self.shown: list[tuple[int, list[Outcome]]] = []
        self.mapped = 0
        self.parts: Sums | None = None
        self.sums: list[Sum] = []
        self.names = names
        self.causes: dict[str, Cause] = {}
        self.advice = self._advise()
        is_settled = self.advice.standing in {"configured", "recognised"}
        self._waiting: list[Sampled] | None = None if is_settled else []

    @property
    def looks_like_parts(self) -> str:
        """The warning that its rows look like parts of a stock; empty if not."""
        compiled = self.advice.compiled
        at_schema = compiled and doubt_at_schema(self.name, compiled, self.keys)
        return self._contradiction or at_schema or ""

    @property
    def missing(self) -> str:
        """The columns that its user's mapping relies on but that were not seen."""
        return self._watch.describe() if self._watch and self._watch.lacking else ""

    @property
    def fails(self) -> bool:
        """Whether its user's mapping would make a run fail."""
        if self.advice.standing != "configured":
            return False
        return bool(self.advice.problems) or (self.advice.named and bool(self.missing))

    @property
    def clamped(self) -> int:
        """How many quantities were below 0 and became 0."""
        return self.advice.compiled.rules.quantities.clamped if self.advice.compiled else 0

    @property
    def shared_places(self) -> dict[str, list[str]]:
        """The codes of `warehouse_map` that are one warehouse, by its client id."""
        mapping, by_place = self.advice.mapping, dict[str, list[str]]()
        if mapping is not None and mapping.sums and mapping.warehouse:
            for code, place in (self._client_ids or {}).items():
                by_place.setdefault(place, []).append(code)
        return {place: codes for place, codes in by_place.items() if len(codes) > 1}

    def redeclare(self, schema: dict[str, Any]) -> None:
        """Continue under another SCHEMA."""
        self.settle()
        self.schema = schema
        self.advice = self._advise()
        changed = "Its SCHEMA changes within the file: what is shown here is by the last one"
        if changed not in self.remarks:
            self.remarks.append(changed)

    def add(self, content: Sampled) -> None:
        """Add a record: it is mapped at once, or kept until there are enough for a draft."""
        self.records += 1
        if self._waiting is None:
            self._map(content, self.records)
            return
        self._waiting.append(content)
        if len(self._waiting) == SAMPLE:
            self.settle()

    def settle(self) -> None:
        """Get advice by the kept records, and map them."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            records = [content.record for content in waiting]
            self.advice = self._advisor.advise(self.name, self.schema, self.keys, records)
        for number, content in enumerate(waiting or (), 1):
            self._map(content, number)

    def add_up(self) -> None:
        """Add up its parts, after all records."""
        self.sums = self.parts.added_up(self.names.of) if self.parts else []
        for each in self.sums:
            if isinstance(each.stock, RecordError):
                self._count(each.stock, 0)

    def _advise(self) -> Advice:
        """Get advice by the SCHEMA, and watch the columns of a mapping that a user wrote."""
        advice = self._advisor.advise(self.name, self.schema, self.keys)
        self.names.look_for(advice.compiled.pairs if advice.compiled else None)
        if advice.standing == "configured" and advice.compiled and not self._watch:
            self._watch = RequiredColumns(advice.compiled.needs, advice.compiled.inner_needs)
        if self._watch is not None:
            self._watch.see_schema(self.schema["properties"])
        return advice

    def _map(self, content: Sampled, number: int) -> None:
        """Map a record, count its outcomes, and keep them if it is one of the first few."""
        compiled = self.advice.compiled
        if compiled is None:
            return
        outcomes: list[Outcome] = [_NO_RECORD]
        if isinstance(content.record, dict):
            outcomes = self._outcomes(compiled, content.record, content.own, number)
        if len(self.shown) < self.most:
            self.shown.append((number, outcomes))
        for outcome in outcomes:
            self._count(outcome, number)

    def _outcomes(
        self, compiled: CompiledMapping, record: dict[str, Any], own: Any, number: int
    ) -> list[Outcome]:
        """Map as a run does; of a rejected row that comes again, only what was rejected."""
        if self._watch is not None:
            self._watch.see(record, number)
        outcomes = only_rejected(compiled.outcomes(record), own, self._client_ids)
        if compiled.summing is not None:
            self.parts = self.parts or Sums(compiled.summing)
            for each in outcomes:
                if isinstance(each, Part):
                    self.parts.add(each)
        self._parts_watch = self._parts_watch or watch_for(compiled, self.keys)
        if self._parts_watch is not None and not self._contradiction:
            for found in self._parts_watch.contradictions(record, outcomes, number):
                self._contradiction = self._parts_watch.doubt(self.name, *found)
        return outcomes

    def _count(self, outcome: Outcome, number: int) -> None:
        """Count an outcome, of a record by its number, or of a sum (0)."""
        if isinstance(outcome, Stock):
            self._count_row(outcome.location)
        elif isinstance(outcome, Part) and (outcome.rows or not outcome.is_whole):
            for _, location, _ in outcome.rows:
                self._count_row(location)
        elif isinstance(outcome, RecordError):
            cause = Cause(outcome.code, outcome.message, number)
            self.causes.setdefault(outcome.code, cause).count += 1
        elif not isinstance(outcome, Complete):
            reason = outcome.reason if isinstance(outcome, Skipped) else NO_STOCK
            self.causes.setdefault(f"skipped: {reason}", Cause("", reason, number)).count += 1

    def _count_row(self, location: str | None) -> None:
        self.mapped += 1
        if location is not None and len(self.codes) < _MOST_CODES:
            self.codes[location] = None
