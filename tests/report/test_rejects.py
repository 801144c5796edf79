"""The file of rejected rows: a Singer stream that survives crashes, and that is one run's alone."""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.core.errors import ConfigurationError, OutputError
from target_tocobagus.core.model import Rejection, Stream
from target_tocobagus.mapping.replay import rejected_updates
from target_tocobagus.report.rejects import Rejects, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMA = (
    b'{"type": "SCHEMA", "stream": "stock", "schema": {"properties": {}}, "key_properties": []}'
)
NEW_SCHEMA = SCHEMA.replace(b"[]", b'["sku"]')
STREAM = Stream("stock", SCHEMA)
RECORD = (
    b'{"type": "RECORD", "stream": "stock", "record": {"sku": "A", "qty": 12.000, "x": 1e400,'
    b' "name": "caf\\u00e9 \xe8\xb5\xa4", "list": [ 1 ,2 ]}, "time_extracted": "2026-01-01"}'
)


def rejection(line: bytes = RECORD, stream: Stream = STREAM, **more: Any) -> Rejection:
    """Make a rejection of one update."""
    facts = {
        "code": "INV_001",
        "message": "Invalid SKU",
        "reason": "Product SKU not found",
        "updates": ((("sku", "A"), "W"),),
        **more,
    }
    return Rejection(position=1, stream=stream, line=line, **facts)


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _move(path: Path) -> None:
    path.rename(path.with_name("rotated"))


def _replace(path: Path) -> None:
    _move(path)
    path.write_bytes(b"")


def _remove(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.with_name("copy").write_bytes(path.read_bytes())
    os.truncate(path, 0)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"by another program\n")


DISTURBANCES = [_move, _replace, _remove, _truncate]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "rejects.singer"


def write(path: Path, *rejections: Rejection) -> list[bytes]:
    """Write rejections in a run of their own; read all lines of the file."""
    rejects = Rejects(str(path))
    for each in rejections:
        rejects.write(each)
    rejects.close()
    content = path.read_bytes()
    assert content.endswith(b"\n") or not content
    return content.splitlines()


class TestStream:
    """The file is a Singer stream."""

    def test_a_schema_before_the_first_record(self, path: Path) -> None:
        """A stream's SCHEMA stands before its first RECORD of a run, as it came, and once."""
        lines = write(path, rejection(), rejection())
        assert lines[0] == SCHEMA
        assert [json.loads(line)["type"] for line in lines] == ["SCHEMA", "RECORD", "RECORD"]

    def test_the_schema_again_after_it_changed(self, path: Path) -> None:
        """Rows under a changed SCHEMA come after it; back to the old one it stands there again."""
        changed = Stream("stock", NEW_SCHEMA)
        lines = write(path, rejection(), rejection(stream=changed), rejection())
        assert [line for line in lines if b"SCHEMA" in line] == [SCHEMA, NEW_SCHEMA, SCHEMA]
        assert [json.loads(line)["type"] for line in lines] == ["SCHEMA", "RECORD"] * 3

    def test_two_streams_have_their_own(self, path: Path) -> None:
        """Streams that take turns do not repeat their SCHEMA."""
        other = Stream("other", SCHEMA.replace(b'"stock"', b'"other"'))
        lines = write(path, *[rejection(), rejection(stream=other)] * 3)
        assert sum(b"SCHEMA" in line for line in lines) == 2

    def test_a_second_run_appends(self, path: Path) -> None:
        """Another run adds to the file, with the SCHEMA again before its first RECORD."""
        first = write(path, rejection())
        assert write(path, rejection())[: len(first)] == first
        assert [json.loads(line)["type"] for line in write(path)] == ["SCHEMA", "RECORD"] * 2

    def test_a_run_without_rejections_adds_nothing(self, path: Path) -> None:
        """No rejected row, no line."""
        assert write(path) == []


