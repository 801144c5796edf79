"""The streams of a tap's catalog, by what is selected there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.cli.map.content import Content, Declared, Flaw, has_columns, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FEW: Final = 5


def declared(streams: list[Any], *, unselected: bool) -> Iterator[Content]:
    """Read a catalog's streams, each as the tap would declare it by what is selected.

    Args:
        streams: The catalog's.
        unselected: Give also those that are not selected.
    """
    names: set[str] = set()
    left_out: list[str] = []
    for place, entry in enumerate(streams):
        found = _stream_of(entry, names) if isinstance(entry, dict) else None
        if found is None:
            yield Flaw(None, f"The catalog's streams[{place}] has no name, or no columns")
            continue
        metadata = _metadata(entry)
        if metadata.get((), {}).get("selected") is False and not unselected:
            left_out.append(repr(found.stream))
            continue
        names.add(found.stream)
        yield _as_selected(found, metadata)
    if left_out:
        yield Flaw(None, f"Not selected, and so left out without --all: {_some(left_out)}")


def _stream_of(entry: Mapping[str, Any], taken: set[str]) -> Declared | None:
    """Find out what a stream is called: `stream`, unless another one is called so."""
    given = [entry.get("stream"), entry.get("tap_stream_id")]
    names = [name for name in given if isinstance(name, str) and name]
    schema = entry.get("schema")
    if not names or not isinstance(schema, dict) or not has_columns(schema):
        return None
    name = next((name for name in names if name not in taken), names[0])
    other = next((other for other in names if other != name), None)
    remark = f"It is also called {other!r} in the catalog: take the name that its SCHEMA has"
    return Declared(name, schema, remark if other else "", keys_of(entry))


def _metadata(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    given = entry.get("metadata")
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in given if isinstance(given, list) else []:
        place = each.get("breadcrumb") if isinstance(each, dict) else None
        if isinstance(place, list) and isinstance(each.get("metadata"), dict):
            found[tuple(map(str, place))] = each["metadata"]
    return found


def _as_selected(
    found: Declared, metadata: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> Declared:
    """Leave out the columns that the tap will not send."""
    given = found.schema["properties"]
    left_out = [name for name in given if _is_left_out(metadata.get(("properties", name), {}))]
    if not left_out:
        return found
    columns = {name: column for name, column in given.items() if name not in left_out}
    remark = f"Columns that are not selected: {_some(list(map(repr, left_out)))}"
    both = f"{found.remark}. {remark}" if found.remark else remark
    return found._replace(schema={**found.schema, "properties": columns}, remark=both)


def _is_left_out(column: Mapping[str, Any]) -> bool:
    inclusion = column.get("inclusion")
    unwanted = column.get("selected") is False and inclusion != "automatic"
    return inclusion == "unsupported" or unwanted


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"
