"""The client, on real sockets: what it makes of any answer, and how long it waits for one."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import ssl
import threading
import traceback
import zlib
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme

from target_tocobagus.api.redaction import BLANK
from target_tocobagus.api.response_body import MOST_BYTES
from target_tocobagus.core.errors import DeliveryError
from target_tocobagus.core.model import NoReply, Reply
from tests.api.scripted_server import (
    BODY,
    PATIENCE,
    SECRET,
    TOKEN,
    answer,
    client_of,
    ends,
    says,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OK: Final = answer(b'{"requestId":"r"}')
SAID: Final = {"requestId": "r"}
BOMB: Final = b'{"requestId":"' + b"r" * MOST_BYTES + b'"}'
HEAD: Final = b"HTTP/1.1 200 OK\r\n"


def attempt(*script: Callable[[Any], None], **changes: Any) -> Reply | NoReply:
    """Make one attempt at a server that answers so."""
    with serving(*script) as server:
        client = client_of(server.port, **changes)
        reply = client.send(BODY)
        client.close()
    return reply


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 199 Odd\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_informational_answers_are_passed_over(before: bytes) -> None:
    """Whatever comes before the final answer, that one counts, and the connection is kept."""
    with serving(says(before + OK)) as server:
        client = client_of(server.port)
        replies = [client.send(BODY) for _ in range(2)]
        assert [(reply.status, reply.body) for reply in replies if isinstance(reply, Reply)] == [
            (200, SAID)
        ] * 2
        assert server.connections == 1
        client.close()


def test_an_announced_protocol_is_a_final_answer() -> None:
    """After a 101 there is no HTTP any more, so it is not passed over."""
    reply = attempt(ends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"))
    assert isinstance(reply, Reply)
    assert reply.status == 101


CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN: Final[dict[str, tuple[Callable[[Any], None], str]]] = {
    "two lengths": (
        says(HEAD + b"Content-Length: 17\r\nContent-Length: 18\r\n\r\n" + OK[-17:]),
        "an answer that cannot be trusted (its Content-Length headers differ)",
    ),
    "endless announcements": (
        says(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
        "an answer that cannot be trusted (it has too many 1xx responses)",
    ),
    "too many headers": (
        says(HEAD + b"X: y\r\n" * 101 + b"\r\n"),
        "an answer that cannot be trusted (it has too many headers)",
    ),
    "a header too long": (
        says(HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n"),
        "an answer that cannot be trusted (its headers are too long)",
    ),
    "a first line too long": (
        says(b"HTTP/1.1 200 " + b"y" * 70_000),
        "an answer that cannot be trusted (its headers are too long)",
    ),
    "no HTTP": (
        says(b"220 mail.example ESMTP\r\n"),
        "an answer that cannot be trusted (it is not HTTP)",
    ),
    "no version": (
        says(b"HTTP/2.0 200 OK\r\n\r\n"),
        "an answer that cannot be trusted (it is not HTTP)",
    ),
    "no gzip": (
        says(answer(b"this is not gzip", b"Content-Encoding: gzip")),
        "an answer that cannot be trusted (it cannot be decompressed)",
    ),
    "no chunk": (
        ends(CHUNKED + b"zz\r\nxx\r\n"),
        "the connection failed (the answer is incomplete)",
    ),
    "a cut chunk": (ends(CHUNKED + b"ff\r\n{"), "the connection failed (the answer is incomplete)"),
    "a chunk of less than nothing": (
        ends(CHUNKED + b"-5\r\n{"),
        "an answer that cannot be trusted (it cannot be understood)",
    ),
    "a body that is cut": (
        ends(HEAD + b"Content-Length: 99\r\n\r\n{"),
        "the connection failed (the answer is incomplete)",
    ),
    "cut headers": (
        ends(b"HTTP/1.1 2"),
        "an answer that cannot be trusted (it is not HTTP)",
    ),
    "nothing": (ends(), "the connection failed (it was closed without an answer)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_no_answer_and_its_cause_is_named(name: str) -> None:
    """It is a value that names the cause, and not a timeout: the request may have been applied."""
    script, cause = BROKEN[name]
    reply = attempt(script)
    assert isinstance(reply, NoReply)
    assert (reply.timed_out, reply.cause) == (False, cause)


@pytest.mark.parametrize("lengths", [b"2\r\nContent-Length: 2", b"2, 2", b"2,2 , 2"])
def test_equal_lengths_are_one(lengths: bytes) -> None:
    """`Content-Length` headers may be repeated if they agree, in one line or in several."""
    reply = attempt(says(HEAD + b"Content-Length: " + lengths + b"\r\n\r\n{}"))
    assert isinstance(reply, Reply)
    assert reply.body == {}


def raw_deflate(content: bytes) -> bytes:
    """Compress without zlib's header, as some servers understand `deflate`."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def chunks(content: bytes) -> bytes:
    """Write a body in chunks of 64 KiB."""
    parts = [content[at : at + 65536] for at in range(0, len(content), 65536)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


FORMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "plain": answer,
    "chunked": lambda body: CHUNKED + chunks(body),
    "to the end": lambda body: HEAD + b"Connection: close\r\n\r\n" + body,
    "gzip": lambda body: answer(gzip.compress(body), b"Content-Encoding: gzip"),
    "chunked gzip": lambda body: (
        (HEAD + b"Content-Encoding: GZip\r\nTransfer-Encoding: chunked\r\n\r\n")
        + chunks(gzip.compress(body))
    ),
    "zlib": lambda body: answer(zlib.compress(body), b"Content-Encoding: deflate"),
    "raw deflate": lambda body: answer(raw_deflate(body), b"Content-Encoding: deflate"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_body_is_read_to_its_limit_and_not_beyond(form: str) -> None:
    """What is beyond 8 MiB after decompression is neither decoded nor taken for the next answer."""
    most = BOMB[:14] + BOMB[-(MOST_BYTES - 14) :]
    assert len(most) == MOST_BYTES
    last = ends if form == "to the end" else says
    write = FORMS[form]
    script = (last(write(most)), last(write(b'{"requestId":"r"}')), last(write(BOMB)), says(OK))
    with serving(*script) as server:
        client = client_of(server.port, request_timeout_seconds=PATIENCE)
        replies: list[Any] = [client.send(BODY) for _ in script]
        client.close()
        if form in {"plain", "chunked"}:
            assert server.connections == 2
    assert [reply.status for reply in replies] == [200] * 4
    assert len(replies[0].body["requestId"]) == MOST_BYTES - 16
    assert [reply.body for reply in replies[1:]] == [SAID, None, SAID]
    assert [reply.unread for reply in replies] == ["", "", "it is longer than 8 MiB", ""]


ROWS: Final = b'{"data":{"acceptedRows":[%b{}]}}' % (b'{"rowIndex":0},' * 20_000)


@pytest.mark.parametrize(
    ("body", "sent", "unread"),
    [
        (ROWS, BODY, "it has far more rows than were sent"),
        (ROWS.decode().encode("utf-16"), BODY, "it has far more rows than were sent"),
        (b"[" + b"[[[]]]," * 50_000 + b"[]]", BODY, "it has far more rows than were sent"),
        (ROWS, BODY * 4000, ""),
        (b" <html>" + ROWS, BODY, ""),
    ],
)
def test_a_reply_of_far_more_rows_than_were_sent_is_not_decoded(
    body: bytes, sent: bytes, unread: str
) -> None:
    """Decoded, its rows take thirty times the memory; what is not JSON is not called so."""
    with serving(says(answer(body))) as server:
        client = client_of(server.port)
        reply = client.send(sent)
        client.close()
    assert isinstance(reply, Reply)
    assert reply.unread == unread
    assert (reply.body is None) == (unread != "" or b"<" in body)


def test_a_bomb_does_not_grow_in_memory() -> None:
    """A body of 128 MiB in 128 KiB is decompressed to the limit only."""
    import tracemalloc

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b" " * (128 << 20)) + packer.flush()
    with serving(says(answer(bomb, b"Content-Encoding: gzip"))) as server:
        client = client_of(server.port, request_timeout_seconds=PATIENCE)
        tracemalloc.start()
        reply = client.send(BODY)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        client.close()
    assert isinstance(reply, Reply)
    assert reply.body is None
    assert peak < 6 * MOST_BYTES


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"compress"])
def test_what_was_not_asked_for_is_not_decompressed(encoding: bytes) -> None:
    """The size of such a body is not bounded, so the status alone counts."""
    reply = attempt(says(answer(gzip.compress(b"{}"), b"Content-Encoding: " + encoding)))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body) == (200, None)


