"""The list of stores: read, checked, and told apart, for every orchestrator the same.

What is wrong with the list is said with its line: all of it at once, before anything runs.
`python stock_stores.py stores.yml` checks a list, and writes its pools for `airflow pools import`.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsonschema
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEMA: Final = Path(__file__).with_name("stores.schema.json")


_OWN_PLACE: Final = (
    "credentials and the ledger are never written here, and the limit is the partner's"
)
_Slip = tuple[list[Any], str]
"""The way from the root to what is wrong, and what is wrong with it."""


class StoresError(ValueError):
    """The list of stores cannot be used; one line for each slip."""


class Store(NamedTuple):
    """One store, with all that a run of it needs but secrets.

    Attributes:
        store: Its name.
        partner: The name of its partner, and so of its pool.
        credentials: The names under which partner, store and, if it has any, tap have theirs.
        tap: The tap's command, configuration, and catalog.
        target: The target's settings.
    """

    store: str
    partner: str
    credentials: dict[str, str]
    tap: dict[str, Any]
    target: dict[str, Any]


class Partner(NamedTuple):
    """A partner: how many of its stores may run at once, and who they are."""

    partner: str
    at_once: int
    stores: tuple[Store, ...]


def read(path: Path) -> list[Partner]:
    """Read the list of stores, a YAML file.

    Raises:
        StoresError: It is not YAML, does not fit the schema, or names two stores alike.
    """
    text = path.read_text("utf-8")
    try:
        tree, listed = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = f"{path.name} is not YAML: {' '.join(str(error).split())}"
        raise StoresError(message) from None
    slips = list(_schema_slips(listed)) or list(_other_slips(listed))
    if slips:
        numbered = sorted((_line(tree, way), said) for way, said in slips)
        raise StoresError("\n".join(f"{path.name}, line {line}: {said}" for line, said in numbered))
    return [_partner(each, listed, path.parent) for each in listed["partners"]]


def _schema_slips(listed: Any) -> Iterator[_Slip]:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for error in jsonschema.Draft202012Validator(schema).iter_errors(listed):
        way = list(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            yield from (
                ([*way, key], f"unknown key {key!r}{_nearest(key, known)}")
                for key in error.instance
                if key not in known
            )
        elif error.validator == "not":
            yield [*way, error.instance], f"{error.instance!r} does not belong here: {_OWN_PLACE}"
        else:
            key = f"{way[-1]}: " if way and isinstance(way[-1], str) else ""
            yield way, f"{key}{error.message}"


def _nearest(key: Any, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"


def _other_slips(listed: dict[str, Any]) -> Iterator[_Slip]:
    """Find what a schema cannot say: equal names, a store without a tap, a limit too small."""
    seen: set[tuple[str, str]] = set()
    for p, partner in enumerate(listed["partners"]):
        way = ["partners", p]
        named = [(way, "partner", partner["partner"])]
        for s, store in enumerate(partner["stores"]):
            named.append(([*way, "stores", s], "store", store["store"]))
            if "command" not in _merged(listed, store, "tap"):
                yield [*way, "stores", s], f"{store['store']} has no tap: set `command` in `tap`"
        for where, kind, name in named:
            if (kind, name) in seen:
                yield where, f"two entries have the {kind} {name!r}"
            seen.add((kind, name))
        if _share(partner) == 0:
            yield [*way, "requests_per_minute"], "is less than one for each store: lower at_once"


def _line(node: yaml.Node | None, way: list[Any]) -> int:
    """Find the line, from 1, of the entry to which a way leads, or of the last that there is."""
    for step in way:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = {key.value: (key, value) for key, value in node.value}.get(str(step))
            if found is None:
                break
            if step == way[-1]:
                node = found[0]
                break
            node = found[1]
    line: int = node.start_mark.line if node else 0
    return line + 1


def _partner(given: dict[str, Any], listed: dict[str, Any], folder: Path) -> Partner:
    stores = tuple(_store(each, given, listed, folder) for each in given["stores"])
    return Partner(given["partner"], given["at_once"], stores)


def _store(
    given: dict[str, Any], partner: dict[str, Any], listed: dict[str, Any], folder: Path
) -> Store:
    tap = _merged(listed, given, "tap")
    credentials = {"partner": partner["credentials"], "store": given["credentials"]}
    if "credentials" in tap:
        credentials["tap"] = tap.pop("credentials")
    if "catalog" in tap:
        tap["catalog"] = str(folder / tap["catalog"])
    target = _merged(listed, given, "target")
    if (share := _share(partner)) is not None:
        target["requests_per_minute"] = share
    return Store(given["store"], partner["partner"], credentials, tap, target)


def _merged(listed: dict[str, Any], store: dict[str, Any], key: str) -> dict[str, Any]:
    """Put what a store says of itself over what is said of all of them."""
    common, own = listed.get(key, {}), store.get(key, {})
    merged = {**common, **own}
    if isinstance(common.get("config"), dict):
        merged["config"] = {**common["config"], **own.get("config", {})}
    return merged


def _share(partner: dict[str, Any]) -> int | None:
    """Work out how many requests a minute a run may send, if that is limited."""
    limit: int | None = partner.get("requests_per_minute")
    if limit is None or partner["limit_is_for"] == "store":
        return limit
    return limit // int(partner["at_once"])


def pools(partners: Iterable[Partner]) -> dict[str, dict[str, Any]]:
    """Give the pools of partners, as `airflow pools import` reads them."""
    return {
        f"tocobagus_{each.partner}": {"slots": each.at_once, "description": each.partner}
        for each in partners
    }


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(pools(read(Path(sys.argv[1]))), indent=2) + "\n")
    except StoresError as slips:
        sys.exit(str(slips))
