"""Kill the process at any instant, start it again from its last STATE, and nothing is lost.

`crash_sources.KINDS` lists the kinds of chains: without a ledger, and with all that one can do.
One has its ledger in PostgreSQL, where the machine has one.

`CRASH_INSTANTS` says how many deaths to die (30), `CRASH_SEED` of which seed (1). A failure names
the chain; the same seed makes the same streams, faults and plans, though not the same schedule.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from tests.laws.crash_chain import STEPS, Chain, Instant
from tests.laws.crash_sources import KINDS
from tests.local_sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Database

SEED: Final = os.environ.get("CRASH_SEED", "1")
INSTANTS: Final = int(os.environ.get("CRASH_INSTANTS", "30"))
PER_CHAIN: Final = 5
PER_TEST: Final = 30
AT_ONCE: Final = 3

PLANNED: Final = [
    *(Instant(step, number) for step in STEPS for number in (signal.SIGKILL, signal.SIGTERM)),
    *(Instant("at random", signal.SIGKILL) for _ in range(8)),
    *(Instant("at random", signal.SIGTERM) for _ in range(4)),
]

DEALT: Final = (
    "a stream",
    "everything",
    "a stream",
    "sold out",
    "a stream",
    "everything",
    "sold out",
)
"""The kinds of the chains; seven, so that in time each kind meets all that is planned."""

IN_DOUBT: Final = [
    Instant(step, signal.SIGKILL)
    for step in ("applied, not answered", "answered", "a request arrived", "during a back-off")
]
"""Where a ledger does not know what the API has."""


def plan(chain: int) -> list[Instant]:
    """Deal the instants out, so that thirty in a row hold each of those planned."""
    first = chain * PER_CHAIN
    return [PLANNED[(7 * number) % len(PLANNED)] for number in range(first, first + PER_CHAIN)]


def kind_of(chain: int) -> str:
    """Name the kind of a chain."""
    return DEALT[chain % len(DEALT)]


def live(
    number: int, directory: Path, instants: list[Instant], kind: str, ledger: str = ""
) -> Chain:
    """Let one chain live to its end."""
    place = directory / f"chain-{number}"
    place.mkdir()
    dealt = KINDS[kind]
    with running(catalogue=dealt.catalogue) as sandbox:
        chain = Chain(f"{SEED}:{number}", place, sandbox, dealt, ledger)
        chain.go(instants)
    return chain


@pytest.mark.parametrize("number", range(-(-INSTANTS // PER_TEST)))
def test_after_any_death_a_ledger_knows_what_it_does_not_know(number: int, tmp_path: Path) -> None:
    """What was in flight is sent again, though the source has the value of the life before."""
    print(f"CRASH_SEED={SEED}, chain {number}")  # noqa: T201  # to repeat it
    chain = live(number, tmp_path, [*IN_DOUBT, IN_DOUBT[0]], "a table")
    assert not chain.problems, "\n".join(chain.problems)
    assert len(chain.reached) >= 3, chain.reached


def test_after_any_death_a_server_knows_what_it_does_not_know(
    postgres: Database, tmp_path: Path
) -> None:
    """The same holds where a server keeps the ledger, with all that one can do."""
    postgres.execute("CREATE DATABASE deaths TEMPLATE template")
    print(f"CRASH_SEED={SEED}, on PostgreSQL")  # noqa: T201  # to repeat it
    instants = [*IN_DOUBT[:2], Instant("answered", signal.SIGTERM)]
    chain = live(0, tmp_path, instants, "everything", postgres.url("deaths"))
    assert not chain.problems, "\n".join(chain.problems)
    assert len(chain.reached) >= 2, chain.reached


@pytest.mark.parametrize("block", range(-(-INSTANTS // PER_TEST)))
def test_after_any_death_nothing_is_lost(block: int, tmp_path: Path) -> None:
    """What the emitted STATE covers was settled, and the runs together make remote = source."""
    per_block = PER_TEST // PER_CHAIN
    numbers = range(block * per_block, (block + 1) * per_block)
    print(f"CRASH_SEED={SEED}, chains {numbers.start} to {numbers.stop - 1}")  # noqa: T201  # to repeat it
    with ThreadPoolExecutor(AT_ONCE) as pool:
        chains = list(
            pool.map(lambda each: live(each, tmp_path, plan(each), kind_of(each)), numbers)
        )
    problems = [
        f"chain {number}, {kind_of(number)}: {problem}"
        for number, chain in zip(numbers, chains, strict=True)
        for problem in chain.problems
    ]
    assert not problems, "\n".join(problems)
    reached = Counter(step for chain in chains for step in chain.reached)
    assert reached.total() >= 0.7 * PER_TEST, reached
