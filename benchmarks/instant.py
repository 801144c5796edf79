"""A server that accepts every row at once, so that a benchmark measures the client alone.

It checks nothing, and counts items by the text that each begins with. It prints its port.
"""

from __future__ import annotations

import functools
import json
import socket
import threading

_ITEM = b'{"sku":'


@functools.cache
def _reply(rows: int) -> bytes:
    accepted = [{"rowIndex": row, "target": "variant", "id": "0" * 36} for row in range(rows)]
    summary = {"total": rows, "failed": 0, "pending": rows}
    data = {"summary": summary, "acceptedRows": accepted, "errors": [], "batchId": "b"}
    body = json.dumps({"success": True, "requestId": "r", "data": data}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as requests:
        while requests.readline():
            headers = [line.lower().split(b":", 1) for line in iter(requests.readline, b"\r\n")]
            body = requests.read(int(dict(headers)[b"content-length"]))
            connection.sendall(_reply(body.count(_ITEM)))


def main() -> None:
    """Serve until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=_serve, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