class TestRecord:
    """A line is the RECORD as it came, with one key more."""

    def test_bytes_are_untouched(self, path: Path) -> None:
        """The record's bytes stand there as they came: numbers, escapes and spaces."""
        record = RECORD[RECORD.index(b'{"sku"') : RECORD.index(b', "time_extracted"')]
        line = write(path, rejection())[1]
        assert b'"record":' + record + b"," in line

    def test_the_key_beside_the_record(self, path: Path) -> None:
        """The key names code, message, reason, identifier, updates, batch, request and time."""
        both = ((("sku", "A"), "W"), (("sku", "A"), None))
        lines = write(path, rejection(updates=both, batch_id="b", request_id="r"))
        message = json.loads(lines[1])
        own = message["tocobagus"]
        assert message["time_extracted"] == "2026-01-01"
        assert own.pop("at").endswith("+00:00")
        assert own == {
            "code": "INV_001",
            "message": "Invalid SKU",
            "reason": "Product SKU not found",
            "identifier": {"sku": "A"},
            "updates": [
                {"identifier": {"sku": "A"}, "warehouse": "W"},
                {"identifier": {"sku": "A"}, "warehouse": None},
            ],
            "batchId": "b",
            "requestId": "r",
        }
        assert rejected_updates(own) == own["updates"]

    def test_what_is_absent_is_not_written(self, path: Path) -> None:
        """A rejection by the mapping has no batch and no request; a row may lack an identifier."""
        own = json.loads(write(path, rejection(updates=((None, None),)))[1])["tocobagus"]
        assert "batchId" not in own
        assert "requestId" not in own
        assert own["identifier"] is None
        assert own["updates"] == [{"identifier": None, "warehouse": None}]

    @pytest.mark.parametrize(
        "value",
        [b"NaN", b"Infinity", b'"\xff"', b'"\\ud800"', b"9" * 5000, b"[" * 900 + b"]" * 900],
    )
    @pytest.mark.parametrize("end", [b"", b" \r"])
    def test_a_line_that_only_a_lenient_reader_takes(
        self, path: Path, value: bytes, end: bytes
    ) -> None:
        """What no strict reader takes is written as it came all the same."""
        line = b'{"type":"RECORD","stream":"stock","record":{"a":' + value + b"}}"
        written = write(path, rejection(line=line + end))[1]
        assert b'"record":{"a":' + value + b"}" in written
        assert written.count(b'"tocobagus":') == 1
        assert written.endswith(b"}}")

    def test_bytes_that_are_no_utf_8_in_a_key(self, path: Path) -> None:
        """A key of the message that is not UTF-8 does not end the run."""
        line = b'{"type":"RECORD","stream":"stock","record":{},"\xff":1}'
        assert write(path, rejection(line=line))[1].startswith(line[:-1] + b",")

    def test_an_older_key_of_ours_is_replaced(self, path: Path) -> None:
        """A row that is rejected again after a replay carries the newer verdict alone."""
        line = RECORD[:-1] + b', "tocobagus": {"code": "OLD", "updates": []}}'
        written = write(path, rejection(line=line))[1]
        assert b"OLD" not in written
        assert json.loads(written)["tocobagus"]["code"] == "INV_001"

    def test_without_its_line_a_row_is_only_logged(self, path: Path) -> None:
        """A rejection that carries no line adds nothing to the file."""
        assert write(path, rejection(line=b"")) == []


