"""What a run logs at its end: the codes of its warehouses, and its summary."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.plural import counted
from target_tocobagus.recognition.yaml_lines import warehouse_map_lines
from target_tocobagus.report.totals import summary_fields, summary_text

if TYPE_CHECKING:
    from target_tocobagus.pipeline.poller import Intake
    from target_tocobagus.pipeline.stages import Stages

logger = logging.getLogger("target-tocobagus")

_MOST_NAMED: Final = 10
_MOST_ADDED: Final = 500
_MANY_STALE: Final = 20


class LastLines:
    """Logs them."""

    def __init__(self, stages: Stages, intake: Intake) -> None:
        self._stages = stages
        self._totals = stages.shared.totals
        self._intake = intake

    def name_codes(self) -> None:
        """Log the entries of `warehouse_map` that no row used, and the codes that it lacks.

        Unused ones are not a warning: a run with only changed rows uses few of them.
        """
        policy = self._stages.settings.policy
        asked = {code for mapping in self._intake.mappings for code in mapping.rules.asked}
        has_rows = asked or self._totals.updates > self._totals.skipped
        entries = (policy.warehouse_map or {}) if has_rows else {}
        unused = [
            code for code, client_id in entries.items() if asked.isdisjoint({code, client_id})
        ]
        if unused:
            names = ", ".join(map(quoted, unused[:_MOST_NAMED]))
            more = f" and {len(unused) - _MOST_NAMED} more" if len(unused) > _MOST_NAMED else ""
            text = "warehouse_map: no row had the code %s%s: check the spelling"
            logger.info(text, names, more)
        lacking = sorted(asked.difference(entries, entries.values()))
        if lacking and policy.unmapped_warehouse == "reject":
            added = {code: code for code in lacking[:_MOST_ADDED]}
            left = len(lacking) - len(added)
            lines = warehouse_map_lines(entries | added, f", and add {left} more" if left else "")
            text = f"Rows have codes that warehouse_map lacks. Replace it with:\n{lines.rstrip()}"
            logger.warning(text)

    def log_summary(self, unsettled: int) -> None:
        """Log the summary, and what is odd about it."""
        totals = self._totals
        if totals.unlisted and not totals.listed:
            skipped = counted(totals.unlisted, "update was skipped", "updates were skipped")
            logger.warning("The store lists none of the items that were sent: %s", skipped)
        ledger = self._stages.ledger
        if ledger is not None and totals.stale >= _MANY_STALE and totals.stale * 2 > totals.updates:
            logger.warning(
                "%d of %d updates are older than what is known (newer_by): %s. If the source has"
                " gone back to older versions, `tocobagus ledger forget --all` lets all be sent",
                totals.stale,
                totals.updates,
                ledger.comparer.stale_example or "newer rows came before them",
            )
        totals.records = self._intake.position
        quantities = [mapping.rules.quantities for mapping in self._intake.mappings]
        totals.clamped = sum(each.clamped for each in quantities)
        totals.cut = sum(each.cut for each in quantities)
        fields = self.fields(unsettled)
        logger.info(summary_text(fields), extra={"summary": fields})

    def write_metrics(self, unsettled: int, left_open: dict[str, int], *, is_good: bool) -> None:
        """Write `metrics_path`, if it is set; a run does not fail by it."""
        metrics = self._stages.metrics
        if metrics is None:
            return
        fields = self.fields(unsettled) | left_open
        if problem := metrics.write(fields, ended_at=time.time(), is_good=is_good):
            logger.warning("The figures of this run could not be written: %s", problem)

    def fields(self, unsettled: int) -> dict[str, Any]:
        """Return the summary's fields; see `summary_fields`."""
        seconds = time.monotonic() - self._stages.progress.began
        dry_run = self._stages.settings.dry_run
        return summary_fields(self._totals, unsettled=unsettled, seconds=seconds, dry_run=dry_run)
