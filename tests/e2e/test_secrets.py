"""Secrets: in no output, whatever happens and however much is logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.command import STOCK, record, schema, state

if TYPE_CHECKING:
    from tests.e2e.command import Command
    from tests.local_sandbox import Sandbox

TOKEN: Final = "stkn_MARKER-of-the-token"  # noqa: S105  # a marker to be looked for in the output
STORE: Final = "2000000000000000000009"
WRONG: Final = "MARKER-of-a-wrong-secret"

ENDINGS: Final[dict[str, tuple[dict[str, Any], dict[str, str], int]]] = {
    "success": ({}, {}, 0),
    "wrong secret": ({}, {"PARTNER_SECRET": WRONG}, 2),
    "white space in the secret": ({}, {"PARTNER_SECRET": f" {WRONG}"}, 2),
    "line end in the token": ({}, {"STORE_TOKEN": f"{TOKEN}\n"}, 2),
    "wrong store": ({}, {"STORE_CLIENT_ID": "1"}, 2),
    "fatal": ({"status": 418, "html": True}, {}, 1),
    "echoed in a failure": ({"status": 418, "code": "ECHO", "message": f"of {TOKEN}"}, {}, 0),
    "echoed in a row": ({"reject": [{"message": f"of {TOKEN}"}]}, {}, 0),
    "redirect": ({"status": 302, "headers": {"location": "http://127.0.0.1:1/"}}, {}, 1),
    "server error": ({"status": 500}, {}, 1),
    "no answer": ({"hang": True}, {"REQUEST_TIMEOUT_SECONDS": "1"}, 1),
    "cut": ({"drop_before": "rst"}, {}, 1),
    "rejected rows": ({"reject": [{}]}, {}, 0),
    "refused connection": ({}, {"API_URL": "http://127.0.0.1:1"}, 1),
    "no such host": ({}, {"API_URL": "https://nowhere.invalid/v1"}, 1),
    "wrong setting": ({}, {"ROUNDING": WRONG}, 2),
    "wrong integer": ({}, {"STOCK_BUFFER": WRONG}, 2),
}

UNSTARTED: Final = {
    *("white space in the secret", "line end in the token", "wrong setting", "wrong integer")
}
"""Of these, the configuration ends the run, before anything is said at DEBUG."""


@pytest.mark.parametrize("name", ENDINGS)
def test_no_secret_is_in_any_output(name: str, command: Command, sandbox: Sandbox) -> None:
    """Neither the log at its most talkative, nor STATE, nor the rejects hold a secret."""
    fault, settings, code = ENDINGS[name]
    rules = [{"fault": fault}] if fault else []
    store = {"client_id": STORE, "token": TOKEN}
    sandbox.set_scenario({"stores": [store], "rules": rules})
    rejects = command.directory / "rejects.singer"
    given = {key.upper(): value for key, value in command.api.items()}
    values = {
        **given,
        "STORE_CLIENT_ID": STORE,
        "STORE_TOKEN": TOKEN,
        "MAX_RETRY_SECONDS": "1",
        "REJECTS_PATH": str(rejects),
        "STREAMS": json.dumps([STOCK]),
        **settings,
    }
    env = {f"TARGET_TOCOBAGUS_{key}": value for key, value in values.items()}
    env |= {"LOGLEVEL": "DEBUG", "TARGET_TOCOBAGUS_LOGLEVEL": "DEBUG", "OTHER_SECRET": WRONG}
    lines = [schema(), record("A", 1), record("B", "x"), state(1)]
    ended = command.run(lines, ["--config=ENV"], env).without_traceback(code)

    written = rejects.read_text() if rejects.exists() else ""
    for text in (ended.stderr, "".join(ended.stdout), written):
        assert TOKEN not in text
        assert command.api["partner_secret"] not in text
        assert WRONG not in text
    assert "DEBUG" in ended.stderr or name in UNSTARTED


def test_no_secret_that_a_tap_repeats_is_shown(command: Command, sandbox: Sandbox) -> None:
    """A type, a stream, a value or a path does not show it, nor a part of it after a cut."""
    token = sandbox.credentials["store_token"]
    batch = {"format": "jsonl"}
    lines = [
        schema(),
        schema(f"of {token}"),
        {"type": f"{'x' * (290 - len(token) // 2)}{token}"},
        record(token, f"{token} %s"),
        record(f"{token}&", 1),
        record("A", 1, f"of {token}"),
        {"type": "BATCH", "stream": "stock", "encoding": batch, "manifest": [f"/no/{token}"]},
    ]
    env = {"LOGLEVEL": "DEBUG", "TARGET_TOCOBAGUS_LOGLEVEL": "DEBUG"}
    ended = command.run(lines, ["--config", str(command.write_config())], env)
    shown = ended.without_traceback(1).stderr
    assert shown.count("***") >= 5
    assert token[: len(token) // 2] not in shown