class TestFile:
    """The file is private, whole, and one run's alone."""

    def test_what_was_written_is_synced(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After `sync` the disk has every line, and is not asked again without a new one."""
        synced: list[int] = []
        fsync = os.fsync

        def note(descriptor: int) -> None:
            fsync(descriptor)
            synced.append(os.fstat(descriptor).st_size)

        monkeypatch.setattr(os, "fsync", note)
        rejects = Rejects(str(path))
        rejects.write(rejection())
        rejects.sync()
        assert synced == [path.stat().st_size]
        rejects.sync()
        assert len(synced) == 1
        rejects.write(rejection())
        rejects.close()
        assert synced[1:] == [path.stat().st_size]

    def test_only_its_owner_may_read_it(self, path: Path) -> None:
        """A new file has mode 0600; whatever the umask."""
        before = os.umask(0)
        try:
            Rejects(str(path)).close()
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_it_is_not_inherited(self, path: Path) -> None:
        """A process that is started meanwhile does not hold the file open."""
        rejects = Rejects(str(path))
        held = [
            int(entry.name)
            for entry in Path("/proc/self/fd").iterdir()
            if entry.exists() and entry.resolve() == path
        ]
        assert held
        assert not any(os.get_inheritable(descriptor) for descriptor in held)
        rejects.close()

    def test_a_torn_last_line_is_cut(self, path: Path) -> None:
        """Wherever a crash tore the last line, what stands before it stays, and nothing else."""
        whole = b"".join(line + b"\n" for line in write(path, rejection(), rejection()))
        start = whole.rstrip(b"\n").rindex(b"\n") + 1
        for end in range(start, len(whole)):
            path.write_bytes(whole[:end])
            Rejects(str(path)).close()
            assert path.read_bytes() == whole[:start]
        path.write_bytes(whole)
        Rejects(str(path)).close()
        assert path.read_bytes() == whole

    @pytest.mark.parametrize("before", [b"", SCHEMA + b"\n", (SCHEMA + b"\n") * 3_000])
    def test_a_torn_line_of_any_length_is_cut(self, path: Path, before: bytes) -> None:
        """A torn line may be long, or all there is."""
        path.write_bytes(before + b"{" + b"x" * 200_000)
        Rejects(str(path)).close()
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        "content",
        [
            b'{"bookmarks": {"stock": {"at": 5}}}',
            b'{"bookmarks": {"stock": {"at": 5}}}\n',
            b'{\n  "partner_secret": "hush"\n}',
            b"sku,qty\nA,1\n",
            b"sku,qty",
            b"[1, 2",
            b"\n",
            SCHEMA + b"\n" + RECORD,  # a tap's recording, with and without its last line's end
            SCHEMA + b"\n" + RECORD + b"\n",
        ],
    )
    def test_a_file_of_something_else_is_refused_and_left(self, path: Path, content: bytes) -> None:
        """A STATE, a configuration, a table: nothing is cut off them and nothing appended."""
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match="does not hold rejected rows"):
            Rejects(str(path))
        assert path.read_bytes() == content

    def test_a_second_run_on_the_same_file_is_refused(self, path: Path) -> None:
        """While one run writes, another is refused; once it has closed, the next may."""
        first = Rejects(str(path))
        with pytest.raises(OutputError, match="another run"):
            Rejects(str(path))
        first.close()
        Rejects(str(path)).close()

    @pytest.mark.parametrize("link", [False, True])
    def test_the_input_itself_is_refused(self, path: Path, *, link: bool) -> None:
        """The file that the run reads from is refused, by whatever name, and stays as it is."""
        torn = SCHEMA + b"\n" + RECORD
        path.write_bytes(torn)
        name = path
        if link:
            name = path.with_name("link")
            name.symlink_to(path)
        with pytest.raises(ConfigurationError, match="reads from"):
            Rejects(str(name), input_file=path.stat())
        assert path.read_bytes() == torn

    def test_another_input_is_not(self, path: Path) -> None:
        """Reading from any other file is fine."""
        other = path.with_name("input")
        other.write_bytes(b"")
        Rejects(str(path), input_file=other.stat()).close()

    @pytest.mark.parametrize("name", ["", "no/such/folder", ".", "/dev/null"])
    def test_a_path_that_cannot_be_used(self, tmp_path: Path, name: str) -> None:
        """A folder, a device, a path that is not there: the configuration is wrong."""
        with pytest.raises(ConfigurationError, match="rejects_path: "):
            Rejects(str(tmp_path / name))

    def test_a_pipe_cannot_be_used(self, path: Path) -> None:
        """A pipe cannot be repaired after a crash, because it cannot be read back."""
        os.mkfifo(path)
        with pytest.raises(ConfigurationError, match="regular file"):
            Rejects(str(path))

    @pytest.mark.parametrize("room", [0, 1, 200])
    def test_a_disk_that_is_full_for_a_moment_leaves_whole_lines(
        self, path: Path, room: int
    ) -> None:
        """What the disk took in part is cut off again, and no row follows though it has room."""
        rejects = Rejects(str(path))
        rejects.write(rejection())
        whole = path.read_bytes()
        with limited(len(whole) + room), pytest.raises(OutputError, match="too large"):
            rejects.write(rejection())
        assert path.read_bytes() == whole
        with pytest.raises(OutputError, match="too large"):
            rejects.write(rejection())
        rejects.close()
        assert path.read_bytes() == whole
        assert len(write(path, rejection())) == 4

    def test_the_first_failed_sync_is_final(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a failed fsync the kernel may call the next one good, without what it dropped."""
        rejects = Rejects(str(path))
        rejects.write(rejection())
        fsync = os.fsync

        def fail(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OutputError, match="Input/output error"):
            rejects.sync()
        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(OutputError, match="Input/output error"):
            rejects.sync()
        rejects.close()

    @pytest.mark.parametrize("disturb", DISTURBANCES)
    @pytest.mark.parametrize("when", ["before a row", "before its sync", "before a STATE", "last"])
    def test_a_file_that_is_not_what_it_was_ends_the_run(
        self, path: Path, disturb: Callable[[Path], None], when: str
    ) -> None:
        """Moved, replaced, removed or truncated: it is noticed, and stops no later run."""
        rejects = Rejects(str(path))
        rejects.write(rejection())
        rejects.sync()
        rejects.confirm()
        if when == "before its sync":
            rejects.write(rejection())
        elif when == "before a STATE":
            rejects.write(rejection())
            rejects.sync()
        disturb(path)
        steps = {
            "before a row": lambda: rejects.write(rejection()),
            "before its sync": rejects.sync,
            "before a STATE": rejects.confirm,
            "last": rejects.close,
        }
        with pytest.raises(OutputError, match="moved, removed, truncated"):
            steps[when]()
        with suppress(OutputError):
            rejects.close()
        types = [json.loads(line)["type"] for line in write(path, rejection())]
        assert types[-2:] == ["SCHEMA", "RECORD"]
        assert types[0] == "SCHEMA"

    @pytest.mark.parametrize("when", ["before a row", "before its sync", "last"])
    def test_a_file_that_another_program_writes_to_ends_the_run(
        self, path: Path, when: str
    ) -> None:
        """Cut off after a failed write, it would lose rows of ours; what is there is left."""
        rejects = Rejects(str(path))
        rejects.write(rejection())
        rejects.sync()
        if when == "before its sync":
            rejects.write(rejection())
        _append(path)
        there = path.read_bytes()
        steps = {
            "before a row": lambda: rejects.write(rejection()),
            "before its sync": rejects.sync,
            "last": rejects.close,
        }
        with pytest.raises(OutputError, match="written to by another program"):
            steps[when]()
        rejects.close()
        assert path.read_bytes() == there

    def test_what_is_confirmed_is_what_was_synced(self, path: Path) -> None:
        """Each sync asks for a look of its own before a STATE; without news none is needed."""
        rejects = Rejects(str(path))
        rejects.write(rejection())
        said = [rejects.is_confirmed]
        for step in (rejects.sync, rejects.confirm):
            step()
            said.append(rejects.is_confirmed)
        assert said == [True, False, True]
        rejects.close()

    def test_sync_and_close_may_come_at_any_time(self, path: Path) -> None:
        """A sync without news and a second close do nothing."""
        rejects = Rejects(str(path))
        rejects.sync()
        rejects.write(rejection())
        rejects.sync()
        rejects.sync()
        rejects.close()
        rejects.close()
        assert len(path.read_bytes().splitlines()) == 2


class TestLog:
    """Each rejected row is named in the log; beside a file the first hundred are."""

    @pytest.fixture(autouse=True)
    def _heard(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        with caplog.at_level(logging.WARNING, logger="target-tocobagus"):
            yield

    def test_without_a_file_all_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Without `rejects_path` the log is all there is, so every row is in it."""
        rejects = Rejects(None)
        for _ in range(250):
            rejects.write(rejection())
        rejects.close()
        assert len(caplog.messages) == 250

    def test_beside_a_file_the_first_hundred(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Beside the file the log names a hundred, and then counts updates by code."""
        two = ((("sku", "A"), "W"), (("sku", "A"), "V"))
        rejects = Rejects(str(path))
        for number in range(250):
            rejects.write(rejection(code="INV_002" if number % 3 else "INV_001", updates=two))
        rejects.close()
        assert len(caplog.messages) == 101
        assert caplog.messages[-1].endswith("INV_002 200, INV_001 100")
        assert len(path.read_bytes().splitlines()) == 251

    def test_few_leave_nothing_to_count(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """A hundred rows are named one by one, and no line more is written."""
        rejects = Rejects(str(path))
        for _ in range(100):
            rejects.write(rejection())
        rejects.close()
        assert len(caplog.messages) == 100

    @pytest.mark.parametrize(
        ("facts", "text"),
        [
            ({}, "sku 'A' at 'W': INV_001 Invalid SKU: Product SKU not found"),
            ({"reason": ""}, "sku 'A' at 'W': INV_001 Invalid SKU"),
            ({"reason": "", "message": ""}, "sku 'A' at 'W': INV_001"),
            ({"updates": ((("id", "B"), None),), "reason": ""}, "id 'B': INV_001 Invalid SKU"),
            (
                {
                    "message": "No",
                    "updates": ((None, None),),
                    "values": (("sku", "null"), ("stock", "5")),
                },
                "a record of 'stock' (sku null, stock 5): INV_001 No: Product SKU not found",
            ),
        ],
    )
    def test_how_a_row_is_named(self, facts: dict[str, Any], text: str) -> None:
        """A row is named by identifier and place, or by its mapped values, with code and reason."""
        assert describe(rejection(**facts)) == text
