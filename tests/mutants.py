"""Breaks the program on purpose, one promise at a time, and checks that a test says so.

``python tests/mutants.py [name ...]``: each mutant is a replacement of text in a copy of the
package; the test that must fail runs against that copy, so the tree itself is never touched. A
mutant whose text is no longer in the program is an error here: it has to follow the program.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "target_tocobagus"
_SECONDS: Final = 500
"""The longest that one mutant may take; a test ends at the first history that finds it."""
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (?:\S*::)?(\S+)", re.MULTILINE)

WINDOW: Final = "tests/window/test_window.py"
LAW_TESTS: Final = "tests/laws/test_delivery.py"
LAWS: Final = f"{LAW_TESTS}::test_any_script_of_faults_ends_with_every_promise_kept"
BLAME: Final = f"{LAW_TESTS}::test_every_promise_is_kept_whether_rows_or_requests_are_refused"
SOCKET: Final = "tests/delivery/test_socket.py"
ENDINGS: Final = "tests/delivery/test_endings.py"
SCHEDULER: Final = "tests/delivery/test_scheduler.py"
RETRYING: Final = "tests/delivery/test_retry.py"
LEDGER: Final = "tests/ledger/test_ledger.py"
COMMANDS: Final = "tests/e2e/test_ledger.py"
CONNECTIONS: Final = "tests/ledger/database/test_connections.py"
BOOKS: Final = "tests/ledger/test_books.py"
MEMORY: Final = "tests/ledger/levels/test_rules.py"
LEDGER_LAWS: Final = "tests/laws/test_ledger.py"
NAMED_DAYS: Final = "tests/ledger/levels/test_named_days.py"
LISTS: Final = "tests/e2e/test_complete_lists.py"
ABSENT: Final = "tests/ledger/levels/test_absent.py"
ABSENT_LAW: Final = f"{LEDGER_LAWS}::test_what_a_run_has_named_is_not_absent"
HOLDING: Final = "tests/ledger/guard/test_holding.py"
LOOKUPS: Final = "tests/e2e/test_lookups.py"
CHANGING: Final = "tests/e2e/test_lookups_that_change.py"
LOOKUP_LAWS: Final = "tests/laws/test_lookups.py"
BOOKMARKS: Final = f"{LOOKUP_LAWS}::test_from_its_bookmark_on_each_item_has_what_its_match_has"
GUARD_LAWS: Final = "tests/laws/test_guard.py"
SUMS: Final = "tests/e2e/test_sums.py"
DELETED: Final = "tests/e2e/test_deleted_rows.py"
PARTS_LAWS: Final = "tests/laws/test_parts.py"
SURE_SUMS: Final = "tests/ledger/parts/test_sure_sums.py"
TOGETHER: Final = (
    "tests/laws/test_together.py::test_from_its_bookmark_on_the_shop_is_as_all_sources_say"
)
SETTLING: Final = "tests/delivery/test_settle.py::test_each_row_by_its_index_alone"


class Change(NamedTuple):
    """A text that stands once in a module, and what it becomes."""

    module: str
    old: str
    new: str


class Mutant:
    """A fault: what is wrong then, the test or class of tests that must fail, what makes it."""

    def __init__(self, name: str, test: str, *changes: Change) -> None:
        self.name = name
        self.test = test
        self.changes = changes

    def quotes(self) -> Iterator[tuple[Path, str]]:
        """Go through what it relies on: files, each with a text that it has exactly once."""
        for module, old, _ in self.changes:
            yield PACKAGE / f"{module}.py", old
        file, *names = self.test.split("::")
        for depth, name in enumerate(names):
            line = f"class {name}:" if name.startswith("Test") else f"def {name}("
            yield ROOT / file, "\n" + "    " * depth + line


MUTANTS: Final = (
    Mutant(
        "what comes for an item in flight does not wait",
        f"{WINDOW}::TestLeases",
        Change(
            "window/newest",
            "            return self._stand_behind(first, newer)\n",
            "            rows = self._stand_behind(first, newer)\n"
            "            self.ready.add(newer)\n"
            "            return rows\n",
        ),
        Change(
            "window/window",
            "self.ready.add(behind)",
            "behind.state == 1 and self.ready.add(behind)",
        ),
    ),
    Mutant(
        "a STATE covers a row that comes late, behind newer ones",
        f"{WINDOW}::TestLate",
        Change(
            "window/ready",
            "if lows and (lows[0] >= self._highest or not self._line) and lows == sorted(lows):",
            "if lows:",
        ),
    ),
    Mutant(
        "a STATE covers a row that comes late to an item that waits",
        f"{WINDOW}::TestLate",
        Change("window/newest", "        self._lower(waiting, newer.low)\n", ""),
    ),
    Mutant(
        "a STATE covers a row that comes late to an item in flight",
        f"{WINDOW}::TestLate",
        Change("window/newest", "            self.late.append(newer)\n", "            pass\n"),
    ),
    Mutant(
        "a stock-out in flight is picked again",
        f"{WINDOW}::TestOrder",
        Change(
            "window/ready",
            "            if item.state != READY:\n                continue\n",
            "            if item.state != READY and not item.urgent:\n                continue\n",
        ),
    ),
    Mutant(
        "a newer value changes the item in flight",
        f"{WINDOW}::TestLeases",
        Change(
            "window/newest",
            "waiting = first.after if first.state == LEASED else first",
            "waiting = first",
        ),
    ),
    Mutant(
        "identifiers are released when the first part of a batch settles",
        "tests/delivery/test_reply_handler.py::TestUnaccounted",
        Change(
            "delivery/reply_handler",
            "self._window.release(work.lease, items)",
            "self._window.release(work.lease, list(work.lease.items))",
        ),
    ),
    Mutant(
        "a row that is sent again goes over a newer value",
        LAWS,
        Change(
            "delivery/reply_handler",
            "work.parts.extendleft(reversed(decision.parts))",
            "its = [item for part in decision.parts for item in part.items]\n"
            "            rows = [(i.identifier, p, n) for i in its for p, n in i.levels.items()]\n"
            "            self._window.release(work.lease, its)\n"
            "            self._totals.superseded += self._window.put(RowBuffer(rows), 0.0)",
        ),
        Change(
            "delivery/reply_handler",
            "from target_tocobagus.delivery.verdict import judge\n",
            "from target_tocobagus.delivery.verdict import judge\n"
            "from target_tocobagus.window.buffer import RowBuffer\n",
        ),
    ),
    Mutant(
        "a global does not supersede what waits",
        f"{WINDOW}::TestNewestWins",
        Change("window/newest", " + self._supersede(waiting)", ""),
    ),
    Mutant(
        "a global does not drop what stands behind another",
        f"{WINDOW}::TestGlobals",
        Change(
            "window/newest",
            "        if item.after is not None:\n            dropped",
            "        if False:\n            dropped",
        ),
    ),
    Mutant(
        "a stock per warehouse does not wait for the global before it",
        f"{WINDOW}::TestGlobals",
        Change(
            "window/newest",
            "return self._stand_behind(waiting, newer)",
            "return self._merge(waiting, newer)",
        ),
    ),
    Mutant(
        "STATE goes out on reading",
        LAWS,
        Change("pipeline/poller", "take_safe(self._first_held(waits))", "take_safe(None)"),
    ),
    Mutant(
        "STATE forgets what is in flight",
        LAWS,
        Change(
            "window/window",
            "lows = [lease.low for lease in self._leases]",
            "lows: list[int] = []",
        ),
    ),
    Mutant(
        "what is superseded settles at once",
        f"{WINDOW}::TestNewestWins",
        Change(
            "window/newest",
            "        waiting.levels |= newer.levels\n",
            "        waiting.levels |= newer.levels\n        waiting.low = newer.low\n",
        ),
    ),
    Mutant(
        "rejected rows are written after STATE",
        LAWS,
        Change(
            "delivery/reject_writer",
            "        for rejection in rejections:\n"
            "            self._rejects.write(rejection)\n"
            "        self._rejects.sync()\n",
            "",
        ),
        Change(
            "delivery/reject_writer",
            "self._outcomes.written(len(rejections))\n        self._tell()\n",
            "self._outcomes.written(len(rejections))\n        self._tell()\n"
            "        for rejection in rejections:\n"
            "            self._rejects.write(rejection)\n"
            "        self._rejects.sync()\n",
        ),
    ),
    Mutant(
        "a row that the answer omits counts as accepted",
        SETTLING,
        Change(
            "delivery/settle",
            "[index for index in accepted if index in sole]",
            "[i for i in range(rows) if not counts[i] or (i in sole and i in accepted)]",
        ),
        Change(
            "delivery/settle",
            "[index for index in range(rows) if index not in sole]",
            "[i for i in range(rows) if counts[i] > 1]",
        ),
    ),
    Mutant(
        "a row that the answer names twice is settled",
        SETTLING,
        Change("delivery/settle", "if counts[index] == 1", "if counts[index]"),
    ),
    Mutant(
        "`true` names a row",
        SETTLING,
        Change(
            "delivery/settle",
            'type(entry.get("rowIndex")) is int',
            'isinstance(entry.get("rowIndex"), int)',
        ),
    ),
    Mutant(
        "`true` names an accepted row, where the reply is read fast",
        SETTLING,
        Change("api/response_body", "rowIndex: int ", "rowIndex: int | bool "),
    ),
    Mutant(
        "a row is added to what has been handed over",
        "tests/singer/test_fast_path.py::test_no_row_is_added_to_what_has_been_handed_over",
        Change(
            "singer/fast_path",
            "                    item = None  # which",
            "                    #",
        ),
    ),
    Mutant(
        "a quantity is explained by a mapping that has not made it",
        "tests/e2e/test_explain.py::test_steps_of_another_mapping_are_not_told",
        Change(
            "cli/ledger/explain_command",
            "if mapping is None or mapping.entry != level.entry:",
            "if mapping is None:",
        ),
    ),
    Mutant(
        "steps are told that lead to another quantity",
        "tests/e2e/test_explain.py::test_steps_that_lead_to_another_number_are_not_told",
        Change("cli/ledger/explain_command", "steps[-1].result == str(level.quantity)", "steps"),
    ),
    Mutant(
        "an unchanged part keeps its version",
        "tests/e2e/test_sums.py::test_an_unchanged_part_moves_its_version_on",
        Change(
            "ledger/parts/part_statements",
            'func.coalesce(found.c.version, "") == version.c.key,',
            "",
        ),
    ),
    Mutant(
        "a level in flight is told as certain",
        "tests/cli/ledger/test_past.py::test_a_level_in_doubt_is_told_so",
        Change("ledger/inspection/item_history", "in_doubt=at in flying or ", "in_doubt="),
    ),
    Mutant(
        "a pair that does not meet its condition has an item",
        "tests/mapping/test_looking_up.py::test_a_record_is_a_pair",
        Change(
            "mapping/looking_up",
            "if self.where is not None and not is_true(condition):",
            "if False:",
        ),
    ),
    Mutant(
        "what a global supersedes is not counted",
        f"{WINDOW}::TestNewestWins",
        Change(
            "window/newest",
            "return self._merge(waiting, newer) + self._supersede(waiting)",
            "return (self._merge(waiting, newer), self._supersede(waiting))[0]",
        ),
    ),
    Mutant(
        "a retry carries the old timestamp",
        f"{SOCKET}::test_each_attempt_is_signed_anew",
        Change(
            "api/client",
            "self._signed(body, signed_ms)",
            "self._signed(body, _STAMPS.setdefault(body, signed_ms))",
        ),
        Change(
            "api/client",
            "\nclass Client:",
            "\n_STAMPS: dict[bytes, int] = {}\n\n\nclass Client:",
        ),
    ),
    Mutant(
        "`true` is a quantity once 1 has been one",
        "tests/singer/test_fast_path.py::test_true_is_no_number_whatever_came_before",
        Change("singer/stream_decoder", "(str, int, Decimal)", "(str, int, bool, Decimal)"),
    ),
    Mutant(
        "`true` is a warehouse once 1 has been one",
        "tests/singer/test_fast_path.py::test_true_is_no_number_whatever_came_before",
        Change(
            "singer/stream_decoder", "CODES: Final = (str, int)", "CODES: Final = (str, int, bool)"
        ),
    ),
    Mutant(
        "`true` is an item",
        "tests/singer/test_fast_path.py::test_true_is_no_number_whatever_came_before",
        Change("singer/clean_values", "if type(value) is int and", "if isinstance(value, int) and"),
    ),
    Mutant(
        "a quantity that is changed is counted once for all rows",
        "tests/singer/test_fast_path.py::test_values_that_come_again_are_mapped_once",
        Change("singer/fast_path", "if quantities.changed == changed:", "if True:"),
    ),
    Mutant(
        "a row without an identifier is sent",
        "tests/e2e/test_streams.py::test_a_row_without_an_identifier_is_rejected_wherever_it_stands",
        Change(
            "singer/fast_path",
            "last: str | None = None",
            'last: str | None = ""',
        ),
    ),
    Mutant(
        "a list of equal warehouses is sent for unequal ones",
        LAWS,
        Change("window/pending", "return len(said) == 1 and", "return"),
    ),
    Mutant(
        "one poisonous row stops the run",
        f"{ENDINGS}::test_the_row_that_the_server_fails_on_is_found",
        Change("delivery/retry", "if accepted_at is None or", "if True or accepted_at is None or"),
    ),
    Mutant(
        "many failures of one batch pass for an outage",
        f"{ENDINGS}::test_the_row_is_found_though_all_others_were_accepted_long_ago",
        Change(
            "delivery/reply_handler",
            "self._failures_in_search if searched else self._failures",
            "self._failures",
        ),
    ),
    Mutant(
        "a date in Retry-After is read by this machine's clock",
        f"{SOCKET}::test_a_date_in_retry_after_is_read_by_the_servers_clock",
        Change("delivery/reply_handler", "wall=server_ms / 1000", "wall=time.time()"),
        Change("delivery/reply_fields", "(wall if date is None else date)", "wall"),
    ),
    Mutant(
        "a date in Retry-After is not counted from the reply's own",
        "tests/delivery/test_reply_fields.py::test_a_date_is_counted_from_the_replys_own",
        Change("delivery/reply_fields", "(wall if date is None else date)", "wall"),
    ),
    Mutant(
        "Retry-After can make a wait shorter",
        f"{RETRYING}::TestAgain::test_no_wait_is_shorter_than_the_back_off",
        Change(
            "delivery/retry",
            "max(back_off(part.attempts, situation.jitter), wait or 0.0)",
            "(back_off(part.attempts, situation.jitter) if wait is None else wait)",
        ),
    ),
    Mutant(
        "the clock of each server is followed in turn",
        f"{ENDINGS}::test_a_clock_that_differs_or_changes_ends_no_run",
        Change("delivery/retry", "if served and not part.doubted:", "if False:"),
    ),
    Mutant(
        "what was accepted is sent again though a newer value waits",
        f"{WINDOW}::TestLending",
        Change(
            "window/window",
            "if self.holds(item.identifier):",
            "if (held := self._items.get(item.identifier)) and held.state == LEASED:",
        ),
    ),
    Mutant(
        "what was accepted is sent again though a newer value is in flight",
        f"{WINDOW}::TestLending",
        Change(
            "window/window",
            "if self.holds(item.identifier):",
            "if (held := self._items.get(item.identifier)) and held.state != LEASED:",
        ),
    ),
    Mutant(
        "what is sent again is not the value accepted last",
        "tests/delivery/test_accepted_items.py"
        "::test_the_newest_hundred_are_kept_with_their_last_value",
        Change("delivery/accepted_items", "            self.forget(newest)", "            pass"),
        Change(
            "delivery/accepted_items",
            "item.levels for item in newest\n",
            "item.levels for item in newest if item.identifier not in self._levels\n",
        ),
    ),
    Mutant(
        "rows are rejected before it is known whether the request is to blame",
        BLAME,
        Change(
            "delivery/reply_handler",
            "suspects.add(refusal, work.worker)\n",
            "suspects.add(refusal, work.worker)\n            self._outcomes.decide()\n",
        ),
    ),
    Mutant(
        "what is sent again counts as an update",
        BLAME,
        Change(
            "delivery/reply_handler",
            "            self._outcomes.decide()\n            return",
            "            self._totals.accepted += 1\n"
            "            self._outcomes.decide()\n            return",
        ),
    ),
    Mutant(
        "a refusal by a code is retried like a page of a proxy",
        f"{RETRYING}::TestRefusal::test_a_code_refuses_whatever_the_status",
        Change("delivery/retry", "if refused or reply.status", "if reply.status"),
    ),
    Mutant(
        "a STATE is lost while the share of rejections is too high",
        "tests/e2e/test_refusals.py::test_a_share_of_rejections_that_falls_again_lets_state_out",
        Change(
            "pipeline/poller",
            "            if not is_open(",
            "            if limit:\n"
            "                stages.states.take_safe(self._first_held(waits))\n"
            "            if not is_open(",
        ),
    ),
    Mutant(
        "a broken credential does not stop the other workers",
        f"{ENDINGS}::test_after_a_fatal_error_no_request_begins",
        Change(
            "delivery/shared",
            "        self.abandon()\n        self.notify_main()",
            "        self.notify_main()",
        ),
        Change(
            "delivery/permits",
            "                shared.over = True\n                raise",
            "                raise",
        ),
    ),
    Mutant(
        "SIGTERM drains",
        f"{ENDINGS}::test_a_signal_drains_nothing_and_settles_what_is_in_flight",
        Change(
            "pipeline/shutdown",
            "(grace)\n        self._shared.abandon()\n",
            "(grace)\n        stopped = isinstance(error, Stopped)\n"
            "        (self._stages.scheduler.close if stopped else self._shared.abandon)()\n",
        ),
        Change(
            "pipeline/shutdown",
            "if self._shared.quiet and",
            "if self._shared.settled and",
        ),
    ),
    Mutant(
        "throttled retries never come back to full speed",
        f"{SCHEDULER}::test_requests_in_flight_grow_back",
        Change(
            "delivery/permits",
            "                shared.slots.notify()  #",
            "                    #",
        ),
    ),
    Mutant(
        "Retry-After is one worker's business",
        f"{SCHEDULER}::test_all_workers_wait_for_retry_after",
        Change("delivery/retry", "hold=wait or 0.0,", "hold=0.0,"),
    ),
    Mutant(
        "workers poll",
        f"{SCHEDULER}::test_idle_workers_do_not_poll",
        Change("delivery/scheduler", "shared.idle.wait(wait)", "shared.idle.wait(0.01)"),
    ),
    Mutant(
        "while rows are mapped, each full batch goes to an API that answers at once",
        f"{SCHEDULER}::test_while_rows_come_an_api_that_answers_at_once_waits_for_its_turn",
        Change("delivery/scheduler", "self._throttle.is_quick and not self._silence", "False"),
    ),
    Mutant(
        "a full batch waits for the tap to speak again",
        "tests/pipeline/test_run.py::test_while_the_tap_is_silent_each_full_batch_goes_at_once",
        Change("pipeline/poller", "self._stages.scheduler.set_silence(on=True)", "pass"),
    ),
    Mutant(
        "stock-outs wait their turn",
        f"{WINDOW}::TestOrder",
        Change(
            "window/ready",
            "(stock_out := self._first_stock_out()) is not None",
            "(stock_out := None)",
        ),
    ),
    Mutant(
        "a body of several items weighs more than batch_size_bytes",
        "tests/delivery/test_batches.py::test_a_body_holds_no_more_bytes_than_it_may",
        Change("delivery/worker", "if len(part.items) == 1 or", "if True or"),
    ),
    Mutant(
        "a known stream is sent though it has a column that its tap does not write",
        "tests/recognition/test_known_taps.py"
        "::test_a_known_stream_with_a_column_that_may_split_its_stock_is_asked_about",
        Change("recognition/recognise", "row.strange(schema)", "[]"),
    ),
    Mutant(
        "a line that another program appends to the rejects is not noticed",
        "tests/report/test_rejects.py::TestFile",
        Change("report/rejects", "mine.st_size > end and not may_grow", "False"),
    ),
    Mutant(
        "a later error that needs a person is not in the exit code",
        "tests/singer/test_sdk.py::test_a_later_error_that_needs_a_person_counts_for_the_exit_code",
        Change("core/errors", "if needs_person and", "if False and"),
    ),
    Mutant(
        "an unchanged row names no level",
        f"{NAMED_DAYS}::test_an_unchanged_row_names_its_level_too",
        Change("ledger/batches/comparing", "        if is_any_old:\n", "        if False:\n"),
    ),
    Mutant(
        "rows of an item that comes several times in a flush name no level",
        f"{NAMED_DAYS}::test_every_row_names_its_level",
        Change(
            "ledger/batches/comparing", "self._named_days.name([], _levels_of(several))", "pass"
        ),
    ),
    Mutant(
        "an accepted row does not keep its day",
        ABSENT_LAW,
        Change("ledger/levels/levels", "else_=level.c.named_day)", "else_=level.c.named_day - 9)"),
    ),
    Mutant(
        "a row names all levels of its item",
        f"{NAMED_DAYS}::test_an_unchanged_row_names_its_level_too",
        Change(
            "ledger/batches/comparing",
            "if (place or None) not in named[kind, text].levels",
            "if False",
        ),
    ),
    Mutant(
        "a stale row names no level",
        f"{NAMED_DAYS}::test_a_stale_row_names_its_level",
        Change("ledger/batches/comparing", "            self._name(items, compared.known)\n", ""),
    ),
    Mutant(
        "a row that is skipped or rejected names no level",
        f"{NAMED_DAYS}::test_every_row_names_its_level",
        Change("pipeline/mentions", "or not self._named:", "or True:"),
    ),
    Mutant(
        "days are written again in each run of a day",
        f"{NAMED_DAYS}::test_a_second_run_of_a_day_writes_no_days",
        Change("ledger/batches/comparing", "        if is_any_old:\n", "        if True:\n"),
    ),
    Mutant(
        "a day goes back with the clock",
        f"{NAMED_DAYS}::test_a_clock_that_goes_back_makes_no_day_older",
        Change("ledger/levels/named_days", "(day < TODAY)", "(day != TODAY)"),
    ),
    Mutant(
        "a row that was rejected before names its level when it comes again",
        f"{NAMED_DAYS}::test_a_row_that_was_rejected_before_names_nothing",
        Change("pipeline/stages", "stages.ledger.named_days.is_on = False", "pass"),
    ),
    Mutant(
        "a STATE goes out before the days of its rows are on disk",
        f"{NAMED_DAYS}::test_days_are_on_disk_before_a_state_goes_out",
        Change("pipeline/stages", "            ledger.sync()\n", "            pass\n"),
    ),
    Mutant(
        "a global is absent though a warehouse of its item is named",
        f"{ABSENT}::test_a_global_and_the_warehouses_of_an_item_are_one",
        Change("ledger/levels/absent", ", ~_is_named_otherwise(since))", ")"),
    ),
    Mutant(
        "what an operator was not shown is sent as 0",
        f"{ABSENT}::TestZeros",
        Change("pipeline/zeros", "in found if (", "in found if True or ("),
    ),
    Mutant(
        "what an operator sends as 0 is sent in part",
        f"{ABSENT}::TestZeros",
        Change(
            "pipeline/zeros", "problem = ledger.refusal(_items(stream, levels))", "problem = None"
        ),
    ),
    Mutant(
        "an operator's zeros put the guard to rest",
        f"{ABSENT}::TestZeros",
        Change("ledger/guard/holding", "if self.sees_all and not self.held:", "if not self.held:"),
    ),
    Mutant(
        "a 0 that is refused is kept without a record",
        "tests/e2e/test_absent.py::test_what_is_refused_is_reported_and_not_kept",
        Change(
            "ledger/levels/rejections",
            "if not (level.line or level.stream.schema_line):",
            "if False:",
        ),
    ),
    Mutant(
        "a stream that was not read is sent as 0",
        "tests/e2e/test_absent.py::test_a_stream_that_has_not_been_read_is_not_gone",
        Change("cli/ledger/command", "    if not found.named:\n", "    if False:\n"),
    ),
    Mutant(
        "a check does not find the parts of another mapping",
        "tests/cli/check/test_settings.py::test_a_run_under_way_is_not_disturbed",
        Change("cli/check/ledger", "_other_parts(used, client_id, mapping) if mapping", "() if 1"),
    ),
    Mutant(
        "a place that a part has left is not shown",
        "tests/cli/map/test_sums.py::test_what_the_newest_record_says_of_each_part_is_added_up",
        Change(
            "cli/map/sums",
            "[] for place, old in before.items()}",
            "[] for place, old in before.items() if 0}",
        ),
    ),
    Mutant(
        "a sum is shown of the first rows of a file",
        "tests/cli/map/test_page.py::test_for_sums_the_file_is_read_to_its_end",
        Change("cli/map/survey", " and view.parts is None", ""),
    ),
    Mutant(
        "a list that holds a bad entry is complete",
        f"{LISTS}::test_only_a_list_that_can_be_read_is_complete",
        Change("mapping/shapes", "        if None in places:\n", "        if False:\n"),
    ),
    Mutant(
        "a list that is null is complete",
        f"{LISTS}::test_only_a_list_that_can_be_read_is_complete",
        Change("mapping/shapes", "if value == [] and isinstance(", "if isinstance("),
    ),
    Mutant(
        "a list leaves out what another stream has sent",
        f"{LISTS}::test_only_what_the_same_stream_and_mapping_have_sent_is_left_out",
        Change("ledger/parts/parts", "            if level.source in numbers\n", ""),
    ),
    Mutant(
        "a list leaves out nothing that is in flight",
        f"{LISTS}::test_a_level_in_flight_is_left_out_too",
        Change(
            "completion/complete_lists", "list(levels.items()) for identifier", "[] for identifier"
        ),
    ),
    Mutant(
        "rows of a later record join the item of a complete list",
        f"{LISTS}::test_a_list_that_cannot_be_read_undoes_no_other",
        Change(
            "pipeline/run",
            "            self.row_buffer.seal()\n            refused = ",
            "            refused = ",
        ),
    ),
    Mutant(
        "what was refused and is left out comes again",
        f"{LISTS}::test_what_was_refused_and_is_left_out_does_not_come_again",
        Change("pipeline/run", "        self._mentions.end(found.ended)\n", ""),
    ),
    Mutant(
        "a STATE covers a list that waits",
        "tests/completion/test_complete_lists.py::test_no_state_covers_a_list_that_waits",
        Change("completion/completion", ", self.lists.lowest]", "]"),
    ),
    Mutant(
        "a 0 that is left out at a place which the map has lost is sent",
        f"{LISTS}::test_what_is_not_sent_anywhere_is_no_gap",
        Change(
            "completion/complete_lists", "self._places is None or place in self._places", "True"
        ),
    ),
    Mutant(
        "a value that was sent and not accepted is compared with",
        f"{LEDGER}::test_only_what_was_accepted_is_remembered",
        Change(
            "ledger/batches/recording",
            "self._accept(writer, flight, answered.accepted, batch)",
            "taken = [*answered.accepted, *[each.item for each in answered.refused]]\n"
            "                self._accept(writer, flight, taken, batch)",
        ),
    ),
    Mutant(
        "a mark is lifted before the reply is recorded",
        f"{LEDGER}::test_what_was_in_flight_when_a_run_died_is_sent_again",
        Change(
            "ledger/batches/recording",
            "            number = schema.add(writer, schema.flight, values) if left else 0\n",
            "            number = schema.add(writer, schema.flight, values)\n"
            "            self._land(writer, Flight(number, known, 0, {}, in_doubt, {}, {}))\n",
        ),
    ),
    Mutant(
        "a flight of a run that died is forgotten",
        f"{LEDGER}::test_what_was_in_flight_when_a_run_died_is_sent_again",
        Change("ledger/batches/recording", "in writer.execute(flights).all():", "in []:"),
    ),
    Mutant(
        "a mark is lifted by the run that set it",
        f"{LEDGER}::test_a_mark_of_this_run_outlasts_its_acceptances",
        Change("ledger/levels/rules", "any(known.doubt == run for", "any(known.doubt == -1 for"),
    ),
    Mutant(
        "a mark is never lifted",
        f"{LEDGER}::test_what_was_in_flight_when_a_run_died_is_sent_again",
        Change("ledger/levels/rules", "any(known.doubt == run for", "any(known.doubt for"),
    ),
    Mutant(
        "an outcome is recorded after its identifiers are released",
        f"{BOOKS}::test_no_state_covers_what_could_not_be_recorded",
        Change(
            "delivery/worker",
            "                self._record(verdict, part, work, reply.seconds)\n",
            "",
        ),
        Change(
            "delivery/worker",
            "            in_flight.clear()\n",
            "            in_flight.clear()\n"
            "            self._record(verdict, part, work, reply.seconds)\n",
        ),
    ),
    Mutant(
        "an acceptance after an unknown attempt counts as certain",
        f"{BOOKS}::test_an_acceptance_after_a_lost_answer_is_not_certain",
        Change("delivery/ledger_books", "        flight.unknown.update(verdict.unknown)\n", ""),
    ),
    Mutant(
        "an attempt that surely failed counts as unknown",
        f"{BOOKS}::test_an_acceptance_after_an_attempt_that_surely_failed_is_certain",
        Change("delivery/verdict", "if may_be_applied(reply):", "if True:"),
    ),
    Mutant(
        "a global in doubt does not mark its warehouses",
        f"{MEMORY}::test_what_is_in_doubt_after_an_attempt",
        Change("ledger/levels/rules", "(GLOBAL in sent or place == GLOBAL)", "place == GLOBAL"),
    ),
    Mutant(
        "a warehouse in doubt does not mark its global",
        f"{MEMORY}::test_what_is_in_doubt_after_an_attempt",
        Change("ledger/levels/rules", "(GLOBAL in sent or place == GLOBAL)", "GLOBAL in sent"),
    ),
    Mutant(
        "an accepted global does not end its warehouses",
        f"{LEDGER}::test_a_global_and_the_warehouses_of_an_item_end_each_other",
        Change(
            "ledger/batches/recording",
            "        self._levels.forget(writer, ended, ~IS_GLOBAL)\n",
            "",
        ),
    ),
    Mutant(
        "an accepted warehouse does not end its global",
        f"{LEDGER}::test_a_global_and_the_warehouses_of_an_item_end_each_other",
        Change(
            "ledger/batches/recording",
            "if GLOBAL in flight.known[one]",
            "if one not in flight.known",
        ),
    ),
    Mutant(
        "a refusal forgets what was there",
        f"{LEDGER}::test_only_what_was_accepted_is_remembered",
        Change(
            "ledger/batches/recording",
            "for each in refused if each.is_unlisted]",
            "for each in refused]",
        ),
    ),
    Mutant(
        "an item that is not listed is not forgotten",
        f"{LEDGER}::test_an_item_that_is_not_listed_is_forgotten",
        Change(
            "ledger/batches/recording",
            "for each in refused if each.is_unlisted]",
            "for each in []]",
        ),
    ),
    Mutant(
        "an item that tests the request and is not listed is not forgotten",
        f"{BOOKS}::test_an_item_that_is_gone_when_it_tests_the_request_is_forgotten",
        Change(
            "delivery/ledger_books",
            "self._ledger.leave(flight, gone or [",
            "self._ledger.leave(flight, [",
        ),
    ),
    Mutant(
        "stores are compared with each other",
        f"{LEDGER}::test_stores_do_not_know_each_others_stock",
        Change(
            "ledger/levels/levels",
            "            level.c.store == self._store,\n            condition",
            "            condition",
        ),
        Change(
            "ledger/levels/levels", "of_store = level.c.store == self._store", "of_store = true()"
        ),
    ),
    Mutant(
        "a stale row supersedes a waiting one",
        f"{BOOKS}::test_an_older_version_supersedes_nothing_that_waits",
        Change("window/newest", "self._drop_stale(first, item) if has_versions else 0", "0"),
    ),
    Mutant(
        "an unchanged row does not move its version on",
        f"{LEDGER}::test_an_unchanged_row_moves_its_version_on",
        Change("ledger/batches/comparing", "self._move_versions(writer, versions)", "pass"),
    ),
    Mutant(
        "an unchanged row takes a version back",
        f"{LEDGER}::test_an_unchanged_row_does_not_take_a_version_back",
        Change("ledger/batches/comparing", "and at.quantity == level.quantity:", "and True:"),
        Change(
            "ledger/batches/comparing",
            "*newer(sent, at)",
            "*sent",
        ),
    ),
    Mutant(
        "what was released while the ledger was asked does not count",
        f"{BOOKS}::test_a_row_is_not_left_out_by_an_answer_that_is_older_than_a_release",
        Change("delivery/scheduler", " and identifier not in window.released", ""),
    ),
    Mutant(
        "what was released while the ledger was asked stays new",
        f"{BOOKS}::test_the_ledger_is_asked_again_about_an_item_that_was_released_meanwhile",
        Change(
            "delivery/scheduler",
            "item.is_new and item.identifier not in window.released",
            "item.is_new",
        ),
    ),
    Mutant(
        "an item that stood behind another stays new",
        f"{BOOKS}::test_the_ledger_is_asked_again_about_an_item_that_stood_behind_another",
        Change("window/newest", "        newer.is_new = False\n", ""),
    ),
    Mutant(
        "an item that is known is new",
        f"{LEDGER}::test_a_changed_item_is_not_new",
        Change(
            "ledger/batches/comparing", "if item.identifier not in known] if known", "] if known"
        ),
    ),
    Mutant(
        "what is written together does not wait for the disk",
        f"{CONNECTIONS}::test_what_is_written_together_waits_for_the_disk_if_a_part_must",
        Change(
            "ledger/database/connections",
            "sync=any(one.sync for one in writes)",
            "sync=writes[0].sync",
        ),
    ),
    Mutant(
        "a thread is not told that what another wrote for it failed",
        f"{CONNECTIONS}::test_all_that_is_written_together_fails_together",
        Change(
            "ledger/database/connections",
            "one.error, one.is_done = error, True",
            "one.is_done = True",
        ),
    ),
    Mutant(
        "a rejected row is tried twice a night",
        f"{COMMANDS}::TestRejectedRowsComeAgain::test_it_is_tried_once_in_twenty_hours",
        Change("ledger/levels/rejections", "(row.tried_at <= before)", "(row.tried_at <= now)"),
    ),
    Mutant(
        "rejected rows are sent again after a run that failed",
        f"{COMMANDS}::TestRejectedRowsComeAgain::test_a_run_that_fails_sends_none",
        Change("pipeline/shutdown", "problem or self._send_again()", "self._send_again()"),
    ),
    Mutant(
        "what the mapping no longer yields stays open",
        f"{COMMANDS}::TestRejectedRowsComeAgain::test_the_mapping_of_the_day_is_used",
        Change("singer/rejected_again", "second.overtake(row.identifier, row.location)", "pass"),
    ),
    Mutant(
        "all of a rejected record is sent again",
        f"{COMMANDS}::TestRejectedRowsComeAgain::test_only_what_was_rejected_of_a_record_is_sent",
        Change("singer/rejected_again", "OWN_KEY: _own(row)", '"own": _own(row)'),
    ),
    Mutant(
        "a column that came for another store counts",
        f"{COMMANDS}::test_a_column_that_came_in_an_earlier_run_counts",
        Change("ledger/database/sources", ".where(seen.c.store == store)", ""),
    ),
    Mutant(
        "a deleted record leaves a rejection open",
        f"{COMMANDS}::test_a_rejection_is_not_open_any_more_once_a_later_record_overtakes_it",
        Change(
            "pipeline/run",
            "self._mentions.end(dict.fromkeys(row.ended, self.position))",
            "row.ended",
        ),
    ),
    Mutant(
        "a row that is refused after its deletion came stays open",
        f"{COMMANDS}::test_a_row_that_was_overtaken_before_its_refusal_is_no_open_rejection",
        Change(
            "ledger/levels/rejections",
            "if level.position < self.overtaken",
            "if 0 * self.overtaken",
        ),
    ),
    Mutant(
        "SQLite looks at all open rejections to find a few",
        "tests/ledger/database/test_migrations.py::test_open_rejections_are_found_by_their_items",
        Change("ledger/database/schema", 'info={_WHERE: "closed_at IS NOT NULL"},\n', ""),
    ),
    Mutant(
        "a bug ends the run without a word",
        "tests/e2e/test_endings.py::test_a_bug_is_reported_before_the_log_is_closed",
        Change("__main__", "        sys.excepthook(type(error), error, error.__traceback__)\n", ""),
    ),
    Mutant(
        "a row that comes after a deletion counts as overtaken",
        f"{COMMANDS}::test_a_row_that_was_overtaken_before_its_refusal_is_no_open_rejection",
        Change(
            "ledger/levels/rejections", "if level.position < self", "if level.position + 9 and self"
        ),
    ),
    Mutant(
        "rows of a request that is wrong stay rejected",
        f"{COMMANDS}::test_rows_of_a_request_that_is_wrong_are_no_open_rejections",
        Change(
            "pipeline/shutdown",
            "lambda: ledger.close_rejections(suspects, undecided=True)",
            "lambda: None",
        ),
    ),
    Mutant(
        "what is not rejected after all closes what was rejected before",
        "tests/ledger/test_ledger.py"
        "::test_what_is_not_rejected_after_all_leaves_open_what_was_rejected_before",
        Change("ledger/levels/rejections", "[~_has_replaced()] if undecided else []", "[]"),
    ),
    Mutant(
        "a pair is remembered although the guard holds what has followed it",
        "tests/laws/test_together.py::test_a_sum_that_the_guard_holds_goes_out_later",
        Change("completion/completion", "not holds and self.sums.last", "self.sums.last"),
    ),
    Mutant(
        "a record that cannot be used closes all rejections of its item",
        f"{LEDGER}::test_a_record_that_cannot_be_used_closes_the_rejection_of_its_level_alone",
        Change("ledger/ledger", "alone=True", "alone=False"),
    ),
    Mutant(
        "an item that is named twice is judged by its first value",
        f"{LEDGER}::test_an_item_that_is_named_twice_is_not_judged_by_its_first_value",
        Change("ledger/batches/comparing", "if times[item.identifier] == 1]", "if times]"),
    ),
    Mutant(
        "a time in the future counts as lately",
        f"{LEDGER}::test_what_was_accepted_long_ago_or_in_the_future_is_sent",
        Change("ledger/levels/rules", "or accepted_at > now:", "or False:"),
    ),
    Mutant(
        "a time in the future counts as lately, before the window",
        f"{LEDGER}::test_what_was_accepted_long_ago_or_in_the_future_is_sent",
        Change(
            "ledger/levels/levels",
            'level.c.accepted_at.between(bindparam("since"), bindparam("now"))',
            'level.c.accepted_at >= bindparam("since")',
        ),
    ),
    Mutant(
        "a flight ends in another transaction than its outcome",
        f"{LEDGER}::test_an_outcome_that_cannot_be_recorded_stays_in_flight",
        Change(
            "ledger/batches/recording",
            "        self._connections.write(write, sync=bool(kept))\n",
            "        self._connections.write(lambda writer: self._land(writer, flight))\n"
            "        self._connections.write(write, sync=bool(kept))\n",
        ),
    ),
    Mutant(
        "what is unchanged is sent",
        f"{LEDGER_LAWS}::test_what_is_known_to_be_there_is_not_sent_again",
        Change(
            "ledger/levels/rules",
            'return "unchanged" if certain and',
            'return "send" if certain and',
        ),
        Change(
            "ledger/batches/comparing",
            "unsent = self._equal(items)",
            "unsent = {}",
        ),
    ),
    Mutant(
        "a level in doubt is unchanged",
        f"{LEDGER}::test_what_was_in_flight_when_a_run_died_is_sent_again",
        Change("ledger/levels/levels", "level.c.doubt.is_(None) & is_recent", "is_recent"),
        Change("ledger/levels/rules", "known.doubt is None and known", "known"),
    ),
    Mutant(
        "STATE covers what waits, with a ledger",
        f"{LEDGER_LAWS}::test_from_its_bookmark_on_a_run_needs_no_earlier_row",
        Change("pipeline/poller", "take_safe(self._first_held(waits))", "take_safe(None)"),
    ),
    Mutant(
        "a rejection that comes again goes over a newer global",
        f"{MEMORY}::test_an_update_beside_what_is_known",
        Change(
            "ledger/levels/rules", "known.location in {place, GLOBAL}", "known.location == place"
        ),
    ),
    Mutant(
        "an unchanged row leaves an older rejection open",
        f"{LEDGER}::test_what_closes_an_open_rejection",
        Change(
            "ledger/batches/comparing",
            "                and item.identifier not in rejected\n",
            "",
        ),
    ),
    Mutant(
        "a run whose connection has broken writes without its lock",
        "tests/ledger/test_opening.py::test_after_its_connection_has_broken_a_run_writes_nothing",
        Change("ledger/database/connections", "if self._writer.invalidated:", "if False:"),
    ),
    Mutant(
        "a file that is no ledger becomes one",
        "tests/ledger/test_opening.py::test_a_file_that_is_no_ledger_is_left_alone",
        Change("ledger/database/database", "if head and not is_ours:", "if False:"),
    ),
    Mutant(
        "parts: one that has moved stays where it was, too",
        f"{SUMS}::test_a_tap_that_brings_one_part_changes_the_sum",
        Change(
            "ledger/parts/part_changes",
            "stock if said.keeps(place[0]) else (GONE, said.version or stock[1])",
            "stock",
        ),
    ),
    Mutant(
        "parts: where one was before gets no sum",
        f"{PARTS_LAWS}::test_from_its_bookmark_on_the_sums_are_right",
        Change(
            "ledger/parts/part_changes",
            "return [place for place in stocks if place in now or not said.keeps(place[0])]",
            "return list(now)",
        ),
    ),
    Mutant(
        "parts: a sum goes out before all parts have come",
        f"{SUMS}::test_no_sum_goes_out_before_all_parts_have_come_once",
        Change(
            "completion/stream_sums",
            "summing.is_complete or not was_read",
            "summing.is_complete",
        ),
    ),
    Mutant(
        "parts: STATE covers a record whose sum has not gone out",
        f"{SUMS}::test_no_sum_goes_out_before_all_parts_have_come_once",
        Change("completion/sums", "if sums.low is not None]", "if False]"),
    ),
    Mutant(
        "parts: STATE covers a row that waits for the ledger",
        "tests/completion/test_sums.py::test_no_state_covers_a_row_that_waits",
        Change("completion/sums", "*(row.position for row in self.waiting[:1])", ""),
    ),
    Mutant(
        "parts: a feed that was torn is a whole one",
        f"{SUMS}::test_a_feed_of_all_parts_forgets_those_that_are_gone",
        Change("completion/stream_sums", "return state_at >= self.last", "return True"),
    ),
    Mutant(
        "parts: what a whole feed does not bring still counts",
        f"{PARTS_LAWS}::test_of_a_complete_feed_only_its_own_parts_count",
        Change("completion/last_sums", "self._parts().leave_out_unnamed(sums.stream)", "pass"),
    ),
    Mutant(
        "parts: items that a feed does not name lose theirs",
        f"{SUMS}::test_a_feed_of_all_parts_forgets_those_that_are_gone",
        Change("ledger/parts/part_rows", "unnamed.where(is_named)", "unnamed"),
    ),
    Mutant(
        "parts: a rejected row that comes back is the newest",
        f"{SUMS}::test_a_refused_sum_is_sent_as_it_is_when_its_row_comes_back",
        Change(
            "completion/stream_sums",
            'old = parts.known(self.stream, again) | {""} if again else set()',
            "old: set[str] = set()",
        ),
    ),
    Mutant(
        "parts: one mapping adds up what another one sets",
        f"{SUMS}::test_one_mapping_cannot_add_up_what_another_one_sets",
        Change(
            "completion/mixed_sources",
            "is_mixed = key in totals and totals[key].quantities > 0",
            "is_mixed = False",
        ),
        Change(
            "completion/mixed_sources",
            "is_mixed = is_set or key in set_before or key in here",
            "is_mixed = False",
        ),
    ),
    Mutant(
        "parts: an older version of one counts",
        f"{SUMS}::test_an_older_version_of_a_part_is_stale",
        Change("ledger/parts/part_changes", "if said.version and any(", "if False and any("),
    ),
    Mutant(
        "parts: what is gone is forgotten, though its sum was refused",
        f"{PARTS_LAWS}::test_a_sum_that_was_refused_is_sent_again_by_itself",
        Change(
            "ledger/parts/part_rows",
            ", ~is_refused(part)]",
            "]",
        ),
    ),
    Mutant(
        "parts: one that is deleted is forgotten at once",
        f"{SUMS}::test_an_older_row_brings_no_deleted_part_back",
        Change("ledger/parts/part_rows", "where(*gone, is_left)", "where(*gone)"),
    ),
    Mutant(
        "parts: a refused row brings a deleted one back",
        f"{SUMS}::test_a_refused_row_brings_no_deleted_part_back",
        Change("ledger/parts/part_rows", "where(*gone, is_left)", "where(*gone)"),
    ),
    Mutant(
        "parts: where one was before its end is sent with each of its records",
        f"{SUMS}::test_a_refused_row_brings_no_deleted_part_back",
        Change("ledger/parts/part_statements", "case((part.c.run < 0", "case((part.c.run > 0"),
    ),
    Mutant(
        "parts: a bad row that is piped back has no outcome",
        f"{SUMS}::test_a_part_that_is_still_bad_is_rejected_again",
        Change("mapping/replay", "(is_bad and any(", "(False and any("),
    ),
    Mutant(
        "rejections: what was refused of a deleted item is sent, if nobody says where it was",
        f"{DELETED}::test_what_was_refused_of_a_deleted_item_is_not_sent_again",
        Change("pipeline/run", "self._mentions.end_items(row.gone)", "pass"),
    ),
    Mutant(
        "newer_by: a zero that has lost its version is replaced by an older row, before the window",
        f"{DELETED}::test_an_older_row_does_not_replace_one_that_has_lost_its_version",
        Change(
            "window/buffer", "level = with_version(level, ", "level = (lambda new, _: new)(level, "
        ),
    ),
    Mutant(
        "newer_by: a zero that has lost its version is replaced by an older row, as it waits",
        "tests/completion/test_waiting_rows.py::test_a_deleted_row_without_a_version_has_that_of_before",
        Change("completion/waiting_rows", "if is_same and version and not", "if False and not"),
    ),
    Mutant(
        "newer_by: a row that is older than a refused one is sent",
        f"{LEDGER}::test_a_row_that_is_older_than_a_refused_one_is_stale",
        Change("ledger/batches/recording", "self._keep_versions(writer, flight, kept)", "pass"),
    ),
    Mutant(
        "newer_by: a row that is older than a refused one closes it",
        f"{LEDGER}::test_a_row_that_is_older_than_a_refused_one_is_stale",
        Change("ledger/batches/comparing", 'if verdict == "unchanged" or item', "if True or item"),
    ),
    Mutant(
        "rejections: one that does not fit its SCHEMA ends each run",
        f"{COMMANDS}::TestRejectedRowsComeAgain::test_its_record_does_not_fit_its_schema",
        Change(
            "singer/rejected_again", "InputError, InvalidRecord, RunFailed", "InputError, RunFailed"
        ),
    ),
    Mutant(
        "ledger: a disk that has failed is trusted the next time",
        f"{CONNECTIONS}::test_a_disk_that_has_failed_once_is_not_trusted",
        Change("ledger/database/connections", "self._sync_error = error", "pass"),
    ),
    Mutant(
        "parts: the name of a key controls the terminal",
        "tests/mapping/test_parts.py::test_the_name_of_a_key_cannot_control_the_terminal",
        Change("mapping/parts", 'names = clean(", ".join(keys))', 'names = ", ".join(keys)'),
    ),
    Mutant(
        "explain: what the API refused is told as rejected by the run",
        "tests/e2e/test_explain.py"
        "::test_an_item_that_was_never_seen_is_told_with_those_that_may_be_meant",
        Change("cli/ledger/past_page", "if code in _REJECTED_ITSELF}", "}"),
    ),
    Mutant(
        "newer_by: a stale row replaces a fresh one",
        f"{DELETED}::test_of_several_rows_a_stale_one_does_not_replace_a_fresh_one",
        Change("ledger/batches/comparing", "if several and not rows.is_plain:", "if False:"),
    ),
    Mutant(
        "parts: a deleted one must have a version",
        f"{SUMS}::test_an_older_row_brings_no_deleted_part_back",
        Change("mapping/summing", "if version is None and not found:", "if False:"),
    ),
    Mutant(
        "parts: a row that does not tell its part leaves out all others",
        f"{SUMS}::test_a_row_that_does_not_tell_its_part_may_be_any",
        Change("mapping/summing", "if self.is_complete else ()", "if False else ()"),
    ),
    Mutant(
        "ledger: a zero without a version forgets that of before",
        f"{LEDGER}::test_a_zero_without_a_version_leaves_that_of_before",
        Change("ledger/levels/levels", "coalesce(new.version, before)", "coalesce(new.version)"),
    ),
    Mutant(
        "parts: what a torn feed found gone is forgotten before it is sent",
        f"{SUMS}::test_where_a_torn_feed_had_no_part_any_more_gets_its_zero_later",
        Change("ledger/parts/part_rows", ", part.c.run == of.run, ~is_refused", ", ~is_refused"),
    ),
    Mutant(
        "parts: a sum that is kept does not follow its parts",
        f"{SUMS}::test_a_stock_of_many_parts_follows_each_of_them",
        Change(
            "ledger/parts/parts",
            "        self._kept.follow(chain(changes.changes, first_changes(parts, new)))\n",
            "",
        ),
    ),
    Mutant(
        "sums: still sure while their parts change",
        f"{SURE_SUMS}::test_a_sum_that_a_run_has_lost_is_sent_when_any_part_comes",
        Change(
            "ledger/parts/parts",
            "            self.sure.part_changes(writer)\n            for each in",
            "            for each in",
        ),
    ),
    Mutant(
        "sums: sure again before the lost one is accepted",
        f"{SURE_SUMS}::test_a_sum_that_a_run_has_lost_is_sent_when_any_part_comes",
        Change(
            "ledger/parts/sure_sums",
            "int(since.get(policy) or _next_batch(reader))",
            "int(since.get(policy) or 1)",
        ),
    ),
    Mutant(
        "sums: sure under another policy",
        f"{SURE_SUMS}::test_another_policy_makes_another_quantity_of_the_same_parts",
        Change(
            "completion/sums",
            "self.parts.sure.begin(summing.policy)",
            'self.parts.sure.begin("p")',
        ),
    ),
    Mutant(
        "sums: sure again under the policy of before",
        f"{SURE_SUMS}::test_another_policy_makes_another_quantity_of_the_same_parts",
        Change("ledger/parts/sure_sums", "if since and not self._is_written:", "if False:"),
    ),
    Mutant(
        "sums: one that cannot be sent is sure",
        f"{SURE_SUMS}::test_a_sum_that_cannot_be_sent_is_rejected_each_time",
        Change(
            "completion/sums",
            "        if found.failed:\n            self.parts.sure.fail()",
            "        if False:\n            self.parts.sure.fail()",
        ),
    ),
    Mutant(
        "sums: one that was refused is sure once that is closed",
        f"{SURE_SUMS}::test_a_sum_that_was_refused_is_not_sure",
        Change(
            "ledger/ledger",
            "                    self.parts.sure.drop(writer)",
            "                    pass",
        ),
    ),
    Mutant(
        "sums: one that was refused is sure if that is not kept",
        f"{SURE_SUMS}::test_a_refused_sum_that_is_not_kept_is_not_sure",
        Change(
            "ledger/parts/sure_sums",
            "0 if self._tables.rejections.has_dropped else self._since",
            "self._since",
        ),
    ),
    Mutant(
        "sums: not added up though a mapping may contradict them",
        f"{SURE_SUMS}::test_a_sum_is_added_up_where_a_mapping_that_sets_stock_may_contradict_it",
        Change("completion/completion", "self.sums.parts.sure.fail()  #", "pass  #"),
    ),
    Mutant(
        "sums: one that may have been changed is sure",
        f"{SURE_SUMS}::test_whatever_makes_a_level_be_sent_again_still_does",
        Change("ledger/parts/sure_sums", "            level.c.doubt.is_(None),\n", ""),
    ),
    Mutant(
        "sums: what another mapping has set is one",
        f"{SURE_SUMS}::test_whatever_makes_a_level_be_sent_again_still_does",
        Change(
            "ledger/parts/sure_sums",
            '            level.c.source.in_(bindparam("sources", expanding=True)),\n',
            "",
        ),
    ),
    Mutant(
        "sums: never sent again by time",
        f"{SURE_SUMS}::test_whatever_makes_a_level_be_sent_again_still_does",
        Change(
            "ledger/parts/sure_sums",
            '            level.c.accepted_at.between(bindparam("since"), bindparam("now")),\n',
            "",
        ),
    ),
    Mutant(
        "sums: what an operator has sent as 0 is one",
        f"{SURE_SUMS}::test_whatever_makes_a_level_be_sent_again_still_does",
        Change("pipeline/zeros", "ledger.doubt_sums()", "pass"),
    ),
    Mutant(
        "sums: sure without parts that were forgotten",
        f"{SURE_SUMS}::test_whatever_makes_a_level_be_sent_again_still_does",
        Change("ledger/maintenance", "            forget_sure(writer, store)\n", ""),
    ),
    Mutant(
        "sums: an unchanged one does not name its level",
        f"{SURE_SUMS}::test_an_unchanged_sum_names_its_level",
        Change("ledger/parts/sure_sums", "self._tables.named_days.name([], named)", "pass"),
    ),
    Mutant(
        "sums: a run without a change ends what is sure",
        f"{SURE_SUMS}::test_a_run_that_fails_without_a_change_leaves_what_is_sure",
        Change(
            "ledger/parts/parts", "        if new or changes.new or names_all:", "        if True:"
        ),
    ),
    Mutant(
        "sums: an unchanged one is always added up",
        f"{SURE_SUMS}::test_an_unchanged_sum_is_not_added_up_again",
        Change(
            "ledger/parts/sure_sums",
            "is_off = self._is_off or self._policy is None",
            "is_off = True",
        ),
    ),
    Mutant(
        "parts: one that is not as it was is taken to be",
        f"{SUMS}::test_a_tap_that_brings_one_part_changes_the_sum",
        Change("ledger/parts/parts", "            others |= differing\n", ""),
    ),
    Mutant(
        "parts: of one that comes twice at once the first counts",
        "tests/ledger/parts/test_part_changes.py::test_of_a_part_that_comes_twice_the_last_counts",
        Change("ledger/parts/part_changes", "if several > 1}", "if several > 2}"),
    ),
    Mutant(
        "parts: a null is 0",
        "tests/mapping/test_summing.py::test_a_part_without_a_quantity_keeps_its_last_one",
        Change("mapping/summing", "if all(map(_is_elsewhere, others)):", "if True:"),
    ),
    Mutant(
        "parts: those of another mapping are added to",
        f"{SUMS}::test_warehouses_that_become_one",
        Change("completion/sums", "if self.parts.has_others(stream):", "if False:"),
    ),
    Mutant(
        "lookups: STATE covers a row that waits for its pair",
        BOOKMARKS,
        Change(
            "completion/completion",
            "self._changed.lowest, self.unnamed.lowest)",
            "self._changed.lowest)",
        ),
    ),
    Mutant(
        "lookups: STATE covers a change that the levels have not followed",
        BOOKMARKS,
        Change(
            "completion/completion",
            "self._changed.lowest, self.unnamed.lowest)",
            "self.unnamed.lowest,)",
        ),
    ),
    Mutant(
        "lookups: the levels of a pair that changes stay where they are",
        f"{LOOKUPS}::test_the_levels_of_a_pair_that_changes_follow_it",
        Change(
            "completion/moved",
            "and change.follows(sent.location)",
            "and False",
        ),
    ),
    Mutant(
        "lookups: a level that follows goes over a newer row",
        f"{LOOKUPS}::test_the_levels_of_a_pair_that_changes_follow_it",
        Change(
            "completion/lookups",
            "        return location not in seen and ",
            "        return True or ",
        ),
    ),
    Mutant(
        "lookups: parts stay with the item of before",
        f"{LOOKUPS}::test_parts_are_added_up_under_what_their_items_stand_for",
        Change(
            "completion/changed_pairs",
            "    names |= {old: change.new for old, change in single.items()}\n",
            "",
        ),
    ),
    Mutant(
        "lookups: what parts have left is sent again for the item that they have gone to",
        f"{LOOKUPS}::test_what_parts_have_left_is_sent_again_though_they_have_gone",
        Change("completion/changed_pairs", "streams -= ", "streams |= "),
    ),
    Mutant(
        "lookups: a refused level that follows is older than the accepted one",
        f"{LOOKUPS}::test_a_refused_level_that_follows_its_pair_is_newer_than_the_accepted_one",
        Change("ledger/pairs/renamed_rejections", "new, now, opened_at=now)", "new, now)"),
    ),
    Mutant(
        "lookups: what was refused does not follow the first of two changes",
        "tests/laws/test_together.py::test_what_was_refused_follows_a_pair_that_changes_twice",
        Change(
            "completion/changed_pairs",
            "            if not changes:\n                continue\n            names",
            "            if not changes or not may_go(lookup.summing):\n"
            "                continue\n"
            "            names",
        ),
    ),
    Mutant(
        "lookups: a refused level goes over a newer one of its new item",
        f"{LOOKUPS}::test_a_refused_level_goes_over_no_newer_one_of_its_new_item",
        Change("ledger/pairs/renamed_rejections", "[*(theirs.keys() - moved.keys())]", "[]"),
    ),
    Mutant(
        "lookups: sums go out before what the same flush says of their parts",
        f"{LOOKUPS}::test_parts_are_added_up_under_what_their_items_stand_for",
        Change(
            "completion/completion",
            "            yield from self.pairs.learn(self._rename)\n",
            "            for each in self.pairs.learn(self._rename):\n"
            "                yield from self._resolved(self.sums.follow())\n"
            "                yield each\n",
        ),
    ),
    Mutant(
        "lookups: a row that lacked its pair is not kept",
        f"{LOOKUPS}::test_a_row_without_a_pair_is_rejected_and_comes_again_with_it",
        Change("completion/unnamed_rows", "self._lookups.pairs.keep_rejected([_", "print([_"),
    ),
    Mutant(
        "lookups: a row that lacked its pair is not tried as soon as the pair comes",
        f"{LOOKUPS}::test_a_row_without_a_pair_is_rejected_and_comes_again_with_it",
        Change(
            "ledger/pairs/renamed_rejections", '"tried_at": 0, **also}', '"tried_at": now, **also}'
        ),
    ),
    Mutant(
        "lookups: an item that was deleted is sent",
        "tests/mapping/test_looking_up.py::test_a_record_is_a_pair",
        Change("mapping/looking_up", "if not (DELETED in record and is_deleted(record)) and", "if"),
    ),
    Mutant(
        "lookups: an older row takes the place of one that waits",
        "tests/completion/test_waiting_rows.py::test_an_older_version_does_not_wait",
        Change(
            "completion/waiting_rows",
            "self._without_stale(rows) if self._has_versions(",
            "rows if any(",
        ),
    ),
    Mutant(
        "the guard: what is in flight is not counted",
        f"{HOLDING}::test_batches_in_flight_share_what_is_left",
        Change("ledger/guard/counting", "self._in_flight += change", "pass"),
    ),
    Mutant(
        "the guard: what was in flight at a crash is not counted",
        f"{HOLDING}::test_what_was_in_flight_at_a_crash_counts",
        Change("ledger/batches/recording", "read_zeros(marks), known)", "(), known)"),
    ),
    Mutant(
        "the guard: a refused stock-out stays counted",
        f"{HOLDING}::test_what_was_surely_refused_is_not_counted",
        Change(
            "ledger/guard/counting", "self._in_flight -= pending.popitem()[1]", "pending.popitem()"
        ),
    ),
    Mutant(
        "the guard: stock that comes again stays counted",
        f"{HOLDING}::test_stock_that_has_come_again_is_not_counted",
        Change("ledger/levels/levels", "((new.quantity > 0) & new.doubt.is_(None), null()),", ""),
    ),
    Mutant(
        "the guard: a stock-out that may arrive late is not counted",
        f"{HOLDING}::test_a_late_stock_out_may_still_arrive",
        Change("ledger/levels/levels", " & new.doubt.is_(None), null())", ", null())"),
    ),
    Mutant(
        "the guard: a global counts as one level",
        f"{HOLDING}::test_a_global_counts_as_its_warehouses",
        Change("ledger/guard/zeroed", "return set(kept)", "return set()"),
    ),
    Mutant(
        "the guard: a warehouse that comes after another one is not judged",
        f"{HOLDING}::test_a_warehouse_that_comes_later_has_what_the_global_had",
        Change(
            "ledger/guard/zeroed", "return {**known, **ended} if ended else known", "return known"
        ),
    ),
    Mutant(
        "the guard: an item that was deleted keeps its global",
        f"{HOLDING}::test_an_item_that_is_not_listed_any_more_has_no_global",
        Change("ledger/batches/recording", "self._zeroed.forget_globals(forgotten)", "pass"),
    ),
    Mutant(
        "the guard: a warehouse without memory is not judged",
        f"{GUARD_LAWS}::test_no_more_than_the_share_falls_to_zero",
        Change(
            "ledger/guard/guard",
            "return memory.get(GLOBAL) if known is None or known.quantity is None else known",
            "return known",
        ),
    ),
    Mutant(
        "the guard: one stock-out too many falls to 0",
        f"{GUARD_LAWS}::test_no_more_than_the_share_falls_to_zero",
        Change("ledger/guard/holding", "self.counter.total + one.change", "self.counter.total"),
    ),
    Mutant(
        "the guard: it opens by itself",
        f"{GUARD_LAWS}::test_a_guard_that_fired_does_not_open_by_itself",
        Change(
            "ledger/guard/counting",
            "span.zeroed_after, fired=True",
            "span.zeroed_after, fired=False",
        ),
    ),
    Mutant(
        "the guard: a run that fails early opens it",
        f"{HOLDING}::test_after_it_fired_what_counts_still_counts",
        Change("ledger/ledger", "if problem is None or type(problem) is RunFailed:", "if True:"),
    ),
    Mutant(
        "the guard: what was let through stays counted",
        f"{HOLDING}::test_a_run_without_the_guard_empties_the_count",
        Change("ledger/guard/counting", "self._set(writer, self._now_ms(), fired=False)", "pass"),
    ),
    Mutant(
        "the guard: a STATE covers what is held",
        f"{GUARD_LAWS}::test_all_but_what_is_held_arrives",
        Change(
            "delivery/outcomes",
            "(rejected, self._guarded) if",
            "(rejected,) if",
        ),
    ),
    Mutant(
        "a batch without a request wakes nobody that waits to send again",
        f"{BOOKS}::test_a_batch_that_needs_no_request_makes_room_for_one_that_is_sent_again",
        Change(
            "delivery/permits",
            "                self._shared.slots.notify()\n",
            "",
        ),
    ),
    Mutant(
        "parts: rows are added to a list that nobody reads any more",
        f"{SUMS}::test_no_part_is_lost_when_rows_are_handed_over_between_two",
        Change("completion/completion", "self.sums.waiting[:] = ", "self.sums.waiting = "),
    ),
    Mutant(
        "a STATE counts also if the run had to stop before its records were handed over",
        "tests/pipeline/test_run.py::test_a_state_counts_once_all_before_it_is_handed_over",
        Change(
            "pipeline/run",
            "        if not self.stages.shared.over:  # nor was it while the ledger was told",
            "        if True:",
        ),
    ),
    Mutant(
        "rows are handed over at each STATE",
        "tests/pipeline/test_run.py::test_rows_between_which_states_come_are_completed_together",
        Change(
            "pipeline/run",
            "        self.completion.sums.last.state_at",
            "        self.flush()\n        self.completion.sums.last.state_at",
        ),
    ),
    Mutant(
        "a worker that has to send again wakes no other",
        f"{SCHEDULER}::test_while_one_waits_to_send_again_others_send_one_by_one",
        Change("delivery/permits", "            if left:", "            if False:"),
    ),
    Mutant(
        "the guard: a stock-out that was rejected before is held and nobody is told",
        f"{HOLDING}::test_a_refused_stock_out_that_comes_again_is_held",
        Change(
            "pipeline/shutdown", "self._send_again() or self._guard_problem()", "self._send_again()"
        ),
    ),
    Mutant(
        "together: the guard forgets what earlier runs have taken to 0",
        TOGETHER,
        Change(
            "ledger/guard/counting",
            "self._guard_from, self.has_fired = row",
            "self._guard_from, self.has_fired = self._now_ms(), row[1]",
        ),
    ),
    Mutant(
        "together: a pair is remembered before its levels have followed",
        TOGETHER,
        Change(
            "completion/new_pairs",
            "if change is None and (is_new or has_none):",
            "if change is None:",
        ),
    ),
    Mutant(
        "together: what may still arrive late is taken as known",
        "tests/laws/test_together.py::test_after_all_was_read_again_the_shop_is_as_all_sources_say",
        Change("delivery/ledger_books", "        flight.unknown.update(verdict.unknown)\n", ""),
    ),
    Mutant(
        "a later SCHEMA ends a question whose rows were skipped",
        "tests/e2e/test_questions.py::test_a_question_stays_whatever_the_next_schema_declares",
        Change("recognition/questions", "before.has_records and", "False and"),
    ),
    Mutant(
        "a place that the SCHEMA does not declare is not asked about",
        "tests/e2e/test_streams.py::test_a_place_that_is_not_declared_is_asked_about",
        Change("sinks", "if self._is_first and self.mapping is not None:", "if False:"),
    ),
    Mutant(
        "a recognised stream goes from each warehouse to all of them",
        "tests/recognition/test_stream_router.py",
        Change("recognition/recognise", "found.is_global == before.is_global", "True"),
    ),
    Mutant(
        "a rejected row goes over a newer one that was unchanged",
        f"{COMMANDS}::test_a_rejected_row_that_is_piped_back_after_a_newer_one_is_stale",
        Change("ledger/batches/comparing", "level.rejected_at < closed.get(key, 0)", "False"),
    ),
    Mutant(
        "a part that has moved counts where it was, too",
        f"{SUMS}::test_a_part_that_has_moved_counts_once",
        Change("core/model", "(not self.items or identifier in self.items)", "True"),
    ),
    Mutant(
        "an empty list says nothing of a part",
        f"{SUMS}::test_a_part_whose_list_is_empty_has_nothing",
        Change("mapping/summing", "        return _ELSEWHERE\n\n", "        return outcome\n\n"),
    ),
    Mutant(
        "a row goes to an item whose levels have yet to follow its old pair",
        CHANGING,
        Change("completion/completion", "if not (vacated := self._changed.vacated):", "if True:"),
    ),
    Mutant(
        "a level that a match has left behind follows the next one",
        CHANGING,
        Change("ledger/pairs/pairs", "if not (identifiers and streams):", "if True:"),
    ),
    Mutant(
        "a level goes over a newer one of another match",
        CHANGING,
        Change("completion/moved", "if is_others or each.identifier in shared:", "if 0:"),
    ),
    Mutant(
        "an older level goes over an unchanged row of the new item",
        CHANGING,
        Change("completion/unnamed_rows", "if self._lookups.changes:", "if 0:"),
    ),
    Mutant(
        "what a row has set since follows another match",
        CHANGING,
        Change("completion/changed_pairs", "if change.new and change.seen}", "if 0}"),
    ),
    Mutant(
        "together: what was refused of one stream does not come again beside others",
        TOGETHER,
        Change("ledger/levels/rejections", "(row.tried_at <= before)", "(row.tried_at < 1)"),
    ),
)


def stale(mutants: Iterable[Mutant] = MUTANTS) -> list[str]:
    """List what mutants quote and is gone, of the program and of the tests."""
    return [
        f"{mutant.name}: {count} times in {path.relative_to(ROOT)}: {text}"
        for mutant in mutants
        for path, text in mutant.quotes()
        if (count := path.read_text(encoding="utf-8").count(text)) != 1
    ]


def unreadable(mutants: Iterable[Mutant] = MUTANTS) -> list[str]:
    """List the mutants that are not Python any more; no test could run against them."""
    found = []
    for mutant in mutants:
        texts: dict[Path, str] = {}
        for module, old, new in mutant.changes:
            path = PACKAGE / f"{module}.py"
            text = texts.get(path) or path.read_text(encoding="utf-8")
            texts[path] = text.replace(old, new)
        found += [f"{mutant.name}: {flaw}" for text in texts.values() if (flaw := _flaw(text))]
    return found


def _flaw(text: str) -> str:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return str(error)
    return ""


def run(mutant: Mutant) -> str:
    """Run the test against a mutant.

    Returns:
        The name of the test that failed; empty where the mutant survived.
    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        for name in (PACKAGE.name, "tests"):
            shutil.copytree(ROOT / name, place / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", place)
        for module, old, new in mutant.changes:
            path = place / PACKAGE.name / f"{module}.py"
            path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        examples = {"DELIVERY_EXAMPLES": "400", "LEDGER_EXAMPLES": "600"}
        environment = {**os.environ, "PYTHONPATH": str(place), **examples}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "--show-capture=no"]
        command += ["-o", f"timeout={_SECONDS // 2}"]
        try:
            ended = subprocess.run(
                [*command, mutant.test],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "(does not end)"
    if ended.returncode not in {0, 1}:  # a mutant that cannot be imported, a test that is gone
        sys.stderr.write(f"Its test does not run: {ended.stdout[-300:]}\n")
        return ""
    failed = _FAILED.findall(ended.stdout)
    return str(failed[0]) if failed else "" if ended.returncode == 0 else ended.stdout[-300:]


def main(names: list[str]) -> int:
    """Run the mutants, or those of which the name holds one of the words, and say who lived."""
    mutants = [m for m in MUTANTS if not names or any(name in m.name for name in names)]
    if texts := stale(mutants):
        sys.exit("\n".join(texts))
    lived = 0
    for mutant in mutants:
        began = time.monotonic()
        failed = run(mutant)
        lived += not failed
        seconds = time.monotonic() - began
        sys.stdout.write(f"{mutant.name:65} {failed or 'SURVIVED'} ({seconds:.0f} s)\n")
        sys.stdout.flush()
    return min(lived, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
