"""Who sends this request, and may they: headers, clock, signature, store."""

from collections.abc import Mapping

from target_tocobagus.sandbox.credentials import Credentials
from target_tocobagus.sandbox.replies import (
    BAD_SIGNATURE,
    BAD_TIMESTAMP,
    MISSING_HEADER,
    UNKNOWN_PARTNER,
    UNKNOWN_STORE,
    WRONG_TOKEN,
    Refused,
)
from target_tocobagus.sandbox.request import Request
from target_tocobagus.sandbox.scenario import Scenario
from target_tocobagus.sandbox.signature import (
    SIGNED_HEADERS,
    base_string,
    is_signed,
    signature,
)

WINDOW_MS = 300_000
"""How far a timestamp may be from the server's clock, either way (documented: 300 seconds)."""

REQUIRED_HEADERS = (*SIGNED_HEADERS, b"x-signature")
"""The headers of every request that concerns a store (documented)."""


class Gate:
    """Knows the partner, its stores and how they sign."""

    def __init__(self, credentials: Credentials, scenario: Scenario) -> None:
        """Let in the first store and those that the scenario adds."""
        stores = (credentials.first_store(), *scenario.stores)
        self._tokens = {store.client_id.encode(): store.token.encode() for store in stores}
        self._credentials = credentials
        self._scenario = scenario

    def store_of(self, request: Request, now_ms: int) -> str:
        """Give the client id of the store that the request is for.

        Raises:
            Refused: The request is not let in. The order of the checks is invented: what the
                caller can mend first comes first, and no store is looked up for a stranger.
        """
        _require_headers(request.headers)
        if request.headers[b"x-partner-client-id"] != self._credentials.partner_client_id.encode():
            raise Refused(UNKNOWN_PARTNER, "Unknown partner", "Check x-partner-client-id")
        check_timestamp(request.headers[b"x-timestamp"], now_ms)
        self._check_signature(request)
        return self._check_store(request.headers)

    def _check_signature(self, request: Request) -> None:
        path = self._scenario.signed_path_prefix + request.path
        base = base_string(request.method, path, request.headers, request.body)
        secret = self._credentials.partner_secret
        expected = signature(secret, base, self._scenario.signature_prefix)
        if not is_signed(request.headers[b"x-signature"], expected):
            hint = "Check the partner secret, the signed path and the order of the headers"
            raise Refused(BAD_SIGNATURE, "Invalid signature", hint)

    def _check_store(self, headers: Mapping[bytes, bytes]) -> str:
        store = headers[b"x-store-client-id"]
        if store not in self._tokens:
            raise Refused(UNKNOWN_STORE, "Unknown store", "Check x-store-client-id")
        if not is_signed(headers[b"x-store-token"], self._tokens[store]):
            raise Refused(WRONG_TOKEN, "Invalid store token", "Check x-store-token")
        return store.decode()


def _require_headers(headers: Mapping[bytes, bytes]) -> None:
    missing = [name.decode() for name in REQUIRED_HEADERS if not headers.get(name)]
    if missing:
        raise Refused(
            MISSING_HEADER,
            "Missing header",
            f"Send {', '.join(missing)}",
            {"missing": missing},
        )


def check_timestamp(text: bytes, now_ms: int) -> None:
    """Refuse a timestamp that is no integer of milliseconds or outside of the window.

    Raises:
        Refused: ``AUTH_003`` with the documented context: ``providedTimestamp`` (as sent, when it
            is no integer), ``currentTime`` (epoch ms) and ``ageSeconds``.
    """
    # isdigit() of bytes knows ASCII digits only, and 19 of them fit into 64 bits with room to spare
    readable = text.isdigit() and len(text) <= 18  # noqa: PLR2004  # said on the line above
    provided = int(text) if readable else None
    age_ms = None if provided is None else now_ms - provided
    if age_ms is not None and abs(age_ms) <= WINDOW_MS:
        return
    raise Refused(
        BAD_TIMESTAMP,
        "Expired or invalid timestamp",
        "x-timestamp is the time in epoch milliseconds, within 300 seconds of the server's clock",
        {
            "providedTimestamp": text.decode("latin-1") if provided is None else provided,
            "currentTime": now_ms,
            "ageSeconds": None if age_ms is None else age_ms / 1000,
        },
    )
