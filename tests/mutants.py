"""Breaks the program on purpose, one promise at a time, and checks that a test says so.

``python tests/mutants.py [name ...]``: each mutant is a replacement of text in a copy of the
package; the tests that must fail run against that copy, so the tree itself is never touched. A
mutant whose text is no longer in the program is an error here: it has to follow the program.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
_SECONDS: Final = 150
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (?:\S*::)?(\S+)", re.MULTILINE)

LAWS: Final = "tests/laws/test_delivery.py"
BLAME: Final = f"{LAWS}::test_whoever_is_to_blame_for_refusals_every_promise_is_kept"
SOCKET: Final = "tests/delivery/test_socket.py"
ENDINGS: Final = "tests/delivery/test_endings.py"
PACING: Final = "tests/delivery/test_pacing.py"
READING: Final = "tests/e2e/test_streams.py"
FOLLOWUP: Final = "tests/delivery/test_reply_handler.py"
RETRYING: Final = "tests/delivery/test_retry.py"
REPLIES: Final = "tests/delivery/test_reply_fields.py"
RECORD_ERRORS: Final = "tests/e2e/test_refusals.py"
LANE: Final = "tests/singer/test_fast_path.py"
CRASH: Final = "tests/laws/test_crash.py"


class Change(NamedTuple):
    """A text that stands once in a module, and what it becomes."""

    module: str
    old: str
    new: str


class Mutant(NamedTuple):
    """A fault: what is wrong then, the tests of which one must fail, the changes that make it."""

    name: str
    tests: str
    changes: tuple[Change, ...]


MUTANTS: Final = (
    Mutant(
        "identifiers in flight are not locked",
        LAWS,
        (
            Change("window/window", "if entry.identifier not in self._leased:", "if True:"),
            Change(
                "window/window",
                "            self._make_ready(waiting)",
                "            waiting.ready or self._make_ready(waiting)",
            ),
        ),
    ),
    Mutant(
        "identifiers are released when the first part of a batch settles",
        LAWS,
        (
            Change(
                "delivery/reply_handler",
                "self._window.release(work.lease, identifiers)",
                "self._window.release(work.lease, list(work.lease.items))",
            ),
        ),
    ),
    Mutant(
        "a row that is sent again goes over a newer value",
        LAWS,
        (
            Change(
                "delivery/reply_handler",
                "work.pieces.extendleft(reversed(decision.pieces))",
                "its = [item for part in decision.pieces for item in part.items]\n"
                "            self._window.release(work.lease, [item.identifier for item in its])\n"
                "            for i in its:\n"
                "                rows = [(i.identifier, p, lv) for p, lv in i.levels.items()]\n"
                "                self._tally.superseded += self._window.put(rows, 0.0)",
            ),
        ),
    ),
    Mutant(
        "a global does not drop what stands behind another",
        LAWS,
        (
            Change("window/window", "dropped += len(entry.after.levels)", "dropped += 0"),
            Change("window/window", "self.weight -= entry.after.weight\n", "self.weight -= 0\n"),
            Change(
                "window/window",
                "            entry.after = None\n        if None not in",
                "        if None not in",
            ),
        ),
    ),
    Mutant(
        "STATE goes out on reading",
        LAWS,
        (Change("pipeline/poller", "take_safe(self._first_held())", "take_safe(None)"),),
    ),
    Mutant(
        "STATE forgets what is in flight",
        LAWS,
        (
            Change(
                "window/window",
                "lows = [lease.low for lease in self._leases]",
                "lows: list[int] = []",
            ),
        ),
    ),
    Mutant(
        "what is superseded settles at once",
        LAWS,
        (
            Change(
                "window/window",
                "        added = len(levels) - before\n",
                "        added = len(levels) - before\n        waiting.low = newer.low\n",
            ),
        ),
    ),
    Mutant(
        "rejected rows are written after STATE",
        CRASH + " " + LAWS,
        (
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
    ),
    Mutant(
        "a row that the answer omits counts as accepted",
        LAWS,
        (
            Change(
                "delivery/settle",
                "accepted=tuple([index for index, _ in accepted if index in sole])",
                "accepted=tuple([i for i in range(rows) if i not in dict((*accepted, *errors))"
                " or (i in sole and i in dict(accepted))])",
            ),
            Change(
                "delivery/settle",
                "[index for index in range(rows) if index not in sole]",
                "[i for i in range(rows) if i not in sole and i in dict((*accepted, *errors))]",
            ),
        ),
    ),
    Mutant(
        "a row is added to what has been handed over",
        LANE,
        (
            Change(
                "singer/fast_path",
                "                    entry = None  # which",
                "                    #",
            ),
        ),
    ),
    Mutant(
        "what a global supersedes is not counted",
        LAWS,
        (Change("window/window", "kept -= self._clear(waiting)", "self._clear(waiting)"),),
    ),
    Mutant(
        "a retry carries the old timestamp",
        SOCKET,
        (
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
    ),
    Mutant(
        "a row without an identifier is sent",
        READING,
        (Change("singer/fast_path", "last: Any = _NOWHERE", "last: Any = None"),),
    ),
    Mutant(
        "a list of equal warehouses is sent for unequal ones",
        LAWS,
        (Change("window/pending", "return len(said) == 1 and", "return"),),
    ),
    Mutant(
        "one poisonous row stops the run",
        ENDINGS,
        (
            Change(
                "delivery/retry", "if accepted_at is None or", "if True or accepted_at is None or"
            ),
        ),
    ),
    Mutant(
        "many failures of one batch pass for an outage",
        ENDINGS,
        (
            Change(
                "delivery/reply_handler",
                "self._failures_in_search if searched else self._failures",
                "self._failures",
            ),
        ),
    ),
    Mutant(
        "a date in Retry-After is read by this machine's clock",
        SOCKET,
        (
            Change("delivery/reply_handler", "wall=server_ms / 1000", "wall=time.time()"),
            Change("delivery/reply_fields", "(wall if date is None else date)", "wall"),
        ),
    ),
    Mutant(
        "a date in Retry-After is not counted from the reply's own",
        REPLIES,
        (Change("delivery/reply_fields", "(wall if date is None else date)", "wall"),),
    ),
    Mutant(
        "Retry-After can make a wait shorter",
        RETRYING,
        (
            Change(
                "delivery/retry",
                "max(back_off(piece.attempts, situation.jitter), wait or 0.0)",
                "(back_off(piece.attempts, situation.jitter) if wait is None else wait)",
            ),
        ),
    ),
    Mutant(
        "the clock of each server is followed in turn",
        ENDINGS,
        (Change("delivery/retry", "if served and not piece.doubted:", "if False:"),),
    ),
    Mutant(
        "what was accepted is sent again though a newer value waits",
        FOLLOWUP,
        (
            Change(
                "window/window",
                "if identifier in self._entries or identifier in self._leased:",
                "if identifier in self._leased:",
            ),
        ),
    ),
    Mutant(
        "what was accepted is sent again though a newer value is in flight",
        BLAME,
        (
            Change(
                "window/window",
                "if identifier in self._entries or identifier in self._leased:",
                "if identifier in self._entries:",
            ),
        ),
    ),
    Mutant(
        "what is sent again is not the value accepted last",
        BLAME,
        (
            Change(
                "delivery/accepted_items",
                "self._encoded.pop(item.identifier, None)\n"
                "            self._encoded[item.identifier] = item.encoded",
                "self._encoded.setdefault(item.identifier, item.encoded)",
            ),
        ),
    ),
    Mutant(
        "rows are rejected before it is known whether the request is to blame",
        BLAME,
        (
            Change(
                "delivery/reply_handler",
                "self._outcomes.suspect(refusal, work.worker)\n",
                "self._outcomes.suspect(refusal, work.worker)\n"
                "            self._outcomes.decide()\n",
            ),
        ),
    ),
    Mutant(
        "what is sent again counts as an update",
        BLAME,
        (
            Change(
                "delivery/reply_handler",
                "            self._outcomes.decide()\n            return",
                "            self._tally.accepted += 1\n"
                "            self._outcomes.decide()\n            return",
            ),
        ),
    ),
    Mutant(
        "a refusal by a code is retried like a page of a proxy",
        RETRYING,
        (Change("delivery/retry", "if refused or reply.status", "if reply.status"),),
    ),
    Mutant(
        "a STATE is lost while the share of rejections is too high",
        RECORD_ERRORS,
        (
            Change(
                "pipeline/poller",
                "            if not is_open(",
                "            if limit:\n"
                "                stages.states.take_safe(self._first_held())\n"
                "            if not is_open(",
            ),
        ),
    ),
    Mutant(
        "a broken credential does not stop the other workers",
        ENDINGS,
        (
            Change(
                "delivery/scheduler",
                "        self.abandon()\n        self.notify_main()",
                "        self.notify_main()",
            ),
            Change(
                "delivery/scheduler",
                "                self._over = True\n                raise",
                "                raise",
            ),
        ),
    ),
    Mutant(
        "SIGTERM drains",
        ENDINGS,
        (
            Change(
                "pipeline/shutdown",
                "        self._scheduler.abandon()\n",
                "        stopped = isinstance(error, Stopped)\n"
                "        (self._scheduler.close if stopped else self._scheduler.abandon)()\n",
            ),
            Change(
                "pipeline/shutdown",
                "if self._scheduler.quiet and",
                "if self._scheduler.settled and",
            ),
        ),
    ),
    Mutant(
        "throttled retries never come back to full speed",
        PACING,
        (
            Change(
                "delivery/scheduler",
                "                self._slots.notify()  #",
                "                    #",
            ),
        ),
    ),
    Mutant(
        "Retry-After is one worker's business",
        PACING,
        (Change("delivery/retry", "hold=wait or 0.0,", "hold=0.0,"),),
    ),
    Mutant(
        "workers poll",
        PACING,
        (Change("delivery/scheduler", "self._idle.wait(wait)", "self._idle.wait(0.01)"),),
    ),
    Mutant(
        "stock-outs wait their turn",
        "tests/window/test_window.py",
        (Change("window/window", "(entry := self._first_empty()) is not None", "(entry := None)"),),
    ),
)


def apply(mutant: Mutant, package: Path) -> None:
    """Write a mutant into a copy of the package.

    Raises:
        LookupError: A text is not there, or not once.
    """
    for change in mutant.changes:
        path = package / f"{change.module}.py"
        text = path.read_text(encoding="utf-8")
        if text.count(change.old) != 1:
            message = f"{mutant.name}: {text.count(change.old)} times in {path.name}: {change.old}"
            raise LookupError(message)
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")


def run(mutant: Mutant) -> str:
    """Run the tests against a mutant.

    Returns:
        The name of the test that failed; empty where the mutant survived.
    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        for name in ("target_tocobagus", "tests"):
            shutil.copytree(ROOT / name, place / name, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", place)
        apply(mutant, place / "target_tocobagus")
        environment = {**os.environ, "PYTHONPATH": str(place), "DELIVERY_EXAMPLES": "400"}
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "--show-capture=no"]
        command += ["-o", f"timeout={_SECONDS // 2}"]
        try:
            ended = subprocess.run(
                [*command, *mutant.tests.split()],
                cwd=place,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "(does not end)"
    failed = _FAILED.findall(ended.stdout)
    return str(failed[0]) if failed else "" if ended.returncode == 0 else ended.stdout[-300:]


def main(names: list[str]) -> int:
    """Run the mutants, or those of which the name holds one of the words, and say who lived."""
    lived = 0
    for mutant in MUTANTS:
        if names and not any(name in mutant.name for name in names):
            continue
        began = time.monotonic()
        failed = run(mutant)
        lived += not failed
        seconds = time.monotonic() - began
        sys.stdout.write(f"{mutant.name:65} {failed or 'SURVIVED'} ({seconds:.0f} s)\n")
        sys.stdout.flush()
    return min(lived, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
