"""The bare limit: each line decoded into a struct of the mapped columns, and nothing else."""

import sys
from typing import Any

import msgspec


class Record(msgspec.Struct, gc=False):
    """The mapped columns of a long row."""

    sku: Any = None
    warehouse_id: Any = None
    quantity: Any = None


class Message(msgspec.Struct, gc=False):
    """A RECORD message, or any other."""

    record: Record | None = None


decode = msgspec.json.Decoder(Message).decode
for line in sys.stdin.buffer:
    decode(line)
