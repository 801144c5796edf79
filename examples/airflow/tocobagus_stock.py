"""A task for each store, mapped over the list of stores, and a pool for each partner.

Where STATE is, what is retried and what an operator should know: docs/orchestrators.md.
"""

import logging
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.sdk import (
    Connection,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
    Variable,
    dag,
    task,
)
from stock_alerts import PersonMustActError, StoreFailedError, tell_deadline, tell_failure
from stock_stores import read
from store_run import Login, run_store

LIST = Path(os.environ.get("TOCOBAGUS_STORES", "/srv/stock/stores.yml"))
DEADLINE = timedelta(seconds=int(os.environ.get("TOCOBAGUS_DEADLINE_SECONDS", "1800")))
PARTNERS = read(LIST)  # a slip is shown as this DAG's import error
STORES = {store.store: store for partner in PARTNERS for store in partner.stores}

log = logging.getLogger(__name__)


def login(name: str) -> Login:
    """Look up a connection: in Airflow's database, a secrets backend, or AIRFLOW_CONN_…."""
    connection = Connection.get(name)
    return Login(connection.login or "", connection.password or "")


@task(
    map_index_template="{{ task.op_kwargs['store'] }}",
    retries=int(os.environ.get("TOCOBAGUS_RETRIES", "3")),
    retry_delay=timedelta(seconds=int(os.environ.get("TOCOBAGUS_RETRY_SECONDS", "60"))),
    retry_exponential_backoff=True,
    execution_timeout=timedelta(hours=1),
    on_failure_callback=tell_failure,
)
def sync(store: str) -> dict[str, Any]:
    """Run one store, and give the summary; exit 2 is not retried, any other failure is."""
    kept = f"tocobagus_state_{store}"
    outcome = run_store(
        STORES[store],
        login,
        state=Variable.get(kept, default=None),
        keep=lambda state: Variable.set(kept, state),
        say=log.info,
    )
    if outcome.exit_code:
        raise (PersonMustActError if outcome.needs_person else StoreFailedError)(outcome)
    return outcome.summary


@dag(
    schedule=os.environ.get("TOCOBAGUS_SCHEDULE", "*/15 * * * *") or None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=DEADLINE,
        callback=SyncCallback(tell_deadline),
    ),
)
def tocobagus_stock() -> None:
    """Synchronise all stores; those of a partner share its pool."""
    for partner in PARTNERS:
        pooled = sync.override(
            task_id=f"sync_{partner.partner}", pool=f"tocobagus_{partner.partner}"
        )
        pooled.expand(store=[store.store for store in partner.stores])


tocobagus_stock()
