"""What arrived, as the rest of the sandbox reads it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

IDENTIFIER_KINDS = ("sku", "id", "externalId")
"""The three ways to name a product (documented)."""

_decode = msgspec.json.Decoder().decode


class BodyError(Exception):
    """The body is not ``{"items": [...]}``; the text says why."""


@dataclass(frozen=True)
class Request:
    """One request to the partner API.

    Attributes:
        method: Upper-case.
        path: With the API's base path taken off, for example ``/partner/stores/inventory``.
        query: The raw query string.
        headers: Values by lower-case name.
        body: The raw bytes.
    """

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @cached_property
    def _parsed(self) -> "list[Any] | BodyError":
        return _parse(self.body)

    def rows(self) -> list[Any]:
        """Give the items as they were sent, each any JSON value.

        Raises:
            BodyError: The body is not a JSON object with a non-empty list ``items``.
        """
        if isinstance(self._parsed, BodyError):
            raise self._parsed
        return self._parsed

    def count(self) -> int | None:
        """Give the number of items, None when the body has none."""
        return None if isinstance(self._parsed, BodyError) else len(self._parsed)

    def identifiers(self) -> list[str | None]:
        """Give each row's identifier, None where it has none; empty for a body of no rows."""
        rows = [] if isinstance(self._parsed, BodyError) else self._parsed
        return [identifier_of(row)[1] for row in rows]


def _parse(body: bytes) -> list[Any] | BodyError:
    try:
        decoded = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BodyError(f"the body is not JSON: {error}")
    if not isinstance(decoded, dict) or not isinstance(decoded.get("items"), list):
        return BodyError('the body is not an object with a list "items"')
    items: list[Any] = decoded["items"]
    return items or BodyError('"items" is empty')


def identifier_of(row: Any) -> tuple[str, str | None]:
    """Give kind and value of a row's first identifier that is a string, else None of kind sku."""
    if isinstance(row, dict):
        for kind in IDENTIFIER_KINDS:
            if isinstance(value := row.get(kind), str):
                return kind, value
    return "sku", None
