"""One stream of a file: its advice, and the outcomes of its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import RecordError, Stock
from target_tocobagus.mapping import PartsWatch, doubt_at_schema, watch_for
from target_tocobagus.mapping.replay import only_rejected, rejected_updates
from target_tocobagus.mapping.required_columns import RequiredColumns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.cli.map.advisor import Advice
    from target_tocobagus.cli.map.stream_file import Declared, Sampled
    from target_tocobagus.core.model import Outcome
    from target_tocobagus.mapping import CompiledMapping

_MOST_CODES: Final = 500
_NO_RECORD: Final = RecordError("NO_RECORD", "the record is not an object")


class Cause(msgspec.Struct):
    """Why rows were not mapped: how many, and the first of them.

    Attributes:
        what: A rejection's code; empty for rows that are skipped.
        why: The first one's message, or the reason.
        number: The number of its record.
        count: How many rows.
    """

    what: str
    why: str
    number: int
    count: int = 0


class StreamView:
    """A stream of a file.

    Attributes:
        name: The stream's.
        schema: The last that was declared.
        advice: The advice by this schema.
        remarks: Further remarks.
        records: How many were read.
        shown: The first few, by number, with their outcomes.
        mapped: How many rows of stock were mapped.
        causes: Why other rows were not mapped.
        keys: Its `key_properties`.
        waiting: The first records, kept until there are enough for a draft.
        codes: The locations that were found, in order.
    """

    def __init__(self, content: Declared, advice: Advice) -> None:
        """Begin with its first SCHEMA."""
        self.name, self.schema, remark, self.keys = content
        self.advice = advice
        self.waiting: list[Sampled] | None = None if _is_settled(advice) else []
        self.codes: dict[str, None] = {}
        self._parts: PartsWatch | None = None
        self._contradiction = ""
        self.remarks = [remark] if remark else []
        self.records = 0
        self.shown: list[tuple[int, list[Outcome]]] = []
        self.mapped = 0
        self.causes: dict[str, Cause] = {}
        self._watch = _watch(advice)
        self._see_schema()

    @property
    def parts(self) -> str:
        """The warning that its rows look like parts of a stock; empty if not."""
        compiled = self.advice.compiled
        at_schema = compiled and doubt_at_schema(self.name, compiled, self.keys)
        return self._contradiction or at_schema or ""

    @property
    def missing(self) -> str:
        """The columns that its user's mapping relies on but that were not seen."""
        lacking = self._watch is not None and self._watch.lacking
        return self._watch.describe() if self._watch and lacking else ""

    @property
    def fails(self) -> bool:
        """Whether its user's mapping would make a run fail."""
        if self.advice.standing != "configured":
            return False
        return bool(self.advice.problems) or (self.advice.named and bool(self.missing))

    @property
    def clamped(self) -> int:
        """How many quantities were below 0 and became 0."""
        return self.advice.compiled.clamped if self.advice.compiled else 0

    def redeclare(self, schema: dict[str, Any], advice: Advice) -> None:
        """Continue under another SCHEMA."""
        self.schema = schema
        self.advice = advice
        self._watch = self._watch or _watch(advice)
        self._see_schema()
        changed = "Its SCHEMA changes within the file: what is shown here is by the last one"
        if changed not in self.remarks:
            self.remarks.append(changed)

    def take(self, record: Any, own: Any, codes: Mapping[str, str] | None, most: int) -> None:
        """Map a record, and keep the first few outcomes."""
        self.records += 1
        if self.advice.compiled is None:
            return
        outcomes = self._outcomes(record, own, codes)
        self._look_for_parts(self.advice.compiled, record, outcomes)
        if len(self.shown) < most:
            self.shown.append((self.records, outcomes))
        for outcome in outcomes:
            self._count(outcome)

    def _look_for_parts(
        self, compiled: CompiledMapping, record: Any, outcomes: list[Outcome]
    ) -> None:
        self._parts = self._parts or watch_for(compiled, self.keys)
        if self._parts is None or self._contradiction or not isinstance(record, dict):
            return
        for found in self._parts.contradictions(record, outcomes, self.records):
            self._contradiction = self._parts.doubt(self.name, *found)

    def _outcomes(self, record: Any, own: Any, codes: Mapping[str, str] | None) -> list[Outcome]:
        """Map as a run does; of a rejected row that comes again, only what was rejected."""
        if not isinstance(record, dict) or self.advice.compiled is None:
            return [_NO_RECORD]
        if self._watch is not None:
            self._watch.see(record, self.records)
        outcomes = self.advice.compiled.outcomes(record)
        updates = rejected_updates(own)
        return outcomes if updates is None else only_rejected(outcomes, updates, codes)

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Stock):
            self.mapped += 1
            if outcome.location is not None and len(self.codes) < _MOST_CODES:
                self.codes[outcome.location] = None
            return
        if isinstance(outcome, RecordError):
            key, cause = outcome.code, Cause(outcome.code, outcome.message, self.records)
        else:
            key, cause = f"skipped: {outcome.reason}", Cause("", outcome.reason, self.records)
        self.causes.setdefault(key, cause).count += 1

    def _see_schema(self) -> None:
        if self._watch is not None:
            self._watch.see_schema(self.schema["properties"])


def _is_settled(advice: Advice) -> bool:
    """Whether records cannot change the advice."""
    return advice.standing in {"configured", "recognised"}


def _watch(advice: Advice) -> RequiredColumns | None:
    """Watch the columns of a mapping that a user wrote; a draft's are in the SCHEMA anyway."""
    if advice.standing != "configured" or advice.compiled is None:
        return None
    return RequiredColumns(advice.compiled.needs, advice.compiled.inner_needs)
