"""One client connection below HTTP, for the faults that HTTP has no words for."""

import asyncio
import socket
import struct
from typing import Literal

_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


class Connection:
    """A connection's transport, and how many requests came over it.

    Attributes:
        number: From 1, in the order of their first requests to the partner API; 0 before that.
        requests: How many such requests it has carried.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Keep the transport of a connection that was just accepted."""
        self._transport = transport
        self.number = 0
        self.requests = 0

    @property
    def is_closed(self) -> bool:
        """Whether either side has closed it."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write bytes as they are, past the HTTP machinery, which does not learn of it."""
        self._transport.write(data)

    def close(self, how: Literal["rst", "fin"]) -> None:
        """Close it: with a reset, which discards what was written, or after the last byte.

        A kernel resets a connection instead of ending it when it is told to linger for no time.
        """
        if how == "fin":
            self._transport.close()
            return
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
        self._transport.abort()
