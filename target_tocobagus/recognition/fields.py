"""The fields of a stream, as its SCHEMA declares them and as its first records show them.

A SCHEMA often has less than the records: an object without columns, a list without a type, a text
that is JSON. So both are read, name by name, into one tree. A value that is not a schema has no
fields.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.json_lines import value_at
from target_tocobagus.mapping.record_errors import PathError
from target_tocobagus.mapping.values import BOM, json_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DEPTH: Final = 5
_MOST_VALUES: Final = 50
_SCALARS: Final = frozenset({"string", "integer", "number"})
_OPEN: Final = frozenset("[{")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPRESSION: Final = frozenset("[](){}|?*@&!<>=,:'`\"\\")
_COMBINED: Final = frozenset({"anyOf", "oneOf", "allOf"})
_NESTING: Final = _COMBINED | {"properties", "items"}


class Field(msgspec.Struct, frozen=True):
    """A field of a record, or of an entry of a list.

    Attributes:
        path: Names, from the record or the entry.
        types: The JSON types that it may have, without `null`; empty if none is known.
        is_date: Declared as a date or a time.
        inner: The fields of the object, or of the list's entries, with paths of their own.
        values: Its values in the records, without nulls.
    """

    path: tuple[str, ...]
    types: frozenset[str]
    is_list: bool
    is_date: bool
    inner: tuple[Field, ...]
    values: tuple[Any, ...]

    @property
    def is_scalar(self) -> bool:
        """Whether it can hold a number, a code or a name (a date-time cannot)."""
        may_be = not self.types or bool(self.types & _SCALARS)
        return may_be and not (self.inner or self.is_list or self.is_date)


def fields_of(schema: Any, records: Iterable[Any] = ()) -> tuple[Field, ...]:
    """Read the fields of a stream."""
    return _fields([schema], list(records), DEPTH)


def flat_names(schema: Any, records: Iterable[Any] = ()) -> set[str] | None:
    """List the columns of a stream; None if one may hold an object or a list."""
    columns = _properties(schema)
    if any(isinstance(each, dict) and not _NESTING.isdisjoint(each) for each in columns.values()):
        return None
    names = set(columns)
    for record in records:
        if isinstance(record, dict):
            if any(map(_may_be_nested, record.values())):
                return None
            names.update(record)
    return names


def _may_be_nested(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip()[:1] in _OPEN
    return isinstance(value, (dict, list))


def leaves(fields: Iterable[Field], depth: int = 3) -> Iterator[Field]:
    """List fields that are not objects, with their paths through objects; not inside lists."""
    for field in fields:
        if field.inner and not field.is_list:
            if depth > 1:
                for inner in leaves(field.inner, depth - 1):
                    yield msgspec.structs.replace(inner, path=field.path + inner.path)
        else:
            yield field


def path_of(names: Iterable[str]) -> str:
    """Write a path: a column's name as it is, unless it would be read as an expression."""
    given = tuple(names)
    if len(given) == 1 and not _EXPRESSION & set(given[0]):
        return given[0]
    return ".".join(map(quoted, given))


def quoted(name: str) -> str:
    """Write a name within a JMESPath expression."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def has_path(schema: Any, path: str) -> bool:
    """Whether a schema declares ``column.inner``, through lists and objects."""
    above, _, name = path.rpartition(".")
    return name in names_in(schema, above)


def names_in(schema: Any, path: str) -> set[str]:
    """List the names that a schema declares within ``column.inner``, or in the record itself."""
    scopes = [schema]
    for name in filter(None, path.split(".")):
        found = [_properties(scope).get(name) for scope in scopes]
        scopes = [branch for column in found for branch in _alternatives(column, DEPTH)]
    return {name for scope in scopes for name in _properties(scope)}


def columns(schema: Any) -> dict[str, Any]:
    """List a stream's declared columns with their schemas, without a BOM."""
    declared = _properties(schema).items()
    return {name.removeprefix(BOM): column for name, column in declared if is_own(name)}


def is_own(name: str) -> bool:
    """Whether a column is the tap's own, not one that was added (`_sdc_…`)."""
    return not name.removeprefix(BOM).startswith("_sdc_")


def _fields(schemas: Sequence[Any], values: Sequence[Any], depth: int) -> tuple[Field, ...]:
    if not depth:
        return ()
    declared: dict[str, list[Any]] = {}
    for schema in schemas:
        for name, column in _properties(schema).items():
            declared.setdefault(name.removeprefix(BOM), []).append(column)
    found: dict[str, list[Any]] = {name: [] for name in declared}
    for value in values:
        if isinstance(value, dict):
            for name, inner in value.items():
                found.setdefault(name.removeprefix(BOM), []).append(inner)
    return tuple(
        _field(name, declared.get(name, []), found[name], depth) for name in filter(is_own, found)
    )


def _field(name: str, schemas: Sequence[Any], values: Sequence[Any], depth: int) -> Field:
    given = [_parsed(value) for value in values if value is not None][:_MOST_VALUES]
    branches = [branch for schema in schemas for branch in _alternatives(schema, DEPTH)]
    types = frozenset[str]().union(*map(types_of, schemas))
    lists = [value for value in given if isinstance(value, list)]
    entries = [entry for each in lists for entry in each][:_MOST_VALUES]
    objects = [value for value in [*given, *entries] if isinstance(value, dict)]
    return Field(
        path=(name,),
        types=types or frozenset(map(_type_of, given)),
        is_list=bool(lists) or ("array" in types and "object" not in types and not objects),
        is_date=any("date" in str(each["format"]) for each in branches if "format" in each),
        inner=_fields(branches, objects, depth - 1),
        values=tuple(given),
    )


def _parsed(value: Any) -> Any:
    """Parse the JSON text of a list or an object; return other values as they are."""
    try:
        inner = json_value(value) if isinstance(value, str) else None
    except PathError:
        inner = None
    return value if inner is None else inner


def _type_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")


def _properties(schema: Any) -> Mapping[str, Any]:
    properties = value_at(schema, "properties")
    return properties if isinstance(properties, dict) else {}


def _alternatives(schema: Any, depth: int) -> list[dict[str, Any]]:
    """List a schema, each of its `anyOf`, and the schemas of their lists' entries."""
    found = _branches(schema, depth)
    for branch in found:
        if "items" in branch:
            found = found + _alternatives(branch["items"], depth - 1)
    return found


def _branches(schema: Any, depth: int) -> list[dict[str, Any]]:
    """List a schema and each of its `anyOf`, however nested."""
    if not isinstance(schema, dict) or not depth:
        return []
    found = [schema]
    if not _COMBINED.isdisjoint(schema):
        for branches in (schema.get(key) for key in sorted(_COMBINED)):
            for branch in branches if isinstance(branches, list) else ():
                found += _branches(branch, depth - 1)
    return found


def types_of(schema: Any) -> frozenset[str]:
    """List the JSON types that a column's schema allows, without `null`."""
    declared = [branch.get("type") for branch in _branches(schema, DEPTH)]
    kinds = [kind for each in declared for kind in (each if isinstance(each, list) else [each])]
    return frozenset(kind for kind in kinds if isinstance(kind, str)) - {"null"}
