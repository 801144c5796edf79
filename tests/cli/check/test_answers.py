"""`tocobagus check` on what the API says: its clock, the signature, the credentials, or else."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.cli.check import answers
from target_tocobagus.cli.check.catalogue import Answers
from target_tocobagus.cli.check.http import Answer
from target_tocobagus.core.model import Reply
from tests.cli.check.bench import Checked, assert_found, check, only_read
from tests.local_sandbox import running

if TYPE_CHECKING:
    from pathlib import Path

API: Final = "/api/v1"
WRONG_SECRET: Final = {"partner_secret": "MARKER-of-a-wrong-secret"}
WRONG_TOKEN: Final = {"store_token": "MARKER-of-a-wrong-token"}


def fault(**fields: Any) -> dict[str, Any]:
    """Make a scenario in which every request meets a fault."""
    return {"rules": [{"fault": fields}]}


def later(number: int, **fields: Any) -> dict[str, Any]:
    """Make a scenario in which the request of this number meets a fault."""
    return {"rules": [{"when": {"requests": number}, "fault": fields}]}


class Case(NamedTuple):
    """What a server does wrong, or a configuration, and what is found.

    Attributes:
        told: Words that stand in the finding, or below it.
        asked: How many reads it takes.
    """

    found: Answers
    scenario: dict[str, Any] = {}  # noqa: RUF012  # never changed
    config: dict[str, Any] = {}  # noqa: RUF012  # never changed
    told: tuple[str, ...] = ()
    asked: int = 1


CASES: Final = (
    Case(Answers.API_ANSWERS),
    Case(Answers.CLOCK_RIGHT),
    Case(Answers.CLOCK_RIGHT, {"skew_ms": 25_000}, told=("ahead of this machine's",)),
    Case(Answers.SIGNATURE_ACCEPTED),
    Case(Answers.CLOCK_RIGHT, fault(drop_date=True), told=("is close enough to this",)),
    Case(Answers.CLOCK_OFF, {"skew_ms": 60_000}, told=("ahead of",)),
    Case(Answers.CLOCK_OFF, {"skew_ms": -60_000}, told=("behind this machine's",)),
    Case(
        Answers.CLOCK_REFUSED,
        {"skew_ms": 600_000},
        told=("AUTH_003", "requestId", "is 600.0 s ahead of this machine's (within 0.1 s)"),
        asked=2,
    ),
    Case(Answers.SIGNATURE_ACCEPTED, {"skew_ms": -3_600_000}, asked=2),
    Case(Answers.SIGNATURE_REFUSED, {"skew_ms": 600_000}, WRONG_SECRET, asked=5),
    Case(Answers.CLOCK_STUBBORN, fault(status=401, code="AUTH_003"), asked=2),
    Case(Answers.CLOCK_UNKNOWN, fault(status=401, code="AUTH_003", drop_date=True)),
    Case(
        Answers.SIGNED_OTHERWISE,
        {"signed_path_prefix": API},
        told=(
            f"signature: sha256= and hex, for the path {API}/",
            f'Set signed_path_prefix to "{API}".',
        ),
        asked=2,
    ),
    Case(
        Answers.SIGNED_OTHERWISE,
        {"signature_prefix": "sha256="},
        {"signature_prefix": "hmac ", "signed_path_prefix": "/v2"},
        ("It refuses: hmac  and hex, for the path /v2/partner", 'signed_path_prefix to ""'),
        asked=6,
    ),
    Case(
        Answers.SIGNED_OTHERWISE,
        {"signature_prefix": ""},
        WRONG_TOKEN,
        ('Set signature_prefix to "".', "AUTH_006", "Check store_token, which"),
        asked=3,
    ),
    Case(
        Answers.SIGNED_OTHERWISE,
        later(1, status=401, code="AUTH_010") | {"skew_ms": 600_000},
        told=("AUTH_003", "Check this machine's clock."),
        asked=2,
    ),
    Case(
        Answers.SIGNATURE_REFUSED,
        config=WRONG_SECRET,
        told=("AUTH_010", "all 4 forms", "partner_secret and partner_client_id"),
        asked=4,
    ),
    Case(
        Answers.SIGNATURE_REFUSED,
        later(3, status=503),
        WRONG_SECRET,
        ("It refuses 2 of 4 forms, and then fails to answer",),
        asked=3,
    ),
    Case(
        Answers.SIGNATURE_REFUSED, later(2, drop_before="fin"), WRONG_SECRET, ("1 of 4",), asked=2
    ),
    Case(
        Answers.CREDENTIALS_REFUSED,
        config=WRONG_TOKEN,
        told=("AUTH_006, Invalid store token, requestId", "Check store_token, which"),
    ),
    Case(
        Answers.CREDENTIALS_REFUSED,
        config={"partner_client_id": "2000000000000000000009"},
        told=("AUTH_004", "Check partner_client_id, which"),
    ),
    Case(
        Answers.CREDENTIALS_REFUSED,
        fault(status=402, code="AUTH_777", message="Nope"),
        told=(
            "(HTTP 402, AUTH_777, Nope, requestId ",
            "Check partner_client_id, store_client_id, store_token and partner_secret. What AUTH_",
            "What AUTH_777 means is not documented.",
        ),
    ),
    Case(
        Answers.CREDENTIALS_REFUSED,
        fault(status=403, body={"detail": "no"}),
        told=("HTTP 403", "whether the API allows this machine's address."),
    ),
    Case(Answers.CREDENTIALS_REFUSED, fault(status=401, code="NO_WAY"), told=("NO_WAY",)),
    Case(Answers.NO_ANSWER, fault(hang=True), {"request_timeout_seconds": 1}, ("within 1 s",)),
    Case(Answers.CONNECTION_LOST, fault(drop_before="rst"), told=("reset by peer",)),
    Case(
        Answers.PAGE,
        fault(html=True, status=403, headers={"via": "1.1 gate"}),
        told=('(HTTP 403, from 1.1 gate). It begins: "Sandbox"',),
    ),
    Case(Answers.PAGE, fault(body=["x" * 500]), told=(f'["{"x" * 88}…',)),
    Case(Answers.PAGE, fault(truncate=0), told=("It begins: (nothing)",)),
    Case(
        Answers.REDIRECTED,
        fault(status=302, headers={"location": "https://me:MARKER@elsewhere.example/x?key=MARKER"}),
        told=("to https://elsewhere.example/x (HTTP 302)",),
    ),
    Case(Answers.REDIRECTED, fault(status=301), told=("(nowhere)",)),
    Case(
        Answers.NOT_FOUND, config={"api_url": f"<url>{API}/v1"}, told=("REQ_005", "ends in /api/v1")
    ),
    Case(Answers.THROTTLED, fault(status=429, retry_after=9), told=(" Retry-After: 9.",)),
    Case(Answers.SERVER_FAILS, fault(status=503, html=True, retry_after=7), told=("After: 7",)),
    Case(Answers.REFUSED, fault(status=400, code="X_1", message="M"), told=("400, X_1, M",)),
    Case(Answers.REFUSED, fault(body={"success": 1, "error": "AUTH_010"}), told=("another form",)),
)


def checked(scenario: dict[str, Any], config: dict[str, Any], folder: Path) -> tuple[Checked, int]:
    """Check against a sandbox that plays a scenario; give also how many reads it took."""
    with running(scenario) as sandbox:
        given = {"api_url": sandbox.api_url, **sandbox.credentials, **config}
        given["api_url"] = given["api_url"].replace("<url>", sandbox.url)
        done = check(given, folder, {})
        assert only_read(sandbox)
        return done, len(sandbox.requests())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.found.name)
def test_what_the_api_says_is_understood(case: Case, tmp_path: Path) -> None:
    """Each answer has a finding of its own, in so many reads and no write, without a secret."""
    done, asked = checked(case.scenario, case.config, tmp_path)

    assert_found(done, case.found, case.told)
    assert asked == case.asked


def test_all_that_can_be_found_in_an_answer_has_a_case() -> None:
    """No row of the table is without a test."""
    assert {case.found for case in CASES} == set(Answers)


@pytest.mark.parametrize(
    ("scenario", "left"),
    [
        (fault(status=500), ["clock", "signature"]),
        (fault(status=401, code="AUTH_003"), ["signature"]),
        (fault(hang=True), ["clock", "signature"]),
        (fault(status=401, code="AUTH_010", drop_date=True), ["clock"]),
        (later(2, status=500) | {"skew_ms": 600_000}, ["signature"]),
        (later(2, drop_before="fin") | {"skew_ms": 600_000}, ["signature"]),
    ],
    ids=str,
)
def test_what_an_answer_leaves_open_is_named(
    scenario: dict[str, Any], left: list[str], tmp_path: Path
) -> None:
    """What could not be found out was not tried, because of something that is said."""
    done, _ = checked(scenario, {"request_timeout_seconds": 1}, tmp_path)
    open_ends = [each for each in done.shown if each.result == "not tried"]

    assert [each.check for each in open_ends] == left
    assert all(each.found.startswith("because ") for each in open_ends)
    assert done.code == 1


def test_without_credentials_the_way_and_the_clock_are_checked(tmp_path: Path) -> None:
    """What is missing is the settings' matter; the server is asked without a signature."""
    nothing = dict.fromkeys(("partner_client_id", "partner_secret", "store_token"))
    done, asked = checked({"skew_ms": 600_000}, nothing, tmp_path)

    assert done.results["settings"] == "wrong"
    assert done.results["answer"] == "ok"
    assert done.results["clock"] == "attention"
    assert done.of("signature").found == "because the credentials are not complete."
    assert asked == 1


