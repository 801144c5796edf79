"""A small signed client, one kept-alive connection wide, to speak to a sandbox without the target.

It signs with the sandbox's own reading of the rules, so it proves nothing about signatures: the
golden files do that.
"""

import http.client
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from target_tocobagus.sandbox import BASE_PATH
from target_tocobagus.sandbox.auth import base_string, signature
from target_tocobagus.sandbox.handle import Sandbox, connect

INVENTORY = "/partner/stores/inventory"
PRODUCTS = "/partner/stores/products"


class Answer(NamedTuple):
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: The raw bytes.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Give the body as decoded JSON."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str | None:
        """The error's code, None for an answer without an error."""
        code: str | None = self.json().get("error", {}).get("code")
        return code


class Client:
    """Sends signed requests over one connection, and opens another when that one is closed."""

    def __init__(self, sandbox: Sandbox, timeout: float = 10) -> None:
        """Prepare a client with the sandbox's credentials.

        Args:
            sandbox: Whom to speak to.
            timeout: Seconds for each wait on the socket.
        """
        self._credentials = sandbox.credentials
        self._connection = connect(sandbox.url, timeout)

    def __enter__(self) -> "Client":  # noqa: PYI034  # typing.Self is not in Python 3.10
        """Give the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        change: Mapping[str, str] | None = None,
        prefix: str = "sha256=",
    ) -> dict[str, str]:
        """Give the headers of a request.

        Args:
            method: Upper-case.
            path: The path that is signed.
            body: The raw bytes.
            change: Headers that are to be others before the request is signed.
            prefix: What stands before the signature's hex.
        """
        given = self._credentials
        headers = {
            "x-partner-client-id": given["partner_client_id"],
            "x-store-client-id": given["store_client_id"],
            "x-store-token": given["store_token"],
            "x-timestamp": str(time.time_ns() // 1_000_000),
            **(change or {}),
        }
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        base = base_string(method, path, raw, body)
        headers["x-signature"] = signature(given["partner_secret"], base, prefix).decode()
        return {**headers, "content-type": "application/json"} if body else headers

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request as it is.

        Raises:
            OSError: The connection was closed or nothing came in time.
            http.client.HTTPException: The answer was cut short.
        """
        try:
            self._connection.request(method, BASE_PATH + path, body or None, dict(headers))
            response = self._connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def update(self, *items: Any, change: Mapping[str, str] | None = None) -> Answer:
        """Send an update of these items, signed; see ``send`` for errors."""
        body = msgspec.json.encode({"items": items})
        return self.send("PATCH", INVENTORY, body, self.signed("PATCH", INVENTORY, body, change))

    def products(self) -> Answer:
        """Ask for products, signed."""
        return self.send("GET", PRODUCTS, b"", self.signed("GET", PRODUCTS))


WHEN: list[dict[str, Any]] = [{}, {"requests": 2}]
"""A fault is tried on a connection's first request and on its second."""


def rule(fault: dict[str, Any], when: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give a scenario of one rule."""
    return {"rules": [{"fault": fault, "when": when or {}}]}


def warm(client: Client, when: dict[str, Any]) -> None:
    """Bring the connection to the request that the rule is for."""
    if when:
        assert client.products().status == 200


def ask(sandbox: Sandbox, method: str, path: str) -> tuple[int, Any]:
    """Ask a view as any HTTP client might; give the status and the decoded answer."""
    connection = connect(sandbox.url)
    try:
        headers = {"Content-Type": "application/json"} if method == "POST" else {}
        connection.request(method, path, "{}" if method == "POST" else None, headers)
        with connection.getresponse() as response:
            return response.status, msgspec.json.decode(response.read())
    finally:
        connection.close()


def get(sandbox: Sandbox, path: str) -> Any:
    """Read a view."""
    return ask(sandbox, "GET", path)[1]
