"""The SDK's standard tests of targets, against the sandbox."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING, Any, Final

import pytest
from singer_sdk.testing import get_target_test_class, target_test_streams
from singer_sdk.testing.runners import TargetTestRunner

from target_tocobagus.target import TargetTocobagus

if TYPE_CHECKING:
    from tests.local_sandbox import Sandbox

# The standard streams hold no stock; so whatever could be an identifier or a quantity is mapped.
MAPPING: Final[dict[str, Any]] = {
    "stream": "*",
    "external_id": ["id", "Id", "_id", "c_id"],
    "stock": ["metric", "id", "Id"],
    "warehouse": None,
}
Standard: Final[Any] = get_target_test_class(TargetTocobagus, config={})


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK's runner leaves its file open
class TestStandard(Standard):  # type: ignore[misc]  # made at run time, by the SDK
    """The suite as it is, but for two tests."""

    @pytest.fixture
    def runner(self, sandbox: Sandbox, signals: None) -> TargetTestRunner:  # noqa: ARG002  # it only has to be there
        """Run the target in this process."""
        config = {"api_url": sandbox.api_url, **sandbox.credentials, "streams": [MAPPING]}
        return TargetTestRunner(target_class=TargetTocobagus, config=config)

    @staticmethod
    def sync(runner: TargetTestRunner, name: str) -> None:
        """Let a run read one of the standard streams."""
        source = importlib.resources.files(target_test_streams) / f"{name}.singer"
        with source.open(encoding="utf-8") as file:
            runner.target_input = file
            runner.sync_all()

    def test_target_record_missing_key_property(
        self, runner: TargetTestRunner, sandbox: Sandbox
    ) -> None:
        """A record without its key does not end the run, as the suite has it: no bad row does."""
        self.sync(runner, "record_missing_key_property")
        assert sandbox.requests() == []

    def test_target_invalid_schema(self, runner: TargetTestRunner, sandbox: Sandbox) -> None:
        """A SCHEMA without properties does not end the run, as the suite has it."""
        self.sync(runner, "invalid_schema")
        assert sandbox.requests() == []

    def test_what_the_standard_streams_hold_arrives(
        self, runner: TargetTestRunner, sandbox: Sandbox
    ) -> None:
        """The mapping above is one under which rows are really sent, and the last value wins."""
        self.sync(runner, "duplicate_records")
        assert sandbox.stock() == {
            ("externalId", "1"): {None: 100},
            ("externalId", "2"): {None: 20},
        }
