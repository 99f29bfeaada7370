"""Device profiles: reads and checks `targets/*.toml`, and a person's own file wherever a name does.

A profile's numbers carry their datasheet in a comment of the file. Sizes and times are text
with a unit ("1MB", "33ms"); what the file may hold is in the models below, and everything
that is wrong with a file is reported at once.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

import ccnet_edge
from ccnet_edge.errors import ConfigError, UsageError, closest, unknown_key
from ccnet_edge.spec.target import (
    Budgets,
    Connection,
    DeviceProfile,
    Precision,
    Reservation,
)
from ccnet_edge.units import parse_bytes, parse_ms

# In a wheel the profiles lie inside the package, in a checkout beside it.
_PACKAGE = Path(ccnet_edge.__file__).parent
PROFILE_FOLDERS = (_PACKAGE / "_targets", _PACKAGE.parent / "targets")

Engine = Literal["onnxruntime", "tensorrt", "openvino", "ncnn", "litert", "executorch"]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text with a unit was wanted")
    return value


def _bytes(value: Any) -> int:
    try:
        return parse_bytes(_text(value))
    except UsageError as error:
        raise ValueError(error.message) from error


def _ms(value: Any) -> float:
    try:
        return parse_ms(_text(value))
    except UsageError as error:
        raise ValueError(error.message) from error


Size = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Time = Annotated[float, BeforeValidator(_ms), Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Processor(_Table):
    model: str
    instruction_set: str
    cores: Annotated[int, Field(ge=1)]
    gmacs_per_s: Annotated[float, Field(gt=0)] | None = None


class _Reserved(_Table):
    what: str
    size: Size


class _Memory(_Table):
    device: Size
    reserved: tuple[_Reserved, ...]


class _Budgets(_Table):
    disk: Size | None = None
    ram: Size | None = None
    latency: Time | None = None


class _Inference(_Table):
    engines: Annotated[tuple[Engine, ...], Field(min_length=1)]
    precisions: Annotated[tuple[Precision, ...], Field(min_length=1)]
    channel_alignment: Annotated[int, Field(ge=1, le=64)]
    python: Annotated[str, Field(pattern=r"^3\.\d+$")] | None = None


class _Connection(_Table):
    kind: Literal["local", "ssh"]
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 22


class _File(_Table):
    title: str
    aliases: tuple[Name, ...] = ()
    processor: _Processor
    memory: _Memory
    budgets: _Budgets
    inference: _Inference
    connection: _Connection


def load_profile(name_or_path: str) -> DeviceProfile:
    """The profile called `name_or_path` (or by an alias), or that of the TOML file there.

    Raises:
        UsageError: no such target; the message lists the known ones.
        ConfigError: the file cannot be read, or is not a profile; names file and key.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return read_profile(path)
    profiles = list_profiles()
    for profile in profiles:
        if name_or_path in (profile.name, *profile.aliases):
            return profile
    known = [name for profile in profiles for name in (profile.name, *profile.aliases)]
    raise unknown_key("target", name_or_path, known)


def list_profiles() -> tuple[DeviceProfile, ...]:
    """Every profile that is shipped, sorted by name."""
    folder = next(folder for folder in PROFILE_FOLDERS if folder.is_dir())
    return tuple(read_profile(path) for path in sorted(folder.glob("*.toml")))


def read_profile(path: Path) -> DeviceProfile:
    """The profile in the TOML file at `path`; its name is the file's.

    Raises:
        ConfigError: the file cannot be read, or is not a profile; lists every problem.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the target's file could not be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        # JSON's rules take a TOML array for a tuple and keep everything else strict.
        file = _File.model_validate(_frozen(data))
    except ValidationError as error:
        raise _mapped(error, path) from error
    try:
        return _profile(path.stem, file)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _profile(name: str, file: _File) -> DeviceProfile:
    return DeviceProfile(
        name=name,
        title=file.title,
        aliases=file.aliases,
        processor=file.processor.model,
        instruction_set=file.processor.instruction_set,
        cores=file.processor.cores,
        memory_bytes=file.memory.device,
        reserved=tuple(
            Reservation(what=line.what, memory_bytes=line.size) for line in file.memory.reserved
        ),
        budgets=Budgets(
            disk_bytes=file.budgets.disk,
            ram_bytes=file.budgets.ram,
            latency_ms=file.budgets.latency,
        ),
        engines=file.inference.engines,
        precisions=file.inference.precisions,
        channel_alignment=file.inference.channel_alignment,
        gmacs_per_s=file.processor.gmacs_per_s,
        connection=Connection(
            kind=file.connection.kind, host=file.connection.host, port=file.connection.port
        ),
        python=file.inference.python,
    )


def _mapped(error: ValidationError, path: Path) -> ConfigError:
    problems = [_problem(detail) for detail in error.errors(include_url=False)]
    text = "".join(f"\n  - {problem}" for problem, _ in problems)
    hints = dict.fromkeys(hint for _, hint in problems if hint)
    return ConfigError(f"{path}: not a target profile:{text}", hint="; ".join(hints))


def _problem(detail: Any) -> tuple[str, str]:
    """One of pydantic's errors as (key, what was found, what is allowed) and a hint."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"key {key!r} is missing", ""
    if detail["type"] == "extra_forbidden":
        known = _keys_at(detail["loc"][:-1])
        hint = closest(str(detail["loc"][-1]), known)
        return f"key {key!r} is unknown; allowed: {', '.join(known)}", hint
    return f"key {key!r}: found {detail['input']!r}: {detail['msg']}", ""


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `location` may have."""
    table: type[BaseModel] = _File
    for part in location:
        if isinstance(part, str):
            table = _TABLES[part]
    return sorted(table.model_fields)


_TABLES: dict[str, type[BaseModel]] = {
    "budgets": _Budgets,
    "connection": _Connection,
    "inference": _Inference,
    "memory": _Memory,
    "processor": _Processor,
    "reserved": _Reserved,
}
