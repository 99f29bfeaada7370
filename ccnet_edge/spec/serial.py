"""Frozen dataclasses to JSON and back, with a schema version and errors that name the field.

Fields may be bool, int, float, str, None, Literal, tuples, optionals and such dataclasses.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ccnet_edge.errors import ConfigError, closest

T = TypeVar("T")

SCHEMA_VERSION = 1
# A list without strings, lists or objects in it, as `json` indents it; inside a string there is no
# line break. Longer ones than this are put on a line.
NUMBERS = re.compile(r"\[\n([^\[\]{}\"]+)\n *\]")
SHORT = 16


def to_dict(value: object) -> dict[str, Any]:
    """`value` as plain JSON types, with `schema_version` first."""
    return {"schema_version": SCHEMA_VERSION, **plain(value)}


def to_json(value: object) -> str:
    """`value` as a JSON document: the same value gives the same bytes.

    Long lists of numbers, which raw samples are, take a line instead of one for each.
    """
    text = json.dumps(to_dict(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return NUMBERS.sub(_on_one_line, text)


def from_dict(cls: type[T], data: object, *, where: str = "") -> T:
    """The `cls` that `data` holds.

    Args:
        where: what an error names as the place, usually a path.

    Raises:
        ConfigError: another schema version, a missing, unknown or mistyped field.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: an object was wanted, found {_kind(data)}")
    version = data.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ConfigError(
            f"{where}: schema version {SCHEMA_VERSION} was wanted, found {version!r}",
            hint="it was written by another version of ccnet-edge; make it again with this one",
        )
    plain = {key: value for key, value in data.items() if key != "schema_version"}
    loaded: T = _object(cls, plain, where)
    return loaded


def from_json(cls: type[T], text: str, *, where: str = "") -> T:
    """The `cls` in a JSON document; see `from_dict`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where}: not JSON: {error}") from error
    return from_dict(cls, data, where=where)


def load(cls: type[T], path: Path) -> T:
    """The `cls` in the JSON file at `path`; see `from_dict`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: could not be read: {error}") from error
    return from_json(cls, text, where=str(path))


def save(value: object, path: Path) -> Path:
    """Write `value` to `path` as JSON, aside and then renamed."""
    return write_text(path, to_json(value))


def write_text(path: Path, text: str) -> Path:
    """Write `text` to `path` so that a kill leaves the old file or the new one, whole."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` to `path` so that a kill leaves the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def plain(value: Any) -> Any:
    """`value` as plain JSON types: dataclasses become objects, tuples lists."""
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def _on_one_line(match: re.Match[str]) -> str:
    numbers = match[1].split()
    return f"[{' '.join(numbers)}]" if len(numbers) > SHORT else match[0]


def _object(cls: Any, data: dict[str, Any], where: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in data:
        if key not in fields:
            raise ConfigError(f"{where}: unknown field {key!r}", hint=closest(key, fields))
    hints = get_type_hints(cls)
    arguments: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            arguments[name] = _value(hints[name], data[name], f"{where}: {name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}: field {name!r} is missing")
    return cls(**arguments)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: an object was wanted, found {_kind(value)}")
        return _object(hint, value, where)
    if origin is tuple:
        return _tuple(get_args(hint), value, where)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), value, where)
    if origin is Literal:
        if value not in get_args(hint):
            raise ConfigError(
                f"{where}: one of {', '.join(map(str, get_args(hint)))} was wanted, found {value!r}"
            )
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        name = getattr(hint, "__name__", str(hint))
        raise ConfigError(f"{where}: {name} was wanted, found {_kind(value)} {value!r}")
    return value


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where}: a list was wanted, found {_kind(value)}")
    if len(hints) == 2 and hints[1] is Ellipsis:
        if all(type(item) is hints[0] for item in value):
            # Plain ones, of which there may be a million.
            return tuple(value)
        hints = (hints[0],) * len(value)
    if len(hints) != len(value):
        raise ConfigError(f"{where}: {len(hints)} entries were wanted, found {len(value)}")
    return tuple(
        _value(hint, item, f"{where}[{i}]")
        for i, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _union(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in hints:
        return None
    rest = [hint for hint in hints if hint is not type(None)]
    for hint in rest[:-1]:
        try:
            return _value(hint, value, where)
        except ConfigError:
            continue
    return _value(rest[-1], value, where)


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
