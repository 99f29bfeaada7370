"""JSON Schema (draft 2020-12) of the documents that `serial` writes and reads."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ccnet_edge.spec.serial import SCHEMA_VERSION, plain

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def json_schema(cls: type, name: str) -> dict[str, Any]:
    """The schema of a document that holds a `cls`.

    It takes what `serial.from_dict` takes: fields with a default may be missing, others may not,
    and there are no others than these.

    Args:
        cls: a frozen dataclass as `serial` knows them.
        name: the document's, in its `$id`.
    """
    parts: dict[str, Any] = {}
    root = _object(cls, parts)
    root["properties"] = {"schema_version": {"const": SCHEMA_VERSION}, **root["properties"]}
    head = {"$schema": DIALECT, "$id": f"urn:ccnet-edge:{name}:{SCHEMA_VERSION}", "title": name}
    return {**head, **root, "$defs": dict(sorted(parts.items()))}


def _object(cls: Any, parts: dict[str, Any]) -> dict[str, Any]:
    hints, fields = get_type_hints(cls), dataclasses.fields(cls)
    return {
        "type": "object",
        "description": (cls.__doc__ or "").split("\n\n")[0].replace("\n", " "),
        "properties": {field.name: _field(field, hints[field.name], parts) for field in fields},
        "required": [field.name for field in fields if _required(field)],
        "additionalProperties": False,
    }


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _field(field: dataclasses.Field[Any], hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    found = _type(hint, parts)
    if field.default is not dataclasses.MISSING:
        found = {**found, "default": plain(field.default)}
    return found


def _type(hint: Any, parts: dict[str, Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint):
        return _part(hint, parts)
    origin = get_origin(hint)
    if origin is tuple:
        return _list(get_args(hint), parts)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type(each, parts) for each in get_args(hint)]}
    if origin is Literal:
        return {"enum": list(get_args(hint))}
    return {"type": PLAIN[hint]}


def _part(cls: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """A reference; two classes of one name in one document are told apart by their modules."""
    name = cls.__name__
    if name in parts and parts[name]["$comment"] != cls.__module__:
        name = f"{cls.__module__}.{name}"
    if name not in parts:
        parts[name] = {"$comment": cls.__module__}  # before its fields, which may hold it too
        parts[name] |= _object(cls, parts)
    return {"$ref": f"#/$defs/{name}"}


def _list(hints: tuple[Any, ...], parts: dict[str, Any]) -> dict[str, Any]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return {"type": "array", "items": _type(hints[0], parts)}
    return {
        "type": "array",
        "prefixItems": [_type(hint, parts) for hint in hints],
        "items": False,
        "minItems": len(hints),
    }
