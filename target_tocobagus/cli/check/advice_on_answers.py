"""What can be found in the API's answers.

Of its error codes only AUTH_003 and AUTH_010 are documented, and no HTTP status is. Where two
causes look the same from here, both are named.
"""

from __future__ import annotations

from target_tocobagus.cli.check.advice import Diagnosis, Row


class Answers(Diagnosis):
    """What the API makes of a signed read."""

    API_ANSWERS = Row("answer", "ok", "The API answers a read after {ms} ms (GET {path}).")
    NO_ANSWER = Row(
        "answer",
        "wrong",
        "The connection stands, and no whole answer came within {seconds} s.",
        "Try again. If it stays so, the API is slow or hangs: ask its support; or what stands on"
        " the way holds the answer back.",
        "there is no answer",
    )
    CONNECTION_LOST = Row(
        "answer",
        "wrong",
        "The connection was taken, and there is no answer that can be used ({reason}).",
        "Check host and port in api_url: this may not be an HTTP server, or one that wants https."
        " If they are right, try again; something on the way may cut or change what is sent.",
        "there is no answer",
    )
    PAGE = Row(
        "answer",
        "wrong",
        "The answer is no JSON object, and so not the API's (HTTP {status}{server}). It begins:"
        " {text}",
        "Check host and path in api_url. If they are right, something on the way has answered: a"
        " proxy, a firewall, or a network's log-in page.",
        "it is not the API that answers",
    )
    PAGE_BY_PROXY = Row(
        "answer",
        "wrong",
        "The answer is no JSON object, and so not the API's (HTTP {status}{server}). It came"
        " through a proxy, and begins: {text}",
        "Most likely the proxy {proxy} has answered: ask who runs it, or put {host} into NO_PROXY."
        " It may also be that host or path in api_url are wrong.",
        "it is not the API that answers",
    )
    REDIRECTED = Row(
        "answer",
        "wrong",
        "The answer is a redirect to {location} (HTTP {status}). A run never follows one, for it"
        " would carry the credentials elsewhere.",
        "If you trust that place, name it in api_url; else something on the way has answered.",
        "the answer is a redirect",
    )
    NOT_FOUND = Row(
        "answer",
        "wrong",
        "{described}",
        "Check the path in api_url: it ends in /api/v1, and the read goes to {path} below it. That"
        " path is documented beside the one that a run writes to, and might yet be absent.",
        "the API does not know the path",
    )
    THROTTLED = Row(
        "answer",
        "wrong",
        "{described}{after}",
        "Try again later. If a run is going on, requests_per_minute slows it down.",
        "the API asks to come again later",
    )
    SERVER_FAILS = Row(
        "answer",
        "wrong",
        "{described}{after}",
        "This is for the server to mend: try again later, and give the requestId, if there is one,"
        " to the API's support.",
        "the API fails",
    )
    REFUSED = Row(
        "answer",
        "wrong",
        "{described}",
        "What this code means is not documented: give it and the requestId to the API's support.",
        "the API refuses the read",
    )
    UNEXPECTED = Row(
        "answer",
        "wrong",
        "{described}",
        "This may be another service than the partner API: check api_url. If it is right, ask the"
        " API's support.",
        "the answer has another form than is documented",
    )

    CLOCK_RIGHT = Row("clock", "ok", "The server's clock is {offset}; 300 s are allowed.")
    CLOCK_CLOSE_ENOUGH = Row(
        "clock",
        "ok",
        "The answer tells no time. The server accepts this machine's, so they are within 300 s.",
    )
    CLOCK_OFF = Row(
        "clock",
        "attention",
        "The server's clock is {offset}; 300 s are allowed.",
        "Let this machine keep time (NTP).",
    )
    CLOCK_REFUSED = Row(
        "clock",
        "attention",
        "{described}. The server's clock is {offset}; 300 s are allowed.",
        "Let this machine keep time (NTP). A run follows the server's clock by itself, after one"
        " refused request; so does this check from here on.",
    )
    CLOCK_STUBBORN = Row(
        "clock",
        "wrong",
        "{described}, though it was signed with the server's own time.",
        "What answers may be several servers whose clocks differ: give the requestId to the API's"
        " support.",
        "the server refuses every timestamp",
    )
    CLOCK_UNKNOWN = Row(
        "clock",
        "wrong",
        "{described}, and the answer does not tell the server's time.",
        "Let this machine keep time (NTP); now it believes that it is {now}.",
        "the server refuses the timestamp",
    )
    SIGNATURE_ACCEPTED = Row(
        "signature",
        "ok",
        "The server accepts the signature, the store and its token, for a read. Whether the store"
        " may also be written to, only a run can tell.",
    )
    SIGNED_OTHERWISE = Row(
        "signature",
        "wrong",
        "The secret is right, and the server wants another form of signature. It accepts: {new}. It"
        " refuses: {old}.",
        "Set {settings}.",
    )
    SIGNED_OTHERWISE_AND_REFUSED = Row(
        "signature",
        "wrong",
        "The server wants another form of signature. It refuses: {old}. It does not refuse: {new}."
        " But then {described}.",
        "Set {settings}; and check {names}",
    )
    SIGNATURE_REFUSED = Row(
        "signature",
        "wrong",
        "{described}. It refuses {tried}: sha256= or bare hex, the path with /api/v1 or without.",
        "Check partner_secret, and partner_client_id: which of the two is wrong cannot be told from"
        " here. If both are right, the server signs something else than what is shown below: show"
        " it to the API's support, without the secret.",
    )
    CREDENTIALS_REFUSED = Row(
        "signature",
        "wrong",
        "{described}.",
        "Check {names}",
    )
    ACCESS_REFUSED = Row(
        "signature",
        "wrong",
        "{described}. It names no AUTH_ code, so what is wrong cannot be told.",
        "Check partner_client_id, partner_secret, store_client_id and store_token, and whether the"
        " API lets this address in.",
    )
