"""Prints what a Dagster instance knows of its runs, as JSON; run by Dagster's own Python."""

from __future__ import annotations

import json
import sys
from typing import Any

from dagster import AssetKey, AssetRecordsFilter, DagsterEventType, DagsterInstance, DagsterRun


def _events(instance: DagsterInstance, run: DagsterRun, kind: DagsterEventType) -> list[Any]:
    return [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kind)]


def _run(instance: DagsterInstance, record: Any) -> dict[str, Any]:
    run = record.dagster_run
    failures = _events(instance, run, DagsterEventType.STEP_FAILURE)
    checks = _events(instance, run, DagsterEventType.ASSET_CHECK_EVALUATION)
    materialized = _events(instance, run, DagsterEventType.ASSET_MATERIALIZATION)
    given = failures[-1].event_specific_data.user_failure_data if failures else None
    metadata = (
        given.metadata
        if given
        else materialized[-1].materialization.metadata
        if materialized
        else {}
    )
    return {
        "job": run.job_name,
        "partition": run.tags.get("dagster/partition"),
        "status": run.status.value,
        "begin": record.start_time or 0,
        "end": record.end_time or 0,
        "attempts": 1 + len(_events(instance, run, DagsterEventType.STEP_RESTARTED)),
        "taken_up": "dagster/parent_run_id" in run.tags,
        "error": given.description if given else "",
        "summary": metadata["summary"].value if "summary" in metadata else {},
        "checks": {
            each.event_specific_data.check_name: [
                each.event_specific_data.passed,
                {name: value.value for name, value in each.event_specific_data.metadata.items()},
            ]
            for each in checks
        },
    }


def _states(instance: DagsterInstance) -> dict[str, Any]:
    """Read the newest STATE of each store, named as ASSET/STORE by the arguments."""
    states = {}
    for named in sys.argv[1:]:
        asset, _, store = named.partition("/")
        wanted = AssetRecordsFilter(AssetKey(asset), asset_partitions=[store])
        for record in instance.fetch_observations(wanted, limit=1).records:
            observed = record.asset_observation
            states[store] = json.loads(str(observed.metadata["state"].value)) if observed else None
    return states


with DagsterInstance.get() as found:
    runs = [_run(found, record) for record in found.get_run_records(ascending=True)]
    print(json.dumps({"runs": runs, "states": _states(found)}))  # noqa: T201  # its answer