def test_what_was_signed_is_shown_with_the_token_blanked_out(tmp_path: Path) -> None:
    """Seven lines as the guide has them; the hash is that of the empty string."""
    with running() as sandbox:
        done = check({"api_url": sandbox.api_url, **sandbox.credentials}, tmp_path, {})
    lines = done.of("signature").more.splitlines()[-7:]

    assert lines[:2] == ["GET", "/partner/stores/products"]
    assert lines[2:5] == [
        f"x-partner-client-id:{sandbox.credentials['partner_client_id']}",
        f"x-store-client-id:{sandbox.credentials['store_client_id']}",
        "x-store-token:***",
    ]
    assert lines[5].startswith("x-timestamp:17")
    assert lines[6] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_form_that_is_advised_is_one_that_works(tmp_path: Path) -> None:
    """With what it says to set, the next check finds that all is well."""
    wanted = {"signature_prefix": "", "signed_path_prefix": API}
    first, _ = checked(wanted, {}, tmp_path)
    advised = dict(
        pair.split(" to ")
        for pair in first.of("signature").more.split("Set ")[1].split(".\n")[0].split(" and ")
    )
    second, _ = checked(wanted, {key: json.loads(text) for key, text in advised.items()}, tmp_path)

    assert advised == {"signature_prefix": '""', "signed_path_prefix": f'"{API}"'}
    assert (first.code, second.code) == (1, 0)


