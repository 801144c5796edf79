"""Whatever stands on stdin, a run ends well or with an error that is meant for its user."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError, RecordsWithoutSchemaException
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_tocobagus.core.errors import AccountingError, TocobagusError
from target_tocobagus.target import TargetTocobagus

FORESEEN = (TocobagusError, InvalidInputLine, RecordsWithoutSchemaException, ConfigValidationError)
MAPPINGS: list[dict[str, Any]] = [
    {"stream": "levels", "sku": "sku", "stock": "qty", "warehouse": "wh"},
    {"stream": "st*", "id": ["sku", "id"], "stock": ["qty", "a.b"], "where": "qty > `0`"},
    {"stream": "nested", "sku": "sku", "levels": "qty", "stock": "qty", "warehouse": "wh"},
]

names = st.sampled_from(["stock", "levels", "nested", "x"])
columns = st.sampled_from(
    ["sku", "id", "qty", "wh", "a", "_sdc_deleted_at", "\ufeffsku", "a.b", ""]
)
odd = st.sampled_from(
    [float("nan"), float("inf"), -0.0, 10**400, 2**53, True, None, "", "1e999999999", "\ud800", "٣"]
)
values = st.recursive(
    odd | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(columns | st.text(max_size=3), inner)
    ),
    max_leaves=6,
)
schemas = st.fixed_dictionaries(
    {"properties": st.dictionaries(columns, st.sampled_from([{}, {"type": ["string"]}]) | values)}
)


def messages(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Make messages that may lack any of these keys, and hold anything under any of them."""
    likely = {key: strategy | strategy | strategy | values for key, strategy in keys.items()}
    whole = st.fixed_dictionaries(likely)
    return whole | whole | st.fixed_dictionaries({}, optional=likely)


any_message = st.one_of(
    messages(type=st.just("SCHEMA"), stream=names, schema=schemas, key_properties=st.just([])),
    messages(
        type=st.just("RECORD"),
        stream=names,
        record=st.dictionaries(columns, values),
        tocobagus=st.fixed_dictionaries({"updates": st.lists(values, max_size=2)}),
    ),
    messages(type=st.just("STATE"), value=st.dictionaries(st.text(max_size=3), values)),
    messages(type=st.just("ACTIVATE_VERSION"), stream=names, version=st.integers()),
    messages(
        type=st.just("BATCH"),
        stream=names,
        encoding=st.fixed_dictionaries({"format": st.just("jsonl"), "compression": values}),
        manifest=st.lists(
            st.sampled_from(["file:///nowhere", "/nowhere", "s3://x/y", ""]) | values
        ),
    ),
    values,
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Make a line: mostly a message, now and then one whose bytes are damaged."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=20))
    text = json.dumps(draw(any_message), ensure_ascii=draw(st.booleans()))
    data = text.encode("utf-8", "surrogatepass")
    damage = draw(st.integers(0, 19))
    if damage == 0 and data:
        place = draw(st.integers(0, len(data) - 1))
        data = data[:place] + draw(st.binary(max_size=2)) + data[place + 1 :]
    return data


def run(data: bytes, **config: Any) -> None:
    """Send bytes through a real pipe into a dry run."""
    reader, writer = os.pipe()

    def write() -> None:
        # A run that has ended early reads no further.
        with suppress(BrokenPipeError), os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    tap = threading.Thread(target=write)
    tap.start()
    try:
        target = TargetTocobagus(config={"dry_run": True, **config})
        with os.fdopen(reader, "rb") as source:
            target.listen(source)  # type: ignore[arg-type]  # the SDK says text, and hands on bytes
    finally:
        tap.join()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.usefixtures("signals")
@given(given_lines=st.lists(lines(), max_size=12), configured=st.booleans())
def test_any_lines_end_a_run_well_or_with_an_error_for_its_user(
    given_lines: list[bytes],
    configured: bool,  # noqa: FBT001  # one of the two ways to choose a mapping
    capfd: pytest.CaptureFixture[str],
) -> None:
    """No bytes on stdin make a run end otherwise than well or with a foreseen error."""
    config: dict[str, Any] = {"streams": MAPPINGS} if configured else {}
    try:
        run(b"\n".join(given_lines), **config)
    except FORESEEN as error:
        if isinstance(error, AccountingError):
            raise
    assert capfd.readouterr().out == "", "a dry run emits no STATE"
