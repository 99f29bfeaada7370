"""Device profiles: reads and checks `targets/*.toml`, and a person's own file wherever a name does.

A profile's numbers carry their datasheet in a comment of the file. Sizes and times are text
with a unit ("1MB", "33ms"); what the file may hold is in the models below, and everything
that is wrong with a file is reported at once.
"""

from __future__ import annotations

import re
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

# As the device's `uname -m` says it.
InstructionSet = Literal["aarch64", "armv7l", "riscv64", "x86_64"]
Engine = Literal["native", "onnxruntime", "tensorrt", "openvino", "ncnn", "litert", "executorch"]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('text with a unit, such as "1MB" or "33ms"')
    return value


def _bytes(value: Any) -> int:
    try:
        return parse_bytes(_text(value))
    except UsageError as error:
        raise ValueError(error.message.partition(" was wanted")[0]) from error


def _ms(value: Any) -> float:
    try:
        return parse_ms(_text(value))
    except UsageError as error:
        raise ValueError(error.message.partition(" was wanted")[0]) from error


Size = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Time = Annotated[float, BeforeValidator(_ms), Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Processor(_Table):
    model: str
    instruction_set: InstructionSet
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
    tensorrt: Annotated[str, Field(pattern=r"^\d+\.\d+$")] | None = None


class _Connection(_Table):
    kind: Literal["local", "ssh", "adb"]
    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    python: str = ""


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
    return read_profile(profile_path(name_or_path))


def profile_path(name_or_path: str) -> Path:
    """The file of the profile called `name_or_path` (or by an alias), or the path itself.

    Raises:
        UsageError: no such target; the message lists the known ones.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return path
    known = {file.stem: file for file in _shipped()}
    if name_or_path in known:
        return known[name_or_path]
    for file in _shipped():
        known |= dict.fromkeys(read_profile(file).aliases, file)
    if name_or_path not in known:
        raise unknown_key("target", name_or_path, known)
    return known[name_or_path]


def list_profiles() -> tuple[DeviceProfile, ...]:
    """Every profile that is shipped, sorted by name."""
    return tuple(read_profile(path) for path in _shipped())


def check_profiles(names_or_paths: tuple[str, ...]) -> tuple[DeviceProfile, ...]:
    """The profiles named, or every one that is shipped where none is.

    Raises:
        ConfigError: lists what is wrong in each of them.
    """
    good: list[DeviceProfile] = []
    bad: list[UsageError] = []
    for name in names_or_paths or tuple(path.stem for path in _shipped()):
        try:
            good.append(load_profile(name))
        except UsageError as error:
            bad.append(error)
    if bad:
        hints = dict.fromkeys(error.hint for error in bad if error.hint)
        raise ConfigError("\n".join(error.message for error in bad), hint="; ".join(hints))
    return tuple(good)


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
        file = _File.model_validate(_frozen(data))
    except ValidationError as error:
        raise _mapped(error, path) from error
    try:
        return _profile(path.stem, file)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error


def preferred_engine(profile: DeviceProfile) -> str:
    """The first engine of the profile that this version of the device wing can run.

    Raises:
        UsageError: it can run none of them.
    """
    from ccnet_edge.device.backends import ENGINES

    for engine in profile.engines:
        if engine in ENGINES:
            return engine
    raise UsageError(
        f"target {profile.name} runs {', '.join(profile.engines)}; "
        f"engines known here: {', '.join(sorted(ENGINES))}"
    )


def _shipped() -> list[Path]:
    folder = next((folder for folder in PROFILE_FOLDERS if folder.is_dir()), PROFILE_FOLDERS[0])
    return sorted(folder.glob("*.toml"))


def _frozen(value: Any) -> Any:
    """TOML's arrays as tuples, which is what strict models want."""
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
            kind=file.connection.kind,
            host=file.connection.host,
            port=file.connection.port,
            python=file.connection.python,
        ),
        python=file.inference.python,
        tensorrt=file.inference.tensorrt,
    )


def _mapped(error: ValidationError, path: Path) -> ConfigError:
    problems = "".join(f"\n  - {_problem(detail)}" for detail in error.errors(include_url=False))
    return ConfigError(
        f"{path}: not a target profile:{problems}",
        hint="`ccnet-edge targets show jetson` names a file to compare with",
    )


def _problem(detail: Any) -> str:
    """One of pydantic's errors as a sentence: key, what was found, what is allowed."""
    key = ".".join(str(part) for part in detail["loc"])
    found = detail["input"]
    allowed = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if detail["type"] == "missing":
        return f"{key} is missing"
    if detail["type"] == "extra_forbidden":
        names = _keys_at(detail["loc"][:-1])
        return _allowed(f"{key} is not a key of a profile", str(detail["loc"][-1]), names)
    if detail["type"] == "literal_error":
        names = re.findall(r"'(.*?)'", allowed)
        return _allowed(f"{key}: found {found!r}", str(found), names)
    return f"{key}: found {found!r}, allowed: {allowed}"


def _allowed(sentence: str, found: str, names: list[str]) -> str:
    hint = closest(found, names)
    return f"{sentence}, allowed: {', '.join(names)}" + (f" ({hint})" if hint else "")


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
