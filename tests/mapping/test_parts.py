"""A stream's key tells whether its rows may be parts of one stock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_tocobagus.mapping import PartsWatch, SeenRow, unread_keys

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier

A: Identifier = ("sku", "A")


def test_the_name_of_a_key_cannot_control_the_terminal() -> None:
    """It comes from a tap, and goes into a warning."""
    key = "lot\x1b[31m\nERROR"
    watch = PartsWatch((key,), ("sku", key))
    text = watch.doubt("stock", A, None, (SeenRow(1, 4, 1), SeenRow(2, 5, 2)))
    assert "lot" in text
    assert text.isprintable()


@pytest.mark.parametrize(
    ("keys", "read", "unread"),
    [
        (["sku", "lot"], {"sku", "qty"}, ("lot",)),
        (["sku"], {"sku"}, ()),
        (["id"], {"sku"}, ()),
        (["id", "lot"], {"sku"}, ("id", "lot")),
        (["\ufeffsku", "\ufefflot"], {"sku"}, ("lot",)),
        ([], {"sku"}, ()),
    ],
)
def test_columns_of_the_key_that_are_not_read(
    keys: list[str], read: set[str], unread: tuple[str, ...]
) -> None:
    """All that the mapping does not read, unless the key is one surrogate."""
    assert unread_keys(keys, read) == unread


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"lot": 1, "bin": "x"}, [1, "x"]),
        ({"\ufefflot": 1, "bin": []}, [1, []]),
        ({"lot": 1}, None),
        ({"lot": 1, "bin": None}, None),
    ],
)
def test_a_key_is_all_of_its_columns(record: dict[str, Any], key: Any) -> None:
    """A record that lacks one of them has no key."""
    assert PartsWatch(("lot", "bin")).key_of(record) == key


def test_no_more_than_the_most_are_kept() -> None:
    """Memory does not grow with the stream; what is forgotten contradicts nothing."""
    watch = PartsWatch(("id",), most=3)
    for number in range(4):
        assert watch.see(("sku", str(number)), None, SeenRow(number, 1, number)) is None
    assert watch.see(("sku", "0"), None, SeenRow(9, 2, 5)) is None
    assert watch.see(("sku", "3"), None, SeenRow(9, 2, 6)) == SeenRow(3, 1, 3)


def test_a_row_is_compared_with_the_last_of_its_item_and_location() -> None:
    """Another key with another quantity contradicts it; after a deletion nothing does."""
    watch = PartsWatch(("id",))
    assert watch.see(A, "W", SeenRow(1, 5, 1)) is None
    assert watch.see(A, None, SeenRow(2, 6, 2)) is None
    assert watch.see(A, "W", SeenRow(1, 7, 3)) is None
    assert watch.see(A, "W", SeenRow(2, 7, 4)) is None
    assert watch.see(A, "W", SeenRow(3, 8, 5)) == SeenRow(2, 7, 4)
    watch.forget(A, "W")
    assert watch.see(A, "W", SeenRow(4, 9, 6)) is None
