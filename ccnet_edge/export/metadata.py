"""What an ONNX file of ours says about itself: preprocessing, classes, network.

The entries are JSON under names that begin with `ccnet_edge.`, so that another program can read
them with any ONNX library: `onnxruntime.InferenceSession(…).get_modelmeta().custom_metadata_map`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from ccnet_edge.errors import ConfigError
from ccnet_edge.spec import serial
from ccnet_edge.spec.artifact import Preprocessing
from ccnet_edge.spec.bundle import MAX_CHANNELS, MAX_INPUT_PIXELS
from ccnet_edge.spec.network import NetworkSpec
from ccnet_edge.spec.outside import StatedBy

PREFIX = "ccnet_edge."


# Who said how the images of a network from elsewhere are made, and what it was taken in from.
STATED_BY, ORIGINAL = "stated_by", "original"
SAY = (
    "export the network again with ccnet-edge export, or say it of a network from elsewhere: "
    "ccnet-edge adopt FILE.onnx"
)


@dataclass(frozen=True, kw_only=True)
class _Names:
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """The network in a file, how its input is made, and its classes, background first."""

    network: NetworkSpec
    preprocessing: Preprocessing
    classes: tuple[str, ...]


def attach(model: ModelProto, metadata: ModelMetadata) -> None:
    """Write `metadata` into the model's `metadata_props`."""
    network = metadata.network
    entries = {
        "architecture": network.architecture,
        "widths": list(network.widths),
        "output_stride": network.output_stride,
    }
    _attach(model, metadata.preprocessing, metadata.classes, entries)


def attach_described(
    model: ModelProto,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    *,
    stated_by: StatedBy,
    original: str,
) -> None:
    """Write into a network from elsewhere how its input is made, its classes, and who said so.

    What its metadata said otherwise stays. `original` names the file that it was taken in from,
    with its hash.
    """
    more: dict[str, object] = {ORIGINAL: original, STATED_BY: stated_by}
    entries = {entry.key: entry.value for entry in model.metadata_props}
    _attach(model, preprocessing, classes, more, kept=entries)


def _attach(
    model: ModelProto,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    more: dict[str, object],
    kept: dict[str, str] | None = None,
) -> None:
    entries = more | {
        "preprocessing": serial.to_dict(preprocessing),
        "classes": list(classes),
    }
    ours = {
        PREFIX + name: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in sorted(entries.items())
    }
    onnx.helper.set_model_props(model, (kept or {}) | ours)


def read_described(path: Path) -> tuple[Preprocessing, tuple[str, ...]]:
    """How the input of the ONNX file at `path` is made, and its classes.

    Raises:
        ConfigError: no ONNX file, or one that does not say, or says what cannot be.
    """
    return described(read_entries(path), path)


def described(entries: dict[str, str], path: Path) -> tuple[Preprocessing, tuple[str, ...]]:
    """The same of the metadata of the file at `path`; it may be anybody's.

    Raises:
        ConfigError: it does not say, or says what cannot be.
    """
    names, where = PREFIX + "classes", f"{path}: {PREFIX}preprocessing"
    preprocessing = _preprocessing(entries, path)
    problem = _impossible(preprocessing)
    if problem:
        raise ConfigError(f"{where}: {problem}")
    if names not in entries:
        raise ConfigError(f"{path}: the metadata entry {names} was wanted", hint=SAY)
    text = f'{{"names": {entries[names]}}}'
    try:
        classes = serial.from_json(_Names, text, where=f"{path}: {names}").names
    except RecursionError as error:
        raise ConfigError(f"{path}: {names}: names of classes were wanted") from error
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise ConfigError(f"{path}: {names}: at least two different classes were wanted")
    return preprocessing, classes


def text_entry(entries: dict[str, str], name: str) -> str:
    """A text of ours in a file's metadata; empty where there is none, or something else."""
    try:
        found = json.loads(entries.get(PREFIX + name, '""'))
    except (RecursionError, ValueError):
        return ""
    return found if isinstance(found, str) else ""


def read_preprocessing(path: Path) -> Preprocessing:
    """How the input of the ONNX file at `path` is made.

    Raises:
        ConfigError: no ONNX file, or one that does not say, or says what cannot be.
    """
    found = _preprocessing(read_entries(path), path)
    problem = _impossible(found)
    if problem:
        raise ConfigError(f"{path}: {PREFIX}preprocessing: {problem}")
    return found


def _preprocessing(entries: dict[str, str], path: Path) -> Preprocessing:
    key = PREFIX + "preprocessing"
    if key not in entries:
        found = sorted(entries) or "none"
        raise ConfigError(f"{path}: the metadata entry {key} was wanted, found {found}", hint=SAY)
    try:
        return serial.from_json(Preprocessing, entries[key], where=f"{path}: {key}")
    except RecursionError as error:
        raise ConfigError(f"{path}: {key}: preprocessing in JSON was wanted") from error


def _impossible(pre: Preprocessing) -> str:
    """What no image and no network can have; empty where all can be."""
    sides = (pre.height, pre.width, pre.multiple)
    if min(sides) < 1 or max(sides) > MAX_INPUT_PIXELS or pre.height * pre.width > MAX_INPUT_PIXELS:
        return f"no image has {pre.height} × {pre.width} pixels in multiples of {pre.multiple}"
    if not 0 < pre.channels <= MAX_CHANNELS or len(pre.mean) != pre.channels:
        return f"a mean for every channel was wanted, found {len(pre.mean)} for {pre.channels}"
    if len(pre.std) != pre.channels:
        return f"a deviation for every channel was wanted, found {len(pre.std)}"
    figures = (*pre.mean, *pre.std, pre.maximum)
    if not all(map(math.isfinite, figures)) or min(*pre.std, pre.maximum) <= 0:
        return "finite figures, and deviations above 0, were wanted"
    return ""


def read_entries(path: Path) -> dict[str, str]:
    """The metadata of the ONNX file at `path`, as it stands there.

    Raises:
        ConfigError: not readable, or no ONNX file.
    """
    try:
        # Weights that lie elsewhere are not read: metadata is asked before a file is trusted.
        model = onnx.load(str(path), load_external_data=False)
    except (OSError, DecodeError) as error:
        raise ConfigError(f"{path}: not an ONNX file: {error}") from error
    return {entry.key: entry.value for entry in model.metadata_props}