def test_what_does_not_end_is_given_up() -> None:
    """A chunk of the size -1 is not read to the end of the connection."""

    def flood(connection: Any) -> None:
        connection.sendall(CHUNKED + b"-1\r\n")
        for _ in range(200):
            connection.sendall(b" " * (1 << 20))

    reply = attempt(flood, request_timeout_seconds=PATIENCE)
    assert isinstance(reply, NoReply)
    assert reply.cause == "an answer that cannot be trusted (it is too long)"


def test_a_request_that_is_not_read_times_out() -> None:
    """A timeout while the body is being sent is one too, so that the batch is halved."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = client_of(listener.getsockname()[1], request_timeout_seconds=0.5)
        reply = client.send(b" " * (64 << 20))
        client.close()
    assert isinstance(reply, NoReply)
    assert (reply.timed_out, reply.cause) == (True, "no answer in time")


def test_a_server_that_reads_slowly_by_tls_does_not_outlive_the_attempt(tmp_path: Path) -> None:
    """A record of TLS does not begin the attempt's time anew."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    over = threading.Event()

    def read_slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as secure:
            while not over.wait(0.1) and secure.recv(1 << 14):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = threading.Thread(target=read_slowly, args=(listener,))
        reader.start()
        port = listener.getsockname()[1]
        url = f"https://127.0.0.1:{port}/api/v1"
        client = client_of(port, api_url=url, request_timeout_seconds=1)
        client._environment["verify"] = str(tmp_path / "ca.pem")  # noqa: SLF001  # as REQUESTS_CA_BUNDLE sets it
        reply = client.send(b" " * (64 << 20))
        over.set()
        client.close()
        reader.join(PATIENCE)
    assert isinstance(reply, NoReply)
    assert (reply.timed_out, reply.cause) == (True, "no answer in time")


