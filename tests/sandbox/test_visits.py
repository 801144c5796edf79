"""Of the newest requests the page has the bodies, within bounds."""

from target_tocobagus.sandbox.visits import LONGEST_BODY, RecentBodies
from tests.local_sandbox import Sandbox
from tests.sandbox.client import Client, get


def test_the_newest_bodies_are_kept() -> None:
    """At most 200, and at most a megabyte of them."""
    few = RecentBodies()
    for number in range(300):
        few.keep(number, b"x")
    assert [number for number in range(300) if few.of(number)] == list(range(100, 300))

    large = RecentBodies()
    for number in range(30):
        large.keep(number, b"x" * 50_000)
    assert [number for number in range(30) if large.of(number)] == list(range(10, 30))


def test_the_beginning_of_a_large_body_is_kept(sandbox: Sandbox) -> None:
    """It is shown with its whole size, and with that of its beginning."""
    with Client(sandbox) as client:
        client.update({"sku": "x" * 100_000, "stock": 1})
    shown = get(sandbox, "/_sandbox/requests/1")

    assert shown["bodyKept"] == len(shown["body"]) == LONGEST_BODY < shown["bodyBytes"]
