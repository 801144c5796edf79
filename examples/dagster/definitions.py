"""An asset for each partner, a partition for each of its stores, and checks from the ledger.

Where STATE is, what is retried and what an operator should know: docs/orchestrators.md.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
from stock_stores import Partner, read
from store_run import ask_ledger, login_from_environment, run_store

LIST = Path(os.environ.get("TOCOBAGUS_STORES", "/srv/stock/stores.yml"))
RETRY_SECONDS = int(os.environ.get("TOCOBAGUS_RETRY_SECONDS", "60"))
CRON = os.environ.get("TOCOBAGUS_SCHEDULE", "*/15 * * * *")
OLDEST = timedelta(hours=2)
"""How old 95 % of the stock may be when the API accepts it, and how long ago the last good run."""

FROM_START = "tocobagus/from_start"
"""A run with this tag reads its source from the beginning."""

MOST_REJECTED = 0.01
"""The share of rows that may be rejected."""

PARTNERS = read(LIST)  # a slip is shown as this code location's error
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
STORES = {store.store: store for partner in PARTNERS for store in partner.stores}


def last_state(context: dg.AssetExecutionContext) -> str | None:
    """Read the STATE that the store's last run kept, on whatever machine."""
    if FROM_START in context.run.tags:
        return None
    of_store = dg.AssetRecordsFilter(context.asset_key, asset_partitions=[context.partition_key])
    for record in context.instance.fetch_observations(of_store, limit=1).records:
        observed = record.asset_observation
        return str(observed.metadata["state"].value) if observed else None
    return None


def keep_state(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    """Keep each STATE as an observation: at once, and whatever becomes of the run."""
    return lambda state: context.log_event(
        dg.AssetObservation(
            context.asset_key, partition=context.partition_key, metadata={"state": state}
        )
    )


def stock(partner: Partner) -> dg.AssetsDefinition:
    """Make the asset of a partner; its stores share a pool."""

    @dg.asset(
        name=asset_name(partner),
        partitions_def=dg.StaticPartitionsDefinition([store.store for store in partner.stores]),
        pool=f"tocobagus_{partner.partner}",
        retry_policy=dg.RetryPolicy(3, delay=RETRY_SECONDS, backoff=dg.Backoff.EXPONENTIAL),
    )
    def sync(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        """Run one store; exit 2 is not retried, any other failure is."""
        outcome = run_store(
            STORES[context.partition_key],
            login_from_environment,
            state=last_state(context),
            keep=keep_state(context),
        )
        if outcome.exit_code:
            raise dg.Failure(
                str(outcome),
                metadata={"summary": outcome.summary},
                allow_retries=not outcome.needs_person,
            )
        return dg.MaterializeResult(metadata={"summary": outcome.summary})

    return sync


def checks(partner: Partner) -> dg.AssetChecksDefinition:
    """Make the checks of a partner: each passes if all stores do, and tells which do not.

    They ask the ledger, so they say the truth after a failed run, and when there was none.
    """
    name = asset_name(partner)
    specs = [dg.AssetCheckSpec(check, asset=name) for check in ("freshness", "rejected", "guard")]

    @dg.multi_asset_check(name=f"{name}_checks", specs=specs)
    def check() -> Iterator[dg.AssetCheckResult]:
        found = {
            store.store: judge(ask_ledger(store, login_from_environment))
            for store in partner.stores
        }
        for spec in specs:
            wrong = {store: told[spec.name] for store, told in found.items() if told[spec.name]}
            yield dg.AssetCheckResult(check_name=spec.name, passed=not wrong, metadata=wrong)

    return check


def judge(report: dict[str, Any]) -> dict[str, str]:
    """Say what is wrong with a store, by what `tocobagus report --json` tells; empty if nothing."""
    (last, *_) = [*(run for run in report.get("runs", []) if run["summary"]), {"summary": {}}]
    count = Counter(last["summary"])
    rows = count["accepted"] + count["unchanged"] + count["rejected"]
    age = (last["summary"].get("freshness") or {}).get("p95", 0)
    since = report.get("last_success")
    late = not since or datetime.now(timezone.utc) - datetime.fromisoformat(since) > OLDEST
    return {
        "freshness": f"last good run: {since or 'never'}"
        if late
        else f"{age:.0f} s old when accepted"
        if age > OLDEST.total_seconds()
        else "",
        "rejected": f"{count['rejected']} of {rows} rows"
        if count["rejected"] > MOST_REJECTED * rows
        else "",
        "guard": f"it has fired; the last run held {count['held']}"
        if report.get("guard_fired")
        else "",
    }


def each_store(partner: Partner) -> dg.ScheduleDefinition:
    """Start a run for each store that has none under way or waiting."""
    name = asset_name(partner)
    job = f"sync_{name}"

    @dg.schedule(name=f"each_of_{name}", job_name=job, cron_schedule=CRON)
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        unfinished = dg.RunsFilter(job_name=job, statuses=UNFINISHED)
        busy = {run.tags.get("dagster/partition") for run in context.instance.get_runs(unfinished)}
        at = context.scheduled_execution_time.isoformat()
        yield from (
            dg.RunRequest(run_key=f"{at} {store.store}", partition_key=store.store)
            for store in partner.stores
            if store.store not in busy
        )

    return schedule


def asset_name(partner: Partner) -> str:
    """Name a partner as Dagster allows."""
    return f"stock_{partner.partner.replace('-', '_')}"


def definitions() -> dg.Definitions:
    """Put together what there is for each partner."""
    assets, asked, jobs, schedules = [], [], [], []
    for partner in PARTNERS:
        assets.append(stock(partner))
        asked.append(checks(partner))
        name = asset_name(partner)
        sync = dg.define_asset_job(f"sync_{name}", dg.AssetSelection.assets(name).without_checks())
        check = dg.define_asset_job(f"check_{name}", dg.AssetSelection.checks(asked[-1]))
        jobs += [sync, check]
        schedules += [
            each_store(partner),
            dg.ScheduleDefinition(job=check, cron_schedule=CRON),
        ]
    return dg.Definitions(
        assets=assets,
        asset_checks=asked,
        jobs=jobs,
        schedules=schedules,
        executor=dg.in_process_executor,
    )


defs = definitions()
