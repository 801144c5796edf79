"""A file's streams, each with its mapping and the outcomes of its records.

Records are mapped as they come and then forgotten: the outcomes of a stream's first few and the
counts of all are kept. Only a draft waits for its first records, because they make it better.
"""

from __future__ import annotations

from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.cli.map.stream_file import Declared, Flaw, Sampled, contents
from target_tocobagus.core.model import RecordError, Skipped, Stock
from target_tocobagus.mapping import PartsWatch, doubt_at_schema, watch_for
from target_tocobagus.mapping.replay import only_rejected
from target_tocobagus.mapping.required_columns import RequiredColumns
from target_tocobagus.recognition.questions import ENOUGH as SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_tocobagus.cli.map.advisor import Advice, Advisor
    from target_tocobagus.core.model import Outcome
    from target_tocobagus.mapping import CompiledMapping

ENOUGH: Final = 10_000
"""After this number of records without a new stream no other is expected."""

_FEW: Final = 5
_MOST_CODES: Final = 500
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is not an object")


class Survey:
    """A file's streams.

    Attributes:
        streams: By name, in the order in which they came.
    """

    def __init__(self, advisor: Advisor, most: int, codes: Mapping[str, str] | None = None) -> None:
        """Begin; `codes` has client ids, for the codes of rejected rows that come again."""
        self._advisor = advisor
        self._most = most
        self._codes = codes
        self._quiet = 0
        self._stopped = ""
        self._lines: dict[str, list[str]] = {}
        self._flaws: Counter[str] = Counter()
        self.streams: dict[str, StreamView] = {}

    def read(self, file: IO[bytes], *, unselected: bool) -> None:
        """Read a file until nothing new is expected."""
        for content in contents(file, unselected=unselected):
            self._take(content)
            if self._quiet >= ENOUGH and self._is_full():
                self._stopped = f"The rest was not read: no other stream came in {ENOUGH} records"
                break
        for view in self.streams.values():
            view.settle()
        if self._advisor.clash:
            self._drop_plans()

    def remarks(self) -> Iterator[str]:
        """List what was not read or could not be used; one problem of several lines together."""
        for what, count in self._flaws.items():
            lines = ", ".join(self._lines[what])
            more = f" and {count - _FEW} more" if count > _FEW else ""
            if not lines:
                yield what
            else:
                yield f"Line {lines} {what}" if count == 1 else f"Lines {lines}{more}: each {what}"
        if self._stopped:
            yield self._stopped

    def _take(self, content: Declared | Sampled | Flaw) -> None:
        if isinstance(content, Flaw):
            self._note(content)
            return
        view = self.streams.get(content.stream)
        if isinstance(content, Declared):
            self._declare(content, view)
        elif view is None:
            self._note(Flaw(content.number, "is a RECORD before its SCHEMA; a run ends there"))
        else:
            self._quiet += 1
            view.add(content)

    def _declare(self, content: Declared, view: StreamView | None) -> None:
        if view is None:
            view = StreamView(content, self._advisor, self._most, self._codes)
            self.streams[content.stream] = view
        elif view.schema != content.schema:
            view.redeclare(content.schema)
        else:
            return
        self._quiet = 0

    def _drop_plans(self) -> None:
        """Do not say that a run sends what is recognised: it stops."""
        for view in self.streams.values():
            if view.advice.standing == "recognised":
                view.advice = msgspec.structs.replace(view.advice, run="")

    def _note(self, flaw: Flaw) -> None:
        self._flaws[flaw.what] += 1
        lines = self._lines.setdefault(flaw.what, [])
        if flaw.number is not None and len(lines) < _FEW:
            lines.append(str(flaw.number))

    def _is_full(self) -> bool:
        """Whether each stream has as many records as are shown."""
        self._quiet = 0
        return all(view.records >= self._most for view in self.streams.values())


class Cause(msgspec.Struct):
    """Why rows were not mapped: how many, and the first of them.

    Attributes:
        what: A rejection's code; empty for rows that are skipped.
        why: The first one's message, or the reason.
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
        shown: The first few, by number, with their outcomes.
        mapped: How many rows of stock were mapped.
        causes: Why other rows were not mapped.
        codes: The locations that were found, in order.
    """

    def __init__(
        self, content: Declared, advisor: Advisor, most: int, codes: Mapping[str, str] | None
    ) -> None:
        """Begin with its first SCHEMA; for the arguments see `Survey`."""
        self.name, self.schema, remark, self.keys = content
        self._advisor = advisor
        self._most = most
        self._client_ids = codes
        self._parts: PartsWatch | None = None
        self._contradiction = ""
        self._watch: RequiredColumns | None = None
        self.codes: dict[str, None] = {}
        self.remarks = [remark] if remark else []
        self.records = 0
        self.shown: list[tuple[int, list[Outcome]]] = []
        self.mapped = 0
        self.causes: dict[str, Cause] = {}
        self.advice = self._advise()
        is_settled = self.advice.standing in {"configured", "recognised"}
        self._waiting: list[Sampled] | None = None if is_settled else []

    @property
    def parts(self) -> str:
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

    def _advise(self) -> Advice:
        """Get advice by the SCHEMA, and watch the columns of a mapping that a user wrote."""
        advice = self._advisor.advise(self.name, self.schema, self.keys)
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
        if len(self.shown) < self._most:
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
            outcomes = compiled.summing.alone(outcomes)
        self._parts = self._parts or watch_for(compiled, self.keys)
        if self._parts is not None and not self._contradiction:
            for found in self._parts.contradictions(record, outcomes, number):
                self._contradiction = self._parts.doubt(self.name, *found)
        return outcomes

    def _count(self, outcome: Outcome, number: int) -> None:
        if isinstance(outcome, Stock):
            self.mapped += 1
            if outcome.location is not None and len(self.codes) < _MOST_CODES:
                self.codes[outcome.location] = None
            return
        if isinstance(outcome, RecordError):
            key, cause = outcome.code, Cause(outcome.code, outcome.message, number)
        else:
            reason = outcome.reason if isinstance(outcome, Skipped) else ""
            key, cause = f"skipped: {reason}", Cause("", reason, number)
        self.causes.setdefault(key, cause).count += 1
