"""The settings stand in the schema, and are told alike in the README, meltano.yml and --about."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from target_tocobagus.cli import main
from target_tocobagus.config.settings import SCHEMA
from target_tocobagus.config.validation import CREDENTIALS
from target_tocobagus.target import TargetTocobagus

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
PROJECT: Final[dict[str, Any]] = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
LOADER: Final[dict[str, Any]] = PROJECT["plugins"]["loaders"][0]
HUB: Final[dict[str, Any]] = yaml.safe_load(
    (ROOT / "docs" / "meltano-hub" / "target-tocobagus.yml").read_text("utf-8")
)
OWN: Final[dict[str, Any]] = SCHEMA["properties"]
IDLE: Final = {"add_record_metadata", "load_method", "faker_config"}
"""Settings of the SDK that this target does not use; meltano.yml leaves them out, and says so."""
HUB_REQUIRES: Final = {"name", "namespace", "variant", "quality"}
HUB_ALLOWS: Final = {
    *HUB_REQUIRES,
    *("capabilities", "commands", "definition", "description", "docs", "domain_url", "executable"),
    *("keywords", "label", "logo_url", "maintenance_status", "pip_url", "repo", "settings"),
    *("settings_group_validation", "supported_python_versions", "usage"),
}
"""Keys of a loader, by `schemas/plugin_definitions/loaders.schema.json` of
https://github.com/meltano/hub at 9d28b36a64bf1ba18d6b0dd6936d8f14d2eaa0ba, those apart that are not
for a loader like this one. What it takes for the values of some follows."""
HUB_VALUES: Final = {
    "maintenance_status": {"active", "beta", "development", "inactive", "unknown"},
    "quality": {"gold", "silver", "bronze", "unknown"},
}
HUB_KINDS: Final = {"array", "boolean", "integer", "object", "options", "string"}


def about(*options: str) -> str:
    """Give what `--about` writes."""
    command = [sys.executable, "-m", "target_tocobagus", "--about", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What `--about` tells a machine."""
    values: dict[str, Any] = json.loads(about("--format=json"))
    return values


@pytest.fixture(scope="module")
def known(told: dict[str, Any]) -> dict[str, Any]:
    """All settings, the SDK's among them, as `--about` tells a machine."""
    settings: dict[str, Any] = told["settings"]["properties"]
    return settings


def kind_of(schema: dict[str, Any]) -> str:
    """Name a setting's kind as Meltano does."""
    (kind,) = (name for name in schema["type"] if name != "null")
    return "options" if "enum" in schema else str(kind)


def default_of(name: str, schema: dict[str, Any]) -> str:
    """Write a setting's default as the README does."""
    value = schema.get("default")
    if name in CREDENTIALS:
        return "required"
    if value in (None, ""):
        return "none" if value is None else "empty"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def test_the_readme_tells_the_settings_of_the_schema() -> None:
    """Names, defaults and meanings are the schema's, in its order."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", README, re.MULTILINE)

    assert rows == [
        (name, default_of(name, schema), schema["description"].removesuffix(" Required."))
        for name, schema in OWN.items()
    ]


def test_meltano_knows_every_setting_that_does_something(known: dict[str, Any]) -> None:
    """Name and kind of each are the target's own, in its order; a secret is marked."""
    listed = [
        (setting["name"], setting["kind"], setting.get("sensitive", False))
        for setting in LOADER["settings"]
    ]

    assert listed == [
        (name, kind_of(schema), schema.get("secret", False))
        for name, schema in known.items()
        if name not in IDLE
    ]


@pytest.mark.parametrize("name", OWN)
def test_meltano_tells_a_setting_as_the_schema_does(name: str) -> None:
    """Label, description, default and options are the schema's."""
    (setting,) = (setting for setting in LOADER["settings"] if setting["name"] == name)
    schema = OWN[name]

    assert setting["label"] == schema["title"]
    assert setting["description"] == schema["description"]
    assert ("value" in setting, setting.get("value")) == (
        "default" in schema,
        schema.get("default"),
    )
    options = [option["value"] for option in setting.get("options", ())]
    assert options == [value for value in schema.get("enum", ()) if value is not None]


def test_meltano_tells_what_the_target_can_do() -> None:
    """Command and capabilities are the target's own."""
    assert LOADER["executable"] == TargetTocobagus.name
    assert LOADER["capabilities"] == [each.value for each in TargetTocobagus.capabilities]


def test_meltanos_commands_are_those_of_the_operators_tool() -> None:
    """Each is a command of `tocobagus` by its own name; what reads settings reads Meltano's."""
    for name, command in LOADER["commands"].items():
        known = main.get_command(click.Context(main), name)
        assert known, name
        options = {option for each in known.params for option in each.opts}
        config = " --config=ENV" if "--config" in options else ""
        assert command["executable"] == "tocobagus"
        assert command["args"] == name + config


@pytest.mark.parametrize(
    "key", ["name", "namespace", "executable", "capabilities", "commands", "settings"]
)
def test_the_hubs_definition_is_the_projects(key: str) -> None:
    """A project that adds the loader from its definition has what meltano.yml has."""
    assert HUB[key] == LOADER[key]


def test_the_hubs_definition_is_what_the_hub_takes(told: dict[str, Any]) -> None:
    """It has the keys that the hub requires and none that it refuses, in its order."""
    assert set(HUB) >= HUB_REQUIRES
    assert set(HUB) <= HUB_ALLOWS
    assert all(HUB[key] in values for key, values in HUB_VALUES.items())
    assert {setting["kind"] for setting in HUB["settings"]} <= HUB_KINDS
    for mapping in (HUB, *HUB["settings"], *HUB["commands"].values()):
        assert list(mapping) == sorted(mapping)
    assert HUB["settings_group_validation"] == [list(CREDENTIALS)]
    assert HUB["supported_python_versions"] == told["supported_python_versions"]
    assert OWN["api_url"]["default"].startswith(HUB["domain_url"])


def test_meltano_schedules_a_job_of_these_plugins() -> None:
    """The schedule's job is there, and its tasks are plugins that are there."""
    plugins = {plugin["name"] for kind in PROJECT["plugins"].values() for plugin in kind}
    (job,) = PROJECT["jobs"]
    (schedule,) = PROJECT["schedules"]

    assert schedule["job"] == job["name"]
    assert {name for task in job["tasks"] for name in task.split()} <= plugins


@pytest.mark.parametrize("options", [["--format=markdown"], []], ids=str)
def test_about_tells_every_setting(known: dict[str, Any], options: list[str]) -> None:
    """A person reads the same names as a machine, the schema's among them."""
    told = about(*options)

    assert list(OWN) == list(known)[: len(OWN)]
    for name in known:
        assert re.search(rf"\b{name}\b", told), name
