"""The templates for systemd and Kubernetes: what a run needs of them is in them."""

from __future__ import annotations

import configparser
from typing import Any, Final

import yaml

from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.pipeline.shutdown import GRACE_AFTER_SIGNAL
from tests.docs.documents import ROOT

SYSTEMD: Final = ROOT / "examples" / "systemd"
KUBERNETES: Final = ROOT / "examples" / "kubernetes" / "cronjob.yaml"
STORE_IS_BUSY: Final = 75


def unit(name: str) -> configparser.ConfigParser:
    """Read a unit of systemd."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # as its documentation does
    parser.read(SYSTEMD / name, "utf-8")
    return parser


def test_a_service_tries_again_what_may_heal() -> None:
    """Not where a person must act, nor where the last run is not over; and it can be stopped."""
    service = unit("tocobagus@.service")["Service"]
    prevented = {int(code) for code in service["RestartPreventExitStatus"].split()}
    assert service["Restart"] == "on-failure"
    assert prevented == {ActionNeeded.exit_code, STORE_IS_BUSY}
    assert int(service["TimeoutStopSec"]) > GRACE_AFTER_SIGNAL
    assert service["ExecStart"] == "/srv/stock/sync-stock %i"


def test_timers_of_stores_do_not_meet() -> None:
    """Each store has a delay of its own, and a missed run is made up for."""
    timer = unit("tocobagus@.timer")["Timer"]
    assert (timer["FixedRandomDelay"], timer["Persistent"]) == ("yes", "yes")


def test_a_cron_job_is_one_run_at_a_time() -> None:
    """It tries again what may heal, has time to end, holds no secret, and has a disk of its own."""
    job: dict[str, Any]
    job, claim = yaml.safe_load_all(KUBERNETES.read_text("utf-8"))
    spec = job["spec"]
    work = spec["jobTemplate"]["spec"]
    (rule,) = work["podFailurePolicy"]["rules"]
    pod = work["template"]["spec"]
    (container,) = pod["containers"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [ActionNeeded.exit_code])
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert pod["terminationGracePeriodSeconds"] > GRACE_AFTER_SIGNAL
    assert "env" not in container
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