NOW_MS: Final = 1_758_100_350_458


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@h.example:1/a/b?c=d#e", "https://h.example:1/a/b"),
        ("/login?x=1", "/login"),
        ("//[x", "(invalid URL)"),
        ("", ""),
    ],
)
def test_a_place_is_shown_without_what_it_asks_for(url: str, shown: str) -> None:
    """A query may hold a token, and so may a user."""
    assert answers.without_query(url) == shown


def answer(sent_ms: int, received_ms: int, **reply: Any) -> Answer:
    """Make an answer that came at some time."""
    return Answer(Reply(200, **reply), "", sent_ms, received_ms, "")


@given(
    ahead=st.integers(-(10**9), 10**9),
    took=st.integers(0, 20_000),
    share=st.floats(0, 1),
    exact=st.booleans(),
)
def test_the_offset_is_never_farther_off_than_its_margin(
    ahead: int, took: int, share: float, *, exact: bool
) -> None:
    """Whenever between question and answer the server looked at its clock."""
    there = NOW_MS + round(took * share) + ahead
    if exact:
        body = {"error": {"details": {"context": {"currentTime": there}}}}
        found = answers.offset(answer(NOW_MS, NOW_MS + took, body=body))
    else:
        headers = {"date": formatdate(there // 1000, usegmt=True)}
        found = answers.offset(answer(NOW_MS, NOW_MS + took, headers=headers))

    assert found is not None
    assert abs(found.ms - ahead) <= found.margin_ms + 1


@pytest.mark.parametrize(
    ("ms", "margin", "said"),
    [
        (0, 1, "this machine's, as far as can be told (within 0.1 s)"),
        (-500, 500, "this machine's, as far as can be told (within 0.5 s)"),
        (600_000, 20, "600.0 s ahead of this machine's (within 0.1 s)"),
        (-90_250, 500, "90.2 s behind this machine's (within 0.5 s)"),
    ],
)
def test_an_offset_is_said_in_words(ms: int, margin: int, said: str) -> None:
    """It is given in seconds, as ahead or behind."""
    assert str(answers.Offset(ms, margin)) == said