ECHOES: Final[dict[str, bytes]] = {
    "as it is": json.dumps({"requestId": f"<{TOKEN}>"}).encode(),
    "UTF-16": json.dumps({"requestId": f"<{TOKEN}>"}).encode("utf-16"),
    "UTF-16 without a mark": json.dumps({"requestId": f"<{TOKEN}>"}).encode("utf-16-le"),
    "UTF-32": json.dumps({"requestId": f"<{TOKEN}>"}).encode("utf-32"),
    "escaped by number": b'{"requestId": "<%b>"}'
    % "".join(f"\\u{ord(each):04X}" for each in TOKEN).encode(),
    "both secrets": json.dumps({"requestId": f"<{SECRET}>"}).encode(),
    "a name": json.dumps({"requestId": "<***>", TOKEN: 1}).encode(),
    "beside rows": json.dumps(
        {"requestId": "<***>", "data": {"acceptedRows": [], "errors": [{"code": TOKEN}]}}
    ).encode(),
    "beside the usual form": json.dumps({"requestId": "<***>", "data": {"errors": TOKEN}}).encode(),
}


@pytest.mark.parametrize("name", ECHOES)
def test_a_secret_that_is_echoed_is_blanked(name: str) -> None:
    """Whatever part of the body it comes back in, none is left that holds it."""
    reply = attempt(says(answer(ECHOES[name])))
    assert isinstance(reply, Reply)
    assert reply.body["requestId"] == f"<{BLANK}>"
    text = json.dumps(reply.body)
    for part in (TOKEN, SECRET, "signs", "and"):
        assert part not in text.replace("requestId", "").replace("acceptedRows", "")


def test_a_body_too_deep_to_look_through_is_not_used() -> None:
    """A body that cannot be searched for secrets is not shown."""
    body = b'{"requestId":' + b"[" * 900 + b'"' + b"\\u0041" + b'"' + b"]" * 900 + b"}"
    reply = attempt(says(answer(body)))
    assert isinstance(reply, Reply)
    assert TOKEN not in str(reply.body)


def test_no_header_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """urllib3's warning of a header without a colon is silenced, also at DEBUG."""
    logging.getLogger("urllib3.connection").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    reply = attempt(ends(HEAD + b"token " + TOKEN.encode() + b"\r\nX: y\r\n\r\n{}"))
    assert isinstance(reply, Reply)
    assert reply.body == {}
    assert [each for each in caplog.records if each.name.startswith(("urllib3", "requests"))] == []


def test_an_error_holds_nothing_but_its_text() -> None:
    """It is not chained to a library's exception, which may hold URLs and headers."""
    client = client_of(1)
    client._environment["verify"] = "/nowhere.pem"  # noqa: SLF001  # as REQUESTS_CA_BUNDLE sets it
    client._request.url = "https://u:pa55@127.0.0.1:1/"  # noqa: SLF001  # as no setting allows it
    with pytest.raises(DeliveryError, match="CA bundle") as caught:
        client.send(BODY)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "pa55" not in "".join(traceback.format_exception(caught.value))
