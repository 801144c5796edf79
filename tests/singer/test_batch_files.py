"""The files of a BATCH message: streamed, gzip or not, one record at a time."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.core.errors import InputError, Stopped
from target_tocobagus.singer.batch_files import read_records

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = b'{"sku":"A","qty":1.50}\n{"sku":"\xc3\xa9","qty":2}\n'


def message(*paths: str | Path, compression: str = "gzip", **more: Any) -> dict[str, Any]:
    """Make a BATCH message of files."""
    encoding = {"format": "jsonl", "compression": compression}
    manifest = [str(path) for path in paths]
    return {"stream": "stock", "encoding": encoding, "manifest": manifest, **more}


def read(*paths: str | Path, **more: Any) -> list[Any]:
    """Read all records."""
    return [record for _, record in read_records(message(*paths, **more), None)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "batch.jsonl"


@pytest.mark.parametrize("label", ["gzip", "none"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_bytes_say_whether_it_is_gzip(path: Path, label: str, *, packed: bool) -> None:
    """Whatever the label says, the first bytes decide; numbers stay exact."""
    path.write_bytes(gzip.compress(RECORDS, mtime=0) if packed else RECORDS)
    assert read(path, compression=label) == [
        {"sku": "A", "qty": Decimal("1.50")},
        {"sku": "é", "qty": 2},
    ]


@pytest.mark.parametrize("spell", [str, "file://{}".format, Path.as_uri])
def test_files_by_path_and_by_url(tmp_path: Path, spell: Callable[[Path], str]) -> None:
    """A local file is named by its path or by a file URL, which may escape odd characters."""
    path = tmp_path / ("a b%.jsonl" if spell == Path.as_uri else "a.jsonl")
    path.write_bytes(RECORDS)
    assert len(read(spell(path))) == 2


def test_files_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    """The last file's values are the newest."""
    paths = [tmp_path / name for name in ("b", "a", "c")]
    for number, each in enumerate(paths):
        each.write_bytes(b'{"n":%d}\n' % number)
    assert read(*paths) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "content",
    [b'{"n":1}\n\n  \n{"n":2}', b'{"n":1}\r\n{"n":2}\r\n', b' {"n":1} \n\n{"n":2}\n\n'],
)
def test_empty_lines_and_any_line_end(path: Path, content: bytes) -> None:
    """Empty lines are passed over; the last line may lack its end."""
    path.write_bytes(content)
    assert read(path) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content", [b"", b"\n", gzip.compress(b"", mtime=0)])
def test_a_file_without_records(path: Path, content: bytes) -> None:
    """A file may hold nothing."""
    path.write_bytes(content)
    assert read(path) == []


def test_each_record_as_the_message_it_would_have_been(path: Path) -> None:
    """Beside each record stands the RECORD message that it stands for, its bytes untouched."""
    path.write_bytes(b'{"sku": "A",  "qty": 12.000}\n')
    ((line, record),) = read_records(message(path, stream='s "1"'), None)
    assert line == b'{"type":"RECORD","stream":"s \\"1\\"","record":{"sku": "A",  "qty": 12.000}}'
    assert json.loads(line)["stream"] == 's "1"'
    assert record == {"sku": "A", "qty": Decimal("12.000")}


def test_a_file_is_read_as_it_is_asked_for(path: Path) -> None:
    """Records come one by one: what stands after a record is not needed to have it."""
    path.write_bytes(b'{"n":1}\n{"n":2}\nbroken')
    records = read_records(message(path), None)
    assert isinstance(records, Iterator)
    assert [next(records)[1], next(records)[1]] == [{"n": 1}, {"n": 2}]
    with pytest.raises(InputError):
        next(records)


@pytest.mark.parametrize("content", [b"\n" * 2_000_000, b"\n\n" + b"[" * 2_000_000])
def test_the_run_gets_its_turn_whatever_a_file_holds(path: Path, content: bytes) -> None:
    """Between two parts of blank lines, or of one long line; and what it raises ends the file."""
    path.write_bytes(content)
    turns: list[int] = []

    def service() -> None:
        turns.append(len(turns))
        if len(turns) == 5:
            raise Stopped(15)

    with pytest.raises(Stopped):
        list(read_records(message(path), None, service))


@pytest.mark.parametrize("spell", ["{}", "file://{}"])
@pytest.mark.parametrize("with_storage", [False, True])
def test_a_named_pipe_is_refused(path: Path, spell: str, *, with_storage: bool) -> None:
    """Opening or reading it could last for ever."""
    os.mkfifo(path)
    storage = {"root": path.parent.as_uri(), "prefix": ""}
    config = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": storage}
    with pytest.raises(InputError, match="is not a regular file"):
        list(read_records(message(spell.format(path)), config if with_storage else None))


@pytest.mark.parametrize(("before", "number"), [(b"", 1), (b'{"n":1}\n', 2), (b'{"n":1}\n\n\n', 4)])
def test_a_bad_line_is_named(path: Path, before: bytes, number: int) -> None:
    """File and line are named as an editor would number them."""
    path.write_bytes(before + b"{'n':2}\n")
    with pytest.raises(InputError, match=rf"^Line {number} of the batch file .*batch\.jsonl"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_named(path: Path, encoding: str) -> None:
    """The error names the encoding."""
    path.write_bytes(RECORDS.decode().encode(encoding))
    with pytest.raises(InputError, match=r"is not JSON \(it is UTF-16, and must be UTF-8\)"):
        read(path)


@pytest.mark.parametrize("missing", ["no-such-file", "no/such/folder/file"])
def test_a_file_that_is_not_there(tmp_path: Path, missing: str) -> None:
    """A missing file is named, and nothing is made in its place."""
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / missing)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(RECORDS * 100, mtime=0)[:-30],
        b"\x1f\x8b\x08 no gzip at all",
        gzip.compress(RECORDS * 5, mtime=0)[:20] + b"\xff" * 40,
    ],
)
def test_a_damaged_file(path: Path, content: bytes) -> None:
    """A file that is cut short or damaged is an error of the input, never an end of it."""
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize(
    ("encoding", "manifest"),
    [
        ({"format": "parquet"}, []),
        ({}, []),
        ("jsonl", []),
        (None, []),
        ({"format": "jsonl"}, "one-file"),
        ({"format": "jsonl"}, None),
    ],
)
def test_what_is_no_list_of_jsonl(encoding: Any, manifest: Any) -> None:
    """Another format, or a manifest that is not a list, is an error of the input."""
    with pytest.raises(InputError, match="only jsonl"):
        list(read_records({"stream": "s", "encoding": encoding, "manifest": manifest}, None))


def test_storage_of_the_sdk(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the SDK's `batch_config` the SDK's storage opens the file."""
    path.write_bytes(gzip.compress(RECORDS, mtime=0))
    storage = {"root": path.parent.as_uri(), "prefix": ""}
    config = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": storage}
    with caplog.at_level(logging.ERROR):
        found = list(read_records(message(path.as_uri()), config))
    assert len(found) == 2
