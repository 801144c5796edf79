"""What was observed of the network, as values, before anybody says what it means."""

from __future__ import annotations

from typing import NamedTuple

from target_tocobagus.core.model import Reply  # noqa: TC001  # a field's type, for tests that build one


class Proxy(NamedTuple):
    """A proxy that the environment names.

    Attributes:
        shown: Its URL without what may be a password.
        variable: The variable that names it.
        has_user: Its URL holds a user.
    """

    shown: str
    host: str
    port: int
    variable: str
    has_user: bool


class Route(NamedTuple):
    """The way to the API.

    Attributes:
        secure: By https.
        proxy: ``None`` where the way is direct.
    """

    host: str
    port: int
    secure: bool
    proxy: Proxy | None

    @property
    def first_hop(self) -> tuple[str, int]:
        """Where this machine connects to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)


class Surroundings(NamedTuple):
    """What the environment says of requests to a URL, as `requests` reads it.

    Attributes:
        proxy: The proxy's URL, password and all; ``None`` for none.
        bundle: The CA bundle's file; ``None`` for the one that comes with `requests`.
    """

    proxy: str | None
    bundle: str | None


class Certificate(NamedTuple):
    """A certificate that was verified.

    Attributes:
        issuer: Who issued it.
        until: The last day on which it is valid, as ``2027-01-31``.
    """

    issuer: str
    until: str


class Answer(NamedTuple):
    """What came back over HTTP.

    Attributes:
        reply: As the target's own steps read it; all headers, by lower-case name.
        text: The beginning of the body, where it is no JSON.
        sent_ms: When it was asked, by this machine's clock, in ms since the epoch.
        received_ms: When the answer was there.
        certificate: ``None`` by plain http, or where the connection was closed with the answer.
    """

    reply: Reply
    text: str
    sent_ms: int
    received_ms: int
    certificate: Certificate | None
