"""The questions of a run without `streams`: streams that look like stock, with drafts.

Invariants:

- A stream that is asked about is never sent.
- Records make a draft better; a stream's first few are kept until they are enough, by number or
  size; of all others only the codes of their locations are kept.
- A stream costs the same however many others there are.
- Nothing here logs, waits or reads a clock: `now` is an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.config.settings import StockPolicy
from target_tocobagus.core.errors import ActionNeeded, ConfigurationError
from target_tocobagus.core.foreign_text import clean, quoted
from target_tocobagus.core.model import RecordError, Stock
from target_tocobagus.mapping import CompiledMapping, compile_mapping
from target_tocobagus.recognition.known_taps import Beside, looked_up
from target_tocobagus.recognition.recognise import (
    NotStock,
    Question,
    Recognised,
    Recognition,
    recognise,
)
from target_tocobagus.recognition.yaml_lines import (
    as_yaml_lines,
    streams_block,
    warehouse_map_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.config.settings import StreamMapping

ENOUGH: Final = 50
"""How many records of a stream are used for its draft, if they are small."""

_ENOUGH_BYTES: Final = 16 << 10
"""Or until they have this size: thousands of streams may be kept at once."""

PATIENCE_SECONDS: Final = 60.0
"""How long after the first question a run waits for a stream that is recognised."""

_MOST_CODES: Final = 500


class Sample:
    """The first records of a stream, and its recognition by these.

    Attributes:
        found: The last recognition.
        codes: The codes of the locations that were found, in order.
    """

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        beside: Beside | None = None,
    ) -> None:
        """Recognise by the SCHEMA alone, and what is known beside it."""
        self._beside = beside
        self.stream = stream
        self._schema = schema
        self._keys = keys
        self._records: list[Any] = []
        self._bytes = 0
        self.codes: dict[str, None] = {}
        self._compiled: CompiledMapping | None = None
        self._is_fresh = True
        self._is_full = False
        self.has_records = False
        self.found: Recognition = recognise(stream, schema, keys, (), beside)

    def add(self, record: Any) -> None:
        """Add a record; recognise again at the first, and when there are enough."""
        if isinstance(self.found, NotStock) and self.found.is_final:
            return
        if self._is_full:
            self._see_codes(record)
            return
        self._records.append(record)
        self._bytes += len(str(record))
        self._is_fresh = False
        self._is_full = len(self._records) >= ENOUGH or self._bytes >= _ENOUGH_BYTES
        if self._is_full or not self.has_records:
            self.judge()
        self.has_records = True

    def judge(self) -> Recognition:
        """Recognise the stream by all that is known."""
        if not self._is_fresh:
            self._is_fresh = True
            known = (self._schema, self._keys, self._records, self._beside)
            self.found = recognise(self.stream, *known)
            self._compiled = _compiled(self.found)
            for record in self._records:
                self._see_codes(record)
            if self._is_full:
                self._records.clear()
        return self.found

    def _see_codes(self, record: Any) -> None:
        if self._compiled is None or len(self.codes) >= _MOST_CODES:
            return
        for outcome in self._compiled.outcomes(record) if isinstance(record, dict) else ():
            if isinstance(outcome, (Stock, RecordError)) and outcome.location:
                self.codes[outcome.location] = None


class Questions:
    """The streams of a run that are not sent, and whether they end it.

    Attributes:
        recognised: The streams that were recognised, by name.
        due: When the run ends because of a question; ``None`` if no question ends it.
    """

    patience = PATIENCE_SECONDS

    def __init__(self, *, has_ledger: bool = False) -> None:
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._beside = Beside(self._schemas, has_ledger)
        self._samples: dict[str, Sample] = {}
        self.recognised: dict[str, Recognised] = {}
        self._untold: dict[str, Sample] = {}
        self._told: set[str] = set()
        self._ignored: set[str] = set()
        self.due: float | None = None

    def sample(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> Sample:
        """Add a stream under a SCHEMA; once rows were skipped for a question, that stays."""
        if stream in looked_up():
            self._schemas[stream] = schema
        before = self._samples.get(stream)
        if before is not None and before.has_records and isinstance(before.judge(), Question):
            return before
        self._samples[stream] = Sample(stream, schema, keys, self._beside)
        return self._samples[stream]

    def ignored(self, sample: Sample) -> str:
        """Say once why a stream is not stock; empty if it may be a question."""
        reason = sample.found.reason if isinstance(sample.found, NotStock) else ""
        if not reason or sample.stream in self._ignored or sample.stream in looked_up():
            return ""
        self._ignored.add(sample.stream)
        return f"Stream {quoted(sample.stream)} is ignored: {clean(reason)}"

    def recognise(self, stream: str, found: Recognised) -> None:
        """Note that a stream is recognised: from now on no question ends the run."""
        self._samples.pop(stream, None)
        self.recognised[stream] = found
        self.due = None

    def take(self, sample: Sample, record: Any, now: float) -> None:
        """Add a record that is skipped."""
        sample.add(record)
        if isinstance(sample.found, Question) and sample.stream not in self._told:
            self._untold[sample.stream] = sample
            if self.due is None and not self.recognised:
                self.due = now + self.patience

    def warnings(self) -> Iterator[str]:
        """Yield once a warning for each questioned stream, if another one is recognised."""
        kept = [each.closest for each in self.recognised.values()] if self._untold else []
        while kept and self._untold:
            stream, sample = next(iter(self._untold.items()))
            del self._untold[stream]
            if isinstance(sample.judge(), Question):
                self._told.add(stream)
                yield (
                    f"Stream {quoted(stream)} looks like stock but is not recognised: its rows are"
                    " skipped and do not come again, because the STATE covers them. To send it,"
                    f" put this into the configuration ({_ONLY_NAMED}; {_COMMANDS}):\n"
                    f"{block([sample], kept)}"
                )

    def problem(self) -> ActionNeeded | None:
        """Recognise all streams by all that is known; return the error if none is recognised."""
        samples = [sample for sample in self._samples.values() if sample.has_records]
        asked = [sample for sample in samples if isinstance(sample.judge(), Question)]
        if self.recognised:
            self._untold = {each.stream: each for each in asked if each.stream not in self._told}
        if self.recognised or not asked:
            return None
        names = ", ".join(quoted(sample.stream) for sample in asked)
        return ActionNeeded(
            f"No stream is recognised, and only you can tell what {names} may hold. Nothing was"
            f" sent. Check these lines and put them into the configuration ({_ONLY_NAMED};"
            f" {_COMMANDS}):\n{block(asked)}"
        )


_ONLY_NAMED: Final = "with `streams` set, only what it names is sent"
_COMMANDS: Final = (
    "`tocobagus map FILE` shows a recorded stream mapped, `tocobagus check` tries a configuration"
)


def block(samples: Sequence[Sample], recognised: Iterable[StreamMapping] = ()) -> str:
    """Write the drafts as settings, with doubts as comments.

    Recognised streams come first, because they would not be sent any more without a mapping; but
    not global stock beside stock per location, because one would overwrite the other.
    """
    asked = [(each.found, each.codes) for each in samples if isinstance(each.found, Question)]
    scopes = {question.mapping.names_locations for question, _ in asked}
    kept = [mapping for mapping in recognised if {mapping.names_locations} == scopes]
    entries = [*map(as_yaml_lines, kept)]
    for question, _ in asked:
        entries += [f"# {clean(doubt)}\n" for doubt in question.doubts]
        entries.append(as_yaml_lines(question.mapping, question.remarks))
    codes = [code for question, found in asked if question.mapping.warehouse for code in found]
    if codes:  # `warehouse_map` must also have the client ids of columns
        codes += [each.client_id for one, _ in asked for each in one.mapping.warehouse_columns]
    others = [repr(mapping.stream) for mapping in kept if mapping.warehouse]
    more = f", and add the codes of {', '.join(others)}" if others else ""
    return streams_block(entries) + warehouse_map_lines({code: code for code in codes}, more)


def _compiled(found: Recognition) -> CompiledMapping | None:
    """Compile a draft, if it can be."""
    if not isinstance(found, Question):
        return None
    try:
        return compile_mapping(found.mapping, StockPolicy())
    except ConfigurationError:
        return None
