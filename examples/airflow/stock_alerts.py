"""Whom a failure is told: a log, and a webhook if TOCOBAGUS_ALERT_URL names one."""

import json
import logging
import os
from typing import Any
from urllib.request import Request, urlopen

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from store_run import Outcome

log = logging.getLogger(__name__)


class StoreFailedError(AirflowException):
    """A run has failed, and another one may succeed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class PersonMustActError(AirflowFailException):
    """A run has failed, and a retry would only repeat that."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def tell_failure(context: dict[str, Any]) -> None:
    """Tell of a store that has failed for good: its last error, and the run's summary.

    A task that was killed, and not by Airflow, has no outcome; then it is told without.
    """
    error, instance = context.get("exception"), context["ti"]
    outcome = getattr(error, "outcome", None)
    tell(
        {
            "alert": "failed",
            "store": getattr(instance, "rendered_map_index", None) or instance.map_index,
            "dag_run": context["run_id"],
            "tries": instance.try_number,
            "error": str(error),
            "exit_code": outcome and outcome.exit_code,
            "summary": outcome and outcome.summary,
        }
    )


def tell_deadline(context: dict[str, Any]) -> None:
    """Tell that not all stores were done in time."""
    tell({"alert": "late", "dag_run": context["dag_run"]["dag_run_id"]})


def tell(alert: dict[str, Any]) -> None:
    """Write an alert to the log, and send it as JSON."""
    log.error("Alert: %s", json.dumps(alert))
    if url := os.environ.get("TOCOBAGUS_ALERT_URL"):
        body = json.dumps(alert).encode()
        request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  # the operator's own
        urlopen(request, timeout=10).close()  # noqa: S310  # as above
